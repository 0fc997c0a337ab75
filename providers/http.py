"""The only module that opens a connection to a provider.

What it holds to, whatever the other side does:
- the address is checked when the socket is opened, on the address that is really used;
  private ones only where the connection says so, at the base URL's own host and port;
- no redirect is followed, no proxy or password is taken from the environment, no connection
  is used twice, and a secret goes to the base URL's own origin alone;
- connecting, silence and the whole call have limits of their own; the last one holds for
  single bytes too, so that a slow drip ends in time;
- the decoded bytes are counted and capped, so that a small compressed answer cannot fill
  the memory.

Errors tell whether money may be lost: `ProviderUnavailable` while nothing had been sent,
`OutcomeUnknown` once a call that may cost was on its way.
"""

import queue
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from http.client import HTTPException, HTTPResponse, IncompleteRead
from typing import Any

import certifi
import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

from providers.addresses import may_connect, split_origin
from providers.answers import HttpAnswer
from providers.errors import (
    ConfigurationError,
    InvalidResponse,
    OutcomeUnknown,
    ProviderProblem,
    ProviderUnavailable,
)
from providers.types import ConnectionConfig, Sink, SpoolWriter

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie"})
CHUNK = 64 * 1024  # bytes read at once
MAX_ERROR_BODY = 64 * 1024  # bytes kept of an answer that is no success
BROKEN = (requests.RequestException, urllib3.exceptions.HTTPError, HTTPException, OSError)


class HttpClient:
    """Requests on behalf of one connection. Safe to share between threads."""

    def __init__(self, config: ConnectionConfig, base_url: str = "") -> None:
        """`base_url` is the adapter's own default, used when the connection names none."""
        self.config = config
        self.base_url = (config.base_url or base_url).rstrip("/")
        self._origin = self._split(self.base_url) if self.base_url else None

    def request(
        self,
        method: str,
        url: str,
        *,
        json: Any = None,
        data: Any = None,
        files: Any = None,
        headers: Mapping[str, str] | None = None,
        stream_to: SpoolWriter | None = None,
        max_bytes: int | None = None,
        deadline: float | None = None,
        spends: bool | None = None,
        sink: Sink | None = None,
    ) -> HttpAnswer:
        """Send one request, once, and read its whole answer.

        `url` may be a path below the base URL. The body of a success goes to `stream_to`
        when given (left open for the caller to close). `max_bytes` and `deadline` (seconds
        from now) default to the connection's. `spends` tells whether the call may cost
        money; by default every method but GET, HEAD and OPTIONS does. `sink` hears of the
        headers as soon as they are here. Any status is returned as an answer.
        """
        address = self._address(url)
        call = _Call(
            config=self.config,
            end=time.monotonic() + (deadline or self.config.deadline),
            own=self._origin[1:] if self._origin else None,
            spends=method.upper() not in SAFE_METHODS if spends is None else spends,
        )
        prepared = requests.Request(
            method, address, json=json, data=data, files=files, headers=self._headers(headers)
        ).prepare()
        self._keep_secret(address, prepared.headers)
        try:
            return _send(prepared, call, stream_to, max_bytes or self.config.max_bytes, sink)
        except ProviderProblem:
            raise
        except BROKEN as error:
            raise call.broken(error) from error

    def _address(self, url: str) -> str:
        if url.startswith(("http://", "https://")):
            self._split(url)
            return url
        if not self.base_url:
            raise ConfigurationError(f"The connection {self.config.name} has no base URL.")
        return f"{self.base_url}/{url.lstrip('/')}"

    def _split(self, url: str) -> tuple[str, str, int]:
        try:
            return split_origin(url)
        except ValueError as error:
            raise ConfigurationError(
                f"An address of {self.config.name} cannot be used. {error}"
            ) from error

    def _headers(self, given: Mapping[str, str] | None) -> dict[str, str]:
        own = {
            "User-Agent": "Frontispiece",
            "Accept-Encoding": "identity",
            "Connection": "close",
        }
        return own | dict(given or {})

    def _keep_secret(self, address: str, headers: Mapping[str, str]) -> None:
        """Refuse to hand credentials to anybody but the base URL's own origin."""
        if self._origin is not None and self._split(address) == self._origin:
            return
        secret = self.config.secret
        for name, value in headers.items():
            if name.lower() in SECRET_HEADERS or (secret and secret in str(value)):
                raise ConfigurationError(
                    f"The secret of {self.config.name} is only sent to its own base URL."
                )


@dataclass
class _Call:
    """The limits of one request, and how far it has come. `own` is the base URL's host."""

    config: ConnectionConfig
    end: float
    own: tuple[str, int] | None
    spends: bool
    connected: bool = False

    def left(self, limit: float | None = None) -> float:
        """Seconds that the next step may take; `TimeoutError` when there are none."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        return left if limit is None else min(left, limit)

    def broken(self, error: BaseException) -> ProviderProblem:
        """What a failed exchange means."""
        name = self.config.name
        if not self.connected:
            return ProviderUnavailable(f"{name} cannot be reached.", hint=_reason(error))
        if time.monotonic() >= self.end:
            text = f"{name} did not finish its answer in time."
        elif _is_timeout(error):
            text = f"{name} was silent for {self.config.read_timeout:g} seconds."
        else:
            text = f"The connection to {name} was cut before the answer was complete."
        if self.spends:
            return OutcomeUnknown(text, hint=_reason(error))
        return ProviderUnavailable(text, hint=_reason(error))


# --- One exchange -----------------------------------------------------------------------


def _send(
    prepared: requests.PreparedRequest,
    call: _Call,
    stream_to: SpoolWriter | None,
    max_bytes: int,
    sink: Sink | None,
) -> HttpAnswer:
    """Send, tell the sink of the headers, and read the body."""
    adapter = _GuardedAdapter(call)
    try:
        # Limits are the sockets' own (see _Timed); requests' are only a backstop.
        response = adapter.send(prepared, stream=True, timeout=call.left())
        with response:
            headers = {name.lower(): value for name, value in response.headers.items()}
            answer = HttpAnswer(response.status_code, headers)
            if sink is not None:
                sink.headers(answer.status, answer.request_id, answer.rate)
            if not answer.ok:
                body = _read(response, call, MAX_ERROR_BODY, cut=True)
                return HttpAnswer(answer.status, headers, body)
            body = _read(response, call, max_bytes, stream_to)
            return HttpAnswer(answer.status, headers, None if stream_to else body)
    finally:
        adapter.close()


def _read(
    response: requests.Response,
    call: _Call,
    max_bytes: int,
    stream_to: SpoolWriter | None = None,
    cut: bool = False,
) -> bytes:
    """The decoded body, or b"" when it went to `stream_to`. `cut`: keep the beginning only."""
    parts: list[bytes] = []
    size = 0
    write = parts.append if stream_to is None else stream_to.write
    while chunk := response.raw.read1(CHUNK, decode_content=True):
        size += len(chunk)
        if size > max_bytes:
            if cut:
                break
            raise InvalidResponse(
                f"{call.config.name} answered with more than {max_bytes:,} bytes.",
                hint="The limit is max_bytes in the options of the connection.",
            )
        write(chunk)
        call.left()
    return b"".join(parts)


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
    return f"{type(error).__name__}: {error}"[:300].rstrip(": ")


# --- Sockets ----------------------------------------------------------------------------


class _Timed:
    """A socket whose every single operation ends by the limits of its call."""

    call: _Call | None = None

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


class _Socket(_Timed, socket.socket):
    pass


class _TlsSocket(_Timed, ssl.SSLSocket):
    pass


def _new_tls_context() -> ssl.SSLContext:
    """Certificates of the system (or SSL_CERT_FILE) and of the `certifi` package."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    context.sslsocket_class = _TlsSocket
    return context


@lru_cache
def _tls_context() -> ssl.SSLContext:
    """The one context of this process: making it takes 20 ms."""
    return _new_tls_context()


class _GuardedAdapter(HTTPAdapter):
    """One exchange over one guarded connection."""

    def __init__(self, call: _Call) -> None:
        self.call = call
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=_tls_context(), **kwargs)

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
    """Notices headers that end with the connection, which Python takes for complete ones."""

    fp: Any

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

    def __init__(self, *args: Any, call: _Call, **kwargs: Any) -> None:
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


def open_socket(host: str, port: int, call: _Call) -> socket.socket:
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
        sock = _Socket(family, kind, protocol)
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
        f"{name} cannot be reached.", hint=f"{bare}:{port}: {failure}"
    ) from failure


def _resolve(host: str, port: int, call: _Call) -> list[Any]:
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
        f"The host of {call.config.name} is not known.", hint=f"Looking up {host}: {found}"
    )


def _forbidden(host: str, own: bool, call: _Call) -> ProviderProblem:
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
