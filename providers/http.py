"""The only module that opens a connection to a provider.

What it holds to, whatever the other side does:
- the address is checked when the socket is opened, on the address that is really used;
  private ones only where the connection says so, at the base URL's own host and port;
- no redirect is followed, no proxy or password is taken from the environment, no connection
  is used twice, a secret goes to the base URL's own origin alone, and is taken out of every
  answer that repeats it;
- connecting, silence and the whole call have limits of their own; the last one holds for
  single bytes too, so that a slow drip ends in time;
- the decoded bytes are counted and capped, so that a small compressed answer cannot fill
  the memory.

Errors tell whether money may be lost: `ProviderUnavailable` while nothing had been sent,
`OutcomeUnknown` once a call that may cost was on its way.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypedDict, Unpack

import requests

from providers.addresses import split_origin
from providers.answers import HttpAnswer
from providers.errors import (
    ConfigurationError,
    InvalidResponse,
    OutcomeUnknown,
    ProviderUnavailable,
)
from providers.masking import SECRET_HEADERS, masked_pieces, masked_text, secret_words
from providers.types import ConnectionConfig, Sink
from providers.wire import Call, GuardedAdapter

HEADERS = {"User-Agent": "Frontispiece", "Accept-Encoding": "identity", "Connection": "close"}
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
CHUNK = 256 * 1024  # bytes read at once at the most: each piece costs a dozen calls
MAX_ERROR_BODY = 64 * 1024  # bytes kept of an answer that is no success


class Taker(Protocol):
    """Takes a body piece by piece: a file of the spool, a `JsonSpooler`."""

    def write(self, data: bytes, /) -> object: ...


@dataclass(frozen=True)
class Stream:
    """An answer whose head is here: status, headers and limits, and the body in pieces to come."""

    head: HttpAnswer
    chunks: Iterator[bytes]


class Sending(TypedDict, total=False):
    """What may be said of a request; None is the same as nothing."""

    json: Any
    data: Any
    files: Any
    headers: Mapping[str, str] | None
    max_bytes: int | None  # of the decoded answer, else the connection's
    deadline: float | None  # seconds from now, the body included, else the connection's
    spends: bool | None  # whether it may cost money, else every method but GET, HEAD and OPTIONS
    sink: Sink | None  # hears of the headers as soon as they are here


class HttpClient:
    """Requests on behalf of one connection. Safe to share between threads."""

    def __init__(self, config: ConnectionConfig, base_url: str = "") -> None:
        """`base_url` is the adapter's own default, used when the connection names none."""
        self.config = config
        self.base_url = (config.base_url or base_url).rstrip("/")
        self._origin = self._split(self.base_url) if self.base_url else None

    def request(
        self, method: str, url: str, *, stream_to: Taker | None = None, **sending: Unpack[Sending]
    ) -> HttpAnswer:
        """Send one request, once, and read its whole answer.

        The body of a success goes to `stream_to` when given (left open for the caller to
        close). The rest is as for `stream`.
        """
        with self.stream(method, url, **sending) as answer:
            status, names = answer.head.status, answer.head.headers
            if stream_to is None or not answer.head.ok:
                return HttpAnswer(status, names, b"".join(answer.chunks))
            for chunk in answer.chunks:
                stream_to.write(chunk)
            return HttpAnswer(status, names, None)

    @contextmanager
    def stream(self, method: str, url: str, **sending: Unpack[Sending]) -> Iterator[Stream]:
        """Send one request, once; its body is read, decoded, while the context is open.

        `url` may be a path below the base URL. Any status is given as an answer; of one that is
        no success at most 64 KB are read, or what can be had of them.
        """
        address, spends = self._address(url), sending.get("spends")
        call = Call(
            config=self.config,
            end=time.monotonic() + (sending.get("deadline") or self.config.deadline),
            own=self._origin[1:] if self._origin else None,
            spends=method.upper() not in SAFE_METHODS if spends is None else spends,
        )
        prepared = self._prepare(method, address, sending)
        self._keep_secret(address, prepared.headers)
        words = call.words = secret_words(self.config.secret, prepared.headers)
        with _sent(prepared, call) as response:
            names = {
                name.lower(): masked_text(value, words) for name, value in response.headers.items()
            }
            head = HttpAnswer(response.status_code, names)
            if (sink := sending.get("sink")) is not None:
                sink.headers(head.status, head.request_id, head.rate)
            body = _body(response, call, sending.get("max_bytes") or self.config.max_bytes)
            pieces = body if head.ok else _beginning(response, call)
            yield Stream(head, masked_pieces(pieces, words) if words else pieces)

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

    def _prepare(self, method: str, address: str, sending: Sending) -> requests.PreparedRequest:
        """The request as it goes over the wire. The cause is not told: it may hold the secret."""
        headers = HEADERS | dict(sending.get("headers") or {})
        content = {name: sending.get(name) for name in ("json", "data", "files")}
        try:
            for value in headers.values():
                value.encode("latin-1")
            return requests.Request(method, address, headers=headers, **content).prepare()
        except (requests.RequestException, UnicodeError):
            raise ConfigurationError(
                f"The request to {self.config.name} cannot be written.",
                hint="Look for odd characters in the base URL and in the secret.",
            ) from None

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


# --- One exchange -----------------------------------------------------------------------


@contextmanager
def _sent(prepared: requests.PreparedRequest, call: Call) -> Iterator[requests.Response]:
    """The answer to `prepared`, its body still to be read; closed at the end."""
    adapter = GuardedAdapter(call)
    try:
        with call.watched():
            # The limits are the sockets' own; this one is only a backstop.
            response = adapter.send(prepared, stream=True, timeout=call.left())
        with response:
            yield response
    finally:
        adapter.close()


def _body(response: requests.Response, call: Call, max_bytes: int) -> Iterator[bytes]:
    """The decoded body in pieces; `InvalidResponse` once there is too much of it."""
    size = 0
    while chunk := _next_chunk(response, call):
        size += len(chunk)
        if size > max_bytes:
            raise InvalidResponse(
                f"{call.config.name} answered with more than {max_bytes:,} bytes.",
                hint="The limit is max_bytes in the options of the connection.",
            )
        yield chunk


def _beginning(response: requests.Response, call: Call) -> Iterator[bytes]:
    """What can be had of a failed answer's body: the status alone says enough."""
    left = MAX_ERROR_BODY
    while left > 0:
        try:
            chunk = _next_chunk(response, call)
        except (OutcomeUnknown, ProviderUnavailable):
            return
        if not chunk:
            return
        yield chunk[:left]
        left -= len(chunk)


def _next_chunk(response: requests.Response, call: Call) -> bytes:
    with call.watched():
        call.left()
        return response.raw.read1(CHUNK, decode_content=True)
