"""The private storage against the rows, both ways: originals, previews, sidecars, bundles."""

import json
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import PurePosixPath

from django.core.files.storage import Storage

from blog.models import PostPicture
from imagegen.imaging.sniffing import EXTENSIONS
from imagegen.models import Attempt, ImageOutput
from imagegen.services import outputs
from imagegen.services.doctor.files import fault_of, has_bytes, set_aside, walk
from imagegen.services.doctor.problems import LEFT_BEHIND, ON_ITS_WAY, Problem, is_older
from imagegen.services.doctor.sidecars import rewrite_sidecar
from imagegen.services.holdings import batches
from imagegen.services.spool import Spool, spool_root
from imagegen.storage import (
    PART_SUFFIX,
    hash_path,
    local_copy,
    originals,
    other_storages,
    save_file,
)

IMAGES_PER_ANSWER = 16
GoodCopy = Callable[[], AbstractContextManager[str]]  # a path on this machine, for a while


def check_originals() -> Iterator[Problem]:
    """Every image of the database: its original, preview, manifest and sidecar."""
    for output in ImageOutput.objects.select_related("attempt").order_by("pk").iterator(500):
        problem = _check_original(output)
        if problem is not None:
            yield problem
        else:
            yield from _check_preview(output)
            yield from _check_manifest(output)
        yield from _check_sidecar(output)


def _name(output: ImageOutput) -> str:
    return f"image {output.pk}"


def _check_original(output: ImageOutput) -> Problem | None:
    fault = fault_of(originals(), output.path, output.sha256)
    if fault is None:
        return None
    kind, what = fault
    good = _find_good_copy(output)
    advice = (
        "The same bytes are still at hand."
        if good
        else f"Restore {output.path} from a backup, or ask for another image."
    )
    return Problem(
        kind=f"original-{kind}",
        subject=_name(output),
        message=f"The original of image {output.pk} (“{output.post_title}”) {what}. {advice}",
        remedy=partial(_restore_original, output, good) if good else None,
    )


def _find_good_copy(output: ImageOutput) -> GoodCopy | None:
    """The very bytes elsewhere: in the spool, in a storage that was moved from, or as the
    original of an equal upload."""
    if output.attempt is not None:
        for file in Spool(output.attempt.key).finished_files():
            if file.sha256 == output.sha256:
                return partial(nullcontext, file.path)
        for kept in (spool_root() / "quarantine").glob(f"{output.attempt.key}-*"):
            if kept.is_file() and hash_path(kept) == output.sha256:
                return partial(nullcontext, str(kept))
    for other in other_storages("originals"):
        if has_bytes(other, output.path, output.sha256):
            return partial(local_copy, other, output.path)
    for twin in ImageOutput.objects.filter(sha256=output.sha256).exclude(pk=output.pk):
        if has_bytes(originals(), twin.path, output.sha256):
            return partial(local_copy, originals(), twin.path)
    return None


def _restore_original(output: ImageOutput, good: GoodCopy) -> bool:
    storage = originals()
    if storage.exists(output.path):
        set_aside(storage, output.path)
    with good() as source:
        save_file(storage, output.path, source, output.sha256)
    if not storage.exists(output.preview_path):
        return _remake_preview(output)
    return True


def _check_preview(output: ImageOutput) -> Iterator[Problem]:
    storage = originals()
    if not storage.exists(output.preview_path) or storage.size(output.preview_path) == 0:
        yield Problem(
            kind="preview-missing",
            subject=_name(output),
            message=f"The preview of image {output.pk} is missing; it can be made again.",
            remedy=partial(_remake_preview, output),
        )


def _remake_preview(output: ImageOutput) -> bool:
    storage = originals()
    preview = output.preview_path or outputs.preview_path_for(output.path)
    with local_copy(storage, output.path) as original, outputs.scratch_file() as path:
        shutil.copyfile(original, path)
        examined = outputs.examine_file(path)
        storage.delete(preview)
        outputs.store_preview(preview, examined.preview_source)
    ImageOutput.objects.filter(pk=output.pk).update(
        preview_path=preview,
        preview_width=examined.preview_width,
        preview_height=examined.preview_height,
    )
    return True


def _check_manifest(output: ImageOutput) -> Iterator[Problem]:
    """The raw C2PA manifest beside an original that has one."""
    if output.manifest_path and not originals().exists(output.manifest_path):
        yield Problem(
            kind="manifest-missing",
            subject=_name(output),
            message=f"The manifest of image {output.pk} is missing; its original holds it still.",
            remedy=partial(_take_manifest_again, output),
        )


def _take_manifest_again(output: ImageOutput) -> bool:
    with local_copy(originals(), output.path) as original, outputs.scratch_file() as path:
        shutil.copyfile(original, path)
        outputs.examine_file(path)
        return bool(outputs.store_manifest(output.path, outputs.manifest_beside(path)))


def _check_sidecar(output: ImageOutput) -> Iterator[Problem]:
    """A sidecar that is there, is JSON, and speaks of these bytes."""
    storage = originals()
    name = outputs.sidecar_path(output.path)
    what = ""
    if not storage.exists(name):
        kind, what = "sidecar-missing", "is missing"
    else:
        try:
            with storage.open(name, "rb") as file:
                told = json.loads(file.read())["file"]["sha256"]
            if told != output.sha256:
                kind, what = "sidecar-wrong", "speaks of other bytes"
        except (OSError, ValueError, KeyError, TypeError):
            kind, what = "sidecar-unreadable", "cannot be read"
    if what:
        yield Problem(
            kind=kind,
            subject=_name(output),
            message=f"The JSON beside the original of image {output.pk} {what}; "
            "it can be written again from the database.",
            remedy=partial(rewrite_sidecar, output),
        )


# --- Files without rows -----------------------------------------------------------------


def check_private_files() -> Iterator[Problem]:
    """Every file of the private storage: whether a row speaks of it."""
    storage = originals()
    expected = _names_under_way()
    for folder in ("originals", "previews"):
        for names in batches(walk(storage, folder)):
            known = _known_names(names)
            for name in names:
                if name not in known and _stem(name) not in expected:
                    yield from _orphan(name)


def _orphan(name: str) -> Iterator[Problem]:
    storage = originals()
    if name.endswith(PART_SUFFIX):
        if is_older(storage, name, LEFT_BEHIND):
            yield Problem(
                kind="part-left",
                subject=name,
                message=f"{name} is the part of a file whose writing was cut off.",
                remedy=partial(_delete, name),
            )
    elif is_older(storage, name, ON_ITS_WAY):
        yield Problem(
            kind="orphan",
            subject=name,
            message=f"No image in the database belongs to the file {name}. "
            "A repair moves it to the folder “orphans”.",
            remedy=partial(set_aside, storage, name),
        )


def _delete(name: str) -> bool:
    originals().delete(name)
    return True


def _stem(name: str) -> str:
    return PurePosixPath(name).stem


def _known_names(names: list[str]) -> set[str]:
    """Those of the files that belong to rows: by path, or by the original they lie beside."""
    beside = {}
    for name in names:
        path = PurePosixPath(name)
        if path.parts[0] == "originals" and path.suffix in (".json", ".c2pa"):
            beside[name] = [str(path.with_suffix(f".{end}")) for end in EXTENSIONS.values()]
    candidates = [*names, *(path for paths in beside.values() for path in paths)]
    rows = ImageOutput.objects
    known = set(rows.filter(path__in=candidates).values_list("path", flat=True))
    known |= set(rows.filter(preview_path__in=names).values_list("preview_path", flat=True))
    known |= set(PostPicture.objects.filter(path__in=names).values_list("path", flat=True))
    known |= {name for name, paths in beside.items() if known.intersection(paths)}
    return known


def _names_under_way() -> set[str]:
    """Names that images of open attempts will have: stored perhaps, but not booked yet."""
    keys = Attempt.objects.filter(
        state__in=[*Attempt.OPEN_STATES, Attempt.State.UNKNOWN]
    ).values_list("key", flat=True)
    return {
        str(uuid.uuid5(key, str(number))) for key in keys for number in range(IMAGES_PER_ANSWER)
    }


# --- Pictures that came with posts ------------------------------------------------------


def check_bundles() -> Iterator[Problem]:
    """Every picture in a post's own text: its file."""
    for picture in PostPicture.objects.select_related("post").order_by("pk").iterator(500):
        if fault := fault_of(originals(), picture.path, picture.sha256):
            kind, what = fault
            yield Problem(
                kind=f"bundle-{kind}",
                subject=f"post {picture.post_id}",
                message=f"The picture {picture.name} of “{picture.post}” {what}. "
                "Import the post again with --update.",
                remedy=_remedy_for_bundle(picture),
            )


def _remedy_for_bundle(picture: PostPicture) -> Callable[[], bool] | None:
    """A storage that was moved from may have it still."""
    for other in other_storages("originals"):
        if has_bytes(other, picture.path, picture.sha256):
            return partial(_fetch_bundle, picture, other)
    return None


def _fetch_bundle(picture: PostPicture, other: Storage) -> bool:
    storage = originals()
    if storage.exists(picture.path):
        set_aside(storage, picture.path)
    with local_copy(other, picture.path) as source:
        save_file(storage, picture.path, source, picture.sha256)
    return True
