"""Taking in a received file: examined in a child process, then stored once and for ever.

The way of a file is `examine_file` → `store_original` → a row made from `output_fields` in a
transaction. Each step may be repeated after a crash: the name was chosen before the first.
"""

import contextlib
import json
import os
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from imagegen.errors import StorageProblem, Undecodable
from imagegen.imaging.hashes import bands
from imagegen.imaging.sniffing import EXTENSIONS
from imagegen.services.disclosure import marks_at_arrival
from imagegen.storage import hash_path, originals, reason, save_file
from prompts.models import Role
from providers.pool import ChildDied, ChildTimeout, PoolUnavailable, run_in_child

if TYPE_CHECKING:
    from imagegen.models import Attempt, GenerationJob, ImageSlot
    from prompts.models import ImagePrompt
    from providers.types import Result

EXAMINE_SECONDS = 10.0
SIDECAR_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Examined:
    """What is known of a file that was decoded whole. `preview_source` is its preview, made
    beside it and not stored yet."""

    format: str
    width: int
    height: int
    byte_size: int
    sha256: str
    dhash: int
    colour: str
    digital_source_type: str
    c2pa: dict[str, Any]
    hints: list[dict[str, str]]
    placeholder: str
    focal: tuple[float, float]
    preview_source: str
    preview_width: int
    preview_height: int

    def facts(self) -> dict[str, Any]:
        """The facts of the original itself, for a sidecar."""
        names = ("format", "width", "height", "byte_size", "sha256", "dhash", "colour")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, kw_only=True)
class StoredOriginal:
    """Where an original, its preview and its C2PA manifest lie in the private storage."""

    path: str
    manifest_path: str
    preview_path: str
    preview_width: int
    preview_height: int


def examine_file(
    path: str | Path,
    *,
    upload: bool = False,
    wanted_size: tuple[int, int] | None = None,
    drawn_by_program: bool = False,
) -> Examined:
    """Decode the file in a child process; `upload` holds it to stricter rules.

    The hints of the checks weigh `wanted_size`, in pixels, and whether a program drew it.

    Raises `Undecodable` with a sentence, and `StorageProblem` where nothing could be learnt of
    the file: it is gone, the disk is full, no child process starts. Its preview lies at
    `<path>.preview` afterwards: `store_original` takes it in, `discard_preview` removes it.
    """
    path = os.fspath(path)
    if not os.path.isfile(path):
        raise StorageProblem("The received file is gone.")
    preview = preview_beside(path)
    try:
        facts = _examine_twice(path, preview, upload, wanted_size, drawn_by_program)
    except Undecodable:
        discard_preview(path)
        raise
    except PoolUnavailable as error:
        raise StorageProblem(f"The picture could not be looked at. {error}") from error
    except OSError as error:
        raise StorageProblem(f"The picture could not be looked at: {reason(error)}.") from error
    return Examined(preview_source=preview, **facts)


def _examine_twice(*work: Any) -> dict:
    """A child may die of something else (a stopped machine's memory); the file gets two tries."""
    # Here and not above: the web processes never decode and start without Pillow.
    from imagegen.imaging.examine import examine

    try:
        return run_in_child(examine, *work, timeout=EXAMINE_SECONDS)
    except PoolUnavailable:
        raise
    except (ChildDied, ChildTimeout):
        pass
    try:
        return run_in_child(examine, *work, timeout=EXAMINE_SECONDS)
    except ChildTimeout as error:
        raise Undecodable(
            f"The picture could not be decoded within {EXAMINE_SECONDS:.0f} seconds."
        ) from error
    except PoolUnavailable:
        raise
    except ChildDied as error:
        raise Undecodable("The picture brought its decoder down twice.") from error


def preview_beside(path: str | Path) -> str:
    """Where the preview of a received file is made, before it is stored."""
    return f"{os.fspath(path)}.preview"


def manifest_beside(path: str | Path) -> str:
    """Where the C2PA manifest of a received file is laid, before it is stored."""
    return f"{os.fspath(path)}.c2pa"


def discard_preview(path: str | Path) -> None:
    """Remove what was made beside a received file: preview and manifest."""
    for name in (preview_beside(path), manifest_beside(path)):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)


def original_directory(slot: "ImageSlot | None", *, asked_at: datetime | None = None) -> str:
    """The folder of a slot's originals; without a slot that of the day's test runs.

    `originals/posts/<post id>/<role or section id>`. A picture that arrives after its section
    or post was removed goes to `place-<slot id>`.
    """
    if slot is None:
        return f"originals/tests/{asked_at or timezone.now():%Y-%m-%d}"
    place = slot.role
    if slot.role == Role.SECTION:
        place = str(slot.section_id) if slot.section_id else f"place-{slot.pk}"
    if slot.post_id is None:
        return f"originals/posts/removed/place-{slot.pk}"
    return f"originals/posts/{slot.post_id}/{place}"


def sidecar_path(path: str) -> str:
    """Where the JSON beside an original lies."""
    return str(PurePosixPath(path).with_suffix(".json"))


def manifest_path_for(path: str) -> str:
    """Where the raw C2PA manifest of an original lies."""
    return str(PurePosixPath(path).with_suffix(".c2pa"))


def preview_path_for(path: str) -> str:
    """Where the preview of an original lies: the same way under `previews/`."""
    inside = PurePosixPath(path).relative_to("originals")
    return str(PurePosixPath("previews") / inside.with_suffix(".jpg"))


def store_original(
    *,
    source_path: str | Path,
    examined: Examined,
    directory: str,
    name: UUID,
    sidecar: dict[str, Any],
) -> StoredOriginal:
    """Store the received bytes untouched, their preview, and last the sidecar.

    May be repeated: what is there with the same bytes is fine, so a restart between storing
    and booking stores nothing twice. Raises `StorageProblem`. The source stays where it is,
    the preview beside it is removed.
    """
    storage = originals()
    path = f"{directory}/{name}.{EXTENSIONS[examined.format]}"
    preview = preview_path_for(path)
    save_file(storage, path, source_path, examined.sha256, hashed=True)
    # A preview may be made again by another version of the encoder: any whole one is good.
    if not storage.exists(preview):
        store_preview(preview, examined.preview_source)
    manifest = store_manifest(path, manifest_beside(source_path))
    discard_preview(source_path)
    store_sidecar(path, sidecar)
    return StoredOriginal(
        path=path,
        manifest_path=manifest,
        preview_path=preview,
        preview_width=examined.preview_width,
        preview_height=examined.preview_height,
    )


def store_manifest(path: str, source: str) -> str:
    """Keep the C2PA manifest at `source` beside the original at `path`.

    Returns its name in the storage, "" where there is none.
    """
    if not os.path.isfile(source):
        return ""
    name = manifest_path_for(path)
    try:
        save_file(originals(), name, source, hash_path(source))
    except OSError as error:
        raise StorageProblem(f"The file {name} could not be stored: {reason(error)}.") from error
    return name


def store_preview(name: str, source: str) -> None:
    """Store the preview that `examine_file` made at `source`."""
    storage = originals()
    try:
        storage.save(name, ContentFile(Path(source).read_bytes()))
    except FileNotFoundError as error:
        raise StorageProblem("The preview of the picture is gone before it was stored.") from error
    except StorageProblem:
        if not storage.exists(name):
            raise


def store_sidecar(path: str, sidecar: dict[str, Any]) -> None:
    """Write the JSON beside the original at `path`, unless it is there."""
    storage = originals()
    name = sidecar_path(path)
    if storage.exists(name):
        return
    text = json.dumps(sidecar, cls=DjangoJSONEncoder, ensure_ascii=False, indent=1)
    try:
        storage.save(name, ContentFile(text.encode("utf-8")))
    except StorageProblem:
        if not storage.exists(name):
            raise


def update_sidecar(path: str, facts: dict[str, Any]) -> None:
    """Replace these facts in the JSON beside the original at `path`. Raises `StorageProblem`."""
    storage = originals()
    name = sidecar_path(path)
    try:
        with storage.open(name, "rb") as file:
            told = json.loads(file.read())
    except (OSError, ValueError) as error:
        raise StorageProblem(f"The file {name} cannot be read.") from error
    storage.delete(name)
    store_sidecar(path, {**told, **facts})


def remove_original(path: str) -> None:
    """Remove an original that no row speaks of, with its preview and sidecar."""
    storage = originals()
    for name in (sidecar_path(path), preview_path_for(path), manifest_path_for(path), path):
        storage.delete(name)


def sidecar_for_attempt(
    *,
    attempt: "Attempt",
    job: "GenerationJob",
    examined: Examined,
    result: "Result",
    number: int,
) -> dict[str, Any]:
    """What the JSON beside a generated original tells: enough to make it again. No secrets."""
    slot = job.slot
    return {
        "version": SIDECAR_VERSION,
        "kind": "generated",
        "file": examined.facts(),
        "prompt": prompt_facts(job.prompt),
        "provider": {
            "connection": attempt.connection_name,
            "model": result.model or attempt.model_name,
            "request_id": result.request_id,
        },
        "request": job.request,
        "parameters": dict(result.parameters),
        "seed": result.seed,
        "cost": None if result.cost is None else str(result.cost),
        "currency": settings.CURRENCY,
        "usage": dict(result.usage),
        "description": result.description,
        **marks_at_arrival(result.digital_source_type, examined.digital_source_type),
        "style": {"name": job.style_name, "version": job.style_version},
        "place": place_of(slot, role=job.role),
        "lineage": lineage_of(attempt, number),
        "times": {
            "asked_at": job.created_at,
            "sent_at": attempt.sent_at,
            "received_at": attempt.received_at,
            "stored_at": timezone.now(),
        },
        "notes": [*job.notes, *result.notes],
    }


def prompt_facts(prompt: "ImagePrompt") -> dict[str, Any]:
    """The exact prompt with the origin of its parts, for a sidecar."""
    return {
        "text": prompt.text,
        "negative_text": prompt.negative_text,
        "parts": prompt.parts,
        "sha256": prompt.sha256,
    }


def lineage_of(attempt: "Attempt", number: int) -> dict[str, Any]:
    """Which batch, job and call an image came from, for a sidecar."""
    return {
        "batch": str(attempt.job.batch.uuid),
        "job": str(attempt.job.uuid),
        "attempt": str(attempt.key),
        "number": number,
    }


def place_of(slot: "ImageSlot | None", *, role: str = "") -> dict[str, Any]:
    """The place of a picture as a sidecar names it, readable without the database."""
    if slot is None:
        return {"role": role}
    return {
        "role": slot.role,
        "slot": slot.pk,
        "post": slot.post_id,
        "post_title": slot.post_title,
        "section": slot.section_id,
        "section_heading": slot.section_heading,
    }


def output_fields(examined: Examined, stored: StoredOriginal, *, said: str = "") -> dict[str, Any]:
    """The columns of an `ImageOutput` that follow from the file itself.

    `said` is the IPTC term that whoever brings the picture names; the file's own mark holds
    where it says more.
    """
    return {
        **marks_at_arrival(said, examined.digital_source_type),
        "path": stored.path,
        "manifest_path": stored.manifest_path,
        "c2pa": examined.c2pa,
        "preview_path": stored.preview_path,
        "preview_width": stored.preview_width,
        "preview_height": stored.preview_height,
        "format": examined.format,
        "width": examined.width,
        "height": examined.height,
        "byte_size": examined.byte_size,
        "sha256": examined.sha256,
        "dhash": examined.dhash,
        "colour": examined.colour,
        "hints": examined.hints,
        "placeholder": examined.placeholder,
        "focal_x": examined.focal[0],
        "focal_y": examined.focal[1],
        **{f"band{number}": band for number, band in enumerate(bands(examined.dhash))},
    }


@contextlib.contextmanager
def scratch_file(suffix: str = ""):
    """A path in the spool folder for work on the way; what is left there goes at the end."""
    folder = Path(settings.SPOOL_DIR)
    folder.mkdir(parents=True, exist_ok=True, mode=0o750)
    handle, path = tempfile.mkstemp(suffix, "work-", folder)
    os.close(handle)
    try:
        yield path
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        discard_preview(path)
