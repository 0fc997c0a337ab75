"""Renditions: what readers see of an original, each made by a recipe.

Runs in a child process and knows no Django. The original is decoded once and only read. Equal
recipes make equal files, whatever else is made beside them; nothing is ever enlarged.
"""

import contextlib
import json
import os
from typing import Any

from PIL import Image

from imagegen.imaging.cards import SOCIAL_SIZE, card
from imagegen.imaging.crops import Box, Size, cut, result_size
from imagegen.imaging.reading import BODY, RECEIVED, as_shown, read_picture
from imagegen.imaging.watermark import mark
from imagegen.imaging.writing import encoding, write_picture
from imagegen.imaging.xmp import check_packet, packet

Recipe = dict[str, Any]
# A picture is halved as long as this is left above the size that is wanted: the last step is
# still Lanczos over enough pixels.
SPARE = 2


def render(path: str, jobs: list[tuple[Recipe, str]], *, logo_path: str = "") -> list[dict]:
    """Make all renditions of the original at `path`: pairs of a recipe and the file to write.

    Gives for each `width`, `height`, `byte_size`, `sha256` and `format`. `logo_path` is the
    PNG of a watermark that has one. Raises `Undecodable` for an original that is no picture
    and `ValueError` for a file that does not carry its facts; such a file is not left.
    """
    master = Master(path)
    logo = as_shown(read_picture(logo_path, BODY)[0], keep_alpha=True) if logo_path else None
    by_look: dict[str, list[int]] = {}
    for number, (recipe, _) in enumerate(jobs):
        by_look.setdefault(_look(recipe), []).append(number)
    made = {}
    for numbers in by_look.values():
        picture = _picture(master, jobs[numbers[0]][0], logo)
        made |= {number: _written(picture, *jobs[number]) for number in numbers}
    return [made[number] for number in range(len(jobs))]


class Master:
    """An original as it is shown, and its halves, each made when it is first needed."""

    def __init__(self, path: str) -> None:
        image = read_picture(path, RECEIVED)[0]
        self._clear = image if image.has_transparency_data else None
        self._ladders = {False: [as_shown(image)]}

    @property
    def size(self) -> Size:
        """Width and height as shown."""
        return self._ladders[False][0].size

    def part(self, box: Box, size: Size, *, keep_alpha: bool = False) -> Image.Image:
        """What lies in `box` (pixels of the original), reduced to `size`."""
        ladder = self._ladder(keep_alpha)
        step = 0
        while _fits(box, size, step + 1):
            step += 1
            if step == len(ladder):
                ladder.append(ladder[-1].reduce(2))
        source = ladder[step]
        area = tuple(edge / 2**step for edge in box)
        if area == (0, 0, *source.size) and size == source.size:
            return source.copy()
        return source.resize(size, Image.Resampling.LANCZOS, box=area)

    def _ladder(self, keep_alpha: bool) -> list[Image.Image]:
        if not keep_alpha or self._clear is None:
            return self._ladders[False]
        if True not in self._ladders:
            self._ladders[True] = [as_shown(self._clear, keep_alpha=True)]
        return self._ladders[True]


def _fits(box: Box, size: Size, step: int) -> bool:
    """Whether the picture halved `step` times is still large enough for that size."""
    scale = SPARE * 2**step
    return box[2] - box[0] >= size[0] * scale and box[3] - box[1] >= size[1] * scale


def _look(recipe: Recipe) -> str:
    """What decides over the pixels: files that share it are encoded from one picture."""
    names = ("width", "crop", "focal", "card", "watermark")
    return json.dumps([recipe.get(name) for name in names] + [_may_be_clear(recipe)])


def _may_be_clear(recipe: Recipe) -> bool:
    return recipe["format"] == "PNG"


def _picture(master: Master, recipe: Recipe, logo: Image.Image | None) -> Image.Image:
    """The rendition before it is encoded. Transparency stays in a PNG, elsewhere it is white."""
    picture = _card(master, recipe) if recipe.get("card") else _reduced(master, recipe)
    if spec := recipe.get("watermark"):
        return mark(picture, spec, logo)
    return picture


def _reduced(master: Master, recipe: Recipe) -> Image.Image:
    ratio = recipe.get("crop")
    box = cut(master.size, ratio, recipe.get("focal"))
    size = result_size(box, recipe["width"], ratio)
    return master.part(box, size, keep_alpha=_may_be_clear(recipe))


def _card(master: Master, recipe: Recipe) -> Image.Image:
    """The title beside the picture; the picture in a card's shape where it cannot be set."""

    def fill(size: Size) -> Image.Image:
        return master.part(cut(master.size, size, recipe.get("focal")), size)

    drawn = card(fill, **recipe["card"])
    return drawn or _reduced(master, recipe | {"crop": SOCIAL_SIZE})


def _written(picture: Image.Image, recipe: Recipe, out_path: str) -> dict:
    """The picture as a file that was read back, and its facts."""
    format, facts = recipe["format"], recipe.get("facts") or {}
    # Type needs its colours whole.
    changes = {"subsampling": "4:4:4"} if recipe.get("card") and format == "AVIF" else {}
    made = write_picture(picture, out_path, **encoding(format, packet(**facts), **changes))
    try:
        check_packet(out_path, facts)
    except ValueError:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(out_path)
        raise
    return made | {"format": format}
