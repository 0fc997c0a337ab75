"""Smooth random fields and curves, and the last step from numbers to an image.

Everything is a warped sum of sines: value noise would show its grid.
"""

from collections.abc import Callable

import numpy as np
from PIL import Image

from providers.backends.studio.canvas import Canvas
from providers.backends.studio.colour import planes_to_bytes

_FIELD_UNIT = 144
_BLOCK_ROWS = 64
_STRIP_ROWS = 128

Paint = Callable[[np.ndarray, np.ndarray], np.ndarray]


def grid(width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Return x (1, width) and y (height, 1) in short sides, (0, 0) in the middle."""
    unit = min(width, height)
    x = (np.arange(width, dtype=np.float32) + 0.5 - width / 2) / unit
    y = (np.arange(height, dtype=np.float32) + 0.5 - height / 2) / unit
    return x[None, :], y[:, None]


def wave(
    canvas: Canvas, x: np.ndarray, waves: "tuple[float, ...]", rough: float = 0.6
) -> np.ndarray:
    """Return a smooth curve over x, about -1 to 1, out of sines of these waves per short side."""
    out = np.zeros_like(x, dtype=np.float32)
    amplitude, total = 1.0, 0.0
    for frequency in waves:
        f = frequency * canvas.between(0.8, 1.25)
        out += amplitude * np.sin(2 * np.pi * (f * x + canvas.between(0, 1)))
        total += amplitude
        amplitude *= rough
    return out / np.float32(total**0.8)


def plane_waves(canvas: Canvas, x, y, low: float, high: float, terms: int) -> np.ndarray:
    """Return a sum of sines in random directions, low to high waves per short side."""
    out = np.zeros(np.broadcast_shapes(x.shape, y.shape), dtype=np.float32)
    for i in range(terms):
        angle = 2 * np.pi * (i + canvas.between(0, 1)) / terms
        f = 2 * np.pi * canvas.between(low, high)
        out += np.sin(
            np.float32(f * np.cos(angle)) * x
            + np.float32(f * np.sin(angle)) * y
            + np.float32(canvas.between(0, 2 * np.pi))
        )
    return out / np.float32(np.sqrt(terms / 2))


def field_size(canvas: Canvas) -> tuple[int, int]:
    """Return the reduced size at which fields are computed before they are enlarged."""
    scale = min(1.0, _FIELD_UNIT / canvas.unit)
    return max(8, round(canvas.width * scale)), max(8, round(canvas.height * scale))


def landscape(canvas: Canvas, zoom: float = 1.0, warp: float = 0.16) -> np.ndarray:
    """Return a reduced, domain-warped height field, about 0 … 1."""
    x, y = grid(*field_size(canvas))
    wx = plane_waves(canvas, x, y, 0.5 * zoom, 1.1 * zoom, 4)
    wy = plane_waves(canvas, x, y, 0.5 * zoom, 1.1 * zoom, 4)
    px, py = x + warp / zoom * wx, y + warp / zoom * wy
    field = plane_waves(canvas, px, py, 0.35 * zoom, 0.9 * zoom, 6)
    field += 0.28 * plane_waves(canvas, px, py, 1.2 * zoom, 2.1 * zoom, 6)
    field += 0.06 * plane_waves(canvas, px, py, 2.6 * zoom, 3.8 * zoom, 6)
    return spread(field)


def spread(field: np.ndarray) -> np.ndarray:
    """Scale a field so that all but its outermost per cent lies between 0 and 1."""
    low, high = np.percentile(field, (0.5, 99.5))
    return ((field - low) / max(float(high - low), 1e-6)).astype(np.float32)


def enlarge(field: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return the field at another (width, height), bicubic."""
    image = Image.fromarray(np.ascontiguousarray(field, dtype=np.float32), mode="F")
    return np.asarray(image.resize(size, Image.Resampling.BICUBIC))


def smoothstep(t: np.ndarray) -> np.ndarray:
    """Return 0 … 1 with soft ends for t from 0 to 1."""
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)


def flat(colour: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return OKLab planes (3, rows, columns) filled with one colour."""
    planes = np.empty((3, y.size, x.size), dtype=np.float32)
    planes[:] = colour[:, None, None]
    return planes


def lay(planes: np.ndarray, colour: np.ndarray, cover: np.ndarray) -> None:
    """Lay a colour over OKLab planes with this cover (0 nothing, 1 opaque)."""
    for plane, value in zip(planes, colour, strict=True):
        plane += (value - plane) * cover


def grain(canvas: Canvas, height: int, width: int) -> np.ndarray:
    """Return triangular noise from -1 to 1 as (height, width)."""
    noise = canvas.chance.randint(0, 256, (2, height, width), dtype=np.uint8)
    return (noise[0].astype(np.float32) + noise[1] - 255) * np.float32(1 / 255)


def painted(canvas: Canvas, paint: Paint, amount: float = 0.011) -> np.ndarray:
    """Paint block of rows by block of rows, so that memory stays small at any size.

    `paint(x, y)` returns the OKLab planes for columns x and rows y (both as `grid` gives them).
    Grain of this amount in lightness hides banding. Returns bytes (height, width, 3).
    """
    x, y = grid(*canvas.size)
    rgb = np.empty((canvas.height, canvas.width, 3), dtype=np.uint8)
    for top in range(0, canvas.height, _BLOCK_ROWS):
        rows = y[top : top + _BLOCK_ROWS]
        planes = paint(x, rows)
        planes[0] += grain(canvas, rows.size, canvas.width) * np.float32(amount)
        rgb[top : top + _BLOCK_ROWS] = planes_to_bytes(planes)
    return rgb


def reduced(image: Image.Image, factor: int) -> Image.Image:
    """Return a palette image as RGB, so many times smaller, strip by strip to save memory."""
    width, height = image.width // factor, image.height // factor
    out = Image.new("RGB", (width, height))
    for top in range(0, height, _STRIP_ROWS):
        end = min(top + _STRIP_ROWS, height)
        strip = image.crop((0, top * factor, width * factor, end * factor))
        out.paste(strip.convert("RGB").reduce(factor), (0, top))
    return out
