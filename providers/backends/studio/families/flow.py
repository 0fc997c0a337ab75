"""Flow lines: brush strokes that follow a current and never cross each other."""

import numpy as np
from PIL import Image, ImageDraw

from providers.backends.studio.canvas import Art, Canvas
from providers.backends.studio.colour import to_bytes
from providers.backends.studio.fields import field_size, grid, plane_waves, reduced, spread

_STEP = 0.011  # of the short side, per step of a stroke
_CELL = 0.0042  # of the short side, per cell of the map of taken places
_WEIGHTS = {
    # name: (widths in short sides, candidates per square of the short side, share of bold)
    "fine": ((0.006, 0.009, 0.013), 900),
    "mixed": ((0.034, 0.018, 0.009), 620),
    "bold": ((0.055, 0.034, 0.018), 420),
}


def draw(canvas: Canvas) -> Art:
    """Draw the strokes of one current."""
    weight = canvas.one_of(("fine", "mixed", "mixed", "bold", "bold"))
    widths, density = _WEIGHTS[weight]
    dark = canvas.coin(0.45)
    slope_x, slope_y, tone = _current(canvas)
    area = canvas.aspect if canvas.aspect >= 1 else 1 / canvas.aspect
    paths = _paths(canvas, int(density * area), slope_x, slope_y)
    strokes = _kept(canvas, paths, widths)
    image = _inked(canvas, strokes, tone, dark)
    ground = "dark" if dark else "pale"
    words = {"fine": "Fine pen lines", "mixed": "Brush strokes", "bold": "Broad brush strokes"}
    return Art(image, f"{words[weight]} flowing over a {ground} ground")


def _current(canvas: Canvas) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the direction field (x and y parts) and the tone that colours the strokes.

    The direction is the curl of a height field: such a current neither gathers nor parts.
    """
    x, y = grid(*field_size(canvas))
    zoom = canvas.between(0.55, 0.95)
    height = plane_waves(canvas, x, y, 0.3 * zoom, 0.75 * zoom, 5)
    height += 0.25 * plane_waves(canvas, x, y, 0.9 * zoom, 1.5 * zoom, 5)
    angle = canvas.between(0, 2 * np.pi)
    drift = canvas.between(0.0, 4.0)
    height += (x * np.cos(angle) + y * np.sin(angle)).astype(np.float32) * np.float32(drift)
    gy, gx = np.gradient(height)
    speed = np.hypot(gx, gy) + 1e-9
    tone = plane_waves(canvas, x, y, 0.25, 0.6, 4)
    return gy / speed, -gx / speed, spread(tone + 0.35 * height / max(1.0, drift))


def _paths(canvas: Canvas, count: int, vx: np.ndarray, vy: np.ndarray) -> np.ndarray:
    """Follow the current from `count` places both ways; (count, steps, 2) in short sides."""
    half = 34
    rows, columns = vx.shape
    unit = min(rows, columns)
    jitter = canvas.chance.random_sample((count, 2)).astype(np.float32)
    start = (jitter * 1.06 - 0.03) * np.array([columns / unit, rows / unit], dtype=np.float32)
    path = np.empty((count, 2 * half + 1, 2), dtype=np.float32)
    path[:, half] = start
    for sign in (1, -1):
        here = start.copy()
        for i in range(1, half + 1):
            column = np.clip((here[:, 0] * unit).astype(int), 0, columns - 1)
            row = np.clip((here[:, 1] * unit).astype(int), 0, rows - 1)
            here[:, 0] += vx[row, column] * np.float32(sign * _STEP)
            here[:, 1] += vy[row, column] * np.float32(sign * _STEP)
            path[:, half + sign * i] = here
    return _smoothed(path)


def _smoothed(path: np.ndarray) -> np.ndarray:
    """Average each point with two neighbours on either side, to hide the field's raster."""
    padded = np.pad(path, ((0, 0), (2, 2), (0, 0)), mode="reflect", reflect_type="odd")
    weights = (1 / 9, 2 / 9, 3 / 9, 2 / 9, 1 / 9)
    steps = path.shape[1]
    parts = [np.float32(w) * padded[:, i : i + steps] for i, w in enumerate(weights)]
    return np.sum(parts, axis=0)


def _bends(path: np.ndarray) -> np.ndarray:
    """Return how sharply each point of each path turns, in 1 per short side."""
    ahead = np.diff(path, axis=1)
    angle = np.arctan2(ahead[..., 1], ahead[..., 0])
    turn = np.abs((np.diff(angle, axis=1) + np.pi) % (2 * np.pi) - np.pi) / _STEP
    return np.pad(turn, ((0, 0), (1, 1)), mode="edge")


def _kept(canvas: Canvas, paths: np.ndarray, widths) -> list[tuple[np.ndarray, float]]:
    """Return the strokes (points, width) that fit without touching, the broad ones first."""
    columns = int(canvas.width / canvas.unit / _CELL) + 1
    rows = int(canvas.height / canvas.unit / _CELL) + 1
    margin = 16
    taken = np.zeros((rows + 2 * margin, columns + 2 * margin), dtype=bool)
    cells = (paths / _CELL).astype(np.int32) + margin
    cells[..., 0] = np.clip(cells[..., 0], margin // 2, columns + margin + margin // 2)
    cells[..., 1] = np.clip(cells[..., 1], margin // 2, rows + margin + margin // 2)
    flat = cells[..., 1] * taken.shape[1] + cells[..., 0]
    stamps = [_stamp(w / 2 + 0.0025, taken.shape[1]) for w in widths]
    probes = [_ring(w / 2 + 0.0035, taken.shape[1]) for w in widths]
    lookup = taken.ravel()
    bends = _bends(paths)
    middle = paths.shape[1] // 2
    shares = np.cumsum([0.22, 0.5, 1.0]) * len(paths)
    strokes = []
    for i, line in enumerate(flat):
        k = int(np.searchsorted(shares, i, side="right"))
        k = min(k, len(widths) - 1)
        blocked = lookup[line[:, None] + probes[k]].any(axis=1)
        blocked |= bends[i] > 0.85 / (widths[k] + 0.02)
        if blocked[middle]:
            continue
        hits = np.flatnonzero(blocked)
        low = hits[hits < middle].max(initial=-1) + 1
        high = hits[hits > middle].min(initial=len(line))
        if high - low < 6:
            continue
        lookup[(line[low:high, None] + stamps[k]).ravel()] = True
        strokes.append((paths[i, low:high], widths[k]))
    return strokes


def _stamp(radius: float, stride: int) -> np.ndarray:
    """Return the offsets of all cells within the radius (in short sides)."""
    reach = int(np.ceil(radius / _CELL))
    span = np.arange(-reach, reach + 1)
    dy, dx = np.meshgrid(span, span, indexing="ij")
    inside = dx * dx + dy * dy <= (radius / _CELL) ** 2 + 0.5
    return (dy[inside] * stride + dx[inside]).astype(np.int64)


def _ring(radius: float, stride: int) -> np.ndarray:
    """Return the offsets of a few cells on the rim, enough to notice a neighbour."""
    angle = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    dx = np.round(np.cos(angle) * radius / _CELL).astype(np.int64)
    dy = np.round(np.sin(angle) * radius / _CELL).astype(np.int64)
    return np.unique(np.append(dy * stride + dx, 0))


def _inked(canvas: Canvas, strokes, tone: np.ndarray, dark: bool) -> Image.Image:
    """Paint the strokes much larger in palette colours and reduce."""
    fine = 3 if canvas.unit < 1300 else 2
    swatches = canvas.palette.swatches
    ground, inks = (swatches[0], swatches[1:]) if dark else (swatches[-1], swatches[:-1])
    image = Image.new("P", (canvas.width * fine, canvas.height * fine), 0)
    colours = [ground, *inks]
    image.putpalette([int(v) for c in colours for v in to_bytes(c)])
    pen = ImageDraw.Draw(image)
    rows, columns = tone.shape
    scale = canvas.unit * fine
    for points, width in strokes:
        x, y = points[len(points) // 2]
        row = min(max(int(y * min(rows, columns)), 0), rows - 1)
        column = min(max(int(x * min(rows, columns)), 0), columns - 1)
        place = float(tone[row, column]) + canvas.between(-0.16, 0.16)
        ink = 1 + min(max(int(place * len(inks)), 0), len(inks) - 1)
        _stroke(pen, points * scale, max(fine, width * scale), ink)
    return reduced(image, fine)


def _stroke(pen: ImageDraw.ImageDraw, points: np.ndarray, width: float, ink: int) -> None:
    """Draw one stroke with round ends as a closed outline."""
    along = np.gradient(points, axis=0)
    along /= np.hypot(along[:, 0], along[:, 1])[:, None] + 1e-9
    across = np.stack([-along[:, 1], along[:, 0]], axis=1) * (width / 2)
    outline = np.concatenate([points + across, (points - across)[::-1]])
    pen.polygon(outline.ravel().tolist(), fill=ink)
    r = width / 2
    for x, y in (points[0], points[-1]):
        pen.ellipse((x - r, y - r, x + r, y + r), fill=ink)
