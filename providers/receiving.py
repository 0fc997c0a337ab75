"""Taking pictures out of answers: base64 inside JSON decoded on its way in, URLs fetched.

Nothing is held twice: base64 goes into the spool piece by piece as it comes off the wire, and only
the rest of the JSON is kept.
"""

import binascii
import json
import re
import time
from collections.abc import Callable, Collection
from typing import Any, Self
from urllib.parse import urljoin

import pybase64

from providers.addresses import split_origin
from providers.answers import HttpAnswer, read_json
from providers.errors import (
    ConfigurationError,
    InvalidResponse,
    JobLost,
    OutcomeUnknown,
    ProviderProblem,
    ProviderUnavailable,
)
from providers.http import HttpClient
from providers.types import ConnectionConfig, Sink, SpoolFile

MAX_JSON = 1024 * 1024  # bytes kept of an answer besides its pictures
MAX_NAME = 100  # bytes of a property's name
MAX_HEAD = 256  # bytes of a text looked at before it is taken for base64
TRIES = 3  # downloads of one picture
PAUSE = 0.25  # seconds before the second one

STRUCTURE = re.compile(rb'[{}\[\]:,"]')
QUOTE_OR_ESCAPE = re.compile(rb'["\\]')
ADDRESS = re.compile(rb"\s*https?:", re.IGNORECASE)
DATA_PREFIX = re.compile(rb"\s*data:[^,]*;base64,", re.IGNORECASE)
UNFINISHED_ESCAPE = re.compile(rb"\\(?:u.{0,3})?\Z", re.DOTALL)
WHITESPACE = b" \t\r\n"
GONE = frozenset({401, 403, 404, 410})

Step = Callable[[bytes, int], int]


class JsonSpooler:
    """Takes a JSON answer as it comes; decodes the base64 texts of some keys into the spool.

    `keys` are names of properties whose text, or the texts in whose list, are base64, with or
    without "data:…;base64," before it. A text that is a web address stays where it is. At most
    `max_files` pictures and `max_json` bytes of other JSON are taken. Leaving the context early
    removes the picture that was being received; those that were complete by then stay in the
    spool, because they may have been paid for.
    """

    def __init__(
        self,
        sink: Sink,
        keys: Collection[str],
        *,
        max_files: int = 10,
        max_json: int = MAX_JSON,
    ) -> None:
        self.files: list[SpoolFile] = []
        self._sink = sink
        self._keys = frozenset(key.encode() for key in keys)
        self._max_files = max_files
        self._max_json = max_json
        self._rest = bytearray()  # the JSON without its pictures
        self._step: Step = self._between
        self._stack: list[str] = []  # "{", "[", or "+" for a list whose texts are pictures
        self._wanted = False  # the next text is a picture
        self._text_start = 0  # where the last text begins in the JSON
        self._name = b""  # the last text: before a colon it is the name of a property
        self._escaped = False
        self._head = b""
        self._picture: _Picture | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._picture is not None:
            self._picture.drop()

    def write(self, data: bytes, /) -> int:
        """Take the next bytes; `InvalidResponse` as soon as they cannot be such an answer."""
        position, end = 0, len(data)
        while position < end:
            position = self._step(data, position)
        return end

    def finish(self) -> Any:
        """The JSON, each spooled text replaced by "spool:N"; `InvalidResponse` if it is none."""
        if self._picture is not None or self._step == self._begin_picture:
            raise _unreadable("It ends in the middle of a picture.")
        try:
            return read_json(self._rest)
        except (ValueError, RecursionError) as error:
            excerpt = HttpAnswer(200, body=bytes(self._rest[:1000])).excerpt()
            raise _unreadable(f"Expected JSON, got: {excerpt}") from error

    # --- Steps: each takes a part of the data and tells how far it came ------------------

    def _between(self, data: bytes, start: int) -> int:
        """Outside of texts: follow the structure to the next one."""
        found = STRUCTURE.search(data, start)
        if found is None:
            self._keep(data[start:])
            return len(data)
        mark, end = found[0], found.end()
        if mark != b'"':
            self._keep(data[start:end])
            self._follow(mark)
        elif self._wanted:
            self._keep(data[start : end - 1])
            self._step = self._begin_picture
        else:
            self._keep(data[start:end])
            self._text_start, self._step = len(self._rest), self._text
        return end

    def _follow(self, mark: bytes) -> None:
        """Keep in mind where in the structure we are."""
        if mark in b"{[":
            self._stack.append("{" if mark == b"{" else "+" if self._wanted else "[")
        elif mark in b"}]" and self._stack:
            self._stack.pop()
        if mark == b":":
            self._wanted = _name_of(self._name) in self._keys
        else:
            self._wanted = self._stack[-1:] == ["+"]

    def _text(self, data: bytes, start: int) -> int:
        """Inside a text that stays in the JSON."""
        if self._escaped:
            self._escaped = False
            self._keep(data[start : start + 1])
            return start + 1
        found = QUOTE_OR_ESCAPE.search(data, start)
        end = found.end() if found else len(data)
        self._keep(data[start:end])
        if found and found[0] == b"\\":
            self._escaped = True
        elif found:
            length = len(self._rest) - 1 - self._text_start
            self._name = bytes(self._rest[self._text_start : -1]) if length <= MAX_NAME else b""
            self._step = self._between
        return end

    def _begin_picture(self, data: bytes, start: int) -> int:
        """At the beginning of a text that may be a picture: see what it is."""
        quote = data.find(b'"', start)
        end = min(quote if quote >= 0 else len(data), start + MAX_HEAD - len(self._head))
        self._head += data[start:end]
        if end != quote and len(self._head) < MAX_HEAD:
            return end
        head, self._head = self._head, b""
        if ADDRESS.match(head) or not head.strip():
            self._keep(b'"')
            self._text_start, self._step = len(self._rest), self._text
            self._feed(head)
        else:
            if len(self.files) >= self._max_files:
                raise _unreadable(f"It holds more than {self._max_files} pictures.")
            self._picture = _Picture(self._sink)
            self._step = self._in_picture
            self._feed(_without_prefix(head))
        return end

    def _feed(self, head: bytes) -> None:
        position = 0
        while position < len(head):
            position = self._step(head, position)

    def _in_picture(self, data: bytes, start: int) -> int:
        assert self._picture is not None  # noqa: S101 - for the type checker
        quote = data.find(b'"', start)
        if quote < 0:
            self._picture.write(data[start:])
            return len(data)
        self._picture.write(data[start:quote])
        self.files.append(self._picture.close())
        self._picture = None
        self._keep(b'"spool:%d"' % (len(self.files) - 1))
        self._step = self._between
        return quote + 1

    def _keep(self, data: bytes) -> None:
        self._rest += data
        if len(self._rest) > self._max_json:
            raise _unreadable(f"It holds more than {self._max_json:,} bytes besides pictures.")


class _Picture:
    """One base64 text on its way into the spool."""

    def __init__(self, sink: Sink) -> None:
        self._writer = sink.open_spool()
        self._writer.__enter__()
        self._escape = b""  # the beginning of an escape that the next bytes complete
        self._carry = b""  # up to three characters, until there are four
        self._padded = False  # the end has been seen
        self._empty = True

    def write(self, text: bytes) -> None:
        if self._escape or b"\\" in text:
            text = self._unescaped(self._escape + text)
        text = self._carry + text
        try:
            self._decode(text)
        except binascii.Error:
            try:
                self._decode(text.translate(None, WHITESPACE))
            except binascii.Error:
                raise _unreadable("A picture in it is no base64.") from None

    def _decode(self, text: bytes) -> None:
        """Decode all whole groups of four; what `text` breaks off with is carried on."""
        if text and self._padded:
            raise binascii.Error("text after the padding")
        whole = len(text) & ~3
        decoded = pybase64.b64decode(memoryview(text)[:whole], validate=True)
        self._carry = text[whole:]
        self._padded = self._padded or text.endswith(b"=", 0, whole)
        if decoded:
            self._empty = False
            self._writer.write(decoded)

    def _unescaped(self, text: bytes) -> bytes:
        r"""Some services write "/" as "\/" (PHP) and "+" as "\u002B" (.NET)."""
        found = UNFINISHED_ESCAPE.search(text)
        self._escape = found[0] if found else b""
        try:
            whole = text[: len(text) - len(self._escape)]
            return json.loads(b'"' + whole + b'"', strict=False).encode("ascii")  # type: ignore[no-any-return]
        except ValueError:
            raise _unreadable("A picture in it is no base64.") from None

    def close(self) -> SpoolFile:
        """The complete file; `InvalidResponse` when the text broke off or was empty."""
        if self._escape or self._carry.strip() or self._empty:
            raise _unreadable("A picture in it is cut short.")
        file = self._writer.close_file()
        self.drop()
        return file

    def drop(self) -> None:
        """Leave the file: a closed one stays, an open one is removed."""
        self._writer.__exit__(None, None, None)


def _name_of(text: bytes) -> bytes:
    """The name of a property, whichever of its letters are escaped; nothing if it is none."""
    if b"\\" not in text:
        return text
    try:
        return str(json.loads(b'"' + text + b'"')).encode()
    except ValueError:
        return b""


def _without_prefix(head: bytes) -> bytes:
    found = DATA_PREFIX.match(head)
    return head[found.end() :] if found else head


def _unreadable(hint: str) -> InvalidResponse:
    return InvalidResponse("The provider's answer cannot be read.", hint=hint)


# --- Pictures by address ----------------------------------------------------------------


def fetch_picture(
    config: ConnectionConfig,
    url: str,
    sink: Sink,
    *,
    deadline: float | None = None,
    own_host_only: bool = False,
) -> SpoolFile:
    """Download the picture at `url`, which a call of this connection named, without credentials.

    https only, except from the connection's own origin; private addresses only there. With
    `own_host_only` no other host is asked. `deadline` is in seconds from now. The call itself
    has been made: `JobLost` when the address has expired, `OutcomeUnknown` when it could not be
    read three times, `InvalidResponse` when it may not or cannot be used.
    """
    if url[:5].lower() == "data:":
        return _decoded(url, sink)
    address = _checked_address(config, url, own_host_only)
    end = time.monotonic() + (deadline or config.deadline)
    failure: ProviderProblem | None = None
    for attempt in range(TRIES):
        pause = PAUSE * attempt
        if time.monotonic() + pause >= end:
            break
        time.sleep(pause)
        try:
            return _downloaded(config, address, sink, max(0.01, end - time.monotonic()))
        except ProviderUnavailable as problem:
            failure = problem
        except ConfigurationError as problem:
            raise _unusable(config, problem.message) from problem
    raise OutcomeUnknown(
        f"The picture of {config.name} is ready but could not be downloaded.",
        hint=failure.in_full if failure else "There was no time left.",
    ) from failure


def _decoded(url: str, sink: Sink) -> SpoolFile:
    """The picture that a "data:" address holds."""
    text = url.encode("utf-8", "replace")
    if not DATA_PREFIX.match(text):
        raise _unreadable("The address of its picture is no base64.")
    picture = _Picture(sink)
    try:
        picture.write(_without_prefix(text))
        return picture.close()
    finally:
        picture.drop()


def _checked_address(config: ConnectionConfig, url: str, own_host_only: bool) -> str:
    """The whole address, if it may be asked at all."""
    try:
        address = urljoin(f"{config.base_url.rstrip('/')}/", url.strip())
        origin = split_origin(address)
        own = split_origin(config.base_url) if config.base_url else None
    except ValueError as error:
        raise _unusable(config, str(error)) from error
    if origin != own:
        if origin[0] != "https":
            raise _unusable(config, "It is not encrypted (https).")
        if own_host_only and (own is None or origin[1] != own[1]):
            raise _unusable(config, f"It lies on another host ({origin[1]}).")
    return address


def _unusable(config: ConnectionConfig, reason: str) -> InvalidResponse:
    return InvalidResponse(
        f"{config.name} gave an address of its picture that may not be used.", hint=reason
    )


def _downloaded(config: ConnectionConfig, address: str, sink: Sink, deadline: float) -> SpoolFile:
    """One download; `ProviderUnavailable` when another may help."""
    with sink.open_spool() as writer:
        answer = HttpClient(config).request("GET", address, stream_to=writer, deadline=deadline)
        if answer.ok:
            file = writer.close_file()
            if file.size:
                return file
            raise InvalidResponse(f"The picture of {config.name} is an empty file.")
    raise _download_problem(config, answer)


def _download_problem(config: ConnectionConfig, answer: HttpAnswer) -> ProviderProblem:
    hint = f"HTTP {answer.status}: {answer.excerpt()}"
    if answer.status in GONE:
        return JobLost(
            f"The address of the picture of {config.name} has expired.",
            code=str(answer.status),
            hint=hint,
            billed="yes",
        )
    if answer.status >= 500 or answer.status in (408, 425, 429):
        return ProviderUnavailable(f"The picture of {config.name} is not handed out.", hint=hint)
    return InvalidResponse(
        f"{config.name} gave an address without a picture.", code=str(answer.status), hint=hint
    )
