"""What a file is by its first bytes, and where its picture ends.

A file name, an extension and a content type are claims of whoever sent them. Here only the
bytes speak. Nothing is decoded.
"""

import re
import struct

MAX_UPLOAD_BYTES = 25 * 1024 * 1024
EXTENSIONS = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp", "AVIF": "avif"}
CONTENT_TYPES = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "WEBP": "image/webp",
    "AVIF": "image/avif",
}
PNG_START = b"\x89PNG\r\n\x1a\n"
AVIF_BRANDS = frozenset({b"avif", b"avis"})
# Boxes that an AVIF file may hold at its top level (ISO/IEC 14496-12 and 23008-12).
AVIF_BOXES = frozenset(
    {b"ftyp", b"styp", b"meta", b"mdat", b"moov", b"moof", b"mfra", b"sidx", b"uuid"}
    | {b"free", b"skip", b"wide", b"pdin", b"jumb"}
)
# Parts (chunks, segments, boxes) that a file may consist of. Honest ones have hundreds, a PNG in
# small pieces some thousands; a file of millions is built to keep its readers busy.
MAX_PARTS = 10_000
MAX_SCANS = 100  # of a JPEG; each costs a pass over the whole picture
MAX_JPEGS = 16  # behind one another
ZEROS = re.compile(rb"\x00*")
# A marker inside a JPEG scan: not a stuffed zero, not a restart, not a fill byte.
JPEG_MARKER_IN_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")

OTHER_FORMATS: tuple[tuple[bytes, str], ...] = (
    (b"GIF8", "a GIF"),
    (b"BM", "a BMP"),
    (b"II*\x00", "a TIFF"),
    (b"MM\x00*", "a TIFF"),
    (b"%PDF", "a PDF"),
    (b"%!PS", "a PostScript file"),
    (b"\xc5\xd0\xd3\xc6", "a PostScript file"),
    (b"8BPS", "a Photoshop file"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x00\x00\x01\x00", "an icon file"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000"),
    (b"\xff\x0a", "a JPEG XL"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"MZ", "a program"),
    (b"\x7fELF", "a program"),
)
# What stands first in markup, comments and declarations passed over.
MARKUP = re.compile(rb"<(svg|!doctype html|html|head|body|script|\?php)\b")
MARKUP_FORMATS = {b"svg": "an SVG", b"?php": "a program"}
TEXT_FORMATS: tuple[tuple[bytes, str], ...] = (
    (b"#!", "a program"),
    (b"<?xml", "an XML file"),
    (b"{", "JSON text"),
    (b"[", "JSON text"),
)


def sniff(data: bytes) -> str | None:
    """PNG, JPEG, WEBP or AVIF by the first bytes; None for anything else."""
    if data.startswith(PNG_START):
        return "PNG"
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if AVIF_BRANDS & _brands(data):
        return "AVIF"
    return None


def describe_other(data: bytes) -> str:
    """What a file that is none of the allowed formats seems to be, for a sentence."""
    if not data:
        return "empty"
    for start, name in OTHER_FORMATS:
        if data.startswith(start):
            return name
    if _brands(data):
        return "a HEIC or a video"
    text = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(b"<") and (found := MARKUP.search(text)):
        return MARKUP_FORMATS.get(found[1], "an HTML page")
    for start, name in TEXT_FORMATS:
        if text.startswith(start):
            return name
    return "not a picture"


def picture_end(data: bytes, name: str) -> int | None:
    """Offset behind the last byte of the picture; None if the file stops before its end.

    None also for a file of more parts than any picture has. More bytes than that are a tail
    which no viewer of pictures shows.
    """
    finders = {"PNG": _png_end, "JPEG": _jpegs_end, "WEBP": _webp_end, "AVIF": _avif_end}
    return finders[name](data)


def _brands(data: bytes) -> set[bytes]:
    if data[4:8] != b"ftyp":
        return set()
    size = min(struct.unpack(">I", data[:4])[0], 256)
    return {data[8:12]} | {data[at : at + 4] for at in range(16, size, 4)}


def _png_end(data: bytes) -> int | None:
    at = len(PNG_START)
    for _ in range(MAX_PARTS):
        if at + 12 > len(data):
            return None
        length, kind = struct.unpack_from(">I4s", data, at)
        at += 12 + length
        if kind == b"IEND":
            return at if at <= len(data) else None
    return None


def _jpegs_end(data: bytes) -> int | None:
    """A phone's JPEG may carry further whole JPEGs (depth, gain map) behind the first."""
    end = _jpeg_end(data, 0)
    for _ in range(MAX_JPEGS):
        if end is None:
            return None
        start = ZEROS.match(data, end).end()
        if start == len(data):
            return start
        following = _jpeg_end(data, start) if data.startswith(b"\xff\xd8\xff", start) else None
        if following is None:
            return end
        end = following
    return end


def _jpeg_end(data: bytes, start: int) -> int | None:
    at, scans = start + 2, 0
    for _ in range(MAX_PARTS):
        if at + 2 > len(data) or data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker == 0xD9:
            return at + 2
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:
            at += 2
        elif at + 4 > len(data):
            return None
        else:
            at += 2 + struct.unpack_from(">H", data, at + 2)[0]
            if marker == 0xDA:
                scans += 1
                found = JPEG_MARKER_IN_SCAN.search(data, at)
                if found is None or scans > MAX_SCANS:
                    return None
                at = found.start()
    return None


def _webp_end(data: bytes) -> int | None:
    size = struct.unpack_from("<I", data, 4)[0]
    end = 8 + size + size % 2
    return end if end <= len(data) else None


def _avif_end(data: bytes) -> int | None:
    at = 0
    for _ in range(MAX_PARTS):
        if at + 8 > len(data):
            return at
        size, kind = struct.unpack_from(">I4s", data, at)
        if kind not in AVIF_BOXES or (kind == b"ftyp" and at):
            return at
        if size == 1 and at + 16 <= len(data):
            size = struct.unpack_from(">Q", data, at + 8)[0]
        elif size == 0:
            size = len(data) - at
        if size < 8 or at + size > len(data):
            return None
        at += size
    return None
