"""The few bytes that stand for a picture until it has loaded."""

import base64
import io

from PIL import Image

SIDE = 16  # pixels of the long side
QUALITY = 20
LONGEST = 600  # characters


def placeholder(image: Image.Image) -> str:
    """A data URI of the RGB picture, 16 pixels long, as WebP: 140 characters or so.

    It is there to be shown enlarged and soft. At most `LONGEST` characters.
    """
    scale = SIDE / max(image.size)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    tiny = image.resize(size, Image.Resampling.BOX, reducing_gap=1.0)
    target = io.BytesIO()
    tiny.save(target, "WEBP", quality=QUALITY, method=4)
    return "data:image/webp;base64," + base64.b64encode(target.getvalue()).decode("ascii")
