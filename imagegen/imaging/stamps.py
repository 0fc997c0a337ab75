"""What a watermark consists of: a text or a logo as a shape that can be set on a picture.

Type is the studio's own. Runs in a child process and knows no Django.
"""

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageStat

from providers.backends.studio.type import LABEL, clipped_label, font, settable

MIN_TEXT = 11  # pixels of type below which nothing is read with ease
MIN_FITTED = 8  # the same where a long text has to fit into a small picture
MIN_LOGO = 16  # pixels of width
SMALL_TYPE = 64  # pixels
FALL_BACK = "©"  # for a text of which the fonts have nothing
WEIGHTS = np.array((0.2126, 0.7152, 0.0722), dtype=np.float32)
_STEPS = np.arange(256, dtype=np.float32) / 255
LINEAR = np.where(_STEPS <= 0.04045, _STEPS / 12.92, ((_STEPS + 0.055) / 1.055) ** 2.4)
STRIP = 48  # pixels
ONE_COLOUR = 14  # levels by which the pixels of a one-coloured logo may differ

Logo = Image.Image | str | Path


@dataclass(frozen=True, kw_only=True)
class Stamp:
    """A shape (mode L) to be printed in any ink; a logo of several colours brings its own.

    `soft` is the width of its halo in pixels, `pad` the air on a plate, `light` the own mean
    luminance from 0 to 1.
    """

    shape: Image.Image
    soft: int
    pad: int
    colours: Image.Image | None = None
    light: float = 0.0

    def turned(self, degrees: float) -> "Stamp":
        """The stamp turned against the clock."""
        turn = {"resample": Image.Resampling.BICUBIC, "expand": True}
        colours = self.colours and self.colours.rotate(degrees, **turn)
        return replace(self, shape=self.shape.rotate(degrees, **turn), colours=colours)

    def halo(self) -> Image.Image:
        """A soft shape around the stamp, larger by `3 * soft` on each side."""
        pad = 3 * self.soft
        ground = Image.new("L", (self.shape.width + 2 * pad, self.shape.height + 2 * pad))
        ground.paste(self.shape, (pad, pad))
        blurred = ground.filter(ImageFilter.GaussianBlur(self.soft))
        return blurred.point(lambda value: min(255, round(value * 1.5)))


@lru_cache(maxsize=64)
def text_stamp(text: str, wished: int, width: int, height: int) -> Stamp:
    """A line of type `wished` pixels high, smaller where it would not fit into the room.

    Letters that the fonts lack are left out, or keep their base without an accent; where
    nothing is left the sign for copyright stands. A text that is too long for the smallest
    type is cut with an ellipsis.
    """
    words = settable(text, LABEL).text or FALL_BACK
    pixels = max(MIN_TEXT, wished)
    while pixels > MIN_FITTED and not _fits(words, pixels, width, height):
        pixels = max(
            MIN_FITTED, min(pixels - 1, math.floor(pixels * width / _width(words, pixels)))
        )
    words = clipped_label(words, pixels, width) or FALL_BACK
    shape = _set(words, pixels)
    soft, pad = max(1, round(pixels / 12)), max(3, round(pixels * 0.38))
    return Stamp(shape=shape, soft=soft, pad=pad)


def _set(words: str, pixels: int) -> Image.Image:
    """The shape of a line. Small type is set larger first: whole pixels would spoil its rhythm."""
    times = 4 if pixels < SMALL_TYPE else 1
    face = font(LABEL, pixels * times)
    left, top, right, bottom = (round(edge) for edge in face.getbbox(words))
    pen = Image.new("L", (right - left + 2 * times, bottom - top + 2 * times))
    ImageDraw.Draw(pen).text((times - left, times - top), words, font=face, fill=255)
    shape = pen.reduce(times) if times > 1 else pen
    return shape.crop(shape.getbbox())


def _fits(words: str, pixels: int, width: int, height: int) -> bool:
    return _width(words, pixels) <= width and pixels <= height


def _width(words: str, pixels: int) -> float:
    return font(LABEL, pixels).getlength(words)


def logo_stamp(logo: Logo, wished: int, width: int, height: int) -> Stamp:
    """A logo `wished` pixels wide without its empty edges, smaller where it would not fit.

    A logo of one colour becomes a shape like a text. Raises ValueError for one that shows
    nothing.
    """
    drawn = logo if isinstance(logo, Image.Image) else Image.open(logo, formats=["PNG"])
    drawn = drawn.convert("RGBA")
    drawn = drawn.crop(drawn.getchannel("A").getbbox() or (0, 0, 0, 0))
    if not all(drawn.size):
        raise ValueError("The logo of the watermark is empty.")
    scale = min(max(MIN_LOGO, wished) / drawn.width, width / drawn.width, height / drawn.height)
    size = max(1, round(drawn.width * scale)), max(1, round(drawn.height * scale))
    shape = drawn.getchannel("A").resize(size, Image.Resampling.LANCZOS)
    soft, pad = max(1, round(min(size) / 40)), max(3, round(min(size) * 0.12))
    if _is_one_colour(drawn):
        return Stamp(shape=shape, soft=soft, pad=pad)
    light = float((luminance(drawn.convert("RGB")) * _share(drawn)).sum() / _share(drawn).sum())
    # By way of "premultiplied" colours, or the hidden colour of clear pixels would show.
    colours = drawn.convert("RGBa").resize(size, Image.Resampling.LANCZOS).convert("RGBA")
    return Stamp(shape=shape, soft=soft, pad=pad, colours=colours.convert("RGB"), light=light)


def _share(drawn: Image.Image) -> np.ndarray:
    """How much of each pixel is there, from 0 to 255."""
    return np.asarray(drawn.getchannel("A"), dtype=np.float32)


def _is_one_colour(drawn: Image.Image) -> bool:
    """Whether what is seen of a logo is of one colour, so that another may take its place."""
    seen = drawn.getchannel("A").point(lambda value: 255 if value > 127 else 0)
    if seen.getbbox() is None:
        return True
    return max(ImageStat.Stat(drawn.convert("RGB"), seen).stddev) < ONE_COLOUR


def strips(shape: Image.Image) -> list[tuple[int, int, Image.Image]]:
    """A slanted shape in upright strips without their empty parts, each with its corner.

    Printing them takes a third of the time of the whole box.
    """
    parts = []
    for left in range(0, shape.width, STRIP):
        strip = shape.crop((left, 0, min(left + STRIP, shape.width), shape.height))
        if box := strip.getbbox():
            parts.append((left + box[0], box[1], strip.crop(box)))
    return parts


def luminance(image: Image.Image) -> np.ndarray:
    """Linear luminance of each pixel of an RGB picture, from 0 (black) to 1 (white)."""
    return LINEAR[np.asarray(image)] @ WEIGHTS


def faded(shape: Image.Image, share: float) -> Image.Image:
    """The shape with a share of its strength."""
    return ImageChops.multiply(shape, Image.new("L", shape.size, round(255 * share)))
