"""Sheets of paper with a hole in each, smaller and smaller: a view into a paper cave."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from ..canvas import Art, Canvas
from ..fields import flat, lay, painted

_DIRECTIONS = 1440
_SHADOW = 0.055  # of the short side


@dataclass(frozen=True)
class _Shape:
    """The middle of the cave, how it is stretched, and where its light falls from."""

    x: float
    y: float
    lean: float
    stretch: float
    light: float


def draw_hollow(canvas: Canvas) -> Art:
    """Draw a paper cave around a point somewhere off the middle."""
    wide, tall = canvas.width / canvas.unit / 2, canvas.height / canvas.unit / 2
    shape = _Shape(
        x=canvas.between(-0.85, 0.85) * wide,
        y=canvas.between(-0.75, 0.75) * tall,
        lean=canvas.between(0, np.pi),
        stretch=canvas.between(0.5, 1.0),
        light=canvas.between(-1, 1),
    )
    bright = canvas.coin()
    count = int(canvas.chance.randint(6, 9))
    radii = _radii(canvas, count, max(wide, tall))
    steps = [(i + 1) / count for i in range(count)]
    colours = [canvas.palette.at(0.96 - 0.96 * t if bright else 0.04 + 0.94 * t) for t in steps]

    def paint(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return _cave(canvas, x, y, shape, radii, colours, bright)

    where = "bright" if bright else "dark"
    image = Image.fromarray(painted(canvas, paint))
    return Art(image, f"Layered paper cut-outs around a {where} hollow")


def _cave(canvas: Canvas, x, y, shape: _Shape, radii, colours, bright: bool) -> np.ndarray:
    """Return the planes for these rows: the bottom of the cave, then sheet upon sheet."""
    dx, dy = x - np.float32(shape.x), y - np.float32(shape.y)
    cos, sin = np.float32(np.cos(shape.lean)), np.float32(np.sin(shape.lean))
    along, across = dx * cos + dy * sin, dy * cos - dx * sin
    distance = np.hypot(along * np.float32(shape.stretch), across)
    turn = np.arctan2(dy, dx) + np.float32(np.pi)
    turn = (turn * np.float32((_DIRECTIONS - 1) / (2 * np.pi))).astype(np.int16)
    planes = flat(canvas.palette.at(1.0 if bright else 0.0), x, y)
    lay(planes, canvas.palette.accent, np.exp((distance / np.float32(0.3)) ** 2 * -1) * 0.55)
    towards = (dx * np.float32(shape.light) + dy) / (distance + np.float32(0.05))
    strength = np.float32(0.28) - towards * np.float32(0.12)
    for radius, colour in zip(radii, colours, strict=True):
        _lay_sheet(planes, distance - radius[turn], colour, strength, canvas.unit)
    return planes


def _lay_sheet(planes: np.ndarray, depth: np.ndarray, colour, strength, unit: int) -> None:
    """Lay one sheet where depth (short sides from the edge of its hole) is positive."""
    shade = np.clip(1 + depth * np.float32(1 / _SHADOW), 0, 1)
    shade *= shade
    planes *= 1 - shade * strength
    cover = np.clip(depth * np.float32(unit * 0.9) + 0.5, 0, 1)
    lay(planes, colour, cover)
    np.maximum(depth, 0, out=depth)
    planes[0] += cover * np.exp(depth * np.float32(-1 / 0.0035)) * np.float32(0.05)


def _radii(canvas: Canvas, count: int, far: float) -> list[np.ndarray]:
    """Return, per sheet, the radius of its hole for _DIRECTIONS directions, the smallest first."""
    angle = np.linspace(0, 2 * np.pi, _DIRECTIONS, dtype=np.float32)
    inner, outer = canvas.between(0.12, 0.2), far * canvas.between(0.95, 1.2)
    shape, radii = np.zeros_like(angle), []
    for lobes in (2, 3, 5):
        shape += np.sin(lobes * angle + canvas.between(0, 6.3)) / np.float32(lobes**0.8)
    for i in range(count):
        own = np.zeros_like(angle)
        for lobes in (2, 3, 4, 7):
            own += np.sin(lobes * angle + canvas.between(0, 6.3)) / np.float32(lobes)
        base = inner + (outer - inner) * (i / count) ** 1.15
        radii.append((base * (1 + 0.16 * shape + 0.13 * own)).astype(np.float32))
    return radii
