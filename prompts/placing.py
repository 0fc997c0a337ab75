"""Where a named value of somebody else's settings belongs among ours. Pure."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

COLUMNS = {
    "width": "width",
    "w": "width",
    "height": "height",
    "h": "height",
    "steps": "steps",
    "step": "steps",
    "sampling steps": "steps",
    "num inference steps": "steps",
    "guidance": "guidance_scale",
    "guidance scale": "guidance_scale",
    "cfg": "guidance_scale",
    "cfg scale": "guidance_scale",
    "seed": "seed",
    "seed policy": "seed_policy",
    "quality": "quality",
    "q": "quality",
    "output format": "output_format",
    "file format": "output_format",
    "name": "name",
    "title": "name",
    "slug": "slug",
    "model": "model",
    "checkpoint": "model",
    "style": "style",
    "format": "format",
    "template": "template",
    "size": "size",
    "resolution": "size",
    "dimensions": "size",
    "aspect ratio": "aspect_ratio",
    "aspect": "aspect_ratio",
    "ar": "aspect_ratio",
    "extra settings": "extra_settings",
    "prompt": "prompt",
}
# Keys of the common tools that have no column here: never taken for the name of an entry.
OPTIONS = {
    "negative prompt",
    "sampler",
    "sampler name",
    "schedule type",
    "scheduler",
    "denoising strength",
    "denoise",
    "strength",
    "clip skip",
    "vae",
    "lora",
    "lora hashes",
    "ti hashes",
    "model hash",
    "vae hash",
    "hires upscale",
    "hires upscaler",
    "hires steps",
    "distilled cfg scale",
    "refiner",
    "refiner switch at",
    "rng",
    "ensd",
    "eta",
    "face restoration",
    "variation seed",
    "version",
    "background",
    "stylize",
    "chaos",
    "tile",
}
OUTPUT_FORMATS = {"png": "png", "jpeg": "jpeg", "jpg": "jpeg", "webp": "webp", "avif": "avif"}
SAMPLERS = re.compile(
    r"(euler|heun|lms|ddim|ddpm|plms|unipc|uni_pc|lcm|dpm|dpmpp|dpm\+\+|res_)[\w+ ]*\Z", re.I
)
SIZE = re.compile(r"(\d{1,6})\s*(?:px)?\s*[x×*]\s*(\d{1,6})\s*(?:px)?\Z", re.I)
RATIO = re.compile(r"\d{1,4}\s*:\s*\d{1,4}\Z")
_SEED_POLICIES = ("random", "fixed", "derived")
_RANDOM_SEEDS = ("-1", "random", "")


@dataclass
class ParsedSettings:
    """One entry of a file: what has a column, what has none, what is wrong.

    `where` names its place for people, such as "line 3". `loose` holds words without a key,
    which may name a style, format, template or model. `links` are names of such rows.
    """

    where: str
    name: str = ""
    slug: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    links: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    replace_extra: bool = False
    strict_links: bool = False
    aspect_ratio: str = ""
    prompt: str = ""
    loose: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether nothing in it was understood."""
        return not (self.values or self.links or self.extra or self.aspect_ratio or self.errors)


def normal_key(key: str) -> str:
    """A key in lower case with single spaces: "CFG_scale" and "cfg scale" are the same."""
    return " ".join(re.sub(r"[\s_-]+", " ", key).split()).casefold()


def is_known_key(key: str) -> bool:
    """Whether a key has a column here or is an option of the common tools."""
    return normal_key(key) in COLUMNS or normal_key(key) in OPTIONS


def plain_value(value: Any) -> Any:
    """A text as number or truth value where it is one."""
    if not isinstance(value, str):
        return value
    if re.fullmatch(r"-?\d{1,18}", value):
        return int(value)
    if re.fullmatch(r"-?\d{1,12}\.\d{1,12}", value):
        return float(value)
    return {"true": True, "false": False}.get(value.casefold(), value)


def place(entry: ParsedSettings, key: str, value: Any) -> None:
    """Puts one named value into its column, its link, or the extra settings."""
    column = COLUMNS.get(normal_key(key), "")
    if isinstance(value, str):
        value = value.strip()
    if column in _PLACERS:
        _PLACERS[column](entry, column, value)
    else:
        place_extra(entry, key, value)


def place_extra(entry: ParsedSettings, key: str, value: Any) -> None:
    """Keeps a value that has no column, under its own key in lower case with underscores."""
    own_key = normal_key(key).replace(" ", "_")
    if own_key in entry.extra and entry.extra[own_key] != plain_value(value):
        entry.errors.append(f"{own_key} stands here twice with different values")
    entry.extra[own_key] = plain_value(value)


def _set(entry: ParsedSettings, column: str, value: Any) -> None:
    if column in entry.values and entry.values[column] != value:
        entry.errors.append(f"{column} stands here twice with different values")
    entry.values[column] = value


def _place_whole(entry: ParsedSettings, column: str, value: Any) -> None:
    number = _number(value)
    if value is None:
        _set(entry, column, None)
    elif number is None or number != int(number):
        entry.errors.append(f"{column}: {_shown(value)} is not a whole number")
    else:
        _set(entry, column, int(number))


def _place_decimal(entry: ParsedSettings, column: str, value: Any) -> None:
    number = _number(value)
    if value is not None and number is None:
        entry.errors.append(f"{column}: {_shown(value)} is not a number")
    else:
        _set(entry, column, None if number is None else float(number))


def _place_size(entry: ParsedSettings, column: str, value: Any) -> None:
    match = SIZE.match(value) if isinstance(value, str) else None
    if match is None:
        entry.errors.append(f"size: {_shown(value)} is not a size such as 1024x768")
        return
    _set(entry, "width", int(match[1]))
    _set(entry, "height", int(match[2]))


def _place_seed(entry: ParsedSettings, column: str, value: Any) -> None:
    if value is None:
        _set(entry, "seed", None)
    elif str(value).casefold() in _RANDOM_SEEDS:
        _set(entry, "seed_policy", "random")
        _set(entry, "seed", None)
    elif str(value).casefold() == "derived":
        _set(entry, "seed_policy", "derived")
    else:
        _place_whole(entry, "seed", value)
        entry.values.setdefault("seed_policy", "fixed")


def _place_seed_policy(entry: ParsedSettings, column: str, value: Any) -> None:
    if value not in _SEED_POLICIES:
        known = ", ".join(_SEED_POLICIES)
        entry.errors.append(f"seed_policy: {_shown(value)} is none of {known}")
    else:
        entry.values["seed_policy"] = value


def _place_text(entry: ParsedSettings, column: str, value: Any) -> None:
    if value is None or isinstance(value, (str, int, float)):
        _set(entry, column, "" if value is None else str(value))
    else:
        entry.errors.append(f"{column}: {_shown(value)} is not a word")


def _place_output_format(entry: ParsedSettings, column: str, value: Any) -> None:
    text = value.lstrip(".") if isinstance(value, str) else value
    _place_text(entry, column, OUTPUT_FORMATS.get(str(text).casefold(), text))


def _place_format(entry: ParsedSettings, column: str, value: Any) -> None:
    """A format of ours by name, or a kind of file."""
    if isinstance(value, str) and value.casefold() in OUTPUT_FORMATS:
        _place_output_format(entry, "output_format", value)
    else:
        _place_link(entry, column, value)


def _place_link(entry: ParsedSettings, column: str, value: Any) -> None:
    if value is None or isinstance(value, str):
        entry.links[column] = value or None
    else:
        entry.errors.append(f"{column}: {_shown(value)} is not a name")


def _place_name(entry: ParsedSettings, column: str, value: Any) -> None:
    if isinstance(value, str) and value:
        setattr(entry, column, " ".join(value.split()))
    else:
        entry.errors.append(f"{column}: {_shown(value)} is not a name")


def _place_prompt(entry: ParsedSettings, column: str, value: Any) -> None:
    if isinstance(value, str):
        entry.prompt = value
    else:
        entry.errors.append(f"prompt: {_shown(value)} is not a text")


def _place_aspect_ratio(entry: ParsedSettings, column: str, value: Any) -> None:
    if isinstance(value, str) and RATIO.match(value):
        entry.aspect_ratio = "".join(value.split())
    else:
        entry.errors.append(f"aspect ratio: {_shown(value)} is not a ratio such as 3:2")


def _place_extra_settings(entry: ParsedSettings, column: str, value: Any) -> None:
    if isinstance(value, dict):
        entry.extra = {**value, **entry.extra}
        entry.replace_extra = True
    else:
        entry.errors.append('extra_settings: write an object, such as {"sampler": "euler"}')


def _number(value: Any) -> float | None:
    """A finite number, or None for anything else (a truth value too)."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and not re.fullmatch(r"[+-]?\d{1,19}(\.\d{1,9})?(px)?", value):
        return None
    if isinstance(value, str):
        value = value.removesuffix("px")
        return int(value) if value.lstrip("+-").isdigit() else float(value)
    finite = isinstance(value, (int, float)) and abs(value) < 1e19
    return value if finite else None


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return f"“{text[:60]}”" if text else "nothing"


_PLACERS: dict[str, Callable[[ParsedSettings, str, Any], None]] = {
    "width": _place_whole,
    "height": _place_whole,
    "steps": _place_whole,
    "guidance_scale": _place_decimal,
    "seed": _place_seed,
    "seed_policy": _place_seed_policy,
    "quality": _place_text,
    "output_format": _place_output_format,
    "name": _place_name,
    "slug": _place_name,
    "model": _place_link,
    "style": _place_link,
    "format": _place_format,
    "template": _place_link,
    "size": _place_size,
    "aspect_ratio": _place_aspect_ratio,
    "extra_settings": _place_extra_settings,
    "prompt": _place_prompt,
}
