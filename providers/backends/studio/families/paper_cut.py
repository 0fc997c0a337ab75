"""Paper-cut: sheets of paper laid one over another, each with a soft shadow behind its edge."""

from dataclasses import dataclass

import numpy as np

from ..canvas import Art, Canvas
from ..colour import chroma
from ..fields import finish, flat, grid, lay, smoothstep, wave

_SCENES = ("hills", "hills", "peaks", "dunes", "hollow")
_WORDS = {"hills": "hills", "peaks": "mountains", "dunes": "dunes"}


@dataclass(frozen=True)
class _Light:
    """Where the sun stands (in short sides) and how the sheets are lit."""

    x: float
    y: float
    radius: float
    night: bool


def draw(canvas: Canvas) -> Art:
    """Draw a landscape, or an opening, out of layered paper."""
    scene = canvas.one_of(_SCENES)
    return _hollow(canvas) if scene == "hollow" else _layers(canvas, scene)


def _layers(canvas: Canvas, scene: str) -> Art:
    x, y = grid(*canvas.size)
    tall = canvas.height / canvas.unit
    count = int(canvas.chance.randint(5, 8))
    ridges = _ridges(canvas, x[0], tall, scene, count)
    light = _placed_light(canvas, x[0], tall, np.min(ridges, axis=0))
    planes = _sky(canvas, x, y, light)
    shift = int(np.sign(light.x) * -0.02 * canvas.unit)
    for i, ridge in enumerate(ridges):
        t = i / (count - 1)
        place = 0.14 + 0.86 * t if light.night else 0.84 - 0.84 * t**0.9
        after = ridges[i + 1] if i + 1 < count else None
        _sheet(canvas, planes, (x[0], y[:, 0]), ridge, after, place, light, shift)
    height = "low" if light.y > -0.2 * tall else "high"
    body = "moon" if light.night else "sun"
    return Art(
        finish(canvas, planes, 0.012), f"Layered paper {_WORDS[scene]} under a {height} {body}"
    )


def _placed_light(canvas: Canvas, x: np.ndarray, tall: float, skyline: np.ndarray) -> _Light:
    """Return a sun or moon that stands on or over the skyline, never lost behind it."""
    radius = canvas.between(0.085, 0.19)
    across = canvas.between(-0.82, 0.82) * float(x[-1])
    edge = float(skyline[int(np.searchsorted(x, across))])
    height = max(edge - radius * canvas.between(-0.25, 1.7), -0.5 * tall + radius * 0.8)
    return _Light(across, min(height, edge + 0.3 * radius), radius, canvas.coin(0.42))


def _sky(canvas: Canvas, x, y, light: _Light) -> np.ndarray:
    """Return the planes of a sky that brightens towards the horizon and around the sun."""
    planes = flat(canvas.palette.at(0.0 if light.night else 1.0), y.size, x.size)
    distance = np.sqrt((x - light.x) ** 2 + (y - light.y) ** 2)
    lower = smoothstep((y - y[0]) / (y[-1] - y[0]) * 1.3)
    glow = canvas.palette.at(0.3 if light.night else 0.78)
    lay(planes, glow, lower * 0.5 if light.night else (1 - lower) * np.float32(0.75))
    halo = np.exp(-((distance / (light.radius * 4)) ** 2))
    lay(planes, canvas.palette.light, halo * np.float32(0.2 if light.night else 0.45))
    if light.night:
        _stars(canvas, planes)
    disc = np.clip((light.radius - distance) * canvas.unit + 0.5, 0, 1)
    colour = canvas.palette.at(0.97) if light.night else _sun_colour(canvas)
    lay(planes, colour, disc * np.float32(0.96))
    return planes


def _sun_colour(canvas: Canvas) -> np.ndarray:
    """Return the most vivid swatch that stands out against a light sky."""
    sky = canvas.palette.at(0.9)
    apart = [s for s in canvas.palette.swatches[1:-1] if np.linalg.norm(s - sky) > 0.14]
    return max(apart, key=lambda s: float(chroma(s)), default=canvas.palette.at(0.6))


def _stars(canvas: Canvas, planes: np.ndarray) -> None:
    """Scatter a few small round stars over the upper part."""
    _, height, width = planes.shape
    radius = max(0.8, 0.0022 * canvas.unit)
    reach = int(np.ceil(radius)) + 1
    span = np.arange(-reach, reach + 1)
    disc = np.clip(radius - np.hypot(span[:, None], span[None, :]) + 0.5, 0, 1)
    for _ in range(int(26 * max(canvas.aspect, 1 / canvas.aspect))):
        cx = int(canvas.chance.randint(reach, width - reach))
        cy = int(canvas.chance.randint(reach, max(reach + 1, int(height * 0.55))))
        patch = planes[:, cy - reach : cy + reach + 1, cx - reach : cx + reach + 1]
        lay(patch, canvas.palette.light, disc * canvas.between(0.3, 0.9))


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


def _sheet(canvas, planes, axes, ridge, after, place, light: _Light, shift: int) -> None:
    """Lay one sheet of paper: its shadow on what lies behind, then the sheet."""
    x, y = axes
    unit, colour = canvas.unit, canvas.palette.at(place)
    blur = 0.03
    shadow = np.roll(ridge, shift) - 0.012
    if shift:
        edge = slice(0, shift) if shift > 0 else slice(shift, None)
        shadow[edge] = ridge[edge] - 0.012
    top = max(0, int(np.searchsorted(y, float(min(ridge.min(), shadow.min() - blur)))) - 1)
    end = y.size if after is None else int(np.searchsorted(y, float(after.max()))) + 2
    rows, here = planes[:, top:end], y[top:end, None]
    if not rows.size:
        return
    fade = smoothstep((here - (shadow - blur)) * np.float32(0.5 / blur))
    rows *= 1 - fade * np.float32(0.42 if light.night else 0.32)
    slope = np.gradient(ridge) * unit
    depth = (here - ridge) / np.sqrt(1 + slope * slope)
    cover = np.clip(depth * unit + 0.5, 0, 1)
    lay(rows, colour, cover)
    near_sun = np.exp(-(((x - light.x) / 0.9) ** 2)).astype(np.float32)
    lift = np.exp(np.minimum(-depth, 0) * np.float32(1 / 0.16))
    rim = np.exp(np.minimum(-depth, 0) * np.float32(1 / 0.0035))
    rows[0] += cover * (lift * (near_sun * np.float32(0.06)) + rim * np.float32(0.05))


def _hollow(canvas: Canvas) -> Art:
    """Sheets with a hole in each, smaller and smaller: a view into a paper cave."""
    x, y = grid(*canvas.size)
    wide, tall = float(x[0, -1]), float(y[-1, 0])
    dx = x - np.float32(canvas.between(-0.85, 0.85) * wide)
    dy = y - np.float32(canvas.between(-0.75, 0.75) * tall)
    lean = canvas.between(0, np.pi)
    along = dx * np.float32(np.cos(lean)) + dy * np.float32(np.sin(lean))
    across = dy * np.float32(np.cos(lean)) - dx * np.float32(np.sin(lean))
    distance = np.hypot(along * np.float32(canvas.between(0.5, 1.0)), across)
    angle = np.arctan2(dy, dx)
    turn = ((angle + np.float32(np.pi)) * np.float32(719 / (2 * np.pi))).astype(np.int16)
    inward = canvas.coin()
    count = int(canvas.chance.randint(6, 9))
    radii = _radii(canvas, count, max(wide, tall))
    planes = flat(canvas.palette.at(1.0 if inward else 0.0), y.size, x.size)
    glow = np.exp(-((distance / 0.3) ** 2))
    lay(planes, canvas.palette.accent, glow * np.float32(0.55))
    towards = (dx * np.float32(canvas.between(-1, 1)) + dy) / (distance + np.float32(0.05))
    for i, radius in enumerate(radii):
        t = (i + 1) / count
        place = 0.96 - 0.96 * t if inward else 0.04 + 0.94 * t
        depth = distance - radius[turn]
        fade = np.clip(1 + depth * np.float32(1 / 0.055), 0, 1)
        fade *= fade
        strength = np.float32(0.28) + towards * np.float32(-0.12)
        planes *= 1 - fade * strength
        cover = np.clip(depth * np.float32(canvas.unit * 0.9) + 0.5, 0, 1)
        lay(planes, canvas.palette.at(place), cover)
        rim = np.exp(np.minimum(-depth, 0) * np.float32(1 / 0.0035))
        planes[0] += cover * rim * np.float32(0.05)
    light = "bright" if inward else "dark"
    return Art(finish(canvas, planes, 0.014), f"Layered paper cut-outs around a {light} hollow")


def _radii(canvas: Canvas, count: int, far: float) -> list[np.ndarray]:
    """Return, per sheet, the radius of its hole for 720 directions, the smallest first."""
    angle = np.linspace(0, 2 * np.pi, 720, dtype=np.float32)
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
