"""A sink for tests of adapters: it records what it hears and spools into a folder."""

import hashlib
import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from providers.types import Handle, SpoolFile


class FolderWriter:
    """A spool file that appears under its final name when it is closed, or not at all."""

    def __init__(self, folder: Path) -> None:
        self._final = folder / uuid.uuid4().hex
        self.path = f"{self._final}.part"
        self._closed: SpoolFile | None = None
        self._file = open(self.path, "ab")  # noqa: SIM115 - closed by the context

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._file.close()
        if self._closed is None:
            os.unlink(self.path)

    def write(self, data: bytes, /) -> int:
        return self._file.write(data)

    def close_file(self) -> SpoolFile:
        self._file.close()
        content = Path(self.path).read_bytes()
        os.rename(self.path, self._final)
        self._closed = SpoolFile(
            path=str(self._final), sha256=hashlib.sha256(content).hexdigest(), size=len(content)
        )
        return self._closed


class FolderSink:
    """Keeps what it was told, in lists; files go to `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.statuses: list[int] = []
        self.request_ids: list[str] = []
        self.handles: list[Handle] = []
        self.sent: list[dict] = []
        self.fractions: list[float] = []

    def sending(self, parameters: Mapping[str, Any]) -> None:
        self.sent.append(dict(parameters))

    def headers(self, status: int, request_id: str, rate: Mapping[str, str]) -> None:
        self.statuses.append(status)
        self.request_ids.append(request_id)

    def handle(self, handle: Handle) -> None:
        self.handles.append(handle)

    def progress(self, fraction: float) -> None:
        self.fractions.append(fraction)

    def open_spool(self) -> FolderWriter:
        return FolderWriter(self.folder)
