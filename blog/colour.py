"""The site's accent colour, made readable on both papers."""

import re

# The pages' backgrounds, as in static/blog/blog.css.
PAPER = "#faf7f1"
NIGHT = "#17150f"
# WCAG 2.2, 1.4.3: text of ordinary size. A little more, so that rounding costs nothing.
TEXT_CONTRAST = 4.6

Rgb = tuple[float, float, float]
_hex = re.compile(r"#[0-9a-fA-F]{6}")


def is_hex(colour: str) -> bool:
    """Whether `colour` is written as #rrggbb."""
    return bool(_hex.fullmatch(colour))


def contrast(one: str, other: str) -> float:
    """Contrast of two colours by WCAG, from 1 to 21."""
    high, low = sorted((_luminance(_rgb(one)), _luminance(_rgb(other))), reverse=True)
    return (high + 0.05) / (low + 0.05)


def readable(colour: str, background: str, ratio: float = TEXT_CONTRAST) -> str:
    """`colour`, moved towards black or white no further than needed to be read as text."""
    towards = (0.0, 0.0, 0.0) if _luminance(_rgb(background)) > 0.5 else (255.0, 255.0, 255.0)
    for step in range(0, 101, 2):
        mixed = _mixed(_rgb(colour), towards, step / 100)
        if contrast(mixed, background) >= ratio:
            return mixed
    return _mixed(towards, towards, 0)


def _rgb(colour: str) -> Rgb:
    return tuple(float(int(colour[start : start + 2], 16)) for start in (1, 3, 5))  # type: ignore[return-value]


def _mixed(one: Rgb, other: Rgb, share: float) -> str:
    parts = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return "#" + "".join(f"{part:02x}" for part in parts)


def _luminance(rgb: Rgb) -> float:
    linear = [
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4
        for part in (value / 255 for value in rgb)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
