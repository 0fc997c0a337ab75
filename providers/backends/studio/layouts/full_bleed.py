"""Full bleed: the pattern edge to edge, a scrim over part of it, the title on the scrim."""

import numpy as np
from PIL import Image

from providers.backends.studio.canvas import Canvas
from providers.backends.studio.colour import mix, to_bytes
from providers.backends.studio.fields import smoothstep
from providers.backends.studio.ink import BLACK, WHITE, together, worst_contrast
from providers.backends.studio.layouts.grounds import rgb
from providers.backends.studio.layouts.page import (
    Column,
    Cover,
    Manner,
    Pattern,
    Setting,
    Words,
    margin,
    place,
    print_texts,
    shown_title,
)

_TEXTURES = (0.6, 0.45, 0.32, 0.2, 0.1, 0.0)  # way to the next swatch left under the scrim
_WISHED_CONTRAST = 6.5  # above the rule's 4.5: a busy ground asks for more
_COARSE = 4  # the scrim is soft: it is computed four times smaller
_FALLOFF = 0.4  # of the short side: how softly the scrim ends


def draw(canvas: Canvas, pattern: Pattern, words: Words) -> Cover:
    """Draw a cover whose pattern fills the whole picture."""
    art = pattern(canvas)
    edge = margin(canvas)
    share = 0.78 if canvas.aspect > 1.2 else 1.0
    width = min(canvas.width - 2 * edge, round(canvas.width * share))
    column = Column(edge, edge, width, canvas.height - 2 * edge)
    dark = _is_dark(art.image)
    ink = rgb(canvas.palette.light) if dark else rgb(canvas.palette.dark)
    last = WHITE if dark else BLACK
    manner = Manner(
        largest=0.135,
        at=canvas.one_of(("bottom", "bottom", "top")),
        title_inks=(ink, last),
        label_inks=(ink, last),
        rule=True,
        grouped=True,
    )
    setting = place(canvas, words, column, manner)
    image = _with_scrim(canvas, art.image, setting, dark, (ink, last))
    print_texts(image, setting)
    return Cover(image, art.subject, shown_title(setting, words))


def _is_dark(image: Image.Image) -> bool:
    """Tell whether light text needs less of a scrim here than dark text."""
    grey = np.asarray(image.convert("L").reduce(max(1, min(image.size) // 64)))
    return float(grey.mean()) < 150


def _with_scrim(canvas, image, setting: Setting, dark: bool, inks) -> Image.Image:
    """Turn the pattern behind the texts into tones of one colour, calm enough to read on.

    A see-through layer would grey the colours; a tonal copy keeps the pattern and stays clean.
    """
    mask = together([t.mask for t in setting.texts])
    grey = image.convert("L")
    shape = _scrim_shape(canvas, setting)
    for texture in _TEXTURES:
        covered = Image.composite(_toned(canvas, grey, texture, dark), image, shape)
        if any(worst_contrast(covered, mask, ink) >= _WISHED_CONTRAST for ink in inks):
            break
    return covered


def _toned(canvas: Canvas, grey: Image.Image, texture: float, dark: bool) -> Image.Image:
    """Return the pattern in tones between the palette's end and a little towards its next."""
    swatches = canvas.palette.swatches
    end = _scrim_colour(canvas, dark)
    t = np.linspace(0, texture, 256)
    tones = mix(end, swatches[1] if dark else swatches[-2], t if dark else t[::-1])
    table = to_bytes(tones)
    return Image.merge("RGB", [grey.point(table[:, i].tolist()) for i in range(3)])


def _scrim_colour(canvas: Canvas, dark: bool) -> np.ndarray:
    """Return the palette's end in OKLab, pushed as far as text on it needs."""
    end = (canvas.palette.dark if dark else canvas.palette.light).copy()
    end[0] = min(float(end[0]), 0.24) if dark else max(float(end[0]), 0.94)
    return end


def _scrim_shape(canvas: Canvas, setting: Setting) -> Image.Image:
    """Return where the scrim lies ("L"): full behind each text, softly ending around it."""
    small = (-(-canvas.width // _COARSE), -(-canvas.height // _COARSE))
    y = (np.arange(small[1], dtype=np.float32)[:, None] + 0.5) * _COARSE
    x = (np.arange(small[0], dtype=np.float32)[None, :] + 0.5) * _COARSE
    soft, pad = _FALLOFF * canvas.unit, 0.04 * canvas.unit + _COARSE
    shape = np.zeros((small[1], small[0]), dtype=np.float32)
    for text in setting.texts:
        box = text.mask.getbbox()
        if box is None:
            continue
        outside_y = np.maximum(np.maximum(box[1] - pad - y, y - box[3] - pad), 0)
        outside_x = np.maximum(x - box[2] - 2 * pad, 0) * np.float32(0.6)
        distance = np.hypot(outside_y, outside_x)
        np.maximum(shape, smoothstep(1 - distance / np.float32(soft)), out=shape)
    image = Image.fromarray((shape * 255 + 0.5).astype(np.uint8))
    return image.resize(canvas.size, Image.Resampling.BICUBIC)
