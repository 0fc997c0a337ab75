"""Alt text: what is really to be seen, colours named from the finished pixels."""

import numpy as np
from PIL import Image

from providers.backends.studio.colour import chroma, to_oklab
from providers.backends.studio.words import in_words

_SAMPLES = 40
_MIN_WEIGHT = 0.07  # of the picture's area
_VIVID = 0.08
_MAX_COLOURS = 3

_HUES = (
    (12, "pink"),
    (45, "red"),
    (75, "orange"),
    (112, "yellow"),
    (135, "lime"),
    (168, "green"),
    (212, "teal"),
    (245, "sky blue"),
    (280, "blue"),
    (312, "purple"),
    (345, "magenta"),
    (361, "pink"),
)


def colour_name(lab: np.ndarray) -> str:
    """Return an everyday name for an OKLab colour."""
    lightness, vivid = float(lab[0]), float(chroma(lab))
    if lightness < 0.2 or (lightness < 0.27 and vivid < 0.04):
        return "near-black"
    if vivid < 0.03:
        return _grey_name(lightness)
    hue = float(np.degrees(np.arctan2(lab[2], lab[1])) % 360)
    name = next(word for limit, word in _HUES if hue < limit)
    return _toned(name, lightness, vivid)


def _grey_name(lightness: float) -> str:
    for limit, name in ((0.45, "dark grey"), (0.72, "grey"), (0.9, "light grey")):
        if lightness < limit:
            return name
    return "white"


def _toned(name: str, lightness: float, vivid: float) -> str:
    """Adjust a hue's name to its lightness: navy, brown, cream and so on."""
    if lightness > 0.93 and vivid < 0.06:
        return "cream" if name in ("orange", "yellow", "red", "lime") else "white"
    if lightness > 0.8:
        if name in ("red", "orange") and vivid < 0.12:
            return "peach" if vivid > 0.05 else "cream"
        if name == "yellow" and vivid < 0.08:
            return "sand"
        return name if name in ("yellow", "lime", "sky blue") else f"pale {name}"
    if lightness < 0.45:
        if name in ("red", "orange"):
            return "brown" if vivid < 0.13 else f"dark {name}"
        dark = {"blue": "navy", "sky blue": "navy", "yellow": "olive", "lime": "olive"}
        dark |= {"purple": "deep purple", "magenta": "plum", "pink": "burgundy"}
        return dark.get(name, f"dark {name}")
    if name in ("yellow", "orange") and vivid < 0.1:
        return "tan"
    return name


def colours_of(image: Image.Image) -> list[str]:
    """Return the names of the two or three colours that catch the eye, the largest first.

    Vivid colours count twice: a red sun is named before a grey sky's second shade.
    """
    small = image.resize((_SAMPLES, _SAMPLES), Image.Resampling.NEAREST)
    weights: dict[str, float] = {}
    for colour in to_oklab(np.asarray(small).reshape(-1, 3)):
        name = colour_name(colour)
        weights[name] = weights.get(name, 0) + (2 if float(chroma(colour)) > _VIVID else 1)
    ranked = sorted(weights, key=lambda name: (-weights[name], name))
    least = _MIN_WEIGHT * _SAMPLES * _SAMPLES
    large = [name for name in ranked if weights[name] >= least]
    return large[:_MAX_COLOURS] or ranked[:1]


def describe(image: Image.Image, subject: str, title: str = "") -> str:
    """Return the alt text of a picture; a cover's begins with its title."""
    colours = in_words(colours_of(image))
    if not title:
        return f"{subject}, in {colours}"
    stop = "" if title[-1] in ".!?…:;" else "."
    lowered = subject if subject.startswith("Bauhaus") else subject[0].lower() + subject[1:]
    return f"{title}{stop} Title card with {lowered}, in {colours}"
