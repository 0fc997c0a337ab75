"""Sizes of services that take no pixels but an aspect ratio and a class of resolution.

A model lists the pixel sizes that come of them, so that validation snaps to one and shows it;
here a size is turned back into ratio and class.
"""

import math
from collections.abc import Iterable, Mapping

from providers import errors
from providers.types import ImageRequest

TOLERANCE = 0.03  # real pictures differ so much from the ratio that names them


def shape_of(ratio: str) -> float:
    """Width by height of "16:9"."""
    width, _, height = ratio.partition(":")
    return int(width) / int(height)


def nominal_sizes(ratios: Iterable[str], sides: Iterable[int], step: int = 16) -> tuple[str, ...]:
    """The size of each ratio at the area of each square, both sides in steps of `step` pixels."""
    sizes = []
    for side in sides:
        for ratio in ratios:
            root = math.sqrt(shape_of(ratio))
            width, height = (round(edge / step) * step for edge in (side * root, side / root))
            sizes.append(f"{width}x{height}")
    return tuple(sizes)


def named_shape(
    request: ImageRequest, ratios: Iterable[str], classes: Mapping[str, int]
) -> tuple[str, str]:
    """(ratio, class) of the request's size; `classes` maps names to the side of their square.

    `InvalidRequest` for a size that no ratio stands for: another picture would come.
    """
    wanted, side = request.width / request.height, math.sqrt(request.width * request.height)
    ratio = min(ratios, key=lambda name: abs(math.log(shape_of(name) / wanted)))
    if abs(shape_of(ratio) / wanted - 1) > TOLERANCE:
        raise errors.InvalidRequest(
            f"{request.model} draws no pictures of {request.width}×{request.height}."
        )
    if not classes:
        return ratio, ""
    return ratio, min(classes, key=lambda name: abs(math.log(classes[name] / side)))
