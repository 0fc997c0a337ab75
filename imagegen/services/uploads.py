"""Pictures that people bring: the same safe way into the store as a provider's answer."""

import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.files import File
from django.db import transaction
from django.utils import timezone

from imagegen.errors import Refused, StorageProblem, Undecodable
from imagegen.imaging.sniffing import MAX_UPLOAD_BYTES
from imagegen.imaging.xmp import SOURCE_TYPES
from imagegen.models import ImageOutput, ImageSlot
from imagegen.services import alike, outputs
from imagegen.services.access import require
from imagegen.services.alts import checked_alt
from imagegen.services.disclosure import marks_at_arrival

if TYPE_CHECKING:
    from imagegen.services.outputs import Examined, StoredOriginal

MEGABYTE = 1024 * 1024


def store_upload(
    *,
    slot: ImageSlot,
    file: File | str | Path,
    user: Any,
    alt: str = "",
    digital_source_type: str = "",
) -> ImageOutput:
    """Take a person's picture in as a candidate of the slot. Its bytes are kept untouched.

    `alt` becomes the alt draft, `digital_source_type` an IPTC term (what the file itself
    carries counts as `marks_at_arrival` says). Needs the permission "override". Raises
    `Refused` with a sentence; then nothing of the file stays behind.
    """
    require(user, "override")
    alt = checked_alt(alt) or ""
    _check_source(digital_source_type)
    with outputs.scratch_file() as path:
        _copy(file, path)
        examined = _examine(path)
        name = uuid.uuid4()
        stored = outputs.store_original(
            source_path=path,
            examined=examined,
            directory=outputs.original_directory(slot),
            name=name,
            sidecar=_sidecar(slot, examined, user, alt, digital_source_type),
        )
    try:
        with transaction.atomic():
            return _create(slot, name, examined, stored, user, alt, digital_source_type)
    except BaseException:
        outputs.remove_original(stored.path)
        raise


def _check_source(digital_source_type: str) -> None:
    if digital_source_type and digital_source_type not in SOURCE_TYPES:
        raise Refused(
            f"“{digital_source_type}” is no known kind of source. "
            f"Use one of: {', '.join(SOURCE_TYPES)}."
        )


def _copy(file: File | str | Path, target: str) -> None:
    """Copy the bytes up to the limit; what is longer is refused before it is all read."""
    if not isinstance(file, File):
        try:
            with open(file, "rb") as opened:
                return _copy(File(opened), target)
        except OSError as error:
            raise Refused("The picture's file cannot be read.") from error
    size = 0
    with open(target, "wb") as written:
        for chunk in file.chunks():
            size += len(chunk)
            if size > MAX_UPLOAD_BYTES:
                raise Refused(
                    f"The file is larger than {MAX_UPLOAD_BYTES // MEGABYTE} MB. "
                    "Save it smaller or with more compression."
                )
            written.write(chunk)
    return None


def _examine(path: str) -> "Examined":
    try:
        return outputs.examine_file(path, upload=True)
    except Undecodable as error:
        raise Refused(str(error)) from error
    except StorageProblem as error:
        raise Refused("The picture could not be looked at. Try again.") from error


def _sidecar(
    slot: ImageSlot, examined: "Examined", user: Any, alt: str, said: str
) -> dict[str, Any]:
    return {
        "version": outputs.SIDECAR_VERSION,
        "kind": "uploaded",
        "file": examined.facts(),
        "description": alt,
        **marks_at_arrival(said, examined.digital_source_type),
        "place": outputs.place_of(slot),
        "uploaded_by": user.get_username() if user else "",
        "times": {"stored_at": timezone.now()},
    }


def _create(
    slot: ImageSlot,
    name: uuid.UUID,
    examined: "Examined",
    stored: "StoredOriginal",
    user: Any,
    alt: str,
    said: str,
) -> ImageOutput:
    fields = outputs.output_fields(examined, stored, said=said)
    fields["hints"] = alike.with_likeness(fields, post=slot.post)
    return ImageOutput.objects.create(
        **fields,
        uuid=name,
        kind=ImageOutput.Kind.UPLOADED,
        slot=slot,
        post=slot.post,
        post_title=slot.post_title,
        role=slot.role,
        description=alt,
        created_by=user,
    )
