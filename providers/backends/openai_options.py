"""Options of a connection to OpenAI or to something that speaks like it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from providers.errors import ConfigurationError
from providers.options import Options, must_be
from providers.validation import RESERVED

# What a call is made of; uploads are not parameters that could be left out.
ALWAYS_SENT = frozenset({"model", "prompt", "image", "mask"})
# Nor may an option say anew what the request says, or ask for more than the price is for.
NEVER_SET = (RESERVED - {"quality"}) | ALWAYS_SENT | {"messages", "input", "instructions"}


@dataclass(frozen=True, kw_only=True)
class OpenAIOptions(Options):
    """`organization` and `project` go into headers of these names."""

    organization: str = ""
    project: str = ""
    text_api: str = "responses"  # or "chat"
    reasoning_effort: str = ""  # sent to text models when given

    def __post_init__(self) -> None:
        if self.text_api not in ("responses", "chat"):
            raise must_be("text_api", "responses or chat")


@dataclass(frozen=True, kw_only=True)
class GatewayOptions(OpenAIOptions):
    """Beside OpenAI's own: what is sent, since gateways and servers differ in it."""

    text_api: str = "chat"
    profile: str = "gpt_image"  # or "legacy_dalle": asked as DALL·E was
    # Sent with each request for a picture that does not say otherwise.
    send_params: Mapping[str, Any] = field(default_factory=dict)
    drop_params: tuple[str, ...] = ()  # never sent
    extra_body: Mapping[str, Any] = field(default_factory=dict)  # in the body of every call

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.profile not in ("gpt_image", "legacy_dalle"):
            raise must_be("profile", "gpt_image or legacy_dalle")
        if kept := ALWAYS_SENT & set(self.drop_params):
            raise ConfigurationError(f"{', '.join(sorted(kept))} cannot be dropped.")
        if kept := NEVER_SET & {*self.send_params, *self.extra_body}:
            raise ConfigurationError(
                f"{', '.join(sorted(kept))} cannot be set for all requests.",
                hint="Each request says it for itself.",
            )
