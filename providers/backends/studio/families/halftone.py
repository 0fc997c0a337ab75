"""Halftone: one or two inks printed as turned lattices of dots over a lit shape."""

import numpy as np
from PIL import Image

from providers.backends.studio.canvas import Art, Canvas
from providers.backends.studio.colour import chroma, planes_to_bytes
from providers.backends.studio.fields import (
    enlarge,
    field_size,
    grid,
    landscape,
    smoothstep,
    spread,
    wave,
)

_BLOCK_ROWS = 64
_WORDS = {
    "spheres": "lit spheres",
    "ridges": "misty ridges under a round sun",
    "swell": "long folds",
}


def draw(canvas: Canvas) -> Art:
    """Print one motif in dots."""
    motif = canvas.one_of(("spheres", "spheres", "ridges", "ridges", "swell"))
    dark = canvas.coin(0.45)
    tones = _tones(canvas, motif, dark)
    ground, first, second = _inks(canvas, dark)
    pitch = canvas.unit / canvas.between(30, 52)
    angle = canvas.between(0.15, 0.6) * np.pi
    layers = [(tones[1], second, angle + np.pi / 6), (tones[0], first, angle)]
    image = _printed(canvas, ground, layers, pitch)
    return Art(
        image, f"Halftone dots forming {_WORDS[motif]} on a {'dark' if dark else 'pale'} ground"
    )


def _inks(canvas: Canvas, dark: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return paper, main ink (far from the paper) and second ink (the vivid one)."""
    swatches = list(canvas.palette.swatches)
    if dark:
        swatches.reverse()
    inner = swatches[1:-1]
    second = max(inner, key=lambda s: float(chroma(s)) + canvas.between(0, 0.12))
    rest = [s for s in swatches[:3] if s is not second]
    return swatches[-1], canvas.one_of(rest[:2]), second


def _tones(canvas: Canvas, motif: str, dark: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return how much of the main and the second ink is wanted where, 0 … 1, reduced."""
    x, y = grid(*field_size(canvas))
    if motif == "spheres":
        return _spheres(canvas, x, y, dark)
    if motif == "ridges":
        return _ridges(canvas, x, y)
    return _swell(canvas, x, y)


def _spheres(canvas: Canvas, x, y, dark: bool) -> tuple[np.ndarray, np.ndarray]:
    """One large and one or two small globes, lit from one side, before a fading sky."""
    wide, tall = float(x[0, -1]), float(y[-1, 0])
    light = canvas.between(0.1, 0.9) * np.pi
    lx, ly = np.cos(light) * 0.75, -np.sin(light) * 0.75
    sky = smoothstep(0.5 + (x * lx / max(wide, 0.5) + y * ly / max(tall, 0.5)) * 0.5)
    tone = (sky * np.float32(canvas.between(0.1, 0.42))).astype(np.float32)
    tint = ((1 - sky) * np.float32(canvas.between(0.2, 0.55))).astype(np.float32)
    for cx, cy, radius in _globes(canvas, wide, tall):
        dx, dy = (x - cx) / radius, (y - cy) / radius
        inside = np.clip((1 - np.sqrt(dx * dx + dy * dy)) * radius / 0.012 + 0.5, 0, 1)
        depth = np.sqrt(np.clip(1 - dx * dx - dy * dy, 0, 1))
        lit = smoothstep(dx * lx + dy * ly + depth * 0.62)
        # On dark paper the ink is light: it goes where the light falls.
        wanted = lit if dark else 1 - lit
        tone += (wanted * np.float32(0.98) - tone) * inside
        tint += (np.float32(1.9) * lit * (1 - lit) - tint) * inside
    return tone, tint


def _globes(canvas: Canvas, wide: float, tall: float) -> list[tuple[float, float, float]]:
    """Return centre and radius of a few small globes and, last, of the large one."""
    side = canvas.one_of((-1, 1))
    globes = []
    for _ in range(int(canvas.chance.randint(1, 3))):
        place = -side * canvas.between(0.1, 0.85) * wide, canvas.between(-0.7, 0.7) * tall
        globes.append((*place, canvas.between(0.07, 0.17)))
    place = canvas.between(0.05, 0.65) * side * wide, canvas.between(-0.4, 0.4) * tall
    return [*globes, (*place, canvas.between(0.27, 0.46))]


def _ridges(canvas: Canvas, x, y) -> tuple[np.ndarray, np.ndarray]:
    """Ridges in the main ink that dissolve downwards into mist; a sun in the second ink."""
    wide, tall = float(x[0, -1]), float(y[-1, 0])
    edges = _skylines(canvas, x, wide, tall)
    radius = canvas.between(0.14, 0.27)
    across = canvas.between(-0.75, 0.75) * wide
    skyline = float(np.min(edges, axis=0)[0, int(np.searchsorted(x[0], across))])
    up = max(skyline - radius * canvas.between(-0.2, 1.5), -tall + radius * 0.7)
    up = min(up, skyline + 0.25 * radius)
    distance = np.sqrt((x - np.float32(across)) ** 2 + (y - np.float32(up)) ** 2)
    tint = np.clip((radius - distance) / 0.012 + 0.5, 0, 1)
    tint = np.maximum(tint, smoothstep(0.9 - distance * 0.9) * np.float32(0.3))
    tone = np.zeros_like(tint)
    for edge in edges:
        depth = y - edge
        inside = np.clip(depth / 0.012 + 0.5, 0, 1)
        mist = 0.12 + 0.83 * np.exp(-np.maximum(depth, 0) / canvas.between(0.1, 0.2))
        tone += (mist.astype(np.float32) - tone) * inside
        tint *= 1 - inside
    return tone, tint


def _skylines(canvas: Canvas, x, wide: float, tall: float) -> list[np.ndarray]:
    """Return the upper edges of three to five ridges, the farthest first."""
    count = int(canvas.chance.randint(3, 6))
    start = canvas.between(-0.3, 0.15) * tall
    edges = []
    for i in range(count):
        base = start + (0.85 * tall - start) * i / (count - 1)
        lean = canvas.between(-0.2, 0.2) * x / max(wide, 0.5)
        edges.append(base + lean - canvas.between(0.12, 0.2) * wave(canvas, x, (0.4, 0.9, 1.8)))
    return edges


def _swell(canvas: Canvas, x, y) -> tuple[np.ndarray, np.ndarray]:
    """Long bent waves that fade towards one corner."""
    angle = canvas.between(-0.6, 0.6) + (np.pi / 2 if canvas.coin(0.4) else 0)
    along = x * np.cos(angle) + y * np.sin(angle)
    across = y * np.cos(angle) - x * np.sin(angle)
    bend = landscape(canvas, canvas.between(0.4, 0.7), 0.2) - 0.5
    phase = across * canvas.between(1.1, 2.2) + bend * 0.9 + canvas.between(0, 1)
    crest = 0.5 + 0.5 * np.sin(2 * np.pi * phase)
    fade = spread(along + 0.4 * bend)
    tone = (crest**1.6) * np.clip(fade * 1.2, 0, 1)
    tint = ((1 - crest) ** 1.3) * np.clip(1.1 - fade, 0, 1) * 0.8
    return tone.astype(np.float32), tint.astype(np.float32)


def _printed(canvas: Canvas, ground, layers, pitch: float) -> Image.Image:
    """Print the layers of dots block by block."""
    width, height = canvas.size
    prepared = [(_radius_map(canvas, tone), ink, angle) for tone, ink, angle in layers]
    x = np.arange(width, dtype=np.float32)[None, :] + 0.5
    rgb = np.empty((height, width, 3), dtype=np.uint8)
    for top in range(0, height, _BLOCK_ROWS):
        part = slice(top, min(top + _BLOCK_ROWS, height))
        y = np.arange(part.start, part.stop, dtype=np.float32)[:, None] + 0.5
        planes = np.empty((3, y.size, width), dtype=np.float32)
        planes[:] = ground[:, None, None]
        for radius, ink, angle in prepared:
            cover = _dots(x, y, radius[part], pitch, angle)
            for plane, value in zip(planes, ink, strict=True):
                plane += (value - plane) * cover
        rgb[part] = planes_to_bytes(planes)
    return Image.fromarray(rgb)


def _radius_map(canvas: Canvas, tone: np.ndarray) -> np.ndarray:
    """Return the dot radius (in pitches) for a tone, so that ink covers that share."""
    big = enlarge(tone, canvas.size)
    return np.sqrt(np.clip(big, 0, 1)) * np.float32(0.69) - np.float32(0.06)


def _dots(x, y, radius: np.ndarray, pitch: float, angle: float) -> np.ndarray:
    """Return the cover of a lattice of dots whose radius changes from place to place."""
    cos, sin = np.float32(np.cos(angle) / pitch), np.float32(np.sin(angle) / pitch)
    u, v = x * cos + y * sin, y * cos - x * sin
    u -= np.round(u)
    v -= np.round(v)
    u *= u
    v *= v
    u += v
    distance = np.sqrt(u, out=u)
    cover = (radius - distance) * np.float32(pitch) + 0.5
    cover *= radius > 0.03
    return np.clip(cover, 0, 1, out=cover)
