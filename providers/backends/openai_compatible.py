"""OpenAI-compatible gateways and servers: LiteLLM, LocalAI, new-api, vLLM-Omni and the like.

The same calls as `openai` at an address of one's own. What differs from one to the next was read in
their issue trackers (2026-11-21): answers with an address in place of base64, errors in a 200,
parameters that are needed by some (`response_format`: LocalAI) and refused by others (LiteLLM
refuses what the model behind it does not take). So what is sent can be set for each connection.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from providers.backends import openai_images as images
from providers.backends.openai import OpenAIProvider
from providers.backends.openai_options import GatewayOptions
from providers.types import (
    Capabilities,
    Health,
    HealthLevel,
    ImageRequest,
    Issue,
    TextRequest,
    Validation,
)

SCHEMA_WORDS = "Answer with nothing but one JSON object of this schema:"


class OpenAICompatibleProvider(OpenAIProvider):
    base_url: ClassVar[str] = ""
    options_class = GatewayOptions
    options: GatewayOptions

    @property
    def extra_body(self) -> Mapping[str, Any]:
        return self.options.extra_body

    @property
    def _legacy(self) -> bool:
        return self.options.profile == "legacy_dalle"

    def capabilities(self, model: str, row: Mapping[str, Any] | None = None) -> Capabilities:
        """By the model's name; one that is none of OpenAI's takes a prompt and a size."""
        if self._legacy:
            found = images.DALLE
        elif images.is_gpt_image(model):
            found = images.family(model)
        else:
            found = images.UNKNOWN
        return images.without(found.overlaid(row), self.options.drop_params)

    def validate(self, request: ImageRequest, capabilities: Capabilities) -> Validation:
        """A size that is not passed on is told: the service draws in its own."""
        found = super().validate(request, capabilities)
        if "size" not in self.options.drop_params:
            return found
        asked = f"{request.width}x{request.height}"
        text = f"Size {asked} is not passed on to {self.connection.name}: it draws in its own."
        return replace(found, issues=(*found.issues, Issue("size", text, "snapped", asked, "")))

    def build_payload(self, request: ImageRequest) -> dict[str, Any]:
        usual, dropped = self.options.send_params, self.options.drop_params
        payload = images.build_payload(request, legacy=self._legacy, usual=usual)
        kept = {name: value for name, value in payload.items() if name not in dropped}
        return kept | dict(self.extra_body)

    def _text_arguments(self, request: TextRequest, urls: list[str]) -> dict[str, Any]:
        """The schema goes in words too: many of these servers pass the other over or refuse it."""
        told = f"{request.instructions}\n{SCHEMA_WORDS}\n{json.dumps(dict(request.schema))}"
        arguments = super()._text_arguments(replace(request, instructions=told), urls)
        if self._by_chat:  # as the API once was, and most of them still are
            arguments["max_tokens"] = arguments.pop("max_completion_tokens")
            del arguments["store"]
        dropped = self.options.drop_params
        return {name: value for name, value in arguments.items() if name not in dropped}

    def _configured(self) -> Health:
        level = HealthLevel.CONFIGURED
        if not self.connection.base_url:
            return Health(level, False, "No base URL: give the address of the gateway.")
        key = "with" if self.connection.secret else "without"
        return Health(level, True, f"Calls go to {self.connection.base_url}, {key} a secret.")
