"""What all layouts share: margins, sizes of small type, placing and printing the texts."""

from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from providers.backends.studio.breaking import fit
from providers.backends.studio.canvas import Art, Canvas
from providers.backends.studio.ink import best_ink, write
from providers.backends.studio.type import Block, block_mask, clipped_label, label_mask, label_width

Pattern = Callable[[Canvas], Art]

_KICKER_SPACING = 0.1
_SMALLEST_WITH_LABELS = 300


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
class Manner:
    """How a layout sets its texts.

    `largest` is the title's greatest size in short sides and `share` how much of the column's
    height it may take. `at` is top, middle or bottom, `align` left or centre. The kicker stands
    above the title, or a short bar where `rule` asks for one; the footer stands on the column's
    last line or, `grouped`, close under the title. Inks are wishes, the best first.
    """

    largest: float
    title_inks: tuple[tuple[int, ...], ...]
    label_inks: tuple[tuple[int, ...], ...]
    at: str = "top"
    align: str = "left"
    share: float = 1.0
    rule: bool = False
    grouped: bool = False


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


def place(canvas: Canvas, words: Words, column: Column, manner: Manner) -> Setting:
    """Set kicker, title and footer in a column."""
    small = max(11, round(canvas.unit * 0.0265))
    kicker, footer = _labels(canvas, words, column, small)
    above = round(small * (2.3 if kicker else 1.9 if manner.rule else 0))
    below = round(small * 2.6) if footer else 0
    room = max(column.height - above - below, small)
    box = (column.width, round(room * manner.share))
    largest, smallest = round(canvas.unit * manner.largest), max(13, round(canvas.unit * 0.056))
    block = fit(words.title, words.face, box, largest, smallest)
    free = room - block.height
    top = column.top + {"top": 0, "middle": free // 2, "bottom": free}[manner.at]
    end = top + above + block.height + below if manner.grouped else column.bottom
    mask = block_mask(block, canvas.size, (column.left, top + above), manner.align)
    texts = [Text(mask, manner.title_inks)]
    if kicker:
        base = top + round(small * 0.73)
        mask = _label(canvas, kicker, column, base, small, manner, _KICKER_SPACING)
        texts.append(Text(mask, manner.label_inks))
    elif manner.rule:
        texts.append(Text(_rule(canvas, (column.left, top)), manner.label_inks))
    if footer:
        mask = _label(canvas, footer, column, end - round(small * 0.1), small, manner)
        texts.append(Text(mask, manner.title_inks))
    return Setting(block, tuple(texts))


def _labels(canvas: Canvas, words: Words, column: Column, small: int) -> tuple[str, str]:
    """Return kicker and footer, cut to the column; none where they would be too small to read."""
    if canvas.unit < _SMALLEST_WITH_LABELS:
        return "", ""
    kicker = clipped_label(words.kicker.upper(), small, column.width, _KICKER_SPACING)
    return kicker, clipped_label(words.footer, small, column.width)


def _label(canvas, text, column: Column, base, small, manner: Manner, spaced=0.0) -> Image.Image:
    """Return the mask of a one-line label with its baseline at `base`."""
    left = column.left
    if manner.align == "centre":
        left += max(0, round((column.width - label_width(text, small, spaced)) / 2))
    return label_mask(text, canvas.size, (left, base), small, spaced)


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
    return setting.title.text if setting.title.truncated else words.title
