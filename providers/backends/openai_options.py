"""Options of a connection to OpenAI or to something that speaks like it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from providers import errors
from providers.backends._options import check_names
from providers.validation import RESERVED

# What a call is made of; uploads are not parameters that could be left out.
ALWAYS_SENT = frozenset({"model", "prompt", "image", "mask"})
# Nor may an option say anew what the request says, or ask for more than the price is for.
NEVER_SET = (RESERVED - {"quality"}) | ALWAYS_SENT | {"messages", "input", "instructions"}


@dataclass(frozen=True, kw_only=True)
class OpenAIOptions:
    """Options of a connection. Each kind takes those that it lists in `option_names`.

    `organization` and `project` go into headers of these names. `text_api` is "responses" or
    "chat"; `reasoning_effort` is sent to text models when given. `profile` "legacy_dalle" asks as
    DALL·E was asked. `send_params` are sent with each request for a picture that does not say
    otherwise, `drop_params` never, and `extra_body` goes into the body of every call.
    """

    organization: str = ""
    project: str = ""
    text_api: str = "responses"
    reasoning_effort: str = ""
    profile: str = "gpt_image"
    send_params: Mapping[str, Any] = field(default_factory=dict)
    drop_params: tuple[str, ...] = ()
    extra_body: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, options: Mapping[str, Any], names: tuple[str, ...], label: str) -> Self:
        """`ConfigurationError` names an option that is unknown or cannot be."""
        check_names(options, names, label)
        for item in fields(cls):
            given, usual = options.get(item.name), item.default
            if given is None:
                continue
            if isinstance(usual, str) and not isinstance(given, str):
                raise errors.ConfigurationError(f"{item.name} must be a text.")
            if usual == () and not _is_texts(given):
                raise errors.ConfigurationError(f"{item.name} must be a list of names.")
            if not isinstance(usual, str | tuple) and not isinstance(given, Mapping):
                raise errors.ConfigurationError(f"{item.name} must map names to values.")
        values = {name: value for name, value in options.items() if value is not None}
        read = cls(**{**values, "drop_params": tuple(values.get("drop_params", ()))})
        read.check()
        return read

    def check(self) -> None:
        if self.text_api not in ("responses", "chat"):
            raise errors.ConfigurationError("text_api must be responses or chat.")
        if self.profile not in ("gpt_image", "legacy_dalle"):
            raise errors.ConfigurationError("profile must be gpt_image or legacy_dalle.")
        if kept := ALWAYS_SENT & set(self.drop_params):
            raise errors.ConfigurationError(f"{', '.join(sorted(kept))} cannot be dropped.")
        if kept := NEVER_SET & {*self.send_params, *self.extra_body}:
            raise errors.ConfigurationError(
                f"{', '.join(sorted(kept))} cannot be set for all requests.",
                hint="Each request says it for itself.",
            )


def _is_texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
