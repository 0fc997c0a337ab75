"""The cleaned copy of a picture that stands in a post's own text.

Runs in a child process and knows no Django. The file that came in is only read.
"""

from PIL import Image

from imagegen.imaging.crops import cut, result_size
from imagegen.imaging.reading import BODY, as_shown, read_picture
from imagegen.imaging.writing import encoding, write_picture
from imagegen.imaging.xmp import find_source_type, packet


def body_copy(path: str, out_path: str, max_width: int = 1920) -> dict:
    """A copy of a picture in a post's own text, cleaned of metadata: GPS, camera, thumbnails.

    PNG stays PNG (screenshots, transparency), the rest becomes JPEG. The answer has `format`
    beside size, bytes and hash. A mark of where the picture came from is kept.
    """
    image, name, data = read_picture(path, BODY)
    picture = as_shown(image, keep_alpha=True)
    size = result_size(cut(picture.size, None), max_width, None)
    if size != picture.size:
        picture = picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    mark = find_source_type(data)
    marked = packet(digital_source_type=mark) if mark else None
    if name == "PNG" or picture.mode == "RGBA":
        options = encoding("PNG", marked, compress_level=6)
    else:
        options = encoding("JPEG", marked, quality=85)
    return {"format": options["format"]} | write_picture(picture, out_path, **options)
