"""A first guess at the point of a picture that a crop must keep. A person may move it."""

import numpy as np
from PIL import Image, ImageFilter

SIDE = 64  # pixels of the long side that is looked at
CENTRE = (0.5, 0.5)
PULL = 0.8  # where the preference for the middle has halved, in halves of the side
OUTLINE = 12.0  # levels between neighbours; where none differ more nothing stands out
BLUR = 2  # pixels
STRONGEST = 0.15  # share of the picture that decides


def find_focus(image: Image.Image) -> tuple[float, float]:
    """The point of an RGB picture that draws the eye, from the left and the top, 0 to 1.

    It is where colour and light are unlike the rest and edges are many, the middle preferred.
    A picture in which nothing stands out gives its centre.
    """
    scale = SIDE / max(image.size)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    small = image.resize(size, Image.Resampling.BOX, reducing_gap=1.0).convert("YCbCr")
    planes = np.asarray(small, dtype=np.float32)
    edges = _edges(planes)
    if edges.max() < OUTLINE:
        return CENTRE
    found = _blurred(_unlike_the_rest(planes) + edges)
    found = (found - found.min()) * _pull(found.shape)
    found = np.maximum(found - np.quantile(found, 1 - STRONGEST), 0) ** 2
    return _middle_of(found)


def _unlike_the_rest(planes: np.ndarray) -> np.ndarray:
    """How far each pixel's colour lies from the median one, in levels."""
    return np.sqrt((((planes - np.median(planes, axis=(0, 1))) * (0.5, 1.0, 1.0)) ** 2).sum(-1))


def _edges(planes: np.ndarray) -> np.ndarray:
    """How much light and colour change from pixel to pixel, in levels."""
    steps = np.zeros(planes.shape[:2], dtype=np.float32)
    steps[:, 1:] += abs(np.diff(planes, axis=1)).max(-1)
    steps[1:] += abs(np.diff(planes, axis=0)).max(-1)
    return steps


def _blurred(values: np.ndarray) -> np.ndarray:
    """What lies together counts together."""
    levels = Image.fromarray(np.minimum(values, 255).astype(np.uint8))
    return np.asarray(levels.filter(ImageFilter.GaussianBlur(BLUR)), dtype=np.float32)


def _pull(shape: tuple[int, ...]) -> np.ndarray:
    """Weights that fall from the centre, never to nothing."""
    down, across = (np.linspace(-1, 1, length) for length in shape)
    return 0.25 + np.exp2(-((across[None, :] ** 2 + down[:, None] ** 2) / PULL**2))


def _middle_of(weights: np.ndarray) -> tuple[float, float]:
    total = weights.sum()
    if not total:
        return CENTRE
    height, width = weights.shape
    x = (weights.sum(0) * (np.arange(width) + 0.5)).sum() / total / width
    y = (weights.sum(1) * (np.arange(height) + 0.5)).sum() / total / height
    return round(float(x), 3), round(float(y), 3)
