"""Type: the shipped fonts, what they can show, and setting lines of text as masks.

A face is chosen for a whole text, never glyph by glyph: one title, one typeface.
"""

import struct
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, features

FONT_FOLDER = Path(__file__).parent / "fonts"
SERIF = "Fraunces-Display-SemiBold"
GROTESQUE = "Inter-Display-ExtraBold"
LABEL = "Inter-SemiBold"

LEADING = {SERIF: 1.1, GROTESQUE: 1.04, LABEL: 1.3}
DESCENT = 0.24
CAP_HEIGHT = {SERIF: 0.7, GROTESQUE: 0.727, LABEL: 0.727}

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn"}


@lru_cache(maxsize=256)
def font(face: str, size: int) -> ImageFont.FreeTypeFont:
    """Return one of the shipped fonts at a size in pixels."""
    return ImageFont.truetype(str(FONT_FOLDER / f"{face}.ttf"), size)


@lru_cache(maxsize=8)
def coverage(face: str) -> frozenset[int]:
    """Return the code points the font can show, read from its own character map."""
    data = (FONT_FOLDER / f"{face}.ttf").read_bytes()
    (tables,) = struct.unpack_from(">H", data, 4)
    for i in range(tables):
        tag, _, offset, _ = struct.unpack_from(">4sLLL", data, 12 + 16 * i)
        if tag == b"cmap":
            return frozenset(_code_points(data, offset))
    raise ValueError(f"The font {face} has no character map.")


def _code_points(data: bytes, cmap: int):
    """Yield the code points of the format 4 subtables (the basic plane) of a cmap table."""
    (count,) = struct.unpack_from(">H", data, cmap + 2)
    for i in range(count):
        (offset,) = struct.unpack_from(">L", data, cmap + 8 + 8 * i)
        start = cmap + offset
        form, _, _, twice = struct.unpack_from(">HHHH", data, start)
        if form != 4:
            continue
        ends = struct.unpack_from(f">{twice // 2}H", data, start + 14)
        starts = struct.unpack_from(f">{twice // 2}H", data, start + 16 + twice)
        for first, last in zip(starts, ends, strict=True):
            yield from (c for c in range(first, last + 1) if c != 0xFFFF)


@dataclass(frozen=True)
class Settable:
    """A text reduced to what a face can show; `dropped` counts the characters left out."""

    text: str
    face: str
    dropped: int


def settable(text: str, face: str) -> Settable:
    """Return the text as it can be set, in the wished face or in Inter where that has more.

    Characters no font has (emoji, other scripts) are left out; ligatures and other
    compatibility forms are spelled out; a letter whose accent is unknown keeps its base.
    """
    clean = unicodedata.normalize("NFC", " ".join(_printable(text).split()))
    if face == SERIF and not all(ord(c) in _composed(SERIF) for c in clean):
        face = GROTESQUE
    known = coverage(face)
    out, dropped = [], 0
    for char in clean:
        spelled = _spelled(char, known)
        if spelled is None:
            dropped += 1
        else:
            out.append(spelled)
    return Settable(_tidied("".join(out), dropped), face, dropped)


@lru_cache(maxsize=4)
def _composed(face: str) -> frozenset[int]:
    """Return the code points of a face without combining marks, which it cannot place."""
    return frozenset(c for c in coverage(face) if not unicodedata.combining(chr(c)))


def _printable(text: str) -> str:
    """Drop control and format characters; keep spaces of any kind as spaces."""
    return "".join(
        " " if c.isspace() else c
        for c in text
        if c.isspace() or unicodedata.category(c) not in _HIDDEN
    )


def _spelled(char: str, known: frozenset[int]) -> str | None:
    """Return the character, or what stands for it in this font; None when nothing does."""
    if unicodedata.combining(char):
        return char if ord(char) in known and _places_marks() else ""
    if ord(char) in known:
        return char
    if unicodedata.category(char) in ("Mn", "Me"):  # variation selectors and the like
        return ""
    for form in ("NFKC", "NFKD"):
        spelled = "".join(
            c for c in unicodedata.normalize(form, char) if not unicodedata.combining(c)
        )
        if spelled and spelled != char and all(ord(c) in known for c in spelled):
            return spelled
    return None


@lru_cache(maxsize=1)
def _places_marks() -> bool:
    """Tell whether Pillow's complex text layout is there; without it loose marks go astray."""
    return bool(features.check("raqm"))


def _tidied(text: str, dropped: int) -> str:
    """Close the gaps that dropped characters leave; nothing is left when no letter is."""
    if dropped:
        text = text.replace("()", "").strip(" ,;:-–—·|/")
    text = " ".join(text.split())
    if dropped:
        for mark in ",.;:!?)":
            text = text.replace(f" {mark}", mark)
    return text if any(c.isalnum() for c in text) else ""


@dataclass(frozen=True)
class Block:
    """A title broken into lines at a size in pixels, `width` pixels wide at most.

    `text` is what is shown, without the hyphens that cut long words.
    """

    lines: tuple[str, ...]
    face: str
    size: int
    width: int
    text: str = ""
    truncated: bool = False

    @property
    def leading(self) -> int:
        """Distance from baseline to baseline in pixels, more for long texts."""
        extra = 0.08 if len(self.lines) > 5 else 0.0
        return round(self.size * (LEADING[self.face] + extra))

    @property
    def cap(self) -> int:
        """Height of the first line over its baseline in pixels, accents on capitals included."""
        capital = round(self.size * CAP_HEIGHT[self.face])
        if not self.lines[0]:
            return capital
        return max(capital, -int(font(self.face, self.size).getbbox(self.lines[0], anchor="ls")[1]))

    @property
    def height(self) -> int:
        """From the top of the first line to the lowest descender, in pixels."""
        return self.cap + self.leading * (len(self.lines) - 1) + round(self.size * DESCENT)


def block_mask(block: Block, size: tuple[int, int], origin: tuple[int, int], align: str = "left"):
    """Return the coverage ("L" image of this size) of a block whose capitals start at origin."""
    mask = Image.new("L", size, 0)
    pen, face = ImageDraw.Draw(mask), font(block.face, block.size)
    x, y = origin
    for i, line in enumerate(block.lines):
        left = x
        if align == "centre":
            left = x + round((block.width - face.getlength(line)) / 2)
        pen.text((left, y + block.cap + i * block.leading), line, font=face, fill=255, anchor="ls")
    return mask


def label_mask(text: str, size: tuple[int, int], origin, pixels: int, spaced: float = 0.0):
    """Return the coverage of a one-line label, its baseline at origin, letters spaced in ems."""
    mask = Image.new("L", size, 0)
    pen, face = ImageDraw.Draw(mask), font(LABEL, pixels)
    x, y = origin
    if not spaced:
        pen.text((x, y), text, font=face, fill=255, anchor="ls")
        return mask
    for char in _clusters(text):
        pen.text((round(x), y), char, font=face, fill=255, anchor="ls")
        x += face.getlength(char) + spaced * pixels
    return mask


def label_width(text: str, pixels: int, spaced: float = 0.0) -> float:
    """Return the width of a label in pixels."""
    face = font(LABEL, pixels)
    if not spaced:
        return face.getlength(text)
    return sum(face.getlength(c) + spaced * pixels for c in _clusters(text))


def clipped_label(text: str, pixels: int, width: int, spaced: float = 0.0) -> str:
    """Return the label, cut with an ellipsis where it is wider than `width` pixels."""
    if label_width(text, pixels, spaced) <= width:
        return text
    while text and label_width(f"{text}…", pixels, spaced) > width:
        text = text[:-1].rstrip()
    return f"{text}…" if text else ""


def _clusters(text: str) -> list[str]:
    """Split into letters with the marks that belong to them."""
    out: list[str] = []
    for char in text:
        if out and unicodedata.combining(char):
            out[-1] += char
        else:
            out.append(char)
    return out
