"""Questions to text models, by chat completions or responses, and their answers. Pure.

Instructions and data go as messages of different roles, no tools are offered, and the answer has
to be JSON of the schema that was asked for; it is checked here as well, because gateways and
local models pass the schema over.
"""

import base64
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from providers import errors
from providers.answers import HttpAnswer, dict_in, dicts_in
from providers.backends.openai_errors import cleaned
from providers.backends.openai_images import Upload
from providers.types import TextRequest

MAX_ANSWER = 1024 * 1024  # bytes
SCHEMA_NAME = "answer"
FENCE = re.compile(r"\A\s*```(?:json)?\s*(.*?)\s*```\s*\Z", re.DOTALL)
TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}
# Their names in chat completions and in responses.
TOKENS = (("prompt_tokens", "input_tokens"), ("completion_tokens", "output_tokens"))


def chat_arguments(request: TextRequest, images: list[str]) -> dict[str, Any]:
    """`images` are data URLs; the service is asked not to keep the exchange."""
    content: Any = request.data
    if images:
        content = [{"type": "text", "text": request.data}]
        content += [{"type": "image_url", "image_url": {"url": url}} for url in images]
    schema = {"name": SCHEMA_NAME, "strict": True, "schema": dict(request.schema)}
    return {
        "model": request.model,
        "messages": [
            {"role": "system", "content": request.instructions},
            {"role": "user", "content": content},
        ],
        "response_format": {"type": "json_schema", "json_schema": schema},
        "max_completion_tokens": request.max_output_tokens,
        "store": False,
    }


def responses_arguments(request: TextRequest, images: list[str]) -> dict[str, Any]:
    """The same for the Responses API."""
    content: list[dict[str, Any]] = [{"type": "input_text", "text": request.data}]
    content += [{"type": "input_image", "image_url": url, "detail": "auto"} for url in images]
    schema = {"type": "json_schema", "name": SCHEMA_NAME, "strict": True}
    return {
        "model": request.model,
        "instructions": request.instructions,
        "input": [{"role": "user", "content": content}],
        "text": {"format": schema | {"schema": dict(request.schema)}},
        "max_output_tokens": request.max_output_tokens,
        "store": False,
    }


def data_url(upload: Upload) -> str:
    encoded = base64.b64encode(upload.file.read()).decode("ascii")
    return f"data:{upload.mime};base64,{encoded}"


def described(arguments: Mapping[str, Any], images: list[Upload]) -> dict[str, Any]:
    """`arguments` made without pictures, with what was sent of them: no base64 is kept."""
    if not images:
        return dict(arguments)
    return {**arguments, "images": [image.described() for image in images]}


# --- Answers ----------------------------------------------------------------------------


class Reading:
    """What there is to know for reading the answer of one call, and its errors."""

    def __init__(self, name: str, head: HttpAnswer, request: TextRequest) -> None:
        self.name, self.head, self.request = name, head, request

    def data(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        """The JSON of an answer of either API, fitting the schema; or the error that it is."""
        text = self._chat(answer) if "choices" in answer else self._responses(answer)
        text = text.rpartition("</think>")[2]  # local models think aloud (2026-11)
        found = FENCE.match(text)
        try:
            value = fitted(json.loads(found[1] if found else text), self.request.schema)
        except (ValueError, RecursionError) as error:
            raise self._invalid("an answer that does not fit the question", str(error)) from error
        if not isinstance(value, dict):
            raise self._invalid("an answer that does not fit the question", "It is no object.")
        return value

    def _chat(self, answer: Mapping[str, Any]) -> str:
        choice = next(iter(dicts_in(answer, "choices")), {})
        message = dict_in(choice, "message")
        if message.get("refusal"):
            self._refused(message["refusal"])
        if choice.get("finish_reason") == "content_filter":
            self._refused("content_filter")
        if choice.get("finish_reason") == "length":
            self._cut_short()
        content = message.get("content")
        if isinstance(content, list):
            content = _joined(dicts_in(message, "content"), "text")
        return self._text(content)

    def _responses(self, answer: Mapping[str, Any]) -> str:
        reason = dict_in(answer, "incomplete_details").get("reason")
        if reason == "content_filter":
            self._refused(reason)
        if reason or answer.get("status") == "incomplete":
            self._cut_short()
        parts = [
            part
            for item in dicts_in(answer, "output")
            if item.get("type") == "message"
            for part in dicts_in(item, "content")
        ]
        for part in parts:
            if part.get("type") == "refusal":
                self._refused(part.get("refusal"))
        return self._text(_joined(parts, "output_text"))

    def _text(self, value: Any) -> str:
        if isinstance(value, str) and value.strip():
            return value
        raise self._invalid("no text", "")

    def _refused(self, why: Any) -> NoReturn:
        raise errors.ContentRejected(
            f"{self.name} refused to write this.",
            stage="output",
            code="refusal",
            hint=cleaned(str(why or "")),
            request_id=self.head.request_id,
            billed="yes",
        )

    def _cut_short(self) -> NoReturn:
        raise self._invalid(
            f"an answer that broke off at its limit of {self.request.max_output_tokens:,} tokens",
            'Models that reason use more of them: try the option reasoning_effort "low".',
        )

    def _invalid(self, what: str, hint: str) -> errors.InvalidResponse:
        return errors.InvalidResponse(
            f"{self.name} gave {what}.",
            hint=cleaned(hint),
            request_id=self.head.request_id,
            billed="yes",
        )


def usage_of(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The usage as told, with `input_tokens` and `output_tokens` whatever the API names them."""
    told = dict(dict_in(answer, "usage"))
    for chat, plain in TOKENS:
        if chat in told:
            told.setdefault(plain, told[chat])
    return told


def fitted(value: Any, schema: Mapping[str, Any], where: str = "answer") -> Any:
    """`value` as the schema wants it, properties that it does not name left out.

    Checks type, enum, required properties and items; `ValueError` says what does not fit.
    """
    kinds = schema.get("type")
    kinds = [kinds] if isinstance(kinds, str) else list(kinds or ())
    if kinds and not any(_is(value, kind) for kind in kinds):
        raise ValueError(f"{where} is not of the type {' or '.join(kinds)}.")
    if "enum" in schema and value not in schema["enum"]:
        raise ValueError(f"{where} is not one of the listed values.")
    if isinstance(value, dict) and "properties" in schema:
        properties = schema["properties"]
        if missing := [name for name in schema.get("required", ()) if name not in value]:
            raise ValueError(f"{where} has no {', '.join(missing)}.")
        return {
            name: fitted(value[name], properties[name], f"{where}.{name}")
            for name in properties
            if name in value
        }
    if isinstance(value, list) and "items" in schema:
        return [fitted(item, schema["items"], f"{where}[{n}]") for n, item in enumerate(value)]
    return value


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, TYPES.get(kind, ()))


def _joined(parts: Iterable[Mapping[str, Any]], kind: str) -> str:
    """The texts of the parts of this kind; others hold thoughts."""
    texts = [part.get("text") for part in parts if part.get("type") == kind]
    return "".join(text for text in texts if isinstance(text, str))
