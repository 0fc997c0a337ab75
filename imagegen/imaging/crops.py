"""Which part of a picture a crop takes, and how large the result is. Sizes in pixels."""

from collections.abc import Sequence

CENTRE = (0.5, 0.5)
Box = tuple[int, int, int, int]
Size = tuple[int, int]


def cut(size: Size, ratio: Sequence[int] | None, focal: Sequence[float] | None = None) -> Box:
    """The largest part of that ratio in a picture of that size, around the focal point.

    It is moved as far as needed to lie inside. Without a ratio it is the whole picture.
    """
    width, height = size
    if not ratio:
        return 0, 0, width, height
    across, down = ratio
    wide = min(width, max(1, round(height * across / down)))
    high = min(height, max(1, round(width * down / across)))
    x, y = focal or CENTRE
    left = round(min(max(x * width - wide / 2, 0), width - wide))
    top = round(min(max(y * height - high / 2, 0), height - high))
    return left, top, left + wide, top + high


def result_size(box: Box, width: int, ratio: Sequence[int] | None) -> Size:
    """The size of what is made of a part: `width` wide, or as wide as the part if that is less."""
    wide, high = box[2] - box[0], box[3] - box[1]
    width = min(width, wide)
    across, down = ratio or (wide, high)
    return width, min(high, max(1, round(width * down / across)))
