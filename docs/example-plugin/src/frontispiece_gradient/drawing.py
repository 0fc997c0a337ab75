"""The drawing. It runs in a child process, so Pillow is loaded there alone."""

import colorsys
import random
from typing import Any

DIRECTIONS = ("down", "up", "right", "left")
TURNS = {"down": 0, "right": 90, "up": 180, "left": 270}


def draw_gradient(path: str, payload: dict[str, Any]) -> None:
    """Write a PNG; `ValueError` for a colour that is none."""
    from PIL import Image, ImageOps

    first, second = (*payload["palette"], *_colours(payload))[:2]
    shades = Image.linear_gradient("L").rotate(TURNS[payload["direction"]])
    shades = shades.resize((payload["width"], payload["height"]))
    ImageOps.colorize(shades, first, second).save(path, "PNG")


def _colours(payload: dict[str, Any]) -> tuple[str, str]:
    """Two colours that belong to a prompt and a seed."""
    hue = random.Random(f"{payload['seed']} {payload['prompt']}").random()
    return _hex(hue, 0.35), _hex((hue + 0.15) % 1, 0.8)


def _hex(hue: float, lightness: float) -> str:
    red, green, blue = (round(255 * part) for part in colorsys.hls_to_rgb(hue, lightness, 0.6))
    return f"#{red:02x}{green:02x}{blue:02x}"
