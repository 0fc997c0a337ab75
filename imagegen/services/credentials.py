"""Content Credentials of our own: whether renditions are signed, and with which certificate."""

from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from django.conf import settings

from imagegen.storage import hash_path

UNREADABLE = "unreadable"


def signing_mark() -> str:
    """What a recipe holds of the signature: a part of the certificate's hash, "" for unsigned.

    So another certificate makes other renditions. A file that cannot be read has a mark of its
    own: nothing goes out unsigned in silence.
    """
    if not settings.C2PA_CERTIFICATE:
        return ""
    try:
        path = Path(settings.C2PA_CERTIFICATE)
        return _mark(str(path), path.stat().st_mtime_ns)
    except OSError:
        return UNREADABLE


@lru_cache(maxsize=4)
def _mark(path: str, changed: int) -> str:
    return hash_path(path)[:16]


def renderer(logo_path: str) -> Any:
    """The child function that makes renditions, and signs those whose recipe says so."""
    # Here and not above: the web processes never draw and start without Pillow.
    if not settings.C2PA_CERTIFICATE:
        from imagegen.imaging.renditions import render

        return partial(render, logo_path=logo_path)
    from imagegen.imaging.signing import render_signed

    return partial(
        render_signed,
        logo_path=logo_path,
        certificate=settings.C2PA_CERTIFICATE,
        private_key=settings.C2PA_PRIVATE_KEY,
    )
