"""Poster: a huge title on one strong colour, the pattern faintly woven into the ground."""

import numpy as np
from PIL import Image

from providers.backends.studio.canvas import Canvas
from providers.backends.studio.colour import Palette, chroma, contrast, luminance, to_bytes
from providers.backends.studio.ink import MIN_CONTRAST, WHITE, best_ink, together
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

_TONES = (-0.085, -0.045, 0.0, 0.032, 0.062)
_STRENGTHS = (1.0, 0.75, 0.5, 0.3, 0.15, 0.0)


def draw(canvas: Canvas, pattern: Pattern, words: Words) -> Cover:
    """Draw a cover that is nearly all title."""
    ground = strengthened(_ground(canvas))
    tonal = Palette(canvas.palette.colours, _tonal(ground))
    art = pattern(Canvas(canvas.width, canvas.height, tonal, canvas.chance))
    align = canvas.one_of(("left", "left", "left", "centre"))
    column = _column(canvas, align)
    inks = _inks(canvas, ground)
    manner = Manner(
        largest=canvas.between(0.2, 0.28),
        share=canvas.between(0.68, 1.0),
        at=canvas.one_of(("top", "middle", "bottom")),
        align=align,
        title_inks=inks,
        label_inks=inks,
    )
    setting = place(canvas, words, column, manner)
    image = _calmed(art.image, lit_ground(canvas, ground, 0.09), ground, setting)
    print_texts(image, setting)
    return Cover(image, art.subject, shown_title(setting, words))


def _column(canvas: Canvas, align: str) -> Column:
    """Return the text's column: the whole page, or a part of it standing left, right or between."""
    edge = margin(canvas)
    room = canvas.width - 2 * edge
    share = canvas.one_of((1.0, 0.84, 0.7)) if align == "left" and canvas.aspect > 1.1 else 1.0
    width = round(room * share)
    left = edge + round((room - width) * canvas.one_of((0, 0, 0.5, 1)))
    return Column(left, edge, width, canvas.height - 2 * edge)


def _ground(canvas: Canvas) -> np.ndarray:
    """Return a strong swatch: vivid ones most often, the palest and darkest seldom."""
    swatches = canvas.palette.swatches
    weights = 0.05 + chroma(swatches) ** 1.2 * 4
    weights[0] *= 0.7
    weights[-1] *= 0.25
    pick = canvas.chance.random_sample() * float(weights.sum())
    return swatches[int(np.searchsorted(np.cumsum(weights), pick).clip(0, len(swatches) - 1))]


def _tonal(ground: np.ndarray) -> np.ndarray:
    """Return five tones of one colour, close together, dark to light."""
    tones = np.repeat(ground[None, :], len(_TONES), axis=0).astype(np.float32)
    tones[:, 0] = np.clip(tones[:, 0] + np.array(_TONES, dtype=np.float32), 0.05, 0.985)
    return tones


def _inks(canvas: Canvas, ground: np.ndarray) -> tuple[tuple[int, ...], ...]:
    """Return the palette's dark and light end and white, the strongest on this ground first."""
    ends = [rgb(canvas.palette.light), rgb(canvas.palette.dark), WHITE]
    here = luminance(to_bytes(ground))
    return tuple(
        sorted(
            ends,
            key=lambda c: -float(contrast(here, luminance(np.array(c, dtype=np.uint8)))),
        )
    )


def _calmed(image: Image.Image, lit: Image.Image, ground, setting) -> Image.Image:
    """Weave the pattern into the lit ground, as strongly as the texts' contrast allows."""
    mask = together([t.mask for t in setting.texts])
    woven = np.asarray(image, dtype=np.int16) + np.asarray(lit)
    woven -= np.array(rgb(ground), dtype=np.int16)
    image = Image.fromarray(woven.clip(0, 255).astype(np.uint8))
    for strength in _STRENGTHS:
        blended = Image.blend(lit, image, strength)
        if best_ink(blended, mask, setting.texts[0].wished)[1] >= MIN_CONTRAST:
            return blended
    return Image.new("RGB", image.size, rgb(ground))
