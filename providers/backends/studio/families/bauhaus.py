"""Bauhaus grid: square tiles, each with one plain shape, some of them twice as large."""

from collections import Counter
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from providers.backends.studio.canvas import Art, Canvas
from providers.backends.studio.colour import to_bytes
from providers.backends.studio.fields import reduced
from providers.backends.studio.words import in_words

_MIN_APART = 0.26
_TURNS = (
    None,
    Image.Transpose.ROTATE_90,
    Image.Transpose.ROTATE_180,
    Image.Transpose.ROTATE_270,
)


def draw(canvas: Canvas) -> Art:
    """Fill the canvas with a grid of geometric tiles."""
    columns, rows, side = _layout(canvas)
    colours = _colours(canvas)
    image = Image.new("RGB", canvas.size)
    left = round((canvas.width - columns * side) / 2)
    top = round((canvas.height - rows * side) / 2)
    edges_x = [left + round(i * side) for i in range(columns + 1)]
    edges_y = [top + round(i * side) for i in range(rows + 1)]
    grounds: dict[tuple[int, int], int] = {}
    motifs = _deck(canvas)
    seen: Counter[str] = Counter()
    for column, row, span in _places(canvas, columns, rows):
        near = {
            grounds.get(p) for p in ((column - 1, row), (column, row - 1), (column + 1, row - 1))
        }
        ground = canvas.one_of([i for i in range(len(colours)) if i not in near] or [0])
        for dx in range(span):
            for dy in range(span):
                grounds[column + dx, row + dy] = ground
        width = edges_x[column + span] - edges_x[column]
        height = edges_y[row + span] - edges_y[row]
        motif, word = canvas.one_of(motifs)
        seen[word] += span
        tile = _tile(canvas, motif, colours, ground, max(width, height))
        image.paste(tile.crop((0, 0, width, height)), (edges_x[column], edges_y[row]))
    words = [word for word, _ in seen.most_common(3)]
    return Art(image, f"Bauhaus grid of {in_words(words)}")


def _layout(canvas: Canvas) -> tuple[int, int, float]:
    """Return columns, rows and the tile's side: the rows that leave the least to crop."""
    options = [3, 4, 5] if canvas.unit >= 400 else [3, 4]
    wanted = canvas.one_of(options)
    long_side = max(canvas.size)
    across = max(1, round(long_side / (canvas.unit / wanted)))
    side = long_side / across
    if side * wanted < canvas.unit - 0.5:
        wanted += 1
    return (across, wanted, side) if canvas.width >= canvas.height else (wanted, across, side)


def _colours(canvas: Canvas) -> list[np.ndarray]:
    """Return up to six swatches in OKLab, spread over the palette."""
    swatches = list(canvas.palette.swatches)
    if len(swatches) > 6:
        swatches = [swatches[round(i * (len(swatches) - 1) / 5)] for i in range(6)]
    return swatches


def _places(canvas: Canvas, columns: int, rows: int):
    """Yield (column, row, span) so that the whole grid is covered, some tiles 2 x 2."""
    taken: set[tuple[int, int]] = set()
    large_share = canvas.between(0.06, 0.2)
    for row in range(rows):
        for column in range(columns):
            if (column, row) in taken:
                continue
            block = {(column + dx, row + dy) for dx in (0, 1) for dy in (0, 1)}
            fits = column + 1 < columns and row + 1 < rows and not block & taken
            span = 2 if fits and canvas.coin(large_share) else 1
            taken |= block if span == 2 else {(column, row)}
            yield column, row, span


def _tile(canvas: Canvas, motif, colours, ground: int, side: int) -> Image.Image:
    """Draw one tile three or four times too large and reduce it."""
    fine = 4 if side < 260 else 3
    inks = [
        i
        for i in range(len(colours))
        if i != ground and np.linalg.norm(colours[i] - colours[ground]) > _MIN_APART
    ] or [len(colours) - 1 if ground == 0 else 0]
    first = canvas.one_of(inks)
    second = canvas.one_of([i for i in range(len(colours)) if i not in (ground, first)])
    image = Image.new("P", (side * fine, side * fine), 0)
    image.putpalette([int(v) for i in (ground, first, second) for v in to_bytes(colours[i])])
    motif(ImageDraw.Draw(image), side * fine - 1)
    turn = canvas.one_of(_TURNS)
    if turn is not None:
        image = image.transpose(turn)
    return reduced(image, fine)


def _deck(canvas: Canvas) -> list[tuple[Callable, str]]:
    """Return the motifs of one picture, with their names: a choice, not everything at once."""
    order = canvas.chance.permutation(len(_MOTIFS))
    return [_MOTIFS[i] for i in order[: int(canvas.chance.randint(6, 10))]]


def _quarter(d: ImageDraw.ImageDraw, s: int) -> None:
    d.ellipse((-s, -s, s, s), fill=1)


def _quarter_rings(d: ImageDraw.ImageDraw, s: int) -> None:
    for i, ink in enumerate((1, 0, 1, 0, 2)):
        r = round(s * (1 - i * 0.2))
        d.ellipse((-r, -r, r, r), fill=ink)


def _half(d: ImageDraw.ImageDraw, s: int) -> None:
    d.ellipse((0, -s // 2, s, s - s // 2), fill=1)


def _two_halves(d: ImageDraw.ImageDraw, s: int) -> None:
    d.pieslice((0, -s // 2, s, s - s // 2), 0, 180, fill=1)
    d.pieslice((0, s // 2, s, s + s // 2), 180, 360, fill=2)


def _disc(d: ImageDraw.ImageDraw, s: int) -> None:
    m = round(s * 0.1)
    d.ellipse((m, m, s - m, s - m), fill=1)


def _target(d: ImageDraw.ImageDraw, s: int) -> None:
    for share, ink in ((0.86, 1), (0.52, 0), (0.24, 2)):
        m = round(s * (1 - share) / 2)
        d.ellipse((m, m, s - m, s - m), fill=ink)


def _leaf(d: ImageDraw.ImageDraw, s: int) -> None:
    steps = np.linspace(0, np.pi / 2, 40)
    one = [(s * np.sin(a), s * (1 - np.cos(a))) for a in steps]
    two = [(s * (1 - np.sin(a)), s * np.cos(a)) for a in steps]
    d.polygon([(float(px), float(py)) for px, py in one + two], fill=1)


def _petals(d: ImageDraw.ImageDraw, s: int) -> None:
    h = s / 2
    for x, y in ((0, 0), (s, 0), (0, s), (s, s)):
        d.ellipse((x - h, y - h, x + h, y + h), fill=1)
    m = round(s * 0.42)
    d.ellipse((m, m, s - m, s - m), fill=2)


def _arch(d: ImageDraw.ImageDraw, s: int) -> None:
    for share, ink in ((1.0, 1), (0.66, 0), (0.33, 2)):
        m = round(s * (1 - share) / 2)
        d.ellipse((m, m, s - m, s - m), fill=ink)
        d.rectangle((m, s // 2, s - m, s), fill=ink)


def _stripes(d: ImageDraw.ImageDraw, s: int) -> None:
    for i in range(4):
        d.rectangle((0, round(s * (2 * i + 0.5) / 8), s, round(s * (2 * i + 1.5) / 8)), fill=1)


def _dots(d: ImageDraw.ImageDraw, s: int) -> None:
    r = s * 0.075
    for i in range(4):
        for j in range(4):
            x, y = s * (i + 0.5) / 4, s * (j + 0.5) / 4
            d.ellipse((x - r, y - r, x + r, y + r), fill=1)


def _diamond(d: ImageDraw.ImageDraw, s: int) -> None:
    h, m = s / 2, s * 0.08
    d.polygon([(h, m), (s - m, h), (h, s - m), (m, h)], fill=1)
    r = s * 0.15
    d.ellipse((h - r, h - r, h + r, h + r), fill=2)


def _triangle(d: ImageDraw.ImageDraw, s: int) -> None:
    d.polygon([(0, 0), (s, s), (0, s)], fill=1)


def _bow(d: ImageDraw.ImageDraw, s: int) -> None:
    d.polygon([(0, 0), (s / 2, s / 2), (0, s)], fill=1)
    d.polygon([(s, 0), (s / 2, s / 2), (s, s)], fill=2)


def _plain(d: ImageDraw.ImageDraw, s: int) -> None:
    m = round(s * 0.34)
    d.rectangle((m, m, s - m, s - m), fill=1)


_MOTIFS: tuple[tuple[Callable, str], ...] = (
    (_quarter, "quarter circles"),
    (_quarter_rings, "arcs"),
    (_half, "half circles"),
    (_two_halves, "half circles"),
    (_disc, "circles"),
    (_target, "circles"),
    (_leaf, "leaves"),
    (_petals, "stars"),
    (_arch, "arches"),
    (_stripes, "stripes"),
    (_dots, "dots"),
    (_diamond, "diamonds"),
    (_triangle, "triangles"),
    (_bow, "triangles"),
    (_plain, "squares"),
)
