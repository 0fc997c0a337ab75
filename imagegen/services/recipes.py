"""Recipes: all that goes into a file made from an original. Equal recipes make equal files.

A recipe names the original, the part and the size of it, the format, the watermark, and the
facts written into the file. What it cannot know (where the file is shown, the alt text of a
place) is no part of it, so that places share what they can.
"""

import hashlib
import json
from typing import Any

from django.conf import settings

from imagegen.imaging.sniffing import EXTENSIONS
from imagegen.models import ImageOutput, PublicCopy
from imagegen.services.credentials import signing_mark
from imagegen.services.srcsets import ORDER
from prompts.models import ImageStyle, Role, UnknownVersion

Recipe = dict[str, Any]
Variants = dict[tuple[str, str], Recipe]  # by purpose and variant, such as ("web", "640.avif")
Purpose = PublicCopy.Purpose

VERSION = 2
WIDTHS = (320, 640, 960, 1280, 1600)
LARGEST = 2400  # the widest place of a page is 1200 pixels, on screens with two for each
SOCIAL_WIDTH = 1200
SOCIAL_RATIO = (1200, 630)
RATIOS = {Purpose.SQUARE: (1, 1), Purpose.PORTRAIT: (4, 5), Purpose.WIDE: (16, 9)}


def recipe_hash(recipe: Recipe) -> str:
    """SHA-256 of the recipe as hexadecimal text; the order of its keys does not count."""
    text = json.dumps(recipe, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def place_recipes(role: str, output: ImageOutput, watermark: dict[str, Any] | None) -> Variants:
    """What the page needs of a picture in a hero's or a section's place."""
    variants = web_recipes(output, watermark)
    if role == Role.HERO:
        for purpose in settings.HERO_CROPS:
            variants |= crop_recipes(output, purpose, watermark)
    return variants


def web_recipes(output: ImageOutput, watermark: dict[str, Any] | None) -> Variants:
    """The whole picture in each width and format that a page offers to browsers."""
    return {
        (Purpose.WEB, _variant(width, format)): _recipe(output, width, format, watermark)
        for width in widths_for(output.width)
        for format in page_formats()
    }


def crop_recipes(output: ImageOutput, purpose: str, watermark: dict[str, Any] | None) -> Variants:
    """The same for a part of it in the shape of the purpose: square, portrait or wide."""
    ratio = RATIOS[Purpose(purpose)]
    return {
        (purpose, _variant(width, format)): _recipe(output, width, format, watermark, ratio)
        for width in widths_for(part_width(output, ratio))
        for format in page_formats()
    }


def social_recipe(
    output: ImageOutput, watermark: dict[str, Any] | None, *, title: str = ""
) -> Variants:
    """The social card: a part of the picture, or with a `title` that title beside it.

    A card with a title carries the site's name instead of a watermark.
    """
    if title:
        recipe = _recipe(output, SOCIAL_WIDTH, "JPEG", None, SOCIAL_RATIO)
        site = settings.SITE_NAME
        recipe["card"] = {"title": title, "site": site, "palette": style_palette(output)}
    else:
        width = min(SOCIAL_WIDTH, part_width(output, SOCIAL_RATIO))
        recipe = _recipe(output, width, "JPEG", watermark, SOCIAL_RATIO)
    return {(Purpose.SOCIAL, _variant(recipe["width"], "JPEG")): recipe}


def wants_title(hero: ImageOutput) -> bool:
    """Whether a card made of this hero shows the title: always or never by the site's choice,
    with "auto" only where the hero is too small to fill a card."""
    if settings.SOCIAL_CARD == "auto":
        return part_width(hero, SOCIAL_RATIO) < SOCIAL_WIDTH
    return settings.SOCIAL_CARD == "text"


def page_formats() -> tuple[str, ...]:
    """The formats of pictures on pages, the one that a browser should take first in front."""
    return tuple(name for name in ORDER if name != "WEBP" or settings.PICTURE_WEBP)


def widths_for(width: int) -> list[int]:
    """The widths offered of a picture that is `width` pixels wide: never more than it has."""
    last = min(width, LARGEST)
    return [*(step for step in WIDTHS if step < last), last]


def part_width(output: ImageOutput, ratio: tuple[int, int]) -> int:
    """How many pixels wide the largest part of that ratio is."""
    across, down = ratio
    return min(output.width, max(1, round(output.height * across / down)))


def style_palette(output: ImageOutput) -> list[str]:
    """The colours of the style that the picture was drawn in; none if there is no such style."""
    style = ImageStyle.objects.filter(name=output.style_name).first() if output.style_name else None
    if style is None:
        return []
    try:
        return list(style.at(output.style_version).palette)
    except UnknownVersion:
        return list(style.palette)


def _variant(width: int, format: str) -> str:
    return f"{width}.{EXTENSIONS[format]}"


def _recipe(
    output: ImageOutput,
    width: int,
    format: str,
    watermark: dict[str, Any] | None,
    ratio: tuple[int, int] | None = None,
) -> Recipe:
    recipe: Recipe = {
        "version": VERSION,
        "original": output.sha256,
        "crop": list(ratio) if ratio else None,
        "width": width,
        "format": format,
        "watermark": watermark,
        "card": None,
        "facts": _facts(output),
    }
    if ratio:
        recipe["focal"] = [round(output.focal_x, 4), round(output.focal_y, 4)]
    if mark := signing_mark():
        recipe["signed"] = mark
    return recipe


def _facts(output: ImageOutput) -> dict[str, str]:
    """What is written into the file. The description has no language that we know of."""
    made_here = output.kind != ImageOutput.Kind.UPLOADED
    return {
        "digital_source_type": output.digital_source_type,
        "alt": output.description,
        "language": "",
        "creator": settings.SITE_NAME if made_here else "",
        "credit": settings.SITE_NAME,
        "model": output.model_name if made_here else "",
    }
