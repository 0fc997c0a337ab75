"""Addresses of private files that end by themselves.

Pages link to views that ask who is there (`imagegen.views`). Those hand out an address made
here: whoever has it gets the file, for `SIGNED_LINK_SECONDS`; then it shows nothing.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.core.files.storage import Storage
from django.urls import reverse
from django.utils.http import content_disposition_header

from imagegen.imaging.sniffing import CONTENT_TYPES, EXTENSIONS
from imagegen.models import ImageOutput
from imagegen.storage import originals

SALT = "imagegen.files"
PREVIEW, ORIGINAL = "preview", "original"


@dataclass(frozen=True, kw_only=True)
class SentFile:
    """A stored file as a browser gets it; with `download` it is saved, not shown."""

    path: str
    content_type: str
    download: str = ""

    @property
    def disposition(self) -> str:
        """The header Content-Disposition, "" for a file that is shown."""
        return content_disposition_header(True, self.download) if self.download else ""


def private_file(output: ImageOutput, what: str) -> SentFile:
    """The file of an image: its `preview`, or its `original`, which is never shown in a page."""
    if what == PREVIEW:
        return SentFile(path=output.preview_path, content_type="image/jpeg")
    return SentFile(
        path=output.path,
        content_type=CONTENT_TYPES[output.format],
        download=f"image-{output.pk}.{EXTENSIONS[output.format]}",
    )


def is_remote(storage: Storage) -> bool:
    """Whether the storage itself signs addresses and sends what they name."""
    return hasattr(storage, "signed_url")


def signed_address(output: ImageOutput, what: str) -> str:
    """An address of the file that ends. The caller has checked who asks.

    Of this site where the files are local, else of the storage. Raises `StorageProblem`.
    """
    storage: Any = originals()
    if not is_remote(storage):
        token = signing.dumps([what, output.uuid.hex], salt=SALT)
        return reverse("imagegen:signed", args=[token])
    file = private_file(output, what)
    headers = {
        "ResponseContentType": file.content_type,
        "ResponseCacheControl": "private, no-store" if file.download else "private",
    }
    if file.disposition:
        headers["ResponseContentDisposition"] = file.disposition
    return storage.signed_url(file.path, seconds=settings.SIGNED_LINK_SECONDS, **headers)


def read_token(token: str) -> tuple[str, UUID]:
    """What a signed address of this site names: which file of which image.

    Raises `SignatureExpired` for one that has ended and `BadSignature` for one not made here.
    """
    what, name = signing.loads(token, salt=SALT, max_age=settings.SIGNED_LINK_SECONDS)
    return what, UUID(name)
