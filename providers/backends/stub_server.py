"""The stub's service as an HTTP server on loopback: the same behaviours over a real wire."""

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from providers.backends.stub_service import Cut, Ledger, Reply, Stall, StubService


class StubServer:
    """Serves from a thread while the context is open; `url` is its address.

    The ledger is kept by this process, in the file `ledger` or in memory.
    """

    def __init__(self, ledger: str = "", port: int = 0) -> None:
        self.ledger = Ledger(ledger)
        self.stopping = threading.Event()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.service = StubService(self.ledger)
        self._server.stopping = self.stopping
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def serve(self) -> None:
        """Answer until `stop` is called."""
        self._server.serve_forever(poll_interval=0.01)

    def stop(self) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    service: StubService
    stopping: threading.Event


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self._serve({})

    def do_DELETE(self) -> None:
        self._serve({})

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        self._serve(json.loads(self.rfile.read(length)))

    def _serve(self, data: dict[str, Any]) -> None:
        try:
            reply = self.server.service.answer(self.command, self.path, data)
        except Cut:
            self._cut()
        except Stall:
            self.server.stopping.wait()
        else:
            self._send(reply)

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body[: len(reply.body) // 2] if reply.cut else reply.body)

    def _cut(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Tests need no access log."""
