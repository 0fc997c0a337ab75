"""Checks of single values, each with a sentence that says what is wrong and what to write."""

import re
from typing import Any

from django.core.exceptions import ValidationError

from providers.jsonfields import validate_keepable
from providers.masking import secrets_in

MIN_SIDE, MAX_SIDE = 64, 4096
MIN_STEPS, MAX_STEPS = 1, 500
MAX_GUIDANCE = 100.0
MAX_SEED = 2**63 - 1
MIN_COLOURS, MAX_COLOURS = 3, 8

_HEX = re.compile(r"#[0-9a-fA-F]{6}\Z")
_RATIO = re.compile(r"([1-9]\d{0,3}):([1-9]\d{0,3})\Z")
_NAME_OF_OPTION = re.compile(r"[^\x00-\x1f\x7f]{1,100}\Z")


def validate_palette(value: Any) -> None:
    """A palette is empty or a list of 3 to 8 colours like #1b2a41; the first is the ground."""
    if not isinstance(value, list):
        raise ValidationError('A palette is a list of colours, such as ["#f4efe6", "#1b2a41"].')
    wrong = [c for c in value if not (isinstance(c, str) and _HEX.match(c))]
    if wrong:
        raise ValidationError(
            "%(colour)s is not a colour. Write six hex digits after a #, such as #1b2a41.",
            params={"colour": repr(wrong[0])},
        )
    if value and not MIN_COLOURS <= len(value) <= MAX_COLOURS:
        raise ValidationError(
            f"A palette has {MIN_COLOURS} to {MAX_COLOURS} colours; this one has %(count)d.",
            params={"count": len(value)},
        )


def validate_aspect_ratio(value: str) -> None:
    """An aspect ratio is width:height in whole numbers, such as 3:2."""
    if not _RATIO.match(value):
        raise ValidationError(
            "%(value)s is not an aspect ratio. Write width:height in whole numbers, such as 3:2.",
            params={"value": value},
        )


def validate_side(value: int) -> None:
    """A side is 64 to 4096 pixels."""
    if not MIN_SIDE <= value <= MAX_SIDE:
        raise ValidationError(
            f"A side must be between {MIN_SIDE} and {MAX_SIDE} pixels, not %(value)s.",
            params={"value": value},
        )


def validate_steps(value: int) -> None:
    """Steps are 1 to 500."""
    if not MIN_STEPS <= value <= MAX_STEPS:
        raise ValidationError(
            f"Steps must be between {MIN_STEPS} and {MAX_STEPS}, not %(value)s.",
            params={"value": value},
        )


def validate_guidance(value: float) -> None:
    """Guidance is 0 to 100."""
    if not 0 <= value <= MAX_GUIDANCE:
        raise ValidationError(
            f"Guidance must be between 0 and {MAX_GUIDANCE:g}, not %(value)s.",
            params={"value": value},
        )


def validate_seed(value: int) -> None:
    """A seed is a whole number from 0 to 2^63 - 1."""
    if not 0 <= value <= MAX_SEED:
        raise ValidationError(
            f"A seed is a whole number from 0 to {MAX_SEED}, not %(value)s.",
            params={"value": value},
        )


def validate_extra_settings(value: Any) -> None:
    """Extra settings are an object of option names and JSON that can be stored, no secret in it."""
    if not isinstance(value, dict):
        raise ValidationError('Extra settings are an object, such as {"sampler": "euler"}.')
    for name in value:
        if not _NAME_OF_OPTION.match(name):
            raise ValidationError(
                "The extra setting %(name)s needs a plain name of 1 to 100 characters.",
                params={"name": repr(name)},
            )
    validate_keepable(value)
    for name in secrets_in(value):
        raise ValidationError(
            "The extra setting %(name)s seems to hold a secret, which would be written beside "
            "every picture. A secret belongs in the environment.",
            params={"name": repr(name)},
        )


def ratio_of(aspect_ratio: str) -> float:
    """Width divided by height of an aspect ratio such as "3:2"; ValueError for anything else."""
    match = _RATIO.match(aspect_ratio)
    if match is None:
        raise ValueError(f"{aspect_ratio!r} is not an aspect ratio")
    return int(match[1]) / int(match[2])
