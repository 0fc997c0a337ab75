"""A small reader of CBOR (RFC 8949) for what strangers wrote: bounded in depth and in items."""

import struct
from typing import Any

DEEPEST = 32
MOST_ITEMS = 20_000
SIMPLE = {20: False, 21: True, 22: None, 23: None}
FLOATS = {25: ">e", 26: ">f", 27: ">d"}
BREAK = object()


class Malformed(ValueError):
    """The bytes do not hold what they should."""


def read_cbor(data: bytes) -> Any:
    """The first item of `data`: tags are dropped, keys that cannot be one are left out.

    Raises Malformed.
    """
    return _Reader(data).item(0)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at, self.items = data, 0, 0

    def take(self, count: int) -> bytes:
        part = self.data[self.at : self.at + count]
        if len(part) != count:
            raise Malformed("cut off")
        self.at += count
        return part

    def item(self, depth: int) -> Any:
        self.items += 1
        if depth > DEEPEST or self.items > MOST_ITEMS:
            raise Malformed("too much in it")
        first = self.take(1)[0]
        kind, low = first >> 5, first & 31
        if kind == 7:
            return self.simple(low)
        length = self.length(low)
        if kind <= 1:
            if length is None:
                raise Malformed("a number without an end")
            return length if kind == 0 else -1 - length
        if kind <= 3:
            return self.string(length, text=kind == 3, depth=depth)
        if kind == 4:
            return list(self.members(length, depth))
        if kind == 5:
            return self.map(length, depth)
        return self.item(depth + 1)

    def length(self, low: int) -> int | None:
        """The argument of an item; None where the item has no length of its own."""
        if low < 24:
            return low
        if low == 31:
            return None
        if low > 27:
            raise Malformed("a reserved length")
        return int.from_bytes(self.take(1 << (low - 24)), "big")

    def simple(self, low: int) -> Any:
        if low in FLOATS:
            return struct.unpack(FLOATS[low], self.take(1 << (low - 24)))[0]
        if low == 24:
            self.take(1)
        return BREAK if low == 31 else SIMPLE.get(low)

    def members(self, length: int | None, depth: int):
        """The items inside an array or a map, to its count or to the mark of its end."""
        if length is not None and length > len(self.data) - self.at:
            raise Malformed("longer than the file")
        while length is None or length > 0:
            member = self.item(depth + 1)
            if member is BREAK:
                if length is not None:
                    raise Malformed("an end where none is due")
                return
            yield member
            length = None if length is None else length - 1

    def map(self, length: int | None, depth: int) -> dict[Any, Any]:
        members = list(self.members(None if length is None else 2 * length, depth))
        pairs = zip(members[::2], members[1::2], strict=False)
        return {key: value for key, value in pairs if isinstance(key, str | int)}

    def string(self, length: int | None, *, text: bool, depth: int) -> str | bytes:
        if length is None:
            parts = [part for part in self.members(None, depth) if isinstance(part, str | bytes)]
            joined = b"".join(part.encode() if isinstance(part, str) else part for part in parts)
        else:
            joined = self.take(length)
        return joined.decode("utf-8", "replace") if text else joined
