"""How large a picture in a file really is, read from its head alone: nothing is decoded."""

import struct
from typing import BinaryIO

PNG_START = b"\x89PNG\r\n\x1a\n"
# Start-of-frame markers of JPEG; C4, C8 and CC in their range mean other things.
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
MOST_SEGMENTS = 1000  # of a JPEG, before its frame


def picture_size(path: str) -> tuple[int, int] | None:
    """Width and height in pixels of a PNG, JPEG or WebP; None where the head does not tell."""
    with open(path, "rb") as file:
        head = file.read(30)
        try:
            if head.startswith(PNG_START) and head[12:16] == b"IHDR":
                width, height = struct.unpack_from(">II", head, 16)
                return width, height
            if head.startswith(b"\xff\xd8\xff"):
                return _jpeg_size(file)
            if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
                return _webp_size(head)
        except struct.error:
            return None
    return None


def _jpeg_size(file: BinaryIO) -> tuple[int, int] | None:
    """Walk from segment to segment until the frame's own."""
    file.seek(2)
    for _ in range(MOST_SEGMENTS):
        lead, marker = struct.unpack(">BB", file.read(2))
        if lead != 0xFF:
            return None
        if marker == 0xFF:  # a fill byte
            file.seek(-1, 1)
            continue
        (length,) = struct.unpack(">H", file.read(2))
        if marker in FRAMES:
            _, height, width = struct.unpack(">BHH", file.read(5))
            return width, height
        file.seek(length - 2, 1)
    return None


def _webp_size(head: bytes) -> tuple[int, int] | None:
    """WebP comes in three shapes: extended, lossless and lossy."""
    kind = head[12:16]
    if kind == b"VP8X":
        width = int.from_bytes(head[24:27], "little") + 1
        return width, int.from_bytes(head[27:30], "little") + 1
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", head, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", head, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None
