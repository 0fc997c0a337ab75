"""What a storage holds of ours, and what the database says that it should be."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from django.core.files.storage import Storage

from blog.models import PostPicture
from imagegen.models import ImageOutput, PublicCopy, Rendition, WatermarkProfile
from imagegen.storage import PART_SUFFIX

T = TypeVar("T")
ORIGINALS, PUBLISHED = "originals", "published"
ROLES = (ORIGINALS, PUBLISHED)
FOLDERS = {
    ORIGINALS: ("originals", "previews", "renditions", "watermarks"),
    PUBLISHED: ("pictures",),
}


@dataclass(frozen=True)
class Entry:
    """A stored file; `stamp` differs when it has been written anew."""

    name: str
    size: int
    stamp: str


def entries(storage: Storage, role: str) -> Iterator[Entry]:
    """All files of a role in a storage, without those that are being written."""
    for folder in FOLDERS[role]:
        for entry in entries_below(storage, folder):
            if not entry.name.endswith(PART_SUFFIX):
                yield entry


def entries_below(storage: Any, folder: str) -> Iterator[Entry]:
    """All files under a folder, depth first; none if it is not there."""
    if hasattr(storage, "listing"):
        for name, size, stamp in storage.listing(folder):
            yield Entry(name, size, stamp)
        return
    try:
        folders, files = storage.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in sorted(files):
        try:
            facts = os.stat(storage.path(f"{folder}/{name}"))
        except FileNotFoundError:  # removed while we look
            continue
        yield Entry(f"{folder}/{name}", facts.st_size, f"{facts.st_ino}-{facts.st_mtime_ns}")
    for name in sorted(folders):
        yield from entries_below(storage, f"{folder}/{name}")


def known_hashes(names: Iterable[str], role: str) -> dict[str, str]:
    """The SHA-256 of those files that rows name with one."""
    names = list(names)
    if role == PUBLISHED:
        return dict(PublicCopy.objects.filter(path__in=names).values_list("path", "sha256"))
    known = dict(PostPicture.objects.filter(path__in=names).values_list("path", "sha256"))
    logos = WatermarkProfile.objects.filter(logo_path__in=names)
    known.update(logos.values_list("logo_path", "logo_sha256"))
    made = Rendition.objects.filter(path__in=names, made_at__isnull=False)
    known.update(made.values_list("path", "sha256"))
    known.update(ImageOutput.objects.filter(path__in=names).values_list("path", "sha256"))
    return known


def batches(items: Iterable[T], size: int = 500) -> Iterator[list[T]]:
    """The items in lists of at most `size`."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
