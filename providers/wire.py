"""The wire under `http.py`: guarded sockets, TLS, and the limits of one exchange.

A socket is opened to an address that was checked, and every single operation on it ends by the
limits of its call. Only `http.py` uses this module.
"""

import queue
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from http.client import HTTPException, HTTPResponse, IncompleteRead
from typing import Any

import certifi
import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

from providers.addresses import may_connect
from providers.errors import (
    ConfigurationError,
    InvalidResponse,
    OutcomeUnknown,
    ProviderProblem,
    ProviderUnavailable,
)
from providers.masking import masked_text
from providers.types import ConnectionConfig

MAX_LINE = 65_536  # bytes of a header's line
BROKEN = (requests.RequestException, urllib3.exceptions.HTTPError, HTTPException, OSError)


@dataclass
class Call:
    """The limits of one request, and how far it has come. `own` is the base URL's host."""

    config: ConnectionConfig
    end: float
    own: tuple[str, int] | None
    spends: bool
    connected: bool = False
    words: tuple[bytes, ...] = ()  # that no reason may repeat

    def left(self, limit: float | None = None) -> float:
        """Seconds that the next step may take; `TimeoutError` when there are none."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        return left if limit is None else min(left, limit)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Around each step on the wire, and nothing else: a full disk is no cut connection."""
        try:
            yield
        except ProviderProblem:
            raise
        except BROKEN as error:
            raise self._problem(error) from error

    def _problem(self, error: BaseException) -> ProviderProblem:
        """What a failed exchange means."""
        name, hint = self.config.name, masked_text(_reason(error), self.words)
        if not self.connected:
            return ProviderUnavailable(f"{name} cannot be reached.", hint=hint)
        if time.monotonic() >= self.end:
            text = f"{name} did not finish its answer in time."
        elif _is_timeout(error):
            text = f"{name} was silent for {self.config.read_timeout:g} seconds."
        else:
            text = f"The connection to {name} was cut before the answer was complete."
        if self.spends:
            return OutcomeUnknown(text, hint=hint)
        return ProviderUnavailable(text, hint=hint)


class _Timed:
    """A socket whose every single operation ends by the limits of its call."""

    call: Call | None = None

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        if self.call is not None:
            self.settimeout(self.call.left(self.call.config.read_timeout))  # type: ignore[attr-defined]
        return super().recv_into(*args, **kwargs)  # type: ignore[misc]

    def send(self, *args: Any, **kwargs: Any) -> int:
        if self.call is not None:
            self.settimeout(self.call.left())  # type: ignore[attr-defined]
        return super().send(*args, **kwargs)  # type: ignore[misc]

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        if self.call is not None:
            self.settimeout(self.call.left())  # type: ignore[attr-defined]
        super().sendall(*args, **kwargs)  # type: ignore[misc]


class PlainSocket(_Timed, socket.socket):
    pass


class TlsSocket(_Timed, ssl.SSLSocket):
    pass


def new_tls_context() -> ssl.SSLContext:
    """Certificates of the system (or SSL_CERT_FILE) and of the `certifi` package."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    context.sslsocket_class = TlsSocket
    return context


@lru_cache
def tls_context() -> ssl.SSLContext:
    """The one context of this process: making it takes 20 ms."""
    return new_tls_context()


class GuardedAdapter(HTTPAdapter):
    """One exchange over one guarded connection."""

    def __init__(self, call: Call) -> None:
        self.call = call
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=tls_context(), **kwargs)

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        guarded = _HttpsConnection if pool.scheme == "https" else _HttpConnection
        pool.ConnectionCls = partial(guarded, call=self.call)
        return pool

    def cert_verify(self, conn: Any, *args: Any, **kwargs: Any) -> None:
        """Certificates come with the context; reading them for each call takes 10 ms."""
        conn.cert_reqs = "CERT_REQUIRED"


class _HeadReader:
    """Passes lines on and remembers the last one."""

    def __init__(self, file: Any) -> None:
        self.file = file
        self.last = b""

    def readline(self, *args: Any) -> bytes:
        self.last = self.file.readline(*args)
        return self.last

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


class _Response(HTTPResponse):
    """Notices headers that end with the connection, which Python takes for complete ones.

    Interim answers other than 100 (103 Early Hints, say) are passed over too, as HTTP wants.
    """

    fp: Any

    def _read_status(self) -> Any:
        while 101 < (told := super()._read_status())[1] < 200:  # type: ignore[misc]
            while self.fp.readline(MAX_LINE + 1).strip():
                pass
        return told

    def begin(self) -> None:
        file = self.fp
        self.fp = reader = _HeadReader(file)
        super().begin()
        if self.fp is reader:
            self.fp = file
        if reader.last == b"":
            raise IncompleteRead(b"")


class _Guarded:
    """Opens the socket itself: resolves once, checks every address, uses what it checked."""

    response_class = _Response
    host: str
    port: int
    sock: Any

    def __init__(self, *args: Any, call: Call, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.call = call

    def _new_conn(self) -> socket.socket:
        return open_socket(self.host, self.port, self.call)

    def connect(self) -> None:
        try:
            super().connect()  # type: ignore[misc]
        except ProviderProblem:
            raise
        except Exception as error:
            raise ProviderUnavailable(
                f"No secure connection to {self.call.config.name} could be made.",
                hint=_reason(error),
            ) from error
        self.sock.call = self.call
        self.call.connected = True


class _HttpConnection(_Guarded, HTTPConnection):  # type: ignore[misc]
    pass


class _HttpsConnection(_Guarded, HTTPSConnection):  # type: ignore[misc]
    pass


def open_socket(host: str, port: int, call: Call) -> socket.socket:
    """A connected socket to an address that may be used, within the connect limit."""
    name, end = call.config.name, time.monotonic() + call.config.connect_timeout
    bare = host.strip("[]").lower().rstrip(".")
    own = call.own == (bare, port)
    local = own and call.config.private_network
    infos = _resolve(bare, port, call)
    if not all(may_connect(str(info[4][0]), local=local) for info in infos):
        raise _forbidden(bare, own, call)
    failure: OSError = OSError("no address")
    for family, kind, protocol, _, address in infos:
        sock = PlainSocket(family, kind, protocol)
        try:
            sock.settimeout(call.left(max(0.05, end - time.monotonic())))
            sock.connect(address)
            if not may_connect(str(sock.getpeername()[0]), local=local):
                raise _forbidden(bare, own, call)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        except OSError as error:
            sock.close()
            failure = error
        except ProviderProblem:
            sock.close()
            raise
    raise ProviderUnavailable(
        f"{name} cannot be reached.", hint=f"{bare}:{port}: {_words(failure)}"
    ) from failure


def _resolve(host: str, port: int, call: Call) -> list[Any]:
    """Every address of `host`; a resolver that hangs is not waited for."""
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            answers.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=look_up, name="resolver", daemon=True).start()
    try:
        found = answers.get(timeout=call.left(call.config.connect_timeout))
    except queue.Empty:
        found = TimeoutError("the name server does not answer")
    if isinstance(found, list) and found:
        return found
    raise ProviderUnavailable(
        f"The host of {call.config.name} is not known.", hint=f"Looking up {host}: {_words(found)}"
    )


def _forbidden(host: str, own: bool, call: Call) -> ProviderProblem:
    """The error for an address inside a private network; the address itself is not told."""
    name = call.config.name
    if own:
        return ConfigurationError(
            f"{name} lies inside a private network ({host}).",
            hint='Mark the connection as "private network" if that is meant.',
        )
    return InvalidResponse(
        f"{name} sent us to an address that may not be used ({host}).",
        hint="It lies inside a private network and is not the base URL of the connection.",
    )


def _is_timeout(error: BaseException | None) -> bool:
    """True if a time limit is anywhere in the chain of causes."""
    seen = 0
    while error is not None and seen < 8:
        if isinstance(error, TimeoutError | requests.Timeout | urllib3.exceptions.TimeoutError):
            return True
        error, seen = error.__cause__ or error.__context__, seen + 1
    return False


def _reason(error: BaseException) -> str:
    """The innermost cause in a few words; it holds no headers and no body."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    if isinstance(error, IncompleteRead):
        return _cut_short(error)
    return f"{type(error).__name__}: {_words(error)}"[:300].rstrip(": ")


def _cut_short(error: IncompleteRead) -> str:
    """How much of an answer was here; urllib3 tells a number where Python keeps the bytes."""
    partial: Any = error.partial
    here = partial if isinstance(partial, int) else len(partial)
    whole = f" of {here + error.expected:,}" if error.expected else ""
    return f"{here:,}{whole} bytes of the answer were here"


def _words(error: object) -> str:
    """What has happened, without the number that the system gives it."""
    return getattr(error, "strerror", None) or str(error)
