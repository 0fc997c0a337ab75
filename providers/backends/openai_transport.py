"""The `openai` package over our own wire: every rule of `providers/http.py` holds for it too.

Read in openai 3.52.0 (2026-11-21): the package sends through httpx2 and takes a client of ours.
Its transport is replaced here, and of its headers only those about the body pass. So neither the
environment (OPENAI_ORG_ID, OPENAI_CUSTOM_HEADERS, proxies, .netrc) nor the package's own retries,
redirects and trust store have a say; the secret goes from the connection to the wire alone.

Importing this module imports `openai` (a third of a second): only calls do it.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

import httpx2
import openai

from providers.http import HttpClient
from providers.types import Sink

BODY_HEADERS = ("accept", "content-type")
# The stream is decoded and counted already, and redirects are nobody's business.
DONE_HEADERS = ("content-encoding", "content-length", "transfer-encoding", "location")


@dataclass(frozen=True, kw_only=True)
class Wire:
    """What goes with each request of a client: credentials, limits, and who hears of it."""

    http: HttpClient
    headers: Mapping[str, str] = field(default_factory=dict)
    sink: Sink | None = None
    max_bytes: int | None = None


def make_client(wire: Wire) -> openai.OpenAI:
    """A client for one call. It never retries; what it finds in the environment goes nowhere."""
    return openai.OpenAI(
        api_key="the transport sends the real one",
        base_url=wire.http.base_url,
        max_retries=0,
        http_client=httpx2.Client(transport=Transport(wire), trust_env=False),
    )


class Transport(httpx2.BaseTransport):
    """Sends each request through `HttpClient`; its problems pass through the package unchanged."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        kept = {name: request.headers[name] for name in BODY_HEADERS if name in request.headers}
        stack = ExitStack()
        answer = stack.enter_context(
            self.wire.http.stream(
                request.method,
                str(request.url),
                data=_Body(request),
                headers={**kept, **self.wire.headers},
                sink=self.wire.sink,
                max_bytes=self.wire.max_bytes,
            )
        )
        headers = {
            name: value for name, value in answer.head.headers.items() if name not in DONE_HEADERS
        }
        return httpx2.Response(
            answer.head.status, headers=headers, stream=_Chunks(answer.chunks, stack)
        )


class _Body:
    """The body of a request as `requests` sends it without holding it: with a known length."""

    def __init__(self, request: httpx2.Request) -> None:
        self._stream = request.stream
        self._length = int(request.headers.get("content-length", "0"))

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        assert isinstance(self._stream, httpx2.SyncByteStream)  # noqa: S101 - for the type checker
        return iter(self._stream)


class _Chunks(httpx2.SyncByteStream):
    """The body of an answer; closing it closes the connection."""

    def __init__(self, chunks: Iterator[bytes], stack: ExitStack) -> None:
        self._chunks = chunks
        self._stack = stack

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks

    def close(self) -> None:
        self._stack.close()
