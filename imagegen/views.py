"""Files over HTTP: public copies for readers, previews and originals for those permitted.

Whoever may not see a file is told that there is none.
"""

import re
from typing import Any
from uuid import UUID

from django.core.files.storage import storages
from django.http import FileResponse, Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from imagegen.imaging.sniffing import CONTENT_TYPES, EXTENSIONS
from imagegen.models import ImageOutput, PublicCopy
from imagegen.services.previews import may_see_previews

PUBLIC_NAME = re.compile(r"pictures/[0-9a-f]{2}/[0-9a-f]{32}\.(avif|webp|jpg)")
PUBLIC_TYPES = {EXTENSIONS[name]: CONTENT_TYPES[name] for name in ("AVIF", "WEBP", "JPEG")}
FOR_EVER = "max-age=31536000, immutable"


@require_safe
def public_copy(request: HttpRequest, path: str) -> FileResponse:
    """A live copy of a public post's picture. Its name follows its content: cache for ever."""
    name = PUBLIC_NAME.fullmatch(path)
    if not name or not PublicCopy.objects.public().filter(path=path).exists():
        raise Http404("There is no such picture.")
    return _file_response("published", path, PUBLIC_TYPES[name[1]], f"public, {FOR_EVER}")


@require_safe
def preview(request: HttpRequest, uuid: UUID) -> FileResponse:
    """The small picture of an image, for staff."""
    output = _output_for(request, uuid)
    return _file_response("originals", output.preview_path, "image/jpeg", f"private, {FOR_EVER}")


@require_safe
def original(request: HttpRequest, uuid: UUID) -> FileResponse:
    """The stored original as a download, for staff."""
    output = _output_for(request, uuid)
    return _file_response(
        "originals",
        output.path,
        CONTENT_TYPES[output.format],
        "private, no-store",
        download=f"image-{output.pk}.{EXTENSIONS[output.format]}",
    )


def _output_for(request: HttpRequest, uuid: UUID) -> ImageOutput:
    if not may_see_previews(request.user):
        raise Http404("There is no such picture.")
    return get_object_or_404(ImageOutput, uuid=uuid)


def _file_response(
    storage: str, name: str, content_type: str, caching: str, download: str = ""
) -> FileResponse:
    try:
        file: Any = storages[storage].open(name, "rb")
    except (FileNotFoundError, IsADirectoryError) as error:
        raise Http404("The file of this picture is missing.") from error
    response = FileResponse(
        file, content_type=content_type, as_attachment=bool(download), filename=download
    )
    response["Cache-Control"] = caching
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
