"""Faults of the wire: what a service, or something between it and us, does to an answer.

Each is a function of one `Exchange`. `UNREAD` ones strike before the request's body is read,
the other `ACTIONS` spoil or replace the answer that the service would give.
"""

import socket
import struct
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache
from threading import Event

from providers.tests.fakes.messages import Reply, chunk
from providers.tests.fakes.pictures import PAGE

BLOCK = 64 * 1024
MOST = 256 * 1024 * 1024  # bytes after which an endless answer ends after all


@dataclass(frozen=True)
class Scripted:
    """One fault as a script names it: `name:argument:option:…`.

    The options `free` and `charged` say whether the service draws (and charges) before the
    fault strikes. Without one, what has a body or no answer at all is charged, an error below
    500 is not.
    """

    name: str = ""
    arguments: tuple[str, ...] = ()
    charged: bool = True

    @classmethod
    def read(cls, text: str) -> "Scripted":
        name, *rest = text.split(":")
        arguments = tuple(word for word in rest if word not in ("free", "charged"))
        if "free" in rest or "charged" in rest:
            return cls(name, arguments, "charged" in rest)
        free = name in UNREAD or name == "refused"
        if name == "status":
            free = int(arguments[0]) < 500 and int(arguments[0]) not in (408, 409)
        if name == "redirect":
            free = True
        return cls(name, arguments, not free)

    def argument(self, default: str) -> str:
        return self.arguments[0] if self.arguments else default

    def option(self, name: str) -> str | None:
        """The value of `name=value` among the arguments; a value may hold colons as `;`."""
        for word in self.arguments:
            key, equals, value = word.partition("=")
            if key == name and equals:
                return value.replace(";", ":")
        return None


@dataclass
class Tally:
    """How much a client took."""

    most: int = 0  # bytes of the largest answer


@dataclass(frozen=True)
class Exchange:
    """One connection on which a request came, the answer to it, and the fault to apply."""

    connection: socket.socket
    reply: Reply
    fault: Scripted
    stopping: Event
    url: str
    taken: Tally

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def flood(self, block: bytes) -> None:
        """Send the same for ever, or until the other side has had enough."""
        for number in range(1, MOST // len(block)):
            self.send(block)
            self.taken.most = max(self.taken.most, number * len(block))

    def reset(self) -> None:
        """End with RST, as a crashed process or an angry firewall does."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def close(self) -> None:
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def hold(self) -> None:
        """Say nothing until the other side has had enough."""
        self.connection.settimeout(None)
        with suppress(OSError):
            while self.connection.recv(BLOCK):
                pass

    def place(self, default: str) -> int:
        """How many bytes of the whole answer to send: `40`, `-1`, or `50%` of the body."""
        text = self.fault.argument(default)
        head, body = len(self.reply.head()), len(self.reply.written())
        if text.endswith("%"):
            return head + int(body * float(text[:-1]) / 100)
        if text == "head":
            return head
        return int(text) if int(text) >= 0 else head + body + int(text)

    def drip(self, data: bytes, seconds: float) -> None:
        for place in range(len(data)):
            self.send(data[place : place + 1])
            if self.stopping.wait(seconds):
                return


Action = Callable[[Exchange], None]


# --- Before the body is read ------------------------------------------------------------


def reset_unread(exchange: Exchange) -> None:
    exchange.reset()


def close_unread(exchange: Exchange) -> None:
    exchange.close()


# --- No answer, or a part of it ---------------------------------------------------------


def reset(exchange: Exchange) -> None:
    exchange.reset()


def close(exchange: Exchange) -> None:
    exchange.close()


def timeout(exchange: Exchange) -> None:
    exchange.hold()


def cut_head(exchange: Exchange) -> None:
    """`cut_head:N`: so many bytes of status line and headers, -1 all but the last."""
    head = exchange.reply.head()
    exchange.send(head[: int(exchange.fault.argument("12"))])
    exchange.close()


def cut_at(exchange: Exchange) -> None:
    """`cut_at:50%`: a part of the answer, then the end of the connection."""
    exchange.send(exchange.reply.whole()[: exchange.place("50%")])
    exchange.close()


def reset_at(exchange: Exchange) -> None:
    """The same, with a reset."""
    exchange.send(exchange.reply.whole()[: exchange.place("50%")])
    exchange.reset()


def stall_at(exchange: Exchange) -> None:
    """The same, with silence."""
    exchange.send(exchange.reply.whole()[: exchange.place("50%")])
    exchange.hold()


def drip(exchange: Exchange) -> None:
    """`drip:1`: a byte each second of everything, from the status line on."""
    exchange.drip(exchange.reply.whole(), float(exchange.fault.argument("0.02")))


def drip_body(exchange: Exchange) -> None:
    """The head at once, the body byte by byte."""
    exchange.send(exchange.reply.head())
    exchange.drip(exchange.reply.written(), float(exchange.fault.argument("0.02")))


def delay(exchange: Exchange) -> None:
    """`delay:0.2`: the good answer after so many seconds."""
    if not exchange.stopping.wait(float(exchange.fault.argument("0.1"))):
        exchange.send(exchange.reply.whole())


def continue_flood(exchange: Exchange) -> None:
    """`100 Continue` for ever, and never an answer."""
    while not exchange.stopping.wait(0.01):
        exchange.send(b"HTTP/1.1 100 Continue\r\n\r\n")


def hints_flood(exchange: Exchange) -> None:
    """`103 Early Hints` for ever."""
    while not exchange.stopping.wait(0.01):
        exchange.send(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n")


def header_flood(exchange: Exchange) -> None:
    """A head without end."""
    exchange.send(b"HTTP/1.1 200 OK\r\n")
    while not exchange.stopping.wait(0.005):
        exchange.send(b"x-more: and more\r\n")


# --- Answers that are no HTTP, or wrong about themselves --------------------------------


def not_http(exchange: Exchange) -> None:
    exchange.send(b"SSH-2.0-OpenSSH_9.9\r\n")
    exchange.close()


def early_hints(exchange: Exchange) -> None:
    """An interim answer before the real one."""
    exchange.send(b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n")
    exchange.send(exchange.reply.whole())


def long_header(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nx-long: " + b"a" * 100_000 + b"\r\n\r\n")
    exchange.close()


def many_headers(exchange: Exchange) -> None:
    lines = b"".join(b"x-%d: 1\r\n" % number for number in range(500))
    exchange.send(b"HTTP/1.1 200 OK\r\n" + lines + b"\r\n")
    exchange.close()


def length_long(exchange: Exchange) -> None:
    """More is promised than comes."""
    reply = replace(exchange.reply, chunked=False)
    exchange.send(reply.head(len(reply.body) + 100) + reply.body)
    exchange.close()


def length_short(exchange: Exchange) -> None:
    """Less is promised than comes."""
    reply = replace(exchange.reply, chunked=False)
    exchange.send(reply.head(len(reply.body) // 2) + reply.body)
    exchange.close()


def length_junk(exchange: Exchange) -> None:
    reply = replace(exchange.reply, chunked=False)
    exchange.send(reply.head("banana") + reply.body)
    exchange.close()


def chunk_cut(exchange: Exchange) -> None:
    """Chunks without the last one."""
    reply = replace(exchange.reply, chunked=True)
    exchange.send(reply.head() + chunk(reply.body))
    exchange.close()


def chunk_junk(exchange: Exchange) -> None:
    reply = replace(exchange.reply, chunked=True)
    exchange.send(reply.head() + b"zz\r\n" + reply.body)
    exchange.close()


def deflate_junk(exchange: Exchange) -> None:
    coded = {**exchange.reply.headers, "content-encoding": "deflate"}
    exchange.send(replace(exchange.reply, headers=coded, body=b"\xff\x00junk" * 50).whole())


def gzip_cut(exchange: Exchange) -> None:
    """A compressed answer of which the second half is missing, told as complete."""
    body = _gzipped(exchange.reply.body)
    coded = {**exchange.reply.headers, "content-encoding": "gzip"}
    exchange.send(replace(exchange.reply, headers=coded, body=body[: len(body) // 2]).whole())


def gzip_ok(exchange: Exchange) -> None:
    """A good answer, compressed although nobody asked for it."""
    coded = {**exchange.reply.headers, "content-encoding": "gzip"}
    body = _gzipped(exchange.reply.body)
    exchange.send(replace(exchange.reply, headers=coded, body=body).whole())


# --- Too much ---------------------------------------------------------------------------


def gzip_bomb(exchange: Exchange) -> None:
    """`gzip_bomb:16`: so many megabytes, in a few kilobytes."""
    coded = {**exchange.reply.headers, "content-encoding": "gzip"}
    body = _bomb(int(exchange.fault.argument("16")))
    exchange.send(replace(exchange.reply, headers=coded, body=body).whole())


def huge_body(exchange: Exchange) -> None:
    """An answer without end."""
    exchange.send(replace(exchange.reply, chunked=True).head())
    exchange.flood(chunk(b" " * BLOCK))


def huge_length(exchange: Exchange) -> None:
    """Ten gigabytes are promised, and begun."""
    exchange.send(replace(exchange.reply, chunked=False).head(10**10))
    exchange.flood(b" " * BLOCK)


# --- Other answers ----------------------------------------------------------------------


def html_200(exchange: Exchange) -> None:
    exchange.send(Reply.of(PAGE, "text/html; charset=utf-8").whole())


def empty_200(exchange: Exchange) -> None:
    exchange.send(replace(exchange.reply, body=b"", chunked=False).whole())


def no_content(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 204 No Content\r\n\r\n")


def json_200(exchange: Exchange) -> None:
    """`json_200:<text>`: JSON of a shape that nobody expects."""
    text = ":".join(exchange.fault.arguments) or "{}"
    exchange.send(Reply.of(text.encode(), "application/json").whole())


def deep_json(exchange: Exchange) -> None:
    """Lists in lists in lists."""
    exchange.send(Reply.of(b"[" * 50_000 + b"]" * 50_000, "application/json").whole())


def redirect(exchange: Exchange) -> None:
    """`redirect:307:internal`, or `:self` for ever, or `:other` to a public host."""
    code, *rest = exchange.fault.arguments or ("302",)
    targets = {
        "internal": "http://169.254.169.254/latest/meta-data/",
        "self": f"{exchange.url}/again",
        "file": "file:///etc/passwd",
        "other": "https://192.0.2.1/elsewhere",
    }
    where = targets[rest[0] if rest else "internal"]
    exchange.send(Reply(int(code), headers={"location": where}).whole())


WAITS = {
    "seconds": "7",
    "date": "",  # a date, 90 seconds from now
    "absurd": "99999999999",
    "negative": "-5",
    "garbage": "soon",
}


def retry_after_text(kind: str) -> str:
    """A Retry-After header of one of the kinds in `WAITS`, or the text itself."""
    if kind == "date":
        return format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    return WAITS.get(kind, kind)


def _gzipped(data: bytes) -> bytes:
    packer = zlib.compressobj(6, wbits=31)
    return packer.compress(data) + packer.flush()


@lru_cache(maxsize=2)
def _bomb(megabytes: int) -> bytes:
    packer = zlib.compressobj(1, wbits=31)
    block = bytes(1 << 20)
    return b"".join([packer.compress(block) for _ in range(megabytes)]) + packer.flush()


UNREAD: dict[str, Action] = {"reset_unread": reset_unread, "close_unread": close_unread}
SPOILED: tuple[Action, ...] = (
    reset, close, timeout, cut_head, cut_at, reset_at, stall_at, drip, drip_body, delay,
    continue_flood, hints_flood, header_flood, not_http, early_hints, long_header, many_headers,
    length_long, length_short, length_junk, chunk_cut, chunk_junk, deflate_junk, gzip_cut,
    gzip_ok, gzip_bomb, huge_body, huge_length, html_200, empty_200, no_content, json_200,
    deep_json, redirect,
)  # fmt: skip
ACTIONS: dict[str, Action] = {action.__name__: action for action in SPOILED}
