"""Paper-cut: sheets of paper laid one over another, each with a soft shadow behind its edge."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from providers.backends.studio.canvas import Art, Canvas
from providers.backends.studio.colour import chroma
from providers.backends.studio.families.paper_hollow import draw_hollow
from providers.backends.studio.fields import flat, grid, lay, painted, smoothstep, wave

_SCENES = ("hills", "hills", "peaks", "dunes", "hollow")
_BLUR = 0.03  # of the short side: how softly a shadow ends
_WORDS = {"hills": "hills", "peaks": "mountains", "dunes": "dunes"}


@dataclass(frozen=True)
class _Light:
    """Where the sun stands (in short sides) and how the sheets are lit."""

    x: float
    y: float
    radius: float
    night: bool


@dataclass(frozen=True)
class _Sheet:
    """One sheet: upper edge and shadow's edge (in short sides), and what shades it by column."""

    ridge: np.ndarray
    shadow: np.ndarray
    steep: np.ndarray
    lit: np.ndarray
    colour: np.ndarray


def draw(canvas: Canvas) -> Art:
    """Draw a landscape, or an opening, out of layered paper."""
    scene = canvas.one_of(_SCENES)
    return draw_hollow(canvas) if scene == "hollow" else _layers(canvas, scene)


def _layers(canvas: Canvas, scene: str) -> Art:
    x, _ = grid(*canvas.size)
    tall = canvas.height / canvas.unit
    count = int(canvas.chance.randint(5, 8))
    ridges = _ridges(canvas, x[0], tall, scene, count)
    light = _placed_light(canvas, x[0], tall, np.min(ridges, axis=0))
    stars = _stars(canvas) if light.night else []
    sheets = [_sheet(canvas, ridge, i / (count - 1), light) for i, ridge in enumerate(ridges)]

    def paint(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        planes = _sky(canvas, x, y, light)
        for star in stars:
            _lay_star(canvas, planes, x, y, star)
        _lay_disc(canvas, planes, x, y, light)
        for sheet in sheets:
            _lay_sheet(canvas, planes, y[:, 0], sheet, light)
        return planes

    height = "low" if light.y > -0.2 * tall else "high"
    subject = f"Layered paper {_WORDS[scene]} under a {height} {'moon' if light.night else 'sun'}"
    return Art(Image.fromarray(painted(canvas, paint)), subject)


def _placed_light(canvas: Canvas, x: np.ndarray, tall: float, skyline: np.ndarray) -> _Light:
    """Return a sun or moon that stands on or over the skyline, never lost behind it."""
    radius = canvas.between(0.085, 0.19)
    across = canvas.between(-0.82, 0.82) * float(x[-1])
    edge = float(skyline[int(np.searchsorted(x, across))])
    height = max(edge - radius * canvas.between(-0.25, 1.7), -0.5 * tall + radius * 0.8)
    return _Light(across, min(height, edge + 0.3 * radius), radius, canvas.coin(0.42))


def _sky(canvas: Canvas, x, y, light: _Light) -> np.ndarray:
    """Return the planes of a sky that brightens towards the horizon and around the sun."""
    planes = flat(canvas.palette.at(0.0 if light.night else 1.0), x, y)
    lower = smoothstep((y * np.float32(canvas.unit / canvas.height) + 0.5) * 1.3)
    glow = canvas.palette.at(0.3 if light.night else 0.78)
    lay(planes, glow, lower * 0.5 if light.night else (1 - lower) * np.float32(0.75))
    halo = np.exp((_apart(x, y, light) / np.float32(light.radius * 4)) ** 2 * -1)
    lay(planes, canvas.palette.light, halo * np.float32(0.2 if light.night else 0.45))
    return planes


def _apart(x, y, light: _Light) -> np.ndarray:
    """Return the distance of each point from the middle of the sun."""
    return np.sqrt((x - np.float32(light.x)) ** 2 + (y - np.float32(light.y)) ** 2)


def _lay_disc(canvas: Canvas, planes, x, y, light: _Light) -> None:
    """Lay the sun or the moon."""
    if abs(float(y.mean()) - light.y) > light.radius + y.size / canvas.unit:
        return
    colour = canvas.palette.at(0.97) if light.night else _sun_colour(canvas)
    disc = np.clip((light.radius - _apart(x, y, light)) * canvas.unit + 0.5, 0, 1)
    lay(planes, colour, disc * np.float32(0.96))


def _sun_colour(canvas: Canvas) -> np.ndarray:
    """Return the most vivid swatch that stands out against a light sky."""
    sky = canvas.palette.at(0.9)
    apart = [s for s in canvas.palette.swatches[1:-1] if np.linalg.norm(s - sky) > 0.14]
    return max(apart, key=lambda s: float(chroma(s)), default=canvas.palette.at(0.6))


def _stars(canvas: Canvas) -> list[tuple[float, float, float]]:
    """Return x, y (in short sides) and brightness of a few stars over the upper part."""
    wide, tall = canvas.width / canvas.unit / 2, canvas.height / canvas.unit / 2
    count = int(26 * max(canvas.aspect, 1 / canvas.aspect))
    return [
        (canvas.between(-wide, wide), canvas.between(-tall, 0.1 * tall), canvas.between(0.3, 0.9))
        for _ in range(count)
    ]


def _lay_star(canvas: Canvas, planes, x, y, star: tuple[float, float, float]) -> None:
    """Lay one small round star where it falls into these rows."""
    cx, cy, bright = star
    radius = max(0.8 / canvas.unit, 0.0022)
    reach = radius + 1 / canvas.unit
    rows = slice(*np.searchsorted(y[:, 0], (cy - reach, cy + reach)))
    columns = slice(*np.searchsorted(x[0], (cx - reach, cx + reach)))
    distance = np.hypot(x[:, columns] - cx, y[rows] - cy)
    disc = np.clip((radius - distance) * canvas.unit + 0.5, 0, 1)
    lay(
        planes[:, rows, columns], canvas.palette.light, disc.astype(np.float32) * np.float32(bright)
    )


def _ridges(canvas: Canvas, x, tall: float, scene: str, count: int) -> list[np.ndarray]:
    """Return the upper edge of each sheet in short sides, the farthest first."""
    top, low = canvas.between(-0.16, 0.06) * tall, canvas.between(0.34, 0.42) * tall
    half = max(float(x[-1]), 0.75)
    ridges = []
    lean = canvas.between(-0.16, 0.16)
    for i in range(count):
        t = i / (count - 1)
        base = top + (low - top) * t**0.92
        lean_here = lean * (1 - 2 * (i % 2)) * (1 - 0.4 * t)
        height = canvas.between(0.08, 0.14) * (1.15 - 0.45 * t) * min(1.25, tall)
        if scene == "peaks":
            shape = _peaks(canvas, x)
        elif scene == "dunes":
            shape = _crests(canvas, x, t)
        else:
            shape = wave(canvas, x, (0.45, 0.95, 1.9), 0.5)
        ridges.append((base + lean_here * x / half - height * shape).astype(np.float32))
    return ridges


def _peaks(canvas: Canvas, x: np.ndarray) -> np.ndarray:
    """A mountain line: straight slopes between random heights, roughened twice."""
    out = np.zeros_like(x)
    for spacing, size in ((canvas.between(0.36, 0.6), 1.2), (0.15, 0.3), (0.055, 0.06)):
        start = float(x[0]) - spacing * canvas.between(1.5, 3.5)
        knots = np.arange(start, float(x[-1]) + 2 * spacing, spacing)
        knots = knots + canvas.chance.uniform(-0.3, 0.3, knots.size) * spacing
        heights = canvas.chance.uniform(0.1, 1.0, knots.size) * (np.arange(knots.size) % 2 * 2 - 1)
        out += np.interp(x, knots, heights).astype(np.float32) * np.float32(size)
    return out


def _crests(canvas: Canvas, x: np.ndarray, near: float) -> np.ndarray:
    """Sand: long hollows and pointed crests, longer the nearer they are."""
    length = canvas.between(0.6, 1.0) * (0.8 + 0.7 * near)
    sway = 0.35 * wave(canvas, x, (0.4, 0.9))
    phase = x / length + canvas.between(0, 1) + sway
    scallop = 1 - np.abs(np.sin(np.pi * phase))
    return scallop * 1.7 - 0.6 + 0.4 * wave(canvas, x, (0.35, 0.7))


def _sheet(canvas: Canvas, ridge: np.ndarray, near: float, light: _Light) -> _Sheet:
    """Return a sheet of paper: its colour by distance, its shadow on the side away from the sun."""
    x, _ = grid(*canvas.size)
    place = 0.14 + 0.86 * near if light.night else 0.84 - 0.84 * near**0.9
    shift = np.sign(light.x) * 0.02
    shadow = np.interp(x[0] + shift, x[0], ridge).astype(np.float32) - np.float32(0.012)
    slope = np.gradient(ridge) * canvas.unit
    steep = (1 / np.sqrt(1 + slope * slope)).astype(np.float32)
    lit = np.exp(-(((x[0] - light.x) / 0.9) ** 2)).astype(np.float32) * np.float32(0.06)
    return _Sheet(ridge, shadow, steep, lit, canvas.palette.at(place))


def _lay_sheet(canvas: Canvas, planes: np.ndarray, y: np.ndarray, sheet: _Sheet, light) -> None:
    """Lay one sheet on the rows y: its shadow on what lies behind, then the paper."""
    highest = min(float(sheet.ridge.min()), float(sheet.shadow.min()) - _BLUR)
    top = max(0, int(np.searchsorted(y, highest)) - 1)
    rows, here = planes[:, top:], y[top:, None]
    if not here.size:
        return
    shade = smoothstep((here - (sheet.shadow - np.float32(_BLUR))) * np.float32(0.5 / _BLUR))
    rows *= 1 - shade * np.float32(0.42 if light.night else 0.32)
    depth = (here - sheet.ridge) * sheet.steep
    cover = np.clip(depth * np.float32(canvas.unit) + 0.5, 0, 1)
    lay(rows, sheet.colour, cover)
    np.maximum(depth, 0, out=depth)
    glow = np.exp(depth * np.float32(-1 / 0.16)) * sheet.lit
    glow += np.exp(depth * np.float32(-1 / 0.0035)) * np.float32(0.05)
    rows[0] += cover * glow
