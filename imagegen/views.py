"""Files over HTTP: public copies for readers, previews and originals for those permitted.

Whoever may not see a file is told that there is none. An original is handed out by an address
that ends; so is every private file that lies in object storage.
"""

import os
import re
from functools import wraps
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.files.storage import Storage
from django.core.signing import BadSignature, SignatureExpired
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils.encoding import filepath_to_uri
from django.views.decorators.http import require_safe

from imagegen.errors import StorageProblem
from imagegen.imaging.sniffing import CONTENT_TYPES, EXTENSIONS
from imagegen.models import ImageOutput, PublicCopy
from imagegen.services import signing
from imagegen.services.access import may_see_previews
from imagegen.services.signing import ORIGINAL, PREVIEW, SentFile
from imagegen.services.srcsets import ORDER
from imagegen.storage import originals, published

PUBLIC_NAME = re.compile(r"pictures/[0-9a-f]{2}/[0-9a-f]{32}\.(avif|webp|jpg)")
PUBLIC_TYPES = {EXTENSIONS[name]: CONTENT_TYPES[name] for name in ORDER}
FOR_EVER = "max-age=31536000, immutable"
ACCEL_PREFIX = "/private-files/"


def tell_of_storage(view: Any) -> Any:
    """A storage that does not answer is no fault of the page: say so, and when to try again."""

    @wraps(view)
    def told(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except StorageProblem:
            text = "The storage of pictures does not answer. Try again in a minute."
            headers = {"Retry-After": "60", "Cache-Control": "no-store"}
            return HttpResponse(text, "text/plain; charset=utf-8", status=503, headers=headers)

    return told


@require_safe
@tell_of_storage
def public_copy(request: HttpRequest, path: str) -> HttpResponseBase:
    """A live copy of a public post's picture. Its name follows its content: cache for ever."""
    name = PUBLIC_NAME.fullmatch(path)
    if not name or not PublicCopy.objects.public().filter(path=path).exists():
        raise Http404("There is no such picture.")
    file = SentFile(path=path, content_type=PUBLIC_TYPES[name[1]])
    return _send(published(), file, f"public, {FOR_EVER}")


@require_safe
@tell_of_storage
def preview(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """The small picture of an image, for staff."""
    output = _output_for(request, uuid)
    storage = originals()
    if not signing.is_remote(storage):
        return _send(storage, signing.private_file(output, PREVIEW), f"private, {FOR_EVER}")
    response = redirect(signing.signed_address(output, PREVIEW))
    # A page that is opened again soon finds the same address, and with it the picture.
    response["Cache-Control"] = f"private, max-age={settings.SIGNED_LINK_SECONDS // 2}"
    return response


@require_safe
@tell_of_storage
def original(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """The stored original as a download, for staff: the way to an address that ends."""
    response = redirect(signing.signed_address(_output_for(request, uuid), ORIGINAL))
    response["Cache-Control"] = "private, no-store"
    response["Referrer-Policy"] = "no-referrer"
    return response


@require_safe
@tell_of_storage
def signed(request: HttpRequest, token: str) -> HttpResponseBase:
    """A private file for whoever has an address that was handed out and has not ended."""
    try:
        what, uuid = signing.read_token(token)
    except SignatureExpired:
        text = "This link has ended. Open the picture again from its page."
        return HttpResponse(text, "text/plain; charset=utf-8", status=410)
    except BadSignature as error:
        raise Http404("There is no such picture.") from error
    output = get_object_or_404(ImageOutput, uuid=uuid)
    storage = originals()
    if signing.is_remote(storage):  # moved since
        return redirect(signing.signed_address(output, what))
    return _send(storage, signing.private_file(output, what), "private, no-store")


def _output_for(request: HttpRequest, uuid: UUID) -> ImageOutput:
    if not may_see_previews(request.user):
        raise Http404("There is no such picture.")
    return get_object_or_404(ImageOutput, uuid=uuid)


def _send(storage: Storage, file: SentFile, caching: str) -> HttpResponseBase:
    response: HttpResponseBase = _by_the_proxy(storage, file) or _by_ourselves(storage, file)
    response["Cache-Control"] = caching
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    if file.disposition:
        response["Content-Disposition"] = file.disposition
    return response


def _by_ourselves(storage: Storage, file: SentFile) -> FileResponse:
    try:
        opened: Any = storage.open(file.path, "rb")
    except (FileNotFoundError, IsADirectoryError) as error:
        raise Http404("The file of this picture is missing.") from error
    return FileResponse(opened, content_type=file.content_type)


def _by_the_proxy(storage: Storage, file: SentFile) -> HttpResponse | None:
    """An empty answer that tells the proxy which local file to send; None if we send it."""
    if settings.SEND_FILES_BY == "python":
        return None
    try:
        path = Path(storage.path(file.path))
    except NotImplementedError:
        return None
    if not os.path.isfile(path):
        raise Http404("The file of this picture is missing.")
    response = HttpResponse(content_type=file.content_type)
    if settings.SEND_FILES_BY == "x-sendfile":
        response["X-Sendfile"] = str(path)
        return response
    if not path.is_relative_to(settings.DATA_DIR):
        return None
    inside = path.relative_to(settings.DATA_DIR).as_posix()
    response["X-Accel-Redirect"] = ACCEL_PREFIX + filepath_to_uri(inside)
    return response
