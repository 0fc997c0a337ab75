"""Cutting a part out of a picture, and the mask that shows a model where it may paint.

Runs in a child process and knows no Django. The original is only read.
"""

from PIL import Image

from imagegen.imaging.reading import RECEIVED, as_shown, read_picture
from imagegen.imaging.writing import encoding, write_picture
from imagegen.imaging.xmp import packet

Region = tuple[float, float, float, float]


def cut_out(path: str, out_path: str, region: Region, source_type: str = "") -> dict:
    """The part of the picture inside `region` (left, top, width, height as shares), as a PNG
    of 8 bits in sRGB: nothing is lost by compression. Gives size, bytes and hash.

    `source_type` is the IPTC term of the whole; the part bears it as well.
    """
    picture = as_shown(read_picture(path, RECEIVED)[0], keep_alpha=True)
    marked = packet(digital_source_type=source_type) if source_type else None
    part = picture.crop(pixels(region, picture.size))
    return write_picture(part, out_path, **encoding("PNG", marked))


def mask_of(path: str, out_path: str, region: Region) -> dict:
    """A PNG of the picture's size, transparent inside `region` and opaque elsewhere."""
    size = as_shown(read_picture(path, RECEIVED)[0]).size
    mask = Image.new("RGBA", size, (0, 0, 0, 255))
    left, top, right, bottom = pixels(region, size)
    mask.paste((0, 0, 0, 0), (left, top, right, bottom))
    return write_picture(mask, out_path, **encoding("PNG"))


def pixels(region: Region, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom in pixels: inside the picture, at least one pixel."""
    left, top, width, height = region
    x = min(round(left * size[0]), size[0] - 1)
    y = min(round(top * size[1]), size[1] - 1)
    right = min(size[0], max(x + 1, round((left + width) * size[0])))
    bottom = min(size[1], max(y + 1, round((top + height) * size[1])))
    return x, y, right, bottom
