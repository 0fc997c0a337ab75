"""Trying a watermark out: can its text be set, can its logo be used, how does it look.

These functions run in a child process; the drawing libraries are imported there only.
"""

from typing import Any

PROOF_WIDTH = 640
LOGO_SIDE = 4096  # pixels; more has no use on a picture
# Grounds to try a watermark on, as the studio draws them: family, seed, colours.
SAMPLES: dict[str, tuple[str, int, tuple[str, ...]]] = {
    "light": ("contour", 5, ("#fdfaf3", "#f3e9dc", "#e8d5c4", "#f7ede2", "#d8c3a5")),
    "dark": ("contour", 4, ("#0e1318", "#141b22", "#1c2630", "#26333f", "#324250")),
    "busy": ("bauhaus", 7, ("#f4f1de", "#e07a5f", "#3d405b", "#81b29a", "#f2cc8f")),
}


def unsettable(text: str) -> str:
    """The characters that the fonts can neither show nor spell otherwise, each once."""
    from providers.backends.studio.type import LABEL, settable

    # A letter before it, for a mark that stands on one.
    return "".join(char for char in dict.fromkeys(text) if settable(f"a{char}", LABEL).dropped)


def examine_logo(path: str) -> str:
    """The SHA-256 of a file that can be used as a logo.

    Raises `Undecodable`, with a sentence, for anything but a still PNG with clear parts.
    """
    import hashlib

    from imagegen.errors import Undecodable
    from imagegen.imaging.reading import Rules, read_picture
    from imagegen.imaging.sniffing import describe_other, sniff

    with open(path, "rb") as file:
        start = file.read(1024)
    if (name := sniff(start)) != "PNG":
        what = f"a {name}" if name else describe_other(start)
        raise Undecodable(f"The logo is {what}. Send it as a PNG with a clear ground.")
    image, _, data = read_picture(path, Rules(min_side=16))
    if max(image.size) > LOGO_SIDE:
        raise Undecodable(f"A logo may have {LOGO_SIDE} pixels a side at most. Make it smaller.")
    least, most = image.convert("RGBA").getchannel("A").getextrema()
    if least == 255:
        raise Undecodable("The logo has no clear parts. Send it as a PNG with a clear ground.")
    if most < 16:
        raise Undecodable("Nothing is seen of the logo: all of it is clear.")
    return hashlib.sha256(data).hexdigest()


def draw_proof(spec: dict[str, Any], source: str, logo_path: str = "") -> bytes:
    """A JPEG, 640 pixels wide at most, of a picture with the mark.

    `source` is a name of `SAMPLES` or the path of a picture.
    """
    import io

    from PIL import Image

    from imagegen.imaging.reading import RECEIVED, as_shown, read_picture
    from imagegen.imaging.watermark import mark

    if source in SAMPLES:
        picture = _sample(source)
    else:
        picture = as_shown(read_picture(source, RECEIVED)[0])
        picture.thumbnail((PROOF_WIDTH, 8 * PROOF_WIDTH), Image.Resampling.LANCZOS)
    target = io.BytesIO()
    mark(picture, spec, logo_path or None).save(target, "JPEG", quality=88, subsampling=0)
    return target.getvalue()


def _sample(name: str) -> Any:
    from providers.backends.studio.draw import StudioSpec, draw

    family, seed, palette = SAMPLES[name]
    size = (PROOF_WIDTH, PROOF_WIDTH * 2 // 3)
    return draw(StudioSpec(*size, palette=palette, seed=seed, family=family)).image
