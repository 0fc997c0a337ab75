"""What a fake service receives, answers and charges."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email import message_from_bytes
from http import HTTPStatus
from socket import socket
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True)
class Charge:
    """One picture that the service computed; `identity` is the request's own, "" if it has none."""

    identity: str
    path: str
    number: int  # of the request, counted from 0


@dataclass(frozen=True)
class Part:
    """One part of a form: its text or its file."""

    name: str
    content: bytes
    filename: str = ""
    content_type: str = ""

    @property
    def text(self) -> str:
        return self.content.decode()


@dataclass(frozen=True)
class Request:
    """A request as it came; header names in lower case, `body` empty where it was not read."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""
    number: int = 0

    @property
    def path(self) -> str:
        """The path without its query, unquoted."""
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> dict[str, str]:
        pairs = parse_qs(urlsplit(self.target).query, keep_blank_values=True)
        return {name: values[-1] for name, values in pairs.items()}

    def json(self) -> Any:
        return json.loads(self.body)

    def parts(self) -> list[Part]:
        """The parts of a multipart form, in order."""
        head = f"Content-Type: {self.headers['content-type']}\r\n\r\n".encode()
        message = message_from_bytes(head + self.body)
        return [
            Part(
                name=str(part.get_param("name", header="content-disposition")),
                content=bytes(part.get_payload(decode=True)),
                filename=part.get_filename() or "",
                content_type=part.get_content_type(),
            )
            for part in message.get_payload()
        ]


@dataclass(frozen=True)
class Reply:
    """An answer. `takeover` gets the connection instead (a WebSocket, say) and answers itself."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    chunked: bool = False
    takeover: Callable[[socket, Request], None] | None = None

    @classmethod
    def json(cls, data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Self:
        told = {"content-type": "application/json", **(headers or {})}
        return cls(status, json.dumps(data).encode(), told)

    @classmethod
    def of(cls, content: bytes, content_type: str, status: int = 200) -> Self:
        """Anything but JSON: a picture, a page, a text."""
        return cls(status, content, {"content-type": content_type})

    def head(self, length: int | str | None = None) -> bytes:
        """Status line and headers; `length` tells another length than the body's own."""
        try:
            phrase = HTTPStatus(self.status).phrase
        except ValueError:
            phrase = "Unknown"
        headers = dict(self.headers)
        if self.chunked:
            headers["transfer-encoding"] = "chunked"
        elif self.status >= 200:
            headers["content-length"] = str(len(self.body) if length is None else length)
        lines = [f"HTTP/1.1 {self.status} {phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"

    def written(self) -> bytes:
        """The body as it goes over the wire."""
        if not self.chunked:
            return self.body
        return chunk(self.body) + b"0\r\n\r\n" if self.body else b"0\r\n\r\n"

    def whole(self) -> bytes:
        return self.head() + self.written()


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"
