"""Pictures met while posts are imported: the hero becomes the hero, others stay in the text.

A picture that cannot be used costs a sentence in the report, never the post.
"""

import os
from collections.abc import Iterable

from django.db import transaction

from blog.hooks import MetPicture
from blog.importing.pictures import body_pictures
from blog.markdown import parse
from blog.markdown.rendering import picture_name
from blog.models import Post, PostPicture
from blog.services import forget_pictures, keep_picture
from imagegen.errors import ImagegenError, Refused
from imagegen.imaging import encode
from imagegen.imaging.sniffing import EXTENSIONS, MAX_UPLOAD_BYTES
from imagegen.models import LONGEST_ALT, ImageOutput, ImageSlot
from imagegen.services import review
from imagegen.services.outputs import scratch_file
from imagegen.services.slots import ensure_slots
from imagegen.storage import hash_path, originals, save_file
from prompts.models import Role
from providers.pool import ChildDied, ChildTimeout, PoolUnavailable, run_in_child

ENCODE_SECONDS = 30.0
FOLDER = "originals/bundles"
COLUMNS = ("path", "sha256", "width", "height")


def on_pictures_met(*, post: Post, pictures: Iterable[MetPicture]) -> list[str]:
    """Take in the local pictures of an imported post. Returns a sentence for each that failed.

    The hero is uploaded, approved and chosen, unless the same file is there already; pictures
    of the text are stored cleaned of metadata, and those the text names no longer are removed.
    """
    pictures = list(pictures)
    problems = []
    for picture in pictures:
        try:
            if not os.path.isfile(picture.path):
                raise Refused("The file is not there.")
            if picture.role == "hero":
                _take_hero(post, picture)
            else:
                _take_body_picture(post, picture)
        except (ImagegenError, ChildDied, ChildTimeout, OSError) as error:
            problems.append(f"The picture {picture.name} was left out. {_told(error)}")
    _drop_unnamed(post, {picture.name for picture in pictures if picture.role != "hero"})
    return problems


def _told(error: Exception) -> str:
    if isinstance(error, ImagegenError):
        return str(error)
    if isinstance(error, OSError):
        return "Its file cannot be read."
    if isinstance(error, PoolUnavailable):
        return f"It could not be looked at. {error}"
    return "It could not be decoded."


# --- The hero ---------------------------------------------------------------------------


def _take_hero(post: Post, picture: MetPicture) -> None:
    """Choose the hero unless this very file has been in its place before.

    So an editor's later choice stands when the post is imported again.
    """
    slot = _hero_slot(post)
    known = ImageOutput.objects.filter(slot=slot, sha256=hash_path(picture.path))
    if known.exists():
        return
    review.override_slot(
        slot=slot,
        user=None,
        file=picture.path,
        alt=picture.alt[:LONGEST_ALT],
        digital_source_type="",
    )
    if picture.caption and not slot.caption:
        ImageSlot.objects.filter(pk=slot.pk).update(caption=picture.caption[:500])


def _hero_slot(post: Post) -> ImageSlot:
    slot = ImageSlot.objects.filter(post=post, role=Role.HERO).first()
    if slot is None:
        slot = next(slot for slot in ensure_slots(post=post) if slot.role == Role.HERO)
    return slot


# --- Pictures of the text ---------------------------------------------------------------


def _take_body_picture(post: Post, picture: MetPicture) -> None:
    """Store a clean copy under a name made from the source's hash, and note it for the text."""
    if os.path.getsize(picture.path) > MAX_UPLOAD_BYTES:
        raise Refused(f"It is larger than {MAX_UPLOAD_BYTES // 1024 // 1024} MB.")
    start = f"{FOLDER}/{post.pk}/{hash_path(picture.path)[:32]}."
    present = PostPicture.objects.filter(post=post, name=picture.name).first()
    if present is not None and present.path.startswith(start):
        facts = {column: getattr(present, column) for column in COLUMNS}
    else:
        facts = _copy_of_same_file(post, start) or _store_clean_copy(picture.path, start)
    keep_picture(post=post, name=picture.name, alt=picture.alt, **facts)
    if present is not None and present.path != facts["path"]:
        _remove_later(present.path)


def _copy_of_same_file(post: Post, start: str) -> dict | None:
    """The stored copy, if the text names the same file in another way too."""
    return PostPicture.objects.filter(post=post, path__startswith=start).values(*COLUMNS).first()


def _store_clean_copy(source: str, start: str) -> dict:
    """Columns of a `PostPicture`: where the copy lies, its hash and size."""
    with scratch_file() as target:
        facts = run_in_child(encode.body_copy, source, target, timeout=ENCODE_SECONDS)
        path = start + EXTENSIONS[facts["format"]]
        storage = originals()
        storage.delete(path)  # left by an import that was undone
        save_file(storage, path, target, facts["sha256"])
    return {name: facts[name] for name in ("width", "height", "sha256")} | {"path": path}


def _drop_unnamed(post: Post, names: set[str]) -> None:
    """Forget pictures that neither the import nor the text names any more."""
    # A picture whose file is gone today may still be shown by the text.
    names |= {picture_name(picture.address) for picture in body_pictures(parse(post.body))}
    unnamed = list(PostPicture.objects.filter(post=post).exclude(name__in=names))
    forget_pictures(post=post, names=[picture.name for picture in unnamed])
    for picture in unnamed:
        _remove_later(picture.path)


def _remove_later(path: str) -> None:
    """Remove a stored picture after the commit, unless a row still names it then."""

    def remove() -> None:
        if not PostPicture.objects.filter(path=path).exists():
            originals().delete(path)

    transaction.on_commit(remove, robust=True)
