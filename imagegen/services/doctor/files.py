"""Walking a storage, and setting a file aside instead of deleting it."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from django.core.files.base import File
from django.core.files.storage import Storage

from imagegen.services.holdings import entries_below

T = TypeVar("T")
ASIDE = "orphans"


def walk(storage: Storage, folder: str) -> Iterator[str]:
    """The names of all files under a folder of the storage, depth first."""
    return (entry.name for entry in entries_below(storage, folder))


def batches(items: Iterable[T], size: int = 500) -> Iterator[list[T]]:
    """The items in lists of at most `size`."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


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
