"""Split: the title on a plain ground, the pattern beside it (or above it) in a pane."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from providers.backends.studio.canvas import Canvas
from providers.backends.studio.colour import chroma, contrast, luminance, to_bytes
from providers.backends.studio.layouts.grounds import lit_ground, rgb, strengthened
from providers.backends.studio.layouts.page import (
    Column,
    Cover,
    Manner,
    Pattern,
    Words,
    margin,
    place,
    print_texts,
    shown_title,
)

_GROUND_CONTRAST = 7.0


@dataclass(frozen=True)
class _Plan:
    """Where the pane and the text go (pixels), and the shape of the pane."""

    pane: tuple[int, int, int, int]
    column: Column
    shape: str


def draw(canvas: Canvas, pattern: Pattern, words: Words) -> Cover:
    """Draw a cover with the title at one side and the pattern at the other."""
    plan = _plan(canvas)
    ground = strengthened(_ground(canvas))
    image = lit_ground(canvas, ground, 0.045)
    left, top, right, bottom = plan.pane
    art = pattern(canvas.part(right - left, bottom - top))
    image.paste(art.image, (left, top), _pane_mask(plan, art.image.size))
    inks = _inks(canvas, ground)
    manner = Manner(
        largest=canvas.between(0.12, 0.155),
        share=canvas.between(0.75, 1.0),
        at=canvas.one_of(("top", "middle", "bottom")),
        title_inks=(inks[0],),
        label_inks=inks[::-1],
        rule=True,
    )
    setting = place(canvas, words, plan.column, manner)
    print_texts(image, setting)
    return Cover(image, art.subject, shown_title(setting, words))


def _plan(canvas: Canvas) -> _Plan:
    """Share the canvas between pane and text, side by side or one above the other."""
    edge, (width, height) = margin(canvas), canvas.size
    shape = canvas.one_of(("bleed", "bleed", "inset", "arch", "corner"))
    first = canvas.coin()
    if canvas.aspect >= 1.2:
        pane = round(width * canvas.between(0.36, 0.44))
        box = (0, 0, pane, height) if first else (width - pane, 0, width, height)
        text_left = pane + edge if first else edge
        column = Column(text_left, edge, width - pane - 2 * edge, height - 2 * edge)
    else:
        pane = round(height * canvas.between(0.42, 0.5))
        box = (0, 0, width, pane) if first else (0, height - pane, width, height)
        text_top = pane + edge if first else edge
        column = Column(edge, text_top, width - 2 * edge, height - pane - 2 * edge)
        shape = "bleed" if shape in ("arch", "corner") else shape
    if shape != "bleed":
        box = _shrunk(box, edge, canvas)
    return _Plan(box, column, shape)


def _shrunk(box, edge: int, canvas: Canvas) -> tuple[int, int, int, int]:
    """Take the margin off the pane on the sides where it meets the picture's edge."""
    left, top, right, bottom = box
    return (
        left + (edge if left == 0 else 0),
        top + (edge if top == 0 else 0),
        right - (edge if right == canvas.width else 0),
        bottom - (edge if bottom == canvas.height else 0),
    )


def _pane_mask(plan: _Plan, size: tuple[int, int]) -> Image.Image:
    """Return the shape of the pane as an "L" mask."""
    width, height = size
    if plan.shape in ("bleed", "inset"):
        return Image.new("L", size, 255)
    fine = 4
    mask = Image.new("L", (width * fine, height * fine), 0)
    pen = ImageDraw.Draw(mask)
    w, h = width * fine - 1, height * fine - 1
    if plan.shape == "arch":
        r = min(w // 2, h)
        pen.rounded_rectangle((0, 0, w, h + r), radius=r, fill=255)
    else:
        r = min(w, h)
        pen.rounded_rectangle((0, 0, w, h), radius=r * 0.98, fill=255, corners=_one_corner(plan))
    return mask.reduce(fine)


def _one_corner(plan: _Plan) -> tuple[bool, bool, bool, bool]:
    """Round the upper corner that looks towards the text."""
    text_right = plan.column.left > plan.pane[0]
    return (not text_right, text_right, False, False)


def _ground(canvas: Canvas) -> np.ndarray:
    """Return a swatch on which dark or light text reads well, the ends most often."""
    swatches = canvas.palette.swatches
    light = luminance(to_bytes(swatches))
    ends = np.maximum(contrast(light, light[0]), contrast(light, light[-1]))
    good = [i for i in range(len(swatches)) if ends[i] >= _GROUND_CONTRAST]
    if canvas.coin(0.75) or not good:
        return swatches[canvas.one_of((0, -1))]
    return swatches[canvas.one_of(good)]


def _inks(canvas: Canvas, ground: np.ndarray) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the ink for the title and the accent for labels on this ground."""
    swatches = canvas.palette.swatches
    dark_ground = float(ground[0]) < 0.6
    ink = swatches[-1] if dark_ground else swatches[0]
    apart = [s for s in swatches[1:-1] if abs(float(s[0] - ground[0])) > 0.25]
    accent = max(apart, key=lambda s: float(chroma(s)), default=ink)
    return rgb(ink), rgb(accent)
