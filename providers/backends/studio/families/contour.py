"""Contour map: stepped height bands, fine iso-lines, relief shading, a survey mark or a trail."""

import numpy as np
from PIL import Image, ImageDraw

from providers.backends.studio.canvas import Art, Canvas
from providers.backends.studio.colour import chroma, planes_to_bytes, to_bytes, to_oklab
from providers.backends.studio.fields import enlarge, field_size, grid, landscape, spread

_BLOCK_ROWS = 64


def draw(canvas: Canvas) -> Art:
    """Draw the map of a country that does not exist."""
    field = _heights(canvas)
    levels = int(canvas.chance.randint(15, 24))
    window = canvas.one_of(((0.0, 0.62), (0.15, 0.9), (0.42, 1.0), (0.05, 0.95), (0.7, 1.0)))
    if canvas.coin(0.3):
        window = window[::-1]
    image = _render(canvas, field, levels, window)
    marks = _marks(canvas, image)
    return Art(image, f"Contour map of an imaginary country{marks}")


def _heights(canvas: Canvas) -> np.ndarray:
    """A landscape with one large slope, so that no two maps share a shape."""
    field = landscape(canvas, canvas.between(0.95, 1.6), 0.15)
    x, y = grid(*field_size(canvas))
    angle = canvas.between(0, 2 * np.pi)
    slope = (x * np.cos(angle) + y * np.sin(angle)) * canvas.between(0.1, 0.4)
    return spread(field + slope.astype(np.float32))


def _render(canvas: Canvas, field: np.ndarray, levels: int, window) -> Image.Image:
    """Fill and line the map block by block: memory stays small at any size."""
    width, height = canvas.size
    scale = width / field.shape[1]
    big = enlarge(field, canvas.size)
    gy, gx = np.gradient(field)
    steep = enlarge(np.hypot(gx, gy) / scale, canvas.size)
    shade = enlarge(_relief(canvas, gx, gy), canvas.size)
    fills = canvas.palette.ramp(levels + 2, *window)
    line = _line_colour(canvas, fills)
    thin = max(0.9, canvas.unit * 0.0012)
    rgb = np.empty((height, width, 3), dtype=np.uint8)
    for top in range(0, height, _BLOCK_ROWS):
        part = slice(top, top + _BLOCK_ROWS)
        level = big[part] * levels + 0.5
        slope = np.maximum(steep[part] * levels, 1e-5)
        rgb[part] = _block(level, slope, shade[part], fills, line, thin, canvas.unit / 3)
    return Image.fromarray(rgb)


def _relief(canvas: Canvas, gx: np.ndarray, gy: np.ndarray) -> np.ndarray:
    """Light from one side: about -1 to 1."""
    angle = canvas.between(0, 2 * np.pi)
    lit = gx * np.cos(angle) + gy * np.sin(angle)
    return (lit / (np.abs(lit).max() + 1e-6)).astype(np.float32)


def _line_colour(canvas: Canvas, fills: np.ndarray) -> np.ndarray:
    """Dark lines on a light map, light lines on a dark one."""
    return canvas.palette.dark if float(fills[:, 0].mean()) > 0.55 else canvas.palette.light


def _block(level, slope, shade, fills, line, thin: float, calm: float) -> np.ndarray:
    step = np.floor(level)
    index = np.clip(step, 0, len(fills) - 2).astype(np.int16)
    # One pixel of mixing where two fills meet, measured along the slope.
    into = np.clip((level - step) / slope, 0, 1)
    before = np.maximum(index - 1, 0)
    planes = np.empty((3, *level.shape), dtype=np.float32)
    for i in range(3):
        table = fills[:, i]
        planes[i] = table[before] + (table[index] - table[before]) * into
    planes[0] += shade * np.float32(0.075)
    nearest = np.round(level)
    distance = np.abs(level - nearest) / slope
    bold = nearest % 4 == 0
    half = np.where(bold, thin * 0.9, thin * 0.45).astype(np.float32)
    strength = np.where(bold, 0.8, 0.42).astype(np.float32)
    cover = np.clip(half + 0.5 - distance, 0, 1) * strength
    # Where the ground is nearly flat a line would become a blot.
    cover *= np.clip(slope * calm, 0, 1)
    for plane, value in zip(planes, line, strict=True):
        plane += (value - plane) * cover
    return planes_to_bytes(planes)


def _marks(canvas: Canvas, image: Image.Image) -> str:
    """Add what surveyors add, in half of all maps; return the words for it."""
    kind = canvas.one_of(("", "", "trail", "crosses"))
    if not kind:
        return ""
    fine = 3 if canvas.unit < 700 else 2
    mask = Image.new("L", (canvas.width * fine, canvas.height * fine), 0)
    pen = ImageDraw.Draw(mask)
    if kind == "trail":
        _trail(canvas, pen, fine)
        colour, words = _trail_colour(canvas, image), " with a dashed trail"
    else:
        _crosses(canvas, pen, fine)
        colour, words = _trail_colour(canvas, image), " with survey crosses"
    image.paste(tuple(int(v) for v in to_bytes(colour)), mask=mask.reduce(fine))
    return words


def _trail_colour(canvas: Canvas, image: Image.Image) -> np.ndarray:
    """Return the swatch farthest from the map's mean colour, vivid ones preferred."""
    mean = np.asarray(image.reduce(8), dtype=np.float32).mean(axis=(0, 1))
    from_mean = [
        (abs(float(s[0]) - float(to_oklab(mean)[0])) + 0.6 * float(chroma(s)), i)
        for i, s in enumerate(canvas.palette.swatches)
    ]
    return canvas.palette.swatches[max(from_mean)[1]]


def _trail(canvas: Canvas, pen: ImageDraw.ImageDraw, fine: int) -> None:
    """Draw a dashed path with a ring at its start and a dot at its end."""
    w, h, unit = canvas.width * fine, canvas.height * fine, canvas.unit * fine
    t = np.linspace(0, 1, 600)
    x = w * (canvas.between(0.12, 0.3) + t * canvas.between(0.42, 0.58))
    sway = np.sin(2 * np.pi * (t * canvas.between(0.7, 1.2) + canvas.between(0, 1)))
    sway += 0.35 * np.sin(2 * np.pi * (t * canvas.between(1.6, 2.4) + canvas.between(0, 1)))
    y = h * canvas.between(0.36, 0.64) + unit * 0.15 * sway
    if canvas.coin():
        x = w - x
    length = np.concatenate([[0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
    dash, width = 0.02 * unit, max(fine, round(0.0065 * unit))
    reach = 0.03 * unit
    for start in np.arange(reach, length[-1] - reach, 2 * dash):
        on = (length >= start) & (length <= start + dash)
        points = [(float(a), float(b)) for a, b in zip(x[on], y[on], strict=True)]
        if len(points) > 1:
            pen.line(points, fill=255, width=width, joint="curve")
    r = 0.014 * unit
    pen.ellipse((x[0] - r, y[0] - r, x[0] + r, y[0] + r), outline=255, width=width)
    pen.ellipse((x[-1] - r, y[-1] - r, x[-1] + r, y[-1] + r), fill=255)


def _crosses(canvas: Canvas, pen: ImageDraw.ImageDraw, fine: int) -> None:
    """Draw a regular lattice of small crosses, as at the corners of a map's grid."""
    pitch, arm = canvas.unit * fine / 4, canvas.unit * fine * 0.011
    width = max(fine, round(canvas.unit * fine * 0.0025))
    left = canvas.width * fine / 2 % pitch
    top = canvas.height * fine / 2 % pitch
    for x in np.arange(left, canvas.width * fine, pitch):
        for y in np.arange(top, canvas.height * fine, pitch):
            pen.line((x - arm, y, x + arm, y), fill=150, width=width)
            pen.line((x, y - arm, x, y + arm), fill=150, width=width)
