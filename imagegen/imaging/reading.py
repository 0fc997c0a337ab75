"""Reading a picture that somebody else made: safely, wholly, and as it should look.

Knows no Django: it runs in a child process with limits of its own. What cannot be taken is
`Undecodable`, with a sentence for the person who sent it or asked for it.
"""

import io
import struct
import warnings
from dataclasses import dataclass
from pathlib import Path

from PIL import ExifTags, Image, ImageCms, ImageOps

from imagegen.errors import Undecodable
from imagegen.imaging.sniffing import describe_other, picture_end, sniff

MAX_SIDE = 8192
MAX_PIXELS = 40_000_000
# Reading a WebP holds four copies of it at once (Pillow 13.0.0); no more than fits in 512 MB.
MAX_WEBP_PIXELS = 25_000_000
ALLOWED = "PNG, JPEG, WebP or AVIF"
# All that Pillow's readers raise on hostile input, seen with 13.0.0 in November 2026.
DECODER_ERRORS = (
    OSError,
    ValueError,
    SyntaxError,
    TypeError,
    KeyError,
    IndexError,
    OverflowError,
    EOFError,
    RuntimeError,
    struct.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What is asked of a file, by where it comes from. `max_aspect` 0: any shape."""

    min_side: int = 64
    max_aspect: int = 0
    tail: bool = False
    animated: bool = False


# What a provider sent is paid for: the first frame of it is taken, and a tail let be.
RECEIVED = Rules(tail=True, animated=True)
UPLOAD = Rules(max_aspect=4)
# A picture in a post's text may be a small icon or a long strip.
BODY = Rules(min_side=1)


def read_picture(path: str | Path, rules: Rules) -> tuple[Image.Image, str, bytes]:
    """The first frame of the picture, loaded, with its format's name and the file's bytes.

    Raises `Undecodable` for a file that is no whole picture or breaks the rules.
    """
    data = Path(path).read_bytes()
    name = sniff(data)
    if name is None:
        what = describe_other(data)
        raise Undecodable(f"The file is {what}. Send a picture as {ALLOWED}.")
    end = picture_end(data, name)
    if end is None:
        raise Undecodable(f"The {name} file is cut off or damaged. Send it again whole.")
    if end < len(data) and not rules.tail:
        raise Undecodable(
            f"The {name} file holds {len(data) - end} bytes after the end of the picture. "
            "Save it again in an image program and send that."
        )
    return _load(data, name, rules), name, data


def _load(data: bytes, name: str, rules: Rules) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            probe = Image.open(io.BytesIO(data), formats=[name])
            limit = MAX_WEBP_PIXELS if name == "WEBP" else MAX_PIXELS
            check_size(probe.width, probe.height, rules, limit=limit)
            if not rules.animated and name != "JPEG" and getattr(probe, "n_frames", 1) > 1:
                raise Undecodable(f"The {name} file is animated. Send a picture that stands still.")
            probe.verify()
            del probe  # a decoder of WebP takes memory for two pictures from the start
            # verify() leaves the picture unusable, load() alone misses a cut end.
            image = Image.open(io.BytesIO(data), formats=[name])
            image.load()
            if name in {"WEBP", "AVIF"}:
                image = image.copy()  # alone, without the decoder and its own copies
    except Undecodable:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Undecodable(_too_many_pixels()) from error
    except MemoryError as error:
        raise Undecodable(f"The {name} file needs more memory than a picture may.") from error
    except DECODER_ERRORS as error:
        raise Undecodable(f"The {name} file is damaged and cannot be read.") from error
    return image


def check_size(width: int, height: int, rules: Rules, *, limit: int = MAX_PIXELS) -> None:
    """Raises `Undecodable` unless the picture's size is within the limits."""
    size = f"{width} x {height} pixels"
    if width * height > limit:
        raise Undecodable(f"The picture is {size}. {_too_many_pixels(limit)}")
    if min(width, height) < rules.min_side or max(width, height) > MAX_SIDE:
        raise Undecodable(
            f"The picture is {size}. Each side must have {rules.min_side} to {MAX_SIDE} pixels."
        )
    if rules.max_aspect and max(width, height) > rules.max_aspect * min(width, height):
        raise Undecodable(
            f"The picture is {size}. The long side may be at most "
            f"{rules.max_aspect} times the short one."
        )


def _too_many_pixels(limit: int = MAX_PIXELS) -> str:
    return f"A picture may have {limit // 1_000_000} million pixels at most. Make it smaller."


def as_shown(image: Image.Image, *, keep_alpha: bool = False) -> Image.Image:
    """The picture as a viewer shows it: turned upright, 8 bit, in sRGB, without metadata.

    Transparent parts are laid on white, unless `keep_alpha` asks for RGBA. Where the caller
    keeps no other name for the picture, its memory is let go on the way.
    """
    profile = image.info.get("icc_profile")
    image = _turned(image)
    upright = _to_8_bit(image)
    del image
    alpha = None
    if "A" in upright.getbands():
        if upright.mode != "RGBA":
            upright = upright.convert("RGBA")
        alpha = upright.getchannel("A")
        if keep_alpha:
            upright = upright.convert("RGB")
        else:
            ground = Image.new("RGB", upright.size, "white")
            ground.paste(upright, mask=alpha)
            upright = ground
    shown = _to_srgb(upright, profile)
    if keep_alpha and alpha is not None:
        shown.putalpha(alpha)
    shown.info = {}
    return shown


def _turned(image: Image.Image) -> Image.Image:
    try:
        if image.getexif().get(ExifTags.Base.Orientation, 1) == 1:
            return image  # exif_transpose would copy it
        return ImageOps.exif_transpose(image)
    except DECODER_ERRORS:  # broken EXIF is no reason to lose the picture
        return image


def _to_8_bit(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16") or image.mode in {"I", "F"}:
        # A plain convert would clip 16 bit to 8 instead of scaling it.
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.mode in {"P", "PA"}:
        clear = image.mode == "PA" or "transparency" in image.info
        return image.convert("RGBA" if clear else "RGB")
    if image.mode in {"L", "RGB"} and "transparency" in image.info:
        return image.convert("RGBA")
    if image.mode == "1":
        return image.convert("L")
    return image


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, SRGB, outputMode="RGB")
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, *DECODER_ERRORS):
            pass  # a broken or unfitting profile: the bare numbers are the best guess
    return image.convert("RGB")
