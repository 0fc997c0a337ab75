"""Making the public copies of an original. Each copy carries its facts as XMP.

Runs in a child process and knows no Django. The original is only read. A copy is never
larger than what it was made from.
"""

from PIL import Image, ImageOps

from imagegen.imaging.cards import SOCIAL_SIZE
from imagegen.imaging.reading import BODY, RECEIVED, as_shown, read_picture
from imagegen.imaging.writing import encoding, write_picture
from imagegen.imaging.xmp import find_source_type, packet


def web_copy(path: str, out_path: str, facts: dict, max_width: int = 1600) -> dict:
    """A JPEG for a page, at most `max_width` pixels wide. Gives size, bytes and hash.

    `facts` are the arguments of `imagegen.imaging.xmp.packet`.
    """
    picture = as_shown(read_picture(path, RECEIVED)[0])
    if picture.width > max_width:
        height = max(1, round(picture.height * max_width / picture.width))
        picture = _resized(picture, (max_width, height))
    return write_picture(picture, out_path, **encoding("JPEG", packet(**facts)))


def social_copy(path: str, out_path: str, facts: dict) -> dict:
    """A JPEG for a social card: the middle of the picture at 1200 x 630, or smaller."""
    picture = social_crop(as_shown(read_picture(path, RECEIVED)[0]))
    return write_picture(picture, out_path, **encoding("JPEG", packet(**facts)))


def social_crop(picture: Image.Image) -> Image.Image:
    """The middle of the picture in the shape of a social card, never enlarged."""
    width, height = SOCIAL_SIZE
    scale = min(1.0, picture.width / width, picture.height / height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return ImageOps.fit(picture, size, Image.Resampling.LANCZOS)


def body_copy(path: str, out_path: str, max_width: int = 1920) -> dict:
    """A copy of a picture in a post's own text, cleaned of metadata: GPS, camera, thumbnails.

    PNG stays PNG (screenshots, transparency), the rest becomes JPEG. The answer has `format`
    beside size, bytes and hash. A mark of where the picture came from is kept.
    """
    image, name, data = read_picture(path, BODY)
    picture = as_shown(image, keep_alpha=True)
    if picture.width > max_width:
        height = max(1, round(picture.height * max_width / picture.width))
        picture = _resized(picture, (max_width, height))
    mark = find_source_type(data)
    marked = packet(digital_source_type=mark) if mark else None
    if name == "PNG" or picture.mode == "RGBA":
        options = encoding("PNG", marked, compress_level=6)
    else:
        options = encoding("JPEG", marked, quality=85)
    return {"format": options["format"]} | write_picture(picture, out_path, **options)


def _resized(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
