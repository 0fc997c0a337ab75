"""Checks a request against a model's capabilities: refuse by name, or snap and say so."""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from providers.keeping import in_snakes
from providers.masking import secrets_in
from providers.types import Capabilities, ImageRequest, Issue, Validation

# Field of the request -> the capability that lets it through.
SWITCHES = {
    "negative_prompt": "negative_prompt",
    "seed": "seed",
    "steps": "steps",
    "guidance_scale": "guidance_scale",
    "palette": "palette",
    "title": "title",
    "kicker": "title",
    "footer": "title",
}
# What every request has of its own, and what makes more pictures of a call than its price is for:
# no option of a model's own may say otherwise, not even where all are let through.
RESERVED = frozenset(
    {
        "batch_size", "candidate_count", "frame_count", "height", "max_images", "model", "n",
        "n_iter", "num_images", "num_images_per_prompt", "num_outputs", "number_of_images",
        "partial_images", "prompt", "quality", "samples", "size", "stream", "width",
    }
)  # fmt: skip
CHOICES = {"quality": "qualities", "output_format": "output_formats"}


def validate_request(request: ImageRequest, capabilities: Capabilities, who: str) -> Validation:
    """The request as `who` (such as "patterns (studio)") takes it, and every issue with it."""
    issues = [
        *_prompt_issues(request, capabilities, who),
        *_unsupported(request, capabilities, who),
        *_number_issues(request, capabilities, who),
    ]
    width, height, size_issues = _size(request, capabilities, who)
    issues.extend(size_issues)
    return Validation(replace(request, width=width, height=height), tuple(issues))


def _error(field: str, message: str, requested: Any = None) -> Issue:
    return Issue(field, message, "error", requested)


def _prompt_issues(request: ImageRequest, capabilities: Capabilities, who: str) -> Iterator[Issue]:
    if not request.prompt.strip():
        yield _error("prompt", "The prompt is empty.")
    if (length := len(request.prompt)) > capabilities.max_prompt_length:
        yield _error(
            "prompt",
            f"The prompt has {length:,} characters; "
            f"{who} takes at most {capabilities.max_prompt_length:,}.",
            length,
        )


def _unsupported(request: ImageRequest, capabilities: Capabilities, who: str) -> Iterator[Issue]:
    for field, capability in SWITCHES.items():
        value = getattr(request, field)
        if value not in (None, "", ()) and not getattr(capabilities, capability):
            yield _not_taken(field, who, value)
    for field, capability in CHOICES.items():
        value, choices = getattr(request, field), getattr(capabilities, capability)
        if value and not choices:
            yield _not_taken(field, who, value)
        elif value and value not in choices:
            yield _error(
                field, f"{field} {value} is not taken by {who}; it takes {_list(choices)}.", value
            )
    if (count := len(request.reference_images)) > capabilities.reference_images:
        yield _reference_issue(count, capabilities.reference_images, who)
    if request.mask and not capabilities.mask:
        yield _not_taken("mask", who, "given")
    elif request.mask and not request.reference_images:
        yield _error("mask", "A mask needs a reference image that it belongs to.")
    yield from _own_option_issues(request, capabilities, who)


def _own_option_issues(
    request: ImageRequest, capabilities: Capabilities, who: str
) -> Iterator[Issue]:
    """The model's own options: unknown ones, and those with a value that it does not take."""
    for name, value in request.extra.items():
        choices = capabilities.choices.get(name)
        if in_snakes(name) in RESERVED:
            yield _error(f"extra.{name}", f"{name} cannot be set among the extra settings.", value)
        elif any(secrets_in({name: value})):
            yield _error(f"extra.{name}", f"{name} seems to hold a secret, which is not sent so.")
        elif capabilities.extra != ("*",) and name not in capabilities.extra:
            yield _not_taken(f"extra.{name}", who, value)
        elif choices is not None and str(value) not in choices:
            yield _error(
                f"extra.{name}",
                f"{name} {value} is not taken by {who}; it takes {_list(choices)}.",
                value,
            )


def _not_taken(field: str, who: str, value: Any) -> Issue:
    return _error(field, f"{field.removeprefix('extra.')} is not taken by {who}.", value)


def _reference_issue(count: int, limit: int, who: str) -> Issue:
    if limit == 0:
        return _not_taken("reference_images", who, count)
    return _error(
        "reference_images", f"{count} reference_images given; {who} takes at most {limit}.", count
    )


def _number_issues(request: ImageRequest, capabilities: Capabilities, who: str) -> Iterator[Issue]:
    seed, highest = request.seed, capabilities.max_seed
    if seed is not None and seed < 0:
        yield _error("seed", "seed must not be negative.", seed)
    elif seed is not None and highest is not None and seed > highest:
        yield _error("seed", f"seed {seed} is not taken by {who}: at most {highest:,}.", seed)
    if request.steps is not None and request.steps < 1:
        yield _error("steps", "steps must be at least 1.", request.steps)
    scale = request.guidance_scale
    if scale is not None and not (math.isfinite(scale) and scale >= 0):
        yield _error("guidance_scale", "guidance_scale must be a number of at least 0.")


def _size(
    request: ImageRequest, capabilities: Capabilities, who: str
) -> tuple[int, int, list[Issue]]:
    """Width and height to send, and what there is to say about them."""
    width, height = request.width, request.height
    asked = f"{width}x{height}"
    if width < 1 or height < 1:
        problem = f"Size {_told(asked)} is not a size of a picture."
        return width, height, [_error("size", problem, asked)]
    if capabilities.sizes:
        width, height = _nearest(width, height, capabilities.sizes)
    elif problem := _range_problem(width, height, capabilities, who):
        return width, height, [_error("size", problem, asked)]
    else:
        width, height = _fitted(width, height, capabilities)
    sent = f"{width}x{height}"
    if sent == asked:
        return width, height, []
    message = f"Size {_told(asked)} becomes {_told(sent)}, the nearest that {who} draws."
    return width, height, [Issue("size", message, "snapped", asked, sent)]


def _told(size: str) -> str:
    """A size as people write it."""
    return size.replace("x", "×")


def _range_problem(width: int, height: int, capabilities: Capabilities, who: str) -> str:
    low, high = capabilities.min_side, capabilities.max_side
    for name, side in (("Width", width), ("height", height)):
        if not low <= side <= high:
            return f"{name.capitalize()} {side} is not taken by {who}: {low} to {high} pixels."
    if capabilities.max_pixels and width * height > capabilities.max_pixels:
        return (
            f"Size {width}×{height} is not taken by {who}: "
            f"at most {capabilities.max_pixels:,} pixels in all."
        )
    if capabilities.max_ratio and max(width, height) > capabilities.max_ratio * min(width, height):
        return (
            f"Size {width}×{height} is not taken by {who}: the long side may be at most "
            f"{capabilities.max_ratio} times the short one."
        )
    return ""


def _fitted(width: int, height: int, capabilities: Capabilities) -> tuple[int, int]:
    """The nearest size in steps of `multiple_of` that keeps the limits of pixels and shape.

    What is too small in all is made larger in the same shape: a larger picture can be scaled
    down for the page, a refused one is none.
    """
    growth = math.sqrt(max(1.0, capabilities.min_pixels / (width * height)))
    sides = [_to_multiple(side * growth, capabilities) for side in (width, height)]
    step = max(1, capabilities.multiple_of)
    while sides[0] * sides[1] < capabilities.min_pixels and max(sides) < capabilities.max_side:
        # Rounding down may miss the limit that the size as grown kept.
        sides[sides.index(min(sides))] += step
    if capabilities.max_pixels and sides[0] * sides[1] > capabilities.max_pixels:
        # Rounding up may pass the limit that the size as asked kept.
        sides = [side // step * step for side in (width, height)]
    while capabilities.max_ratio and max(sides) > capabilities.max_ratio * min(sides):
        sides[sides.index(max(sides))] -= step
    return sides[0], sides[1]


def _to_multiple(side: float, capabilities: Capabilities) -> int:
    """The nearest multiple within the range of sides."""
    step = max(1, capabilities.multiple_of)
    lowest = math.ceil(capabilities.min_side / step) * step
    highest = capabilities.max_side // step * step
    return min(max(round(side / step) * step, lowest), highest)


def _nearest(width: int, height: int, sizes: tuple[str, ...]) -> tuple[int, int]:
    """The fixed size whose shape is nearest, and among equal shapes whose area is."""

    def distance(size: tuple[int, int]) -> tuple[float, float]:
        shape = abs(math.log(size[0] / size[1]) - math.log(width / height))
        area = abs(math.log(size[0] * size[1]) - math.log(width * height))
        return round(shape, 3), area

    return min((parse_size(size) for size in sizes), key=distance)


def some_size(capabilities: Capabilities) -> tuple[int, int]:
    """A size in pixels that is taken, for questions that are not about the size."""
    if capabilities.sizes:
        return parse_size(capabilities.sizes[0])
    side = min(max(1024, capabilities.min_side), capabilities.max_side)
    if capabilities.max_pixels:
        side = min(side, math.isqrt(capabilities.max_pixels))
    return _fitted(side, side, capabilities)


def parse_size(text: str) -> tuple[int, int]:
    """(width, height) of "1536x1024"; `ValueError` when it is not written so."""
    width, separator, height = text.partition("x")
    if not (separator and width.isascii() and height.isascii()):
        raise ValueError(f'Size "{text}" must be written as WIDTHxHEIGHT.')
    if not (width.isdigit() and height.isdigit() and int(width) and int(height)):
        raise ValueError(f'Size "{text}" must be written as WIDTHxHEIGHT.')
    return int(width), int(height)


def _list(choices: tuple[str, ...]) -> str:
    return ", ".join(choices)
