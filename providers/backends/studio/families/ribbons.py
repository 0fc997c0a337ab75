"""Ribbons: a sheaf of silk bands, twisted along a drifting curve, crisp on one edge."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from providers.backends.studio.canvas import Art, Canvas
from providers.backends.studio.fields import flat, grid, lay, painted, smoothstep, wave

_WORKING_UNIT = 1100


@dataclass(frozen=True)
class _Band:
    """One band between two curves (in short sides): crisp at `edge`, fading towards `other`."""

    edge: np.ndarray
    other: np.ndarray
    colour: np.ndarray
    strength: float


@dataclass(frozen=True)
class _Glow:
    """Where the light comes from (in short sides)."""

    x: float
    y: float


def draw(canvas: Canvas) -> Art:
    """Draw silk ribbons across the canvas."""
    upright = canvas.coin(0.15 if canvas.aspect > 1.2 else 0.5)
    dark = canvas.coin(0.6)
    sheet = _sheet(canvas, upright)
    x, _ = grid(*sheet.size)
    glow = _Glow(canvas.between(-1, 1) * float(x[0, -1]), canvas.between(-0.5, 0.5))
    bands = _bands(canvas, x[0], dark)

    def paint(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        planes = _ground(canvas, x, y, glow, dark)
        for band in bands:
            _lay_band(planes, y[:, 0], 1 / sheet.unit, band, dark)
        return planes

    rgb = painted(sheet, paint)
    if upright:
        rgb = rgb.transpose(1, 0, 2)
    if canvas.coin():
        rgb = rgb[:, ::-1]
    image = Image.fromarray(np.ascontiguousarray(rgb))
    if image.size != canvas.size:
        image = image.resize(canvas.size, Image.Resampling.BICUBIC)
    way, tone = "rising" if upright else "drifting", "dark" if dark else "pale"
    return Art(image, f"Silky ribbons {way} across a {tone} ground")


def _sheet(canvas: Canvas, upright: bool) -> Canvas:
    """Return the canvas to work on: turned for upright ribbons, never needlessly large."""
    width, height = canvas.size[::-1] if upright else canvas.size
    scale = min(1.0, _WORKING_UNIT / canvas.unit)
    return canvas.part(max(8, round(width * scale)), max(8, round(height * scale)))


def _ground(canvas: Canvas, x, y, glow: _Glow, dark: bool) -> np.ndarray:
    """A quiet ground with one wide glow that says where the light comes from."""
    planes = flat(canvas.palette.at(0.0 if dark else 1.0), x, y)
    distance = np.sqrt((x - np.float32(glow.x)) ** 2 * 0.6 + (y - np.float32(glow.y)) ** 2)
    light = smoothstep(1.15 - distance) * np.float32(0.3 if dark else 0.35)
    lay(planes, canvas.palette.at(0.3 if dark else 0.72), light)
    return planes


def _bands(canvas: Canvas, x: np.ndarray, dark: bool) -> list[_Band]:
    """Return the bands, those at the back first, coloured along the palette and back."""
    edges, turns = _edges(canvas, x)
    count = len(edges) - 1
    start, span = (0.28, 0.72) if dark else (0.0, 0.82)
    shift = canvas.between(0, 1)
    bands = []
    for i in sorted(range(count), key=lambda k: turns[k]):
        place = start + span * abs((2 * (i / count + shift)) % 2 - 1)
        colour = canvas.palette.at(place)
        bands.append(_Band(edges[i], edges[i + 1], colour, canvas.between(0.72, 0.95)))
    return bands


def _edges(canvas: Canvas, x: np.ndarray) -> tuple[list[np.ndarray], list[float]]:
    """Return the curves (in short sides) of a twisted sheaf and the depth of each band."""
    count = int(canvas.chance.randint(9, 15))
    half = max(float(x[-1]), 0.5)
    slope = canvas.between(-0.42, 0.42) / max(half, 0.8)
    middle = canvas.between(-0.12, 0.12) + slope * x + 0.16 * wave(canvas, x / half, (0.35, 0.8))
    radius = 0.36 + 0.15 * wave(canvas, x / half, (0.3, 0.6))
    twist = canvas.between(1.2, 2.6) * canvas.one_of((-1, 1))
    phase = canvas.between(0, 2 * np.pi)
    sweep = canvas.between(0.75, 1.25) * np.pi
    bend = 0.35 * wave(canvas, x / half, (0.5, 0.9))
    edges, turns = [], []
    for i in range(count + 1):
        angle = phase + sweep * i / count + twist * x / (half * 2) * np.pi * 0.5 + bend
        edges.append((middle + radius * np.sin(angle)).astype(np.float32))
        turns.append(float(np.cos(angle).mean()))
    return edges, turns


def _lay_band(planes: np.ndarray, y: np.ndarray, pixel: float, band: _Band, dark: bool) -> None:
    """Lay one band on the rows y; the fading side reaches beyond the band's other curve."""
    gap = np.abs(band.other - band.edge)
    reach = 1.9 * gap + np.float32(1e-3)
    side = np.where(band.other >= band.edge, 1, -1).astype(np.float32)
    end = band.edge + side * reach
    top = int(np.searchsorted(y, float(min(band.edge.min(), end.min())) - pixel))
    low = int(np.searchsorted(y, float(max(band.edge.max(), end.max())) + pixel))
    if low <= top:
        return
    rows = planes[:, top:low]
    slope = np.gradient(band.edge) / np.float32(pixel)
    inside = (y[top:low, None] - band.edge) * side
    fade = np.clip(1 - inside / reach, 0, 1)
    fade *= fade
    cover = inside * (np.float32(0.8 / pixel) / np.sqrt(1 + slope * slope))
    cover += 0.5
    np.clip(cover, 0, 1, out=cover)
    cover *= fade
    light = np.minimum(band.strength * (1 + 0.25 * np.exp(-gap / 0.04)), 1).astype(np.float32)
    lay(rows, band.colour, cover * light)
    fade *= fade
    cover *= fade
    rows[0] += cover * np.float32(0.10 if dark else 0.05)
