"""One look at a file that came in: verified, measured, and its preview made.

Runs in a child process and knows no Django.
"""

import hashlib

from PIL import Image

from imagegen.imaging.c2pa import keep_manifest
from imagegen.imaging.checks import notice
from imagegen.imaging.focus import find_focus
from imagegen.imaging.hashes import dhash
from imagegen.imaging.placeholder import placeholder
from imagegen.imaging.reading import RECEIVED, UPLOAD, as_shown, read_picture
from imagegen.imaging.writing import write_picture
from imagegen.imaging.xmp import find_source_type

PREVIEW_SIDE = 640
PREVIEW_QUALITY = 80


def examine(
    path: str,
    preview_path: str,
    upload: bool = False,
    wanted_size: tuple[int, int] | None = None,
    drawn_by_program: bool = False,
) -> dict:
    """Read the picture at `path`, write its preview, and give its facts.

    `wanted_size` is what was asked for, in pixels; `drawn_by_program` spares patterns the hints
    that they would earn.

    The facts: `format`, `width` and `height` (as shown, in pixels), `byte_size`, `sha256`,
    `dhash` (signed 64 bit), `colour` (mean, "#rrggbb"), `digital_source_type` (the IPTC term
    that the file itself carries, or ""), `c2pa` (what its manifest says; the raw one is written
    to `<path>.c2pa`), `hints` (what `checks.notice` says), `placeholder`
    (a data URI), `focal` (the point that draws the eye: x and y, 0 to 1),
    `preview_width`, `preview_height`.
    Raises `Undecodable`; then no preview is left.
    """
    parts = [*read_picture(path, UPLOAD if upload else RECEIVED)]
    shown = as_shown(parts.pop(0))  # no name here keeps the memory of the picture as it was read
    name, data = parts
    width, height = shown.size
    hints = notice(shown, wanted_size=wanted_size, drawn_by_program=drawn_by_program)
    shown.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
    write_picture(shown, preview_path, format="JPEG", quality=PREVIEW_QUALITY)
    c2pa = keep_manifest(data, f"{path}.c2pa")
    return {
        "format": name,
        "width": width,
        "height": height,
        "byte_size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "dhash": dhash(shown),
        "colour": "#{:02x}{:02x}{:02x}".format(*mean_colour(shown)),
        "digital_source_type": find_source_type(data) or c2pa.get("digital_source_type", ""),
        "c2pa": c2pa,
        "hints": hints,
        "placeholder": placeholder(shown),
        "focal": find_focus(shown),
        "preview_width": shown.width,
        "preview_height": shown.height,
    }


def mean_colour(image: Image.Image) -> tuple[int, int, int]:
    """The mean colour of an RGB picture."""
    red, green, blue = image.resize((1, 1), Image.Resampling.BOX, reducing_gap=2.0).tobytes()
    return red, green, blue
