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

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import requests

from providers.addresses import split_origin
from providers.answers import HttpAnswer
from providers.errors import (
    ConfigurationError,
    InvalidResponse,
    OutcomeUnknown,
    ProviderUnavailable,
)
from providers.types import ConnectionConfig, Sink, SpoolWriter
from providers.wire import Call, GuardedAdapter

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie"})
CHUNK = 64 * 1024  # bytes read at once
MAX_ERROR_BODY = 64 * 1024  # bytes kept of an answer that is no success


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
        call = Call(
            config=self.config,
            end=time.monotonic() + (deadline or self.config.deadline),
            own=self._origin[1:] if self._origin else None,
            spends=method.upper() not in SAFE_METHODS if spends is None else spends,
        )
        prepared = self._prepare(
            method, address, json=json, data=data, files=files, headers=self._headers(headers)
        )
        self._keep_secret(address, prepared.headers)
        return _send(prepared, call, stream_to, max_bytes or self.config.max_bytes, sink)

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

    def _prepare(self, method: str, address: str, **content: Any) -> requests.PreparedRequest:
        """The request as it goes over the wire. The cause is not told: it may hold the secret."""
        try:
            for value in content["headers"].values():
                value.encode("latin-1")
            return requests.Request(method, address, **content).prepare()
        except (requests.RequestException, UnicodeError):
            raise ConfigurationError(
                f"The request to {self.config.name} cannot be written.",
                hint="Look for odd characters in the base URL and in the secret.",
            ) from None

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


# --- One exchange -----------------------------------------------------------------------


def _send(
    prepared: requests.PreparedRequest,
    call: Call,
    stream_to: SpoolWriter | None,
    max_bytes: int,
    sink: Sink | None,
) -> HttpAnswer:
    """Send, tell the sink of the headers, and read the body."""
    adapter = GuardedAdapter(call)
    try:
        with call.watched():
            # The limits are the sockets' own; this one is only a backstop.
            response = adapter.send(prepared, stream=True, timeout=call.left())
        with response:
            headers = {name.lower(): value for name, value in response.headers.items()}
            answer = HttpAnswer(response.status_code, headers)
            if sink is not None:
                sink.headers(answer.status, answer.request_id, answer.rate)
            if not answer.ok:
                return HttpAnswer(answer.status, headers, _beginning(response, call))
            body = _read(response, call, max_bytes, stream_to)
            return HttpAnswer(answer.status, headers, None if stream_to else body)
    finally:
        adapter.close()


def _beginning(response: requests.Response, call: Call) -> bytes:
    """What can be had of a failed answer's body: the status alone says enough."""
    body = b""
    with suppress(OutcomeUnknown, ProviderUnavailable):
        while len(body) < MAX_ERROR_BODY and (chunk := _next_chunk(response, call)):
            body += chunk
    return body[:MAX_ERROR_BODY]


def _read(
    response: requests.Response, call: Call, max_bytes: int, stream_to: SpoolWriter | None
) -> bytes:
    """The decoded body, or b"" when it went to `stream_to`."""
    parts: list[bytes] = []
    size = 0
    write = parts.append if stream_to is None else stream_to.write
    while chunk := _next_chunk(response, call):
        size += len(chunk)
        if size > max_bytes:
            raise InvalidResponse(
                f"{call.config.name} answered with more than {max_bytes:,} bytes.",
                hint="The limit is max_bytes in the options of the connection.",
            )
        write(chunk)
    return b"".join(parts)


def _next_chunk(response: requests.Response, call: Call) -> bytes:
    with call.watched():
        call.left()
        return response.raw.read1(CHUNK, decode_content=True)
