"""Sheets of paper with holes in them, smaller and smaller: a view into a paper cave."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from providers.backends.studio.canvas import Art, Canvas
from providers.backends.studio.fields import flat, lay, painted

_DIRECTIONS = 1440
_SHADOW = 0.055  # of the short side
_MEETING = 0.12  # of the short side: how softly two hollows grow together


@dataclass(frozen=True)
class _Hole:
    """The middle of one hollow (in short sides), its stretch, and a radius per sheet."""

    x: float
    y: float
    lean: float
    stretch: float
    radii: list[np.ndarray]


def draw_hollow(canvas: Canvas) -> Art:
    """Draw sheets of paper around one hollow, or around two that grow together."""
    count = int(canvas.chance.randint(6, 9))
    holes = _holes(canvas, count)
    colours = _colours(canvas, count + 1)
    light = canvas.between(-1, 1)

    def paint(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return _cave(canvas, x, y, holes, colours, light)

    what = "a hollow" if len(holes) == 1 else "two hollows"
    image = Image.fromarray(painted(canvas, paint))
    return Art(image, f"Layered paper cut-outs around {what}")


def _holes(canvas: Canvas, count: int) -> list[_Hole]:
    """Return one hollow off the middle, or two on opposite sides."""
    wide, tall = canvas.width / canvas.unit / 2, canvas.height / canvas.unit / 2
    side = canvas.one_of((-1, 1))
    places = [(canvas.between(-0.85, 0.85) * wide, canvas.between(-0.75, 0.75) * tall)]
    if canvas.coin(0.55):
        first, second = canvas.between(0.25, 0.9), canvas.between(0.35, 0.95)
        places = [
            (side * first * wide, canvas.between(-0.8, 0.8) * tall),
            (-side * second * wide, canvas.between(-0.8, 0.8) * tall),
        ]
    far = max(wide, tall) * (1.0 if len(places) == 1 else 0.75)
    return [
        _Hole(
            x,
            y,
            canvas.between(0, np.pi),
            canvas.between(0.5, 1.0),
            _radii(canvas, count, far * canvas.between(0.8, 1.2)),
        )
        for x, y in places
    ]


def _colours(canvas: Canvas, count: int) -> list[np.ndarray]:
    """Return colours that run along the palette and, past its end, back again."""
    start, length = canvas.between(0, 2), canvas.between(0.85, 1.3) * canvas.one_of((-1, 1))
    places = [abs((start + length * i / (count - 1)) % 2 - 1) for i in range(count)]
    return [canvas.palette.at(p) for p in places]


def _cave(canvas: Canvas, x, y, holes: list[_Hole], colours, light: float) -> np.ndarray:
    """Return the planes for these rows: the bottom of the hollow, then sheet upon sheet."""
    views = [_seen_from(hole, x, y) for hole in holes]
    planes = flat(colours[0], x, y)
    dx, dy = x - np.float32(holes[0].x), y - np.float32(holes[0].y)
    towards = (dx * np.float32(light) + dy) / (views[0][0] + np.float32(0.05))
    strength = np.float32(0.28) - np.clip(towards, -1.4, 1.4) * np.float32(0.12)
    for i, colour in enumerate(colours[1:]):
        depths = [
            distance - hole.radii[i][turn]
            for hole, (distance, turn) in zip(holes, views, strict=True)
        ]
        depth = depths[0] if len(depths) == 1 else _merged(*depths)
        _lay_sheet(planes, depth, colour, strength, canvas.unit)
    return planes


def _seen_from(hole: _Hole, x, y) -> tuple[np.ndarray, np.ndarray]:
    """Return the stretched distance and the direction (as an index) from a hollow's middle."""
    dx, dy = x - np.float32(hole.x), y - np.float32(hole.y)
    cos, sin = np.float32(np.cos(hole.lean)), np.float32(np.sin(hole.lean))
    along, across = dx * cos + dy * sin, dy * cos - dx * sin
    turn = np.arctan2(dy, dx) + np.float32(np.pi)
    index = (turn * np.float32((_DIRECTIONS - 1) / (2 * np.pi))).astype(np.int16)
    return np.hypot(along * np.float32(hole.stretch), across), index


def _merged(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the smaller of two depths, rounded where they meet."""
    share = np.clip(0.5 + (other - one) * np.float32(0.5 / _MEETING), 0, 1)
    return other + (one - other) * share - np.float32(_MEETING) * share * (1 - share)


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
    """Return, per sheet, the radius of its hole for each direction, the smallest first."""
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
