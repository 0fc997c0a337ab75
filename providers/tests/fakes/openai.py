"""OpenAI's API as documented in November 2026, as strict as the real one; and a gateway like it.

Bodies are checked before anything is drawn: an unknown parameter, size, quality or count is a 400
with the API's own words. What is drawn is charged to the ledger under the prompt. Answers are those
of `answers/openai` and `answers/openai_compatible`.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, ClassVar

from providers.tests.fakes import pictures, recorded
from providers.tests.fakes.base import FakeService, Reply, Request

KEY = "sk-fake-0123456789abcdef"
GENERATE = {
    "background", "complexity", "model", "moderation", "n", "output_compression",
    "output_format", "prompt", "quality", "safety_identifier", "size", "user",
}  # fmt: skip
EDIT = GENERATE - {"moderation"} | {"image", "input_fidelity", "mask"}
CHAT = {
    "max_completion_tokens", "messages", "model", "reasoning_effort", "response_format", "store",
}  # fmt: skip
RESPONSES = {
    "input", "instructions", "max_output_tokens", "model", "reasoning", "store", "text",
}  # fmt: skip
CHOICES = {
    "background": {"auto", "opaque", "transparent"},
    "moderation": {"auto", "low"},
    "output_format": {"png", "jpeg", "webp"},
    "complexity": {"low", "medium", "high"},
    "input_fidelity": {"low", "high"},
}
NAMES = {model["id"] for model in recorded.answers("openai")["models"]["body"]["data"]}
DRAW = {"png": pictures.png, "jpeg": pictures.jpeg, "webp": pictures.webp}
MOST_PIXELS = 8_294_400


class Refused(Exception):
    """A request that is not taken, with the answer that says so."""

    def __init__(self, status: int, code: str | None, message: str, **error: Any) -> None:
        told = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
        self.reply = Reply.json({"error": told | error}, status)


class Said(Refused):
    """A recorded answer in place of the real one."""

    def __init__(self, kind: str, name: str, **given: Any) -> None:
        self.reply = recorded.reply(kind, name, **given)


class FakeOpenAI(FakeService):
    """Answers /v1/images/generations and /edits, /v1/chat/completions, /v1/responses, /v1/models.

    `written` is what the text models write; pictures are small whatever their size, but for
    their shape, unless `full_size` is set.
    """

    protocol_faults = frozenset(
        {
            "refused_input", "refused_output", "quota", "hard_limit", "rate_limit", "model_gone",
            "bad_parameter", "unverified", "error_200", "null_data", "refusal", "cut_text",
            "other_json",
        }
    )  # fmt: skip
    # Recorded answers to give: before anything is drawn or written, or after it was charged.
    BEFORE = frozenset(
        {
            "bad_parameter", "hard_limit", "model_gone", "quota", "rate_limit", "refused_input",
            "unverified",
        }
    )  # fmt: skip
    AFTER: ClassVar[dict[str, tuple[str, str]]] = {
        "refused_output": ("openai", "refused_output"),
        "null_data": ("openai", "without_pictures"),
        "error_200": ("openai_compatible", "error_in_200"),
    }

    def __init__(self) -> None:
        super().__init__()
        self.written: Any = {"prompt": "A lighthouse in fog"}
        self.full_size = False

    # --- The protocol -------------------------------------------------------------------

    def answer(self, request: Request) -> Reply:
        try:
            self.check_key(request)
            reply = self._answered(request)
        except Refused as refused:
            reply = refused.reply
        return Reply(reply.status, reply.body, {**self._told(request), **reply.headers})

    def check_key(self, request: Request) -> None:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not key.startswith("sk-") or key == "sk-wrong":
            raise Said("openai", "wrong_key", key=key)

    def _told(self, request: Request) -> dict[str, str]:
        """The headers of every answer."""
        headers = recorded.answers("openai")["generated"]["headers"]
        told: dict[str, str] = recorded.filled(headers, {"number": request.number})
        return told

    def _answered(self, request: Request) -> Reply:
        match request.method, request.path:
            case "GET", "/v1/models":
                return recorded.reply("openai", "models")
            case "POST", "/v1/images/generations":
                return self._images(request.json(), GENERATE)
            case "POST", "/v1/images/edits":
                return self._images(self._form(request), EDIT)
            case "POST", "/v1/chat/completions":
                return self._chat(request.json())
            case "POST", "/v1/responses":
                return self._responses(request.json())
        raise Refused(404, None, f"Invalid URL ({request.method} {request.path})")

    def _refuse_by_script(self) -> None:
        """The service's own refusals, before anything is drawn."""
        if self.faulty(*self.BEFORE):
            raise Said("openai", self.fault.name)

    # --- Pictures -----------------------------------------------------------------------

    def _form(self, request: Request) -> dict[str, Any]:
        """A multipart form as its JSON would be, files in place of their contents."""
        body: dict[str, Any] = {}
        for part in request.parts():
            name = part.name.removesuffix("[]")
            if part.filename:
                body.setdefault(name, []).append(part)
            else:
                body[name] = int(part.text) if part.text.isdecimal() else part.text
        return body

    def _images(self, body: dict[str, Any], known: set[str]) -> Reply:
        self._refuse_by_script()
        check_image_body(body, known)
        for _ in range(int(body.get("n", 1))):
            self.charge(body["prompt"])
        if self.faulty(*self.AFTER):
            raise Said(*self.AFTER[self.fault.name])
        kind = body.get("output_format", "png")
        told = {
            "background": body.get("background", "opaque").replace("auto", "opaque"),
            "output_format": kind,
            "quality": body.get("quality", "high").replace("auto", "high"),
            "size": body.get("size", "1024x1024"),
        }
        name = "edited" if "image" in body else "generated"
        return Reply.json(self.shown(name, self.drawn(body, kind), told))

    def shown(self, name: str, drawn: list[bytes], told: dict[str, Any]) -> dict[str, Any]:
        return filled("openai", name, [self.encoded(picture) for picture in drawn], told)

    def drawn(self, body: dict[str, Any], kind: str) -> list[bytes]:
        width, height = size_of(body.get("size", "1024x1024"))
        if not self.full_size:
            width, height = max(2, width // 16), max(2, height // 16)
        self._now.kind = kind
        return self.pictures(width, height, int(body.get("n", 1)))

    def draw(self, width: int, height: int, seed: int) -> bytes:
        return DRAW[self._now.kind](width, height, seed)

    # --- Texts --------------------------------------------------------------------------

    def _chat(self, body: dict[str, Any]) -> Reply:
        self._check_text(body, CHAT)
        wanted = body.get("response_format") or {}
        self.check_schema(wanted.get("json_schema"), wanted.get("type"))
        self.charge(json.dumps(body["messages"]))
        return self._text("chat", body["model"])

    def _responses(self, body: dict[str, Any]) -> Reply:
        self._check_text(body, RESPONSES)
        wanted = (body.get("text") or {}).get("format") or {}
        self.check_schema(wanted, wanted.get("type"))
        self.charge(json.dumps(body["input"]))
        return self._text("response", body["model"])

    def _text(self, api: str, model: str) -> Reply:
        ending = {"refusal": "_refused", "cut_text": "_cut"}.get(self.fault.name, "")
        text = self.written if isinstance(self.written, str) else json.dumps(self.written)
        if self.faulty("other_json"):
            text = '{"text": 7}'
        return recorded.reply("openai", api + ending, model=model, text=text)

    def _check_text(self, body: dict[str, Any], known: set[str]) -> None:
        self._refuse_by_script()
        check_names(body, known)
        if body.get("model") != "gpt-5-mini":
            raise Refused(404, "model_not_found", f"The model `{body.get('model')}` does not exist")

    def check_schema(self, wanted: Any, kind: Any) -> None:
        """Strict schemas name each property as required and let no other in."""
        strict = isinstance(wanted, dict) and wanted.get("strict") is True
        if kind != "json_schema" or not strict or not wanted.get("name"):
            raise Refused(400, "invalid_value", "A strict json_schema is expected.")
        schema = wanted.get("schema", {})
        complete = set(schema.get("required", [])) == set(schema.get("properties", {}))
        if not complete or schema.get("additionalProperties") is not False:
            raise Refused(400, "invalid_json_schema", "Invalid schema for response_format.")


class FakeGateway(FakeOpenAI):
    """A gateway: any key or none, any model, `needs` and `refuses` parameters, may answer by URL.

    `by_url` offers the pictures for download.
    """

    protocol_faults = FakeOpenAI.protocol_faults | {
        "expired_url", "private_url", "file_url", "foreign_http_url", "password_url", "other_model",
    }  # fmt: skip
    URLS = {
        "private_url": "https://169.254.169.254/latest/meta-data/",
        "file_url": "file:///etc/passwd",
        "password_url": "https://someone:word@192.0.2.1/picture.png",
        "foreign_http_url": "http://192.0.2.1/picture.png",
    }

    def __init__(self) -> None:
        super().__init__()
        self.needs: set[str] = set()
        self.refuses: set[str] = set()
        self.by_url = False

    def check_key(self, request: Request) -> None:
        """Nobody is asked for a key."""

    def _images(self, body: dict[str, Any], known: set[str]) -> Reply:
        for name in sorted(self.refuses & set(body)):
            raise Refused(400, None, f"litellm.UnsupportedParamsError: {name} is not supported")
        for name in sorted(self.needs - set(body)):
            raise Refused(500, None, f"{name} is missing")
        return super()._images(body, set(body))

    def shown(self, name: str, drawn: list[bytes], told: dict[str, Any]) -> dict[str, Any]:
        model = {"model": "another-model"} if self.faulty("other_model") else {}
        if not self.by_url and not self.faulty("expired_url", *self.URLS):
            encoded = [self.encoded(picture) for picture in drawn]
            return filled("openai_compatible", "base64", encoded, told) | model
        urls = [self._url(picture, told["output_format"]) for picture in drawn]
        return filled("openai_compatible", "address", urls, told) | model

    def _url(self, picture: bytes, kind: str) -> str:
        if self.faulty("expired_url"):
            return f"{self.url}/files/999"
        return self.URLS.get(self.fault.name) or self.put_file(picture, f"image/{kind}")

    def _check_text(self, body: dict[str, Any], known: set[str]) -> None:
        self._refuse_by_script()

    def check_schema(self, wanted: Any, kind: Any) -> None:
        """Schemas are passed over, as many of these servers do."""


class FakeLinks(FakeGateway):
    """A gateway whose answers are addresses."""

    phases = ("call", "download")
    features = FakeGateway.features - {"base64"}

    def __init__(self) -> None:
        super().__init__()
        self.by_url = True


def filled(kind: str, name: str, pictures: list[str], told: dict[str, Any]) -> dict[str, Any]:
    """A recorded answer with these pictures, one or many."""
    body: dict[str, Any] = recorded.filled(recorded.answers(kind)[name]["body"], told)
    return body | {"data": [recorded.filled(body["data"][0], {"picture": it}) for it in pictures]}


# --- What the API checks ----------------------------------------------------------------


def check_names(body: dict[str, Any], known: set[str]) -> None:
    for name in body:
        if name not in known:
            message = f"Unknown parameter: '{name}'."
            raise Refused(400, "unknown_parameter", message, param=name)


def check_image_body(body: dict[str, Any], known: set[str]) -> None:
    check_names(body, known)
    if not body.get("prompt") or len(body["prompt"]) > 32_000:
        raise Refused(400, "invalid_value", "Invalid prompt.", param="prompt")
    if known in (GENERATE, EDIT):
        for param, value in _wrong(body):
            raise Refused(400, "invalid_value", f"Invalid value: '{value}'.", param=param)


def _wrong(body: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Parameters whose values are not taken."""
    model = body.get("model", "")
    if model not in NAMES:
        raise Refused(404, "model_not_found", f"The model '{model}' does not exist.", param="model")
    for name, choices in CHOICES.items():
        if body.get(name, next(iter(choices))) not in choices:
            yield name, body[name]
    version = tuple(int(digit) for digit in re.findall(r"\d", model))
    qualities = {"auto", "low", "medium", "high"} | (
        {"xhigh", "max"} if version >= (2, 5) else set()
    )
    if body.get("quality", "auto") not in qualities:
        yield "quality", body["quality"]
    if not 1 <= int(body.get("n", 1)) <= 10:
        yield "n", body["n"]
    if not _size_fits(body.get("size", "auto"), version):
        yield "size", body["size"]
    if body.get("background") == "transparent" and body.get("output_format") == "jpeg":
        yield "background", "transparent"
    if "output_compression" in body and body.get("output_format") not in ("jpeg", "webp"):
        yield "output_compression", body["output_compression"]
    if "complexity" in body and version < (2, 6):
        raise Refused(400, "unknown_parameter", "Unknown parameter: 'complexity'.")
    if "input_fidelity" in body and version >= (2,):
        raise Refused(400, "invalid_input_fidelity_model", "input_fidelity is not supported.")
    yield from _wrong_files(body)


def _wrong_files(body: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, most in (("image", 16), ("mask", 1)):
        files = body.get(name, [])
        if len(files) > most:
            yield name, len(files)
        for file in files:
            if not file.content_type.startswith("image/") or not file.content:
                yield name, file.content_type
    for mask in body.get("mask", []):
        if (
            mask.content_type != "image/png"
            or mask.content[16:24] != body["image"][0].content[16:24]
        ):
            yield "mask", mask.content_type


def _size_fits(size: str, version: tuple[int, ...]) -> bool:
    if size in ("auto", "1024x1024", "1536x1024", "1024x1536"):
        return True
    if version < (2,) or not re.fullmatch(r"\d+x\d+", size):
        return False
    width, height = size_of(size)
    if width % 16 or height % 16 or max(width, height) > 3840:
        return False
    return max(width, height) <= 3 * min(width, height) and (
        655_360 <= width * height <= MOST_PIXELS
    )


def size_of(size: str) -> tuple[int, int]:
    width, _, height = ("1024x1024" if size == "auto" else size).partition("x")
    return int(width), int(height)
