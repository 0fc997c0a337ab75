"""Full bleed: the pattern edge to edge, a scrim over part of it, the title on the scrim."""

import numpy as np
from PIL import Image

from ..canvas import Canvas
from ..fields import smoothstep
from ..ink import BLACK, MIN_CONTRAST, WHITE, together, worst_contrast
from .page import Column, Cover, Pattern, Setting, Words, margin, place, print_texts, rgb, shown_title

_STRENGTHS = (0.55, 0.65, 0.74, 0.82, 0.88, 0.93, 0.97, 1.0)
_FALLOFF = 0.42  # of the short side: how softly the scrim ends
_EVERYWHERE = 0.1  # of its strength: a breath of scrim over the whole picture


def draw(canvas: Canvas, pattern: Pattern, words: Words) -> Cover:
    """Draw a cover whose pattern fills the whole picture."""
    art = pattern(canvas)
    edge = margin(canvas)
    at = canvas.one_of(("bottom", "bottom", "top"))
    share = 0.78 if canvas.aspect > 1.2 else 1.0
    width = min(canvas.width - 2 * edge, round(canvas.width * share))
    column = Column(edge, edge, width, canvas.height - 2 * edge)
    dark = _is_dark(art.image)
    ink = rgb(canvas.palette.light) if dark else rgb(canvas.palette.dark)
    last = WHITE if dark else BLACK
    setting = place(
        canvas,
        words,
        column,
        largest=0.135,
        at=at,
        title_inks=(ink, last),
        label_inks=(ink, last),
        rule=True,
    )
    image = _with_scrim(canvas, art.image, setting, dark, (ink, last))
    print_texts(image, setting)
    return Cover(image, art.subject, shown_title(setting, words))


def _is_dark(image: Image.Image) -> bool:
    """Tell whether light text needs less of a scrim here than dark text."""
    grey = np.asarray(image.convert("L").reduce(max(1, min(image.size) // 64)))
    return float(grey.mean()) < 150


def _with_scrim(canvas, image, setting: Setting, dark: bool, inks) -> Image.Image:
    """Raise the scrim until every text holds its contrast on the pixels beneath it."""
    mask = together([t.mask for t in setting.texts])
    veil = Image.new("RGB", image.size, _scrim_colour(canvas, dark))
    shape = _scrim_shape(canvas, setting)
    for strength in _STRENGTHS:
        scrim = Image.fromarray((shape * np.float32(255 * strength) + 0.5).astype(np.uint8))
        covered = Image.composite(veil, image, scrim)
        if any(worst_contrast(covered, mask, ink) >= MIN_CONTRAST for ink in inks):
            return covered
    return covered


def _scrim_colour(canvas: Canvas, dark: bool) -> tuple[int, ...]:
    """Return the palette's end, pushed far enough for text at full strength."""
    end = (canvas.palette.dark if dark else canvas.palette.light).copy()
    limit = min(float(end[0]), 0.24) if dark else max(float(end[0]), 0.93)
    end[1:] *= 0.8
    end[0] = limit
    return rgb(end)


def _scrim_shape(canvas: Canvas, setting: Setting) -> np.ndarray:
    """Return where the scrim lies (0 … 1): full behind each text, softly ending around it."""
    y = np.arange(canvas.height, dtype=np.float32)[:, None]
    x = np.arange(canvas.width, dtype=np.float32)[None, :]
    soft, pad = _FALLOFF * canvas.unit, 0.035 * canvas.unit
    shape = np.zeros((canvas.height, canvas.width), dtype=np.float32)
    for text in setting.texts:
        box = text.mask.getbbox()
        if box is None:
            continue
        outside_y = np.maximum(np.maximum(box[1] - pad - y, y - box[3] - pad), 0)
        outside_x = np.maximum(x - box[2] - 2 * pad, 0) * np.float32(0.45)
        distance = np.hypot(outside_y, outside_x)
        np.maximum(shape, smoothstep(1 - distance / np.float32(soft)), out=shape)
    return np.float32(_EVERYWHERE) + np.float32(1 - _EVERYWHERE) * shape
