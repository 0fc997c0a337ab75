"""Tiny misbehaving servers on loopback: each connection is handed to a function."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

from providers.http import HttpClient
from providers.types import ConnectionConfig

Script = Callable[[socket.socket, bytes], None]


class RawServer:
    """Hands each connection to `answer`, in a thread of its own."""

    def __init__(self, answer: Callable[[socket.socket], None]) -> None:
        self.answer = answer
        self.requests: list[bytes] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            self.answer(connection)

    def close(self) -> None:
        self._socket.close()


def read_request(connection: socket.socket) -> bytes:
    """Head and body of a request that tells its length."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (more := connection.recv(65536)):
            return data
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


@contextmanager
def serving(script: Script) -> Iterator[RawServer]:
    """Read each request whole, then let `script(connection, request)` do what it likes."""

    def answer(connection: socket.socket) -> None:
        request = read_request(connection)
        server.requests.append(request)
        script(connection, request)

    server = RawServer(answer)
    try:
        yield server
    finally:
        server.close()


@contextmanager
def serving_raw(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """Hand each connection over untouched; gives the port."""
    server = RawServer(answer)
    try:
        yield server.port
    finally:
        server.close()


def reply(body: bytes = b"", status: str = "200 OK", *headers: str) -> bytes:
    """A whole answer with its length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def answering(data: bytes) -> AbstractContextManager[RawServer]:
    """A server that gives every request this answer."""
    return serving(lambda connection, request: connection.sendall(data))


def client(base_url: str, **options) -> HttpClient:
    """A client that may reach such a server, and does not wait for long."""
    options = {"private_network": True, "deadline": 5.0, "read_timeout": 2.0} | options
    return HttpClient(ConnectionConfig(name="far", kind="x", base_url=base_url, **options))
