"""Options of a connection: names that an adapter does not know are refused."""

from collections.abc import Collection, Mapping
from dataclasses import fields
from typing import Any, Self

from providers.errors import ConfigurationError


def check_names(options: Mapping[str, Any], known: Collection[str], who: str) -> None:
    """`ConfigurationError` with the options that `who` does not have, and those that it has."""
    if unknown := sorted(set(options) - set(known)):
        raise ConfigurationError(
            f"{who} has no option {', '.join(unknown)}.",
            hint=f"Known: {', '.join(sorted(known)) or 'none'}.",
        )


class Options:
    """Base of the options of a connection: frozen dataclasses that refuse unknown names."""

    @classmethod
    def read(cls, options: Mapping[str, Any], who: str) -> Self:
        """`ConfigurationError` names an option that `who`, the connection or its kind, lacks."""
        check_names(options, [item.name for item in fields(cls)], who)  # type: ignore[arg-type]
        return cls(**options)
