"""A fake service on loopback: a real HTTP server with a ledger and scripted faults.

    class FakeShop(FakeService):
        def answer(self, request: Request) -> Reply:
            self.charge(request.headers.get("x-key", ""))
            return Reply.json({"images": [self.encoded(p) for p in self.pictures(640, 416)]})

    with FakeShop() as shop:
        shop.faults("status:429:retry-after=7", "")   # the first call, then a good answer
        ...                                            # talk to shop.url
        assert len(shop.ledger) == 1

Faults of the wire (`wire.py`) are applied around `answer`, those of pictures (`pictures.py`)
by `pictures` and `encoded`, and the service's own (`protocol_faults`) by the subclass, which
asks `self.faulty(name)`.
"""

import base64
import socket
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from types import TracebackType
from typing import ClassVar, Self

from providers.tests.fakes import pictures, wire
from providers.tests.fakes.faults import Fault
from providers.tests.fakes.messages import Charge, Part, Reply, Request
from providers.tests.fakes.wire import Exchange, Scripted, Tally

__all__ = ["Charge", "FakeService", "Part", "Reply", "Request", "Scripted"]

COUNTS = ("no_images", "more_images")
ENCODINGS = ("truncated_base64", "invalid_base64", "empty_base64")
GOOD = Scripted(charged=True)


class FakeService:
    """Serves while its context is open, each connection in a thread of its own.

    `ledger` has an entry for each picture that was computed, `requests` every request in the
    order in which they came, `struck` the names of the faults that took effect, `taken` how
    much of an endless answer was taken. An error in `answer` is raised again when the context
    ends.
    """

    # What kinds of requests there are; faults are scripted for each on its own.
    phases: ClassVar[tuple[str, ...]] = ("call",)
    # What the protocol has: "base64" for pictures in JSON, "json" for answers in JSON,
    # "pictures" where `pictures` draws, "many" where an answer may hold any number of them.
    features: ClassVar[frozenset[str]] = frozenset({"base64", "json", "pictures", "many"})
    # Faults that `answer` itself knows.
    protocol_faults: ClassVar[frozenset[str]] = frozenset()
    # What a fault of the table is called here, where the service has its own word.
    aliases: ClassVar[Mapping[str, str]] = {}

    def __init__(self) -> None:
        self.ledger: list[Charge] = []
        self.requests: list[Request] = []
        self.struck: list[str] = []
        self.taken = Tally()
        self.broken: list[Exception] = []
        self.stopping = threading.Event()
        self._scripts: dict[str, list[Scripted]] = {}
        self._files: list[tuple[bytes, str]] = []
        self._lock = threading.Lock()
        self._now = threading.local()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    # --- For subclasses -----------------------------------------------------------------

    def answer(self, request: Request) -> Reply:
        """The service's real protocol."""
        raise NotImplementedError

    def spends(self, request: Request) -> bool:
        """Whether this request asks for a picture: those are the "call" of a script."""
        return request.method == "POST"

    def phase(self, request: Request) -> str:
        """Which script a request follows: "call", "poll", "download", or "" for none."""
        if request.path.startswith("/files/"):
            return "download"
        return "call" if self.spends(request) else "poll"

    def error(self, status: int) -> Reply:
        """How this service words an error of a bare status."""
        message = {"message": f"Something is wrong ({status}).", "type": "error", "code": None}
        return Reply.json({"error": message}, status)

    def charge(self, identity: str = "") -> None:
        """Write down that a picture was computed for the request in hand."""
        request: Request = self._now.request
        with self._lock:
            self.ledger.append(Charge(identity, request.path, request.number))

    @property
    def fault(self) -> Scripted:
        """The fault that is in force for the request in hand; its name may be ""."""
        found: Scripted = getattr(self._now, "fault", GOOD)
        return found

    def faulty(self, *names: str) -> bool:
        return self.fault.name in names

    def pictures(self, width: int, height: int, count: int = 1, seed: int = 0) -> list[bytes]:
        """The pictures of an answer, as many and as good as the fault in force lets them be."""
        if self.faulty("no_images"):
            return []
        if self.faulty("more_images"):
            count += 1
        drawn = [self.draw(width, height, seed + number) for number in range(count)]
        return [
            data if (other := pictures.spoiled(self.fault.name, width, height)) is None else other
            for data in drawn
        ]

    @contextmanager
    def under(self, fault: Scripted) -> Iterator[None]:
        """Put the fault in force that struck the call of a job which is worked on only now."""
        before, self._now.fault = self.fault, fault
        try:
            yield
        finally:
            self._now.fault = before

    def draw(self, width: int, height: int, seed: int) -> bytes:
        """One good picture."""
        return pictures.png(width, height, seed)

    def encoded(self, picture: bytes) -> str:
        """The picture as base64, spoiled if the fault in force says so."""
        text = base64.b64encode(picture).decode()
        if self.faulty("truncated_base64"):
            return text[: len(text) // 2 // 4 * 4 + 1]
        if self.faulty("invalid_base64"):
            return "*" + text[1:]
        return "" if self.faulty("empty_base64") else text

    def put_file(self, content: bytes, content_type: str = "image/png") -> str:
        """Offer a file for download; its address."""
        with self._lock:
            self._files.append((content, content_type))
            return f"{self.url}/files/{len(self._files) - 1}"

    # --- For tests ----------------------------------------------------------------------

    def faults(self, *names: str, on: str = "call") -> None:
        """Script what happens: each request of the phase `on` takes the next name, the last
        one stays; "" is to behave. `refused`, at first place, closes the door until
        `open_door`: no request comes to take it."""
        if names[:1] == ("refused",):
            self.close_door()
            names = names[1:]
        with self._lock:
            known = [self.aliases.get(name, name) for name in names]
            self._scripts[on] = [Scripted.read(name) for name in known]

    def arm(self, fault: Fault) -> None:
        """Script a fault of the table."""
        self.faults(*fault.script, on=fault.on)

    @classmethod
    def supports(cls, fault: Fault | str, on: str = "call") -> bool:
        """Whether this fake can show the fault at all."""
        if isinstance(fault, Fault):
            here = fault.needs <= cls.features
            return here and cls.supports(fault.script[0], fault.on)
        name = Scripted.read(cls.aliases.get(fault, fault)).name
        if on not in cls.phases:
            return False
        if name in pictures.SPOILED:
            return on == "call" and "pictures" in cls.features
        if name in COUNTS:
            return on == "call" and "many" in cls.features
        if name in ENCODINGS:
            return on == "call" and "base64" in cls.features
        known = name in wire.UNREAD or name in wire.ACTIONS or name in ("", "status", "refused")
        return known or name in cls.protocol_faults

    def calls(self) -> list[Request]:
        """The requests that asked for a picture."""
        return [request for request in self.requests if self.spends(request)]

    def close_door(self) -> None:
        """Refuse connections, keeping the port."""
        self._end_listening()
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", self.port))

    def open_door(self) -> None:
        """Accept connections again."""
        if not self._listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            self._listener.listen(128)
            self._start()

    # --- The server ---------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stopping.set()
        self._end_listening()
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        if self.broken and kind is None:
            raise self.broken[0]

    def _start(self) -> None:
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _end_listening(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with self._lock:
                    self._open.add(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with suppress(OSError):
                buffer = bytearray()
                while self._exchange(connection, buffer):
                    pass
        except Exception as error:  # noqa: BLE001 - told when the context ends
            self.broken.append(error)
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def _exchange(self, connection: socket.socket, buffer: bytearray) -> bool:
        """One request and its answer; whether another may follow."""
        if (head := _read_head(connection, buffer)) is None:
            return False
        with self._lock:
            request = replace(head, number=len(self.requests))
            self.requests.append(request)
            fault = self._next_fault(self.phase(request))
        exchange = Exchange(connection, Reply(), fault, self.stopping, self.url, self.taken)
        if fault.name in wire.UNREAD:
            wire.UNREAD[fault.name](exchange)
            return False
        request = replace(request, body=_read_body(connection, buffer, request.headers))
        self.requests[request.number] = request
        reply = self._reply(request, fault)
        if reply.takeover is not None:
            reply.takeover(connection, request)
            return False
        if (action := wire.ACTIONS.get(fault.name)) is not None:
            action(replace(exchange, reply=reply))
            return False
        connection.sendall(reply.whole())
        return request.headers.get("connection", "").lower() != "close"

    def _next_fault(self, phase: str) -> Scripted:
        script = self._scripts.get(phase)
        if not script:
            return GOOD
        fault = script.pop(0) if len(script) > 1 else script[0]
        if fault.name:
            self.struck.append(fault.name)
        return fault

    def _reply(self, request: Request, fault: Scripted) -> Reply:
        """What the service answers, or an error in its place; charged as the fault says."""
        self._now.request, self._now.fault = request, fault
        reply = self._answer(request) if fault.charged else Reply.json({})
        if fault.name == "status":
            return self._status(fault)
        if request.headers.get("connection", "").lower() == "close":
            reply = replace(reply, headers={**reply.headers, "connection": "close"})
        return reply

    def _answer(self, request: Request) -> Reply:
        if not request.path.startswith("/files/"):
            return self.answer(request)
        number = int(request.path.removeprefix("/files/"))
        if number >= len(self._files):
            return self.error(404)
        return Reply.of(*self._files[number])

    def _status(self, fault: Scripted) -> Reply:
        """`status:503:retry-after=seconds:html`: an error, with what goes with it."""
        status = int(fault.arguments[0])
        page = "html" in fault.arguments
        reply = Reply.of(pictures.PAGE, "text/html", status) if page else self.error(status)
        if (kind := fault.option("retry-after")) is not None:
            told = {**reply.headers, "retry-after": wire.retry_after_text(kind)}
            reply = replace(reply, headers=told)
        return reply


# --- Reading ----------------------------------------------------------------------------


def _read_head(connection: socket.socket, buffer: bytearray) -> Request | None:
    """The head of the next request; None when the other side has gone."""
    while (end := buffer.find(b"\r\n\r\n")) < 0:
        if not (more := connection.recv(wire.BLOCK)):
            return None
        buffer += more
    lines = buffer[:end].decode("latin-1").split("\r\n")
    del buffer[: end + 4]
    method, target, _ = lines[0].split(" ", 2)
    pairs = (line.partition(":") for line in lines[1:])
    return Request(method, target, {name.lower(): value.strip() for name, _, value in pairs})


def _read_body(connection: socket.socket, buffer: bytearray, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return b"".join(_read_chunks(connection, buffer))
    return _take(connection, buffer, int(headers.get("content-length", "0")))


def _read_chunks(connection: socket.socket, buffer: bytearray) -> Iterable[bytes]:
    while True:
        while (end := buffer.find(b"\r\n")) < 0:
            buffer += _received(connection)
        size = int(buffer[:end].split(b";")[0], 16)
        del buffer[: end + 2]
        yield _take(connection, buffer, size)
        _take(connection, buffer, 2)
        if size == 0:
            return


def _take(connection: socket.socket, buffer: bytearray, size: int) -> bytes:
    while len(buffer) < size:
        buffer += _received(connection)
    data = bytes(buffer[:size])
    del buffer[:size]
    return data


def _received(connection: socket.socket) -> bytes:
    if not (more := connection.recv(wire.BLOCK)):
        raise ConnectionError("the request ended early")
    return more
