"""What all layouts share: margins, sizes of small type, placing and printing the texts."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ..breaking import fit
from ..canvas import Art, Canvas
from ..colour import contrast, luminance, to_bytes
from ..fields import grid
from ..ink import BLACK, WHITE, best_ink, write
from ..type import Block, block_mask, clipped_label, label_mask, label_width

Pattern = Callable[[Canvas], Art]

_KICKER_SPACING = 0.1
_SMALLEST_WITH_LABELS = 300
_LAMP_STEPS = 200
_GROUND_CONTRAST = 7.0


@dataclass(frozen=True)
class Words:
    """The texts of a cover, already reduced to what the fonts can show."""

    title: str
    face: str
    kicker: str = ""
    footer: str = ""


@dataclass(frozen=True)
class Column:
    """Where text may stand: a rectangle in pixels, margins already taken off."""

    left: int
    top: int
    width: int
    height: int

    @property
    def bottom(self) -> int:
        """The lower edge in pixels."""
        return self.top + self.height


@dataclass(frozen=True)
class Text:
    """A mask to be printed and the colours wished for it, the best first."""

    mask: Image.Image
    wished: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Setting:
    """The texts of a cover placed in their column."""

    title: Block
    texts: tuple[Text, ...]


@dataclass(frozen=True)
class Cover:
    """A finished cover: the image, the pattern's words and the title as it stands there."""

    image: Image.Image
    subject: str
    title: str


def margin(canvas: Canvas) -> int:
    """Return the margin in pixels, the same on all sides."""
    return max(14, round(canvas.unit * 0.078))


def place(
    canvas: Canvas,
    words: Words,
    column: Column,
    *,
    largest: float,
    at: str,
    title_inks,
    label_inks,
    rule: bool = False,
    align: str = "left",
    share: float = 1.0,
) -> Setting:
    """Set kicker, title and footer in a column.

    `largest` is the title's greatest size in short sides; `at` is top, middle or bottom; `align`
    is left or centre; `share` is how much of the column's height the title may take.
    The kicker stands above the title, the footer on the last line of the column.
    """
    small = max(11, round(canvas.unit * 0.0265))
    labels = canvas.unit >= _SMALLEST_WITH_LABELS
    kicker = (
        clipped_label(words.kicker.upper(), small, column.width, _KICKER_SPACING) if labels else ""
    )
    footer = clipped_label(words.footer, small, column.width) if labels else ""
    above = round(small * 2.3) if kicker else round(small * 1.9) if rule else 0
    below = round(small * 2.6) if footer else 0
    room = max(column.height - above - below, small)
    smallest = max(13, round(canvas.unit * 0.056))
    box = (column.width, round(room * share))
    block = fit(words.title, words.face, box, round(canvas.unit * largest), smallest)
    free = room - block.height
    offset = {"top": 0, "middle": free // 2, "bottom": free}[at]
    top = column.top + offset
    mask = block_mask(block, canvas.size, (column.left, top + above), align)
    texts = [Text(mask, title_inks)]
    if kicker:
        wide = label_width(kicker, small, _KICKER_SPACING)
        base = (column.left + _indent(column.width, wide, align), top + round(small * 0.73))
        mask = label_mask(kicker, canvas.size, base, small, _KICKER_SPACING)
        texts.append(Text(mask, label_inks))
    elif rule:
        texts.append(Text(_rule(canvas, (column.left, top)), label_inks))
    if footer:
        left = column.left + _indent(column.width, label_width(footer, small), align)
        mask = label_mask(footer, canvas.size, (left, column.bottom - round(small * 0.1)), small)
        texts.append(Text(mask, title_inks))
    return Setting(block, tuple(texts))


def _indent(room: int, width: float, align: str) -> int:
    return max(0, round((room - width) / 2)) if align == "centre" else 0


def _rule(canvas: Canvas, origin: tuple[int, int]) -> Image.Image:
    """A short bar above a title that has no kicker."""
    mask = Image.new("L", canvas.size, 0)
    thick = max(2, round(canvas.unit * 0.006))
    mask.paste(255, (*origin, origin[0] + round(canvas.unit * 0.085), origin[1] + thick))
    return mask


def print_texts(image: Image.Image, setting: Setting) -> None:
    """Print all texts, each in the first of its colours that holds the contrast there."""
    for text in setting.texts:
        colour, _ = best_ink(image, text.mask, text.wished)
        write(image, text.mask, colour)


def shown_title(setting: Setting, words: Words) -> str:
    """Return the title as printed: whole, or what an ellipsis left of it."""
    return " ".join(setting.title.lines) if setting.title.truncated else words.title


def lit_ground(canvas: Canvas, ground: np.ndarray, amount: float) -> Image.Image:
    """Return a plain ground under one soft lamp: `amount` is its range in lightness."""
    x, y = grid(*canvas.size)
    wide, tall = float(x[0, -1]), float(y[-1, 0])
    dx = (x - np.float32(canvas.between(-1.1, 1.1) * wide)) / np.float32(wide)
    dy = (y - np.float32(canvas.between(-1.1, 1.1) * tall)) / np.float32(tall)
    fall = (dx * dx + dy * dy) * np.float32(1 / 6)
    tones = np.repeat(ground[None, :], _LAMP_STEPS, axis=0)
    tones[:, 0] = np.clip(
        tones[:, 0] + np.linspace(amount / 2, -amount / 2, _LAMP_STEPS), 0.04, 0.99
    )
    noise = canvas.chance.randint(0, 256, fall.shape, dtype=np.uint8).astype(np.float32)
    index = fall * np.float32(_LAMP_STEPS - 1) + noise * np.float32(8 / 256)
    return Image.fromarray(to_bytes(tones)[index.clip(0, _LAMP_STEPS - 1).astype(np.uint8)])


def strengthened(ground: np.ndarray) -> np.ndarray:
    """Return the ground moved away from middle lightness until a text can stand out on it."""
    ground = ground.copy()
    step = -0.01 if float(luminance(to_bytes(ground))) < 0.3 else 0.01
    extremes = luminance(np.array([BLACK, WHITE], dtype=np.uint8))
    while float(contrast(luminance(to_bytes(ground)), extremes).max()) < _GROUND_CONTRAST:
        ground[0] += step
    return ground


def rgb(lab) -> tuple[int, int, int]:
    """Return the bytes of one OKLab colour."""
    red, green, blue = (int(v) for v in to_bytes(lab))
    return red, green, blue
