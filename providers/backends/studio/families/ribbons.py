"""Ribbons: a sheaf of silk bands, twisted along a drifting curve, crisp on one edge."""

import numpy as np
from PIL import Image

from ..canvas import Art, Canvas
from ..fields import finish, flat, grid, lay, smoothstep, wave

_WORKING_UNIT = 1100


def draw(canvas: Canvas) -> Art:
    """Draw silk ribbons across the canvas."""
    upright = canvas.coin(0.15 if canvas.aspect > 1.2 else 0.5)
    full = canvas.size[::-1] if upright else canvas.size
    scale = min(1.0, _WORKING_UNIT / canvas.unit)
    width, height = (max(8, round(s * scale)) for s in full)
    planes, dark = _paint(canvas, width, height)
    if upright:
        planes = planes.transpose(0, 2, 1)
    if canvas.coin():
        planes = planes[:, :, ::-1]
    image = finish(canvas, planes)
    if image.size != canvas.size:
        image = image.resize(canvas.size, Image.Resampling.BICUBIC)
    way, tone = "rising" if upright else "drifting", "dark" if dark else "pale"
    return Art(image, f"Silky ribbons {way} across a {tone} ground")


def _paint(canvas: Canvas, width: int, height: int) -> tuple[np.ndarray, bool]:
    """Return the OKLab planes and whether the ground is dark."""
    dark = canvas.coin(0.6)
    x, y = grid(width, height)
    planes = _ground(canvas, x, y, dark)
    edges, turns = _edges(canvas, x[0], width / height)
    count = len(edges) - 1
    start, span = (0.28, 0.72) if dark else (0.0, 0.82)
    shift = canvas.between(0, 1)
    for i in sorted(range(count), key=lambda k: turns[k]):
        place = start + span * abs((2 * (i / count + shift)) % 2 - 1)
        colour = canvas.palette.at(place)
        _band(planes, y[:, 0], edges[i], edges[i + 1], colour, dark, canvas.between(0.72, 0.95))
    return planes, dark


def _ground(canvas: Canvas, x, y, dark: bool) -> np.ndarray:
    """A quiet ground with one wide glow that says where the light comes from."""
    planes = flat(canvas.palette.at(0.0 if dark else 1.0), y.size, x.size)
    glow = canvas.palette.at(0.3 if dark else 0.72)
    cx = canvas.between(-1, 1) * x[0, -1]
    cy = canvas.between(-0.5, 0.5)
    distance = np.sqrt((x - cx) ** 2 * 0.6 + (y - cy) ** 2)
    lay(planes, glow, smoothstep(1.15 - distance) * np.float32(0.3 if dark else 0.35))
    return planes


def _edges(canvas: Canvas, x: np.ndarray, aspect: float) -> tuple[list[np.ndarray], list[float]]:
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


def _band(planes, y, edge, other, colour, dark: bool, strength: float) -> None:
    """Lay one band between two curves: crisp at `edge`, fading out beyond `other`."""
    gap = np.abs(other - edge)
    reach = 1.9 * gap + 1e-3
    side = np.where(other >= edge, 1.0, -1.0).astype(np.float32)
    pixel = float(y[1] - y[0])
    top = int(np.searchsorted(y, float(np.minimum(edge, edge + side * reach).min()))) - 1
    end = int(np.searchsorted(y, float(np.maximum(edge, edge + side * reach).max()))) + 1
    top = max(top, 0)
    if end <= top:
        return
    rows = planes[:, top:end]
    slope = np.gradient(edge) / pixel
    inside = (y[top:end, None] - edge) * side
    fade = np.clip(1 - inside / reach, 0, 1)
    fade *= fade
    cover = inside * (0.8 / pixel / np.sqrt(1 + slope * slope))
    cover += 0.5
    np.clip(cover, 0, 1, out=cover)
    cover *= fade
    light = np.minimum(strength * (1 + 0.25 * np.exp(-gap / 0.04)), 1).astype(np.float32)
    lay(rows, colour, cover * light)
    fade *= fade
    cover *= fade
    rows[0] += cover * np.float32(0.10 if dark else 0.05)
