"""Local pictures that go out with a request."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from providers.errors import InvalidRequest
from providers.types import ImageRequest

BEGINNINGS = {
    b"\x89PNG\r\n\x1a\n": "png",
    b"\xff\xd8\xff": "jpeg",
    b"RIFF": "webp",
}


def read_picture(path: str) -> bytes:
    """What is in the file; `InvalidRequest` when it is gone."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InvalidRequest(
            "A reference picture cannot be read.", hint=type(error).__name__
        ) from error


def format_of(head: bytes) -> str:
    """png, jpeg or webp by the first bytes of a file; "" for anything else."""
    return next((name for start, name in BEGINNINGS.items() if head.startswith(start)), "")


@dataclass(frozen=True)
class Picture:
    """A picture in memory, as it goes into a payload."""

    content: bytes
    mime: str

    @classmethod
    def read(cls, path: str) -> Self:
        """`InvalidRequest` when the file is gone or no PNG, JPEG or WebP."""
        content = read_picture(path)
        if not (kind := format_of(content)):
            raise InvalidRequest("A reference picture is no PNG, JPEG or WebP.")
        return cls(content, f"image/{kind}")

    @property
    def base64(self) -> str:
        return base64.b64encode(self.content).decode()

    @property
    def data_url(self) -> str:
        return f"data:{self.mime};base64,{self.base64}"

    @property
    def told(self) -> dict[str, Any]:
        """What is written down of it."""
        return {"sha256": hashlib.sha256(self.content).hexdigest(), "bytes": len(self.content)}


Writer = Callable[[Picture], Any]  # how a picture is written into a payload


def told(picture: Picture) -> dict[str, Any]:
    return picture.told


def pictures_of(request: ImageRequest) -> tuple[Picture, ...]:
    return tuple(Picture.read(path) for path in request.reference_images)
