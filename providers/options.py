"""Options of a connection: the limits of every call, and those of its adapter. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Self, get_origin

from providers.errors import ConfigurationError
from providers.keeping import names_in

# Limits of every call, not the adapter's own.
LIMITS = ("connect_timeout", "read_timeout", "deadline", "max_bytes")
# Names under which services take secrets: api_key, x-api-key, access_token, client_secret …
SECRET = re.compile(
    r"(.*[-_.])?(api[-_]?key|key|token|secret|password|passwd|bearer|authorization|cookie)"
)


def check_options(options: Any) -> None:
    """`ValueError` with a sentence unless `options` are a mapping without secrets, with limits
    that can be kept."""
    if not isinstance(options, dict):
        raise ValueError('Options are written as {"name": value}.')
    if secrets := sorted({name for name in names_in(options) if SECRET.fullmatch(name)}):
        raise ValueError(
            f"{', '.join(secrets)}: a secret belongs in the environment; name it above."
        )
    for name in LIMITS:
        value = options.get(name, 1)
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            raise ValueError(f"{name} must be a number above 0.")
    if not isinstance(options.get("max_bytes", 1), int):
        raise ValueError("max_bytes must be a whole number.")


def split_limits(options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """(the limits among `options`, the adapter's own options)."""
    given = dict(options or {})
    return {name: given.pop(name) for name in LIMITS if name in given}, given


# --- An adapter's own -------------------------------------------------------------------

# Types that an option may have, and how people call them.
TYPES: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    tuple[str, ...]: "a list of texts",
    Mapping[str, str]: "an object of names and texts",
    Mapping[str, Any]: "an object of names and values",
}


@dataclass(frozen=True, kw_only=True)
class Options:
    """Base of an adapter's options: a frozen dataclass of fields of these `TYPES`.

    What more a value must be is looked at in `__post_init__`, which raises `must_be`.
    """

    @classmethod
    def read(cls, options: Mapping[str, Any], who: str) -> Self:
        """`ConfigurationError` names an option that `who` does not have, or that cannot be."""
        kinds = {item.name: item.type for item in fields(cls)}
        if unknown := sorted(set(options) - set(kinds)):
            raise ConfigurationError(
                f"{who} has no option {', '.join(unknown)}.",
                hint=f"Known: {', '.join(sorted(kinds)) or 'none'}.",
            )
        for name, value in options.items():
            if not _is(value, kinds[name]):
                raise must_be(name, TYPES[kinds[name]])
        values = {name: tuple(v) if isinstance(v, list) else v for name, v in options.items()}
        return cls(**values)


def must_be(name: str, what: str) -> ConfigurationError:
    """The error for an option that is something else."""
    return ConfigurationError(f"The option {name} must be {what}.")


def _is(value: Any, kind: Any) -> bool:
    if isinstance(value, bool):
        return kind is bool
    if get_origin(kind) is tuple:
        return isinstance(value, list | tuple) and _are_texts(value)
    if get_origin(kind) is Mapping:
        return isinstance(value, Mapping) and (
            kind == Mapping[str, Any] or _are_texts(value.values())
        )
    return isinstance(value, int | float if kind is float else kind)


def _are_texts(values: Iterable[Any]) -> bool:
    return all(isinstance(value, str) for value in values)
