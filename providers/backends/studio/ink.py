"""Ink: which colour a text may have on what really lies beneath it."""

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from providers.backends.studio.colour import contrast, linear_light, luminance

MIN_CONTRAST = 4.5
WHITE, BLACK = (255, 255, 255), (12, 12, 14)

_LINEAR = linear_light(np.arange(256))
_WEIGHTS = (0.2126, 0.7152, 0.0722)


def worst_contrast(image: Image.Image, mask: Image.Image, colour: tuple[int, ...]) -> float:
    """Return the least contrast (WCAG) between a colour and the pixels under and around a mask.

    "Around" is two pixels: the ground a reader sees the edge of a letter against.
    """
    low, high = ground_range(image, mask)
    ink = luminance(np.array(colour, dtype=np.uint8))
    return float(min(contrast(ink, low), contrast(ink, high)))


def ground_range(image: Image.Image, mask: Image.Image) -> tuple[np.float32, np.float32]:
    """Return the least and greatest luminance (0 to 1) of the pixels under and around a mask."""
    box = mask.getbbox()
    if box is None:
        return np.float32(0.5), np.float32(0.5)
    box = (max(box[0] - 2, 0), max(box[1] - 2, 0), box[2] + 2, box[3] + 2)
    box = (*box[:2], min(box[2], mask.width), min(box[3], mask.height))
    near = np.asarray(mask.crop(box).filter(ImageFilter.BoxBlur(2))) > 0
    pixels = np.asarray(image.crop(box))[near]
    light = sum(np.float32(w) * _LINEAR[pixels[:, i]] for i, w in enumerate(_WEIGHTS))
    return light.min(), light.max()


def best_ink(image: Image.Image, mask: Image.Image, wished) -> tuple[tuple[int, ...], float]:
    """Return the first wished colour that holds the contrast here, else the strongest; and it."""
    low, high = ground_range(image, mask)
    best, reached = BLACK, 0.0
    for colour in (*wished, WHITE, BLACK):
        ink = luminance(np.array(colour, dtype=np.uint8))
        ratio = float(min(contrast(ink, low), contrast(ink, high)))
        if ratio >= MIN_CONTRAST:
            return tuple(colour), ratio
        if ratio > reached:
            best, reached = tuple(colour), ratio
    return best, reached


def write(image: Image.Image, mask: Image.Image, colour: tuple[int, ...]) -> None:
    """Print a mask in a colour."""
    image.paste(tuple(int(c) for c in colour), mask=mask)


def together(masks: list[Image.Image]) -> Image.Image:
    """Return one mask that covers what any of them covers."""
    out = masks[0]
    for mask in masks[1:]:
        out = ImageChops.lighter(out, mask)
    return out
