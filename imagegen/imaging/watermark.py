"""Setting a watermark over a picture: one mark at an edge, or many of them over all of it.

Runs in a child process and knows no Django. What makes a mark is in `stamps`, what it looks
like on a picture is decided by what lies under it.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from imagegen.imaging.stamps import Logo, Stamp, faded, logo_stamp, luminance, strips, text_stamp

TILED = "tiled"
MIN_SIDE = 160  # pixels; a smaller picture is too small for any mark
WHITE, NEAR_BLACK = (255, 255, 255), (12, 12, 14)
DARK_GROUND = 0.30  # mean linear luminance below which the ink is white
BUSY_GROUND = 0.12  # deviation of luminance above which a plate is laid under the mark
WEAK_CONTRAST = 2.0  # between a coloured logo and what lies under it
FULL_OPACITY = 0.72  # of a mark that stands alone; halo and plate are in proportion to it
PLATE, HALO, TILE_HALO = 0.45, 0.5, 0.35
TURN = 30.0  # degrees
SMOOTH = 3  # times larger a plate is drawn, for smooth corners
SAMPLED = 16_384  # pixels that are looked at under a mark
# Where the mark stands in the free room: 0 left or top, 1 right or bottom.
PLACES = {
    "top-left": (0.0, 0.0),
    "top": (0.5, 0.0),
    "top-right": (1.0, 0.0),
    "left": (0.0, 0.5),
    "centre": (0.5, 0.5),
    "right": (1.0, 0.5),
    "bottom-left": (0.0, 1.0),
    "bottom": (0.5, 1.0),
    "bottom-right": (1.0, 1.0),
}


def mark(image: Image.Image, spec: Mapping[str, Any], logo: Logo | None = None) -> Image.Image:
    """A copy of the picture (RGB or RGBA) with the watermark; nothing else of it differs.

    `spec` holds `kind` ("text" or "logo"), `text`, `position` (one of `PLACES` or "tiled"),
    and `margin`, `size` (shares of the short side) and `opacity`. `logo` is the PNG that a
    logo is made from. Pictures with a side under 160 pixels get no mark. Raises ValueError
    where a logo is missing.
    """
    marked = image.copy()
    if min(image.size) < MIN_SIDE:
        return marked
    short = min(image.size)
    margin = round(spec["margin"] * short)
    stamp = _stamp(spec, logo, short, (image.width - 2 * margin, image.height - 2 * margin))
    if spec["position"] == TILED:
        _tile(marked, stamp, spec["opacity"])
    else:
        _print(marked, stamp, _corner(image.size, stamp, spec["position"], margin), spec["opacity"])
    return marked


def _stamp(spec: Mapping[str, Any], logo: Logo | None, short: int, room: tuple[int, int]) -> Stamp:
    wished = round(spec["size"] * short)
    if spec["kind"] == "text":
        return text_stamp(spec["text"], wished, *room)
    if logo is None:
        raise ValueError("The watermark's logo is missing.")
    return logo_stamp(logo, wished, *room)


def _corner(size: tuple[int, int], stamp: Stamp, position: str, margin: int) -> tuple[int, int]:
    across, down = PLACES[position]
    return (
        margin + round((size[0] - 2 * margin - stamp.shape.width) * across),
        margin + round((size[1] - 2 * margin - stamp.shape.height) * down),
    )


@dataclass(frozen=True)
class Look:
    """How a stamp is printed on one ground."""

    ink: tuple[int, int, int]
    halo: tuple[int, int, int]
    plate: tuple[int, int, int] | None


def _look(stamp: Stamp, mean: float, deviation: float) -> Look:
    """White on dark, near-black on light; a plate where both lie under the mark.

    A logo in its own colours keeps them, and its ground is helped instead.
    """
    light_ink = mean < DARK_GROUND
    busy = deviation > BUSY_GROUND
    if stamp.colours is not None:
        light_ink = stamp.light >= DARK_GROUND
        busy = busy or _contrast(stamp.light, mean) < WEAK_CONTRAST
    ink, other = (WHITE, NEAR_BLACK) if light_ink else (NEAR_BLACK, WHITE)
    return Look(ink=ink, halo=other, plate=other if busy else None)


def _contrast(one: float, other: float) -> float:
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def _print(image: Image.Image, stamp: Stamp, at: tuple[int, int], opacity: float) -> None:
    look = _look(stamp, *_ground(image, stamp, at))
    strength = min(1.0, opacity / FULL_OPACITY)
    if look.plate:
        corner = (at[0] - stamp.pad, at[1] - stamp.pad)
        _paint(image, look.plate, corner, faded(_plate(stamp), PLATE * strength))
    else:
        corner = (at[0] - 3 * stamp.soft, at[1] - 3 * stamp.soft)
        _paint(image, look.halo, corner, faded(stamp.halo(), HALO * strength))
    shape = faded(stamp.shape, opacity)
    if stamp.colours is None:
        _paint(image, look.ink, at, shape)
    else:
        image.paste(stamp.colours.convert(image.mode), at, shape)


def _paint(
    image: Image.Image, colour: tuple[int, int, int], at: tuple[int, int], shape: Image.Image
) -> None:
    image.paste(colour if image.mode == "RGB" else (*colour, 255), at, shape)


def _ground(image: Image.Image, stamp: Stamp, at: tuple[int, int]) -> tuple[float, float]:
    """Mean and deviation of the luminance that lies under the stamp."""
    box = (max(0, at[0]), max(0, at[1]), at[0] + stamp.shape.width, at[1] + stamp.shape.height)
    region = image.crop((*box[:2], min(box[2], image.width), min(box[3], image.height)))
    factor = math.isqrt(region.width * region.height // SAMPLED)
    light = luminance((region.reduce(factor) if factor > 1 else region).convert("RGB"))
    return float(light.mean()), float(light.std())


def _plate(stamp: Stamp) -> Image.Image:
    """A rounded ground for the stamp, larger by its `pad` on each side."""
    size = (stamp.shape.width + 2 * stamp.pad, stamp.shape.height + 2 * stamp.pad)
    plate = Image.new("L", (size[0] * SMOOTH, size[1] * SMOOTH))
    corners = (0, 0, plate.width - 1, plate.height - 1)
    ImageDraw.Draw(plate).rounded_rectangle(corners, radius=stamp.pad * SMOOTH, fill=255)
    return plate.reduce(SMOOTH)


def _tile(image: Image.Image, stamp: Stamp, opacity: float) -> None:
    """Print the stamp all over the picture, turned, each row set off against the last."""
    turned = stamp.turned(TURN)
    shape = faded(turned.shape, opacity)
    inks, halos = strips(shape), strips(faded(turned.halo(), opacity * TILE_HALO))
    rim, light = 3 * turned.soft, _light_map(image)
    for at in _lattice(image.size, stamp.shape.size, turned.shape.size):
        look = _look(turned, _mean_under(light, image.size, at, turned.shape.size), 0.0)
        _paint_strips(image, look.halo, (at[0] - rim, at[1] - rim), halos)
        if turned.colours is None:
            _paint_strips(image, look.ink, at, inks)
        else:
            image.paste(turned.colours.convert(image.mode), at, shape)


def _paint_strips(
    image: Image.Image,
    colour: tuple[int, int, int],
    at: tuple[int, int],
    parts: list[tuple[int, int, Image.Image]],
) -> None:
    for left, top, part in parts:
        _paint(image, colour, (at[0] + left, at[1] + top), part)


def _light_map(image: Image.Image) -> np.ndarray:
    """The luminance of the picture, much reduced."""
    factor = max(1, math.isqrt(image.width * image.height // SAMPLED))
    return luminance(image.reduce(factor).convert("RGB"))


def _mean_under(
    light: np.ndarray, size: tuple[int, int], at: tuple[int, int], shape: tuple[int, int]
) -> float:
    rows, columns = light.shape
    left, right = (at[0] * columns // size[0], (at[0] + shape[0]) * columns // size[0])
    top, bottom = (at[1] * rows // size[1], (at[1] + shape[1]) * rows // size[1])
    under = light[max(0, top) : bottom + 1, max(0, left) : right + 1]
    return float(under.mean()) if under.size else 0.5


def _lattice(
    size: tuple[int, int], flat: tuple[int, int], turned: tuple[int, int]
) -> Iterator[tuple[int, int]]:
    """Corners of the turned stamps that touch the picture. `flat` is the stamp as it reads."""
    along = flat[0] + max(3 * flat[1], flat[0] // 3)
    across = flat[1] + max(4 * flat[1], flat[0] // 3) if flat[0] > 2 * flat[1] else 2.5 * flat[1]
    cosine, sine = math.cos(math.radians(TURN)), math.sin(math.radians(TURN))
    reach = math.hypot(*size) / 2 + math.hypot(*turned)
    for row in range(-int(reach // across), int(reach // across) + 1):
        for column in range(-int(reach // along) - 1, int(reach // along) + 2):
            forth, down = (column + row % 2 / 2) * along, row * across
            x = size[0] / 2 + forth * cosine + down * sine - turned[0] / 2
            y = size[1] / 2 - forth * sine + down * cosine - turned[1] / 2
            if -turned[0] < x < size[0] and -turned[1] < y < size[1]:
                yield round(x), round(y)
