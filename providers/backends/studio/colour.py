"""Colour: OKLab, palettes sorted by lightness, ramps that never turn muddy, contrast.

OKLab arrays are float32 of shape (…, 3) holding L (0 black to 1 white), a and b.
"""

from dataclasses import dataclass

import numpy as np

from providers.backends.studio.options import parse_hex

DEFAULT_PALETTES: tuple[tuple[str, ...], ...] = (
    ("#0b1230", "#17396d", "#2f74b8", "#7cc3e6", "#f3f6f4"),
    ("#2c1a3e", "#8c2a5b", "#e2552e", "#f5a23c", "#fdefd8"),
    ("#12281f", "#2f6b43", "#86a95a", "#dcc57e", "#f6f1e1"),
    ("#1c1b1a", "#1f5aa8", "#d8263c", "#f2b230", "#f4efe6"),
    ("#33166b", "#7a43dd", "#f2648c", "#f8bf5b", "#ecf5fd"),
    ("#10141a", "#3b4652", "#7d8893", "#c3c8cc", "#f5f5f2"),
    ("#0f2e3d", "#1c7c7d", "#6cc3a0", "#f3d9a4", "#fbf6ea"),
    ("#3a1d18", "#9c4a2f", "#d98e5f", "#8aa39b", "#f4eadb"),
)

MIN_SWATCHES = 5
MIN_LIGHTNESS_RANGE = 0.58
_SAME_COLOUR = 0.015
_GREY_CHROMA = 0.035

_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    dtype=np.float32,
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ],
    dtype=np.float32,
)
_FROM_LAB = np.linalg.inv(_TO_LAB.astype(np.float64)).astype(np.float32)
_FROM_LMS = np.linalg.inv(_TO_LMS.astype(np.float64)).astype(np.float32)

_GAMMA_STEPS = 4095


def _gamma_table() -> np.ndarray:
    """Map linear light (0 to 4095) to the sRGB byte."""
    linear = np.linspace(0, 1, _GAMMA_STEPS + 1)
    low, high = linear * 12.92, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055
    return (np.where(linear <= 0.0031308, low, high) * 255 + 0.5).astype(np.uint8)


_GAMMA = _gamma_table()


def to_hex(rgb: "np.ndarray | tuple[int, int, int]") -> str:
    """Return `#rrggbb` for three bytes."""
    return "#{:02x}{:02x}{:02x}".format(*(int(v) for v in rgb))


def linear_light(rgb: np.ndarray) -> np.ndarray:
    """Return linear light (0 to 1) of sRGB bytes."""
    c = np.asarray(rgb, dtype=np.float32) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4).astype(np.float32)


def luminance(rgb: np.ndarray) -> np.ndarray:
    """Return the WCAG relative luminance (0 to 1) of sRGB bytes."""
    return linear_light(rgb) @ np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)


def contrast(one: "np.ndarray | np.floating", other: "np.ndarray | np.floating") -> np.ndarray:
    """Return the WCAG contrast ratio (1 to 21) of two luminances."""
    high, low = np.maximum(one, other), np.minimum(one, other)
    return np.asarray((high + 0.05) / (low + 0.05))


def to_oklab(rgb: np.ndarray) -> np.ndarray:
    """Return OKLab of sRGB bytes."""
    return np.cbrt(linear_light(rgb) @ _TO_LMS.T) @ _TO_LAB.T


def to_bytes(lab: np.ndarray) -> np.ndarray:
    """Return sRGB bytes of OKLab; colours outside sRGB are clipped."""
    lms = np.asarray(lab, dtype=np.float32) @ _FROM_LAB.T
    return _encoded((lms * lms * lms) @ _FROM_LMS.T)


def planes_to_bytes(planes: np.ndarray) -> np.ndarray:
    """Return sRGB bytes (height, width, 3) of OKLab planes (3, height, width)."""
    rgb = np.empty((*planes.shape[1:], 3), dtype=np.uint8)
    lms = [_weighted(planes, row) for row in _FROM_LAB]
    cubes = [m * m * m for m in lms]
    for i, row in enumerate(_FROM_LMS):
        rgb[..., i] = _encoded(_weighted(cubes, row))
    return rgb


def _weighted(planes, weights) -> np.ndarray:
    out = planes[0] * weights[0]
    out += planes[1] * weights[1]
    out += planes[2] * weights[2]
    return out


def _encoded(linear: np.ndarray) -> np.ndarray:
    linear *= _GAMMA_STEPS
    linear += 0.5
    np.clip(linear, 0, _GAMMA_STEPS, out=linear)
    return _GAMMA[linear.astype(np.uint16)]


def chroma(lab: np.ndarray) -> np.ndarray:
    """Return the OKLab chroma (0 grey, about 0.3 vivid)."""
    return np.hypot(lab[..., 1], lab[..., 2])


def hue_turn(one: np.ndarray, other: np.ndarray) -> float:
    """Return the shorter way from one hue to another, -pi to pi."""
    way = np.arctan2(other[2], other[1]) - np.arctan2(one[2], one[1])
    return float((way + np.pi) % (2 * np.pi) - np.pi)


def mix(one: np.ndarray, other: np.ndarray, t: "float | np.ndarray") -> np.ndarray:
    """Mix two OKLab colours without mud.

    Two vivid colours keep their chroma on the way (the shorter arc of hue); as soon as one of
    them is nearly grey the mix is straight.
    """
    t = np.asarray(t, dtype=np.float32)[..., None]
    straight = one + (other - one) * t
    c1, c2 = float(chroma(one)), float(chroma(other))
    vivid = min(max((min(c1, c2) - _GREY_CHROMA) / 0.04, 0.0), 1.0)
    if vivid == 0:
        return straight.astype(np.float32)
    h1, turn = np.arctan2(one[2], one[1]), hue_turn(one, other)
    hue, c = h1 + turn * t[..., 0], c1 + (c2 - c1) * t[..., 0]
    arc = np.stack([straight[..., 0], c * np.cos(hue), c * np.sin(hue)], axis=-1)
    return (straight + (arc - straight) * vivid).astype(np.float32)


@dataclass(frozen=True)
class Palette:
    """Colours to draw with, sorted from dark to light.

    `colours` are the hex values as given (or the default ones), `swatches` the same in OKLab,
    completed to at least five with a lightness range wide enough to draw with.
    """

    colours: tuple[str, ...]
    swatches: np.ndarray

    @classmethod
    def from_hex(cls, colours: "tuple[str, ...] | list[str]") -> "Palette":
        """Build a palette from one or more hex colours; ValueError names a wrong one."""
        given = [parse_hex(c) for c in colours]
        if not given:
            raise ValueError("A palette needs at least one colour, for example #1f5aa8.")
        lab = to_oklab(np.array(given, dtype=np.uint8))
        order = np.argsort(lab[:, 0], kind="stable")
        return cls(tuple(to_hex(given[i]) for i in order), _completed(lab[order]))

    @property
    def dark(self) -> np.ndarray:
        """The darkest swatch."""
        return self.swatches[0]

    @property
    def light(self) -> np.ndarray:
        """The lightest swatch."""
        return self.swatches[-1]

    @property
    def accent(self) -> np.ndarray:
        """The most vivid swatch, the ends left out where something vivid lies between."""
        inner = self.swatches[1:-1]
        return inner[int(np.argmax(chroma(inner)))]

    def ramp(self, steps: int, low: float = 0.0, high: float = 1.0) -> np.ndarray:
        """Return `steps` OKLab colours from dark (0) to light (1), or between two positions."""
        return self.at(np.linspace(low, high, steps))

    def at(self, positions: "float | np.ndarray") -> np.ndarray:
        """Return the OKLab colours at positions 0 (darkest) to 1 (lightest)."""
        positions = np.clip(np.asarray(positions, dtype=np.float32), 0, 1)
        scaled = positions * (len(self.swatches) - 1)
        index = np.minimum(scaled.astype(int), len(self.swatches) - 2)
        out = np.empty((*positions.shape, 3), dtype=np.float32)
        for i in range(len(self.swatches) - 1):
            here = index == i
            if here.any():
                pair = self.swatches[i], self.swatches[i + 1]
                out[here] = mix(*pair, _eased(*pair, scaled[here] - i))
        return out


def _eased(one: np.ndarray, other: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Return t, hurried through the middle where two vivid hues are nearly opposite.

    All that lies between such hues is either grey or foreign to the palette.
    """
    if min(float(chroma(one)), float(chroma(other))) < _GREY_CHROMA:
        return t
    opposite = min(max((abs(hue_turn(one, other)) - 2.18) / 0.35, 0.0), 1.0)
    return np.clip((t - 0.5) * (1 + 5 * opposite) + 0.5, 0, 1)


def _completed(lab: np.ndarray) -> np.ndarray:
    """Drop repeats, widen the lightness range, and fill the widest gaps up to five swatches."""
    kept = [lab[0]]
    for colour in lab[1:]:
        if min(np.linalg.norm(colour - k) for k in kept) > _SAME_COLOUR:
            kept.append(colour)
    kept = _widened(kept)
    while len(kept) < MIN_SWATCHES:
        gaps = [np.linalg.norm(b - a) for a, b in zip(kept, kept[1:], strict=False)]
        i = int(np.argmax(gaps))
        kept.insert(i + 1, mix(kept[i], kept[i + 1], 0.5))
    return np.array(kept, dtype=np.float32)


def _widened(kept: list[np.ndarray]) -> list[np.ndarray]:
    """Add a shade below or a tint above (or both) where all colours are equally light."""
    low, high = float(kept[0][0]), float(kept[-1][0])
    missing = MIN_LIGHTNESS_RANGE - (high - low)
    if missing <= 0:
        return kept
    room_below, room_above = max(low - 0.18, 0.0), max(0.965 - high, 0.0)
    below = missing * room_below / (room_below + room_above)
    above = missing - below
    if below > 0.06:
        kept = [_relit(kept[0], low - below), *kept]
    if above > 0.06:
        kept = [*kept, _relit(kept[-1], high + above)]
    return kept


def _relit(colour: np.ndarray, lightness: float) -> np.ndarray:
    """Return the colour at another lightness, paler towards the ends where sRGB is narrow."""
    room = 1 - abs(2 * lightness - 1) ** 2
    factor = min(1.0, 0.25 + 0.75 * room)
    return np.array([lightness, colour[1] * factor, colour[2] * factor], dtype=np.float32)
