"""What can be asked of the studio: names, sizes, colours, and the words for a wrong one.

No drawing library is imported here: forms and capability lists read this module.
"""

import re

FAMILIES: dict[str, str] = {
    "ribbons": "ribbons",
    "paper-cut": "paper_cut",
    "bauhaus": "bauhaus",
    "contour": "contour",
    "flow": "flow",
    "halftone": "halftone",
}

LAYOUTS: dict[str, str] = {
    "split": "split",
    "poster": "poster",
    "full-bleed": "full_bleed",
}

MIN_SIDE, MAX_SIDE, MAX_ASPECT = 256, 2048, 4.0
FILE_FORMATS = ("png", "jpeg")

_HEX = re.compile(r"#?([0-9a-fA-F]{6}|[0-9a-fA-F]{3})")


def check_family(name: str) -> None:
    """Raise ValueError naming the choices unless `name` is empty or a family."""
    _check("pattern family", name, FAMILIES)


def check_layout(name: str) -> None:
    """Raise ValueError naming the choices unless `name` is empty or a layout."""
    _check("layout", name, LAYOUTS)


def check_size(width: int, height: int) -> None:
    """Raise ValueError for a size outside 256 to 2048 per side or longer than 4:1."""
    if not (MIN_SIDE <= width <= MAX_SIDE and MIN_SIDE <= height <= MAX_SIDE):
        raise ValueError(
            f"{width}×{height} is not possible: each side must be {MIN_SIDE} to {MAX_SIDE} pixels."
        )
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise ValueError(
            f"{width}×{height} is too long: the long side may be at most four times the short one."
        )


def parse_hex(text: str) -> tuple[int, int, int]:
    """Return the red, green and blue bytes of `#rgb` or `#rrggbb`; ValueError otherwise."""
    match = _HEX.fullmatch(text.strip()) if isinstance(text, str) else None
    if not match:
        raise ValueError(f"{text!r} is not a colour: write it like #1f5aa8.")
    digits = match.group(1)
    if len(digits) == 3:
        digits = "".join(d * 2 for d in digits)
    return int(digits[0:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)


def _check(what: str, name: str, choices: dict[str, str]) -> None:
    if name and (not isinstance(name, str) or name not in choices):
        raise ValueError(f"There is no {what} {name!r}: choose one of {', '.join(choices)}.")
