"""Where the pictures that came with posts lie: the app that stores them may say so."""

from collections.abc import Callable

from django.core.files.storage import Storage, storages

_find: Callable[[], Storage] | None = None


def keep_in(find: Callable[[], Storage]) -> None:
    """Have `find` asked for the private storage at each use; called once when an app is ready."""
    global _find
    _find = find


def private_storage() -> Storage:
    """The storage of pictures that came with posts."""
    return _find() if _find else storages["originals"]
