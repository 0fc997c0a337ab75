"""Plain grounds for text: strong enough to read on, and never quite flat."""

import numpy as np
from PIL import Image

from providers.backends.studio.canvas import Canvas
from providers.backends.studio.colour import contrast, luminance, to_bytes
from providers.backends.studio.fields import grid
from providers.backends.studio.ink import BLACK, WHITE

_LAMP_STEPS = 200
_GROUND_CONTRAST = 7.0


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
