"""Walking a storage, looking at a file, and setting one aside instead of deleting it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.core.files.base import File
from django.core.files.storage import Storage

from imagegen.errors import ImagegenError
from imagegen.services.holdings import entries_below
from imagegen.storage import holds

ASIDE = "orphans"

_reading_all: ContextVar[bool] = ContextVar("reading_all", default=False)


@contextmanager
def reading_all(wanted: bool) -> Iterator[None]:
    """Within it, `fault_of` fetches every file instead of believing a storage's checksums."""
    before = _reading_all.set(wanted)
    try:
        yield
    finally:
        _reading_all.reset(before)


def fault_of(storage: Storage, name: str, sha256: str) -> tuple[str, str] | None:
    """What is wrong with a stored file, as a word and the end of a sentence; None: nothing."""
    if not storage.exists(name):
        return "missing", "is missing"
    try:
        whole = holds(storage, name, sha256, read=_reading_all.get())
    except ImagegenError:
        return "unreadable", "cannot be read"
    return None if whole else ("changed", "has changed since it was stored")


def has_bytes(storage: Storage, name: str, sha256: str) -> bool:
    """Whether a storage that may be anywhere has this file with these bytes."""
    try:
        return storage.exists(name) and holds(storage, name, sha256)
    except ImagegenError:
        return False


def walk(storage: Storage, folder: str) -> Iterator[str]:
    """The names of all files under a folder of the storage, depth first."""
    return (entry.name for entry in entries_below(storage, folder))


def set_aside(storage: Storage, name: str) -> bool:
    """Move a file to the folder `orphans` of the same storage, where nothing looks for it."""
    target, number = f"{ASIDE}/{name}", 0
    while storage.exists(target):
        number += 1
        target = f"{ASIDE}/{name}.{number}"
    with storage.open(name, "rb") as file:
        storage.save(target, File(file, name=target))
    storage.delete(name)
    return True
