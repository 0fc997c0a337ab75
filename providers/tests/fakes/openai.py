"""OpenAI's API as documented in November 2026, as strict as the real one; and a gateway like it.

Bodies are checked before anything is drawn: an unknown parameter, size, quality or count is a 400
with the API's own words. What is drawn is charged to the ledger under the prompt.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from providers.tests.fakes import pictures
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
MODELS: list[dict[str, Any]] = [
    {"id": "gpt-image-2", "shutdown_date": None},
    {"id": "gpt-image-2.5-flare", "shutdown_date": None},
    {"id": "gpt-image-2.6-flare", "shutdown_date": None},
    {"id": "gpt-image-1.5", "shutdown_date": "2026-12-01"},
    {"id": "gpt-5-mini", "shutdown_date": None},
    {"id": "gpt-4o-mini-tts", "shutdown_date": None},
    {"id": "text-embedding-3-small", "shutdown_date": None},
]
NAMES = {model["id"] for model in MODELS}
DRAW = {"png": pictures.png, "jpeg": pictures.jpeg, "webp": pictures.webp}
MOST_PIXELS = 8_294_400


class Refused(Exception):
    """A request that is not taken, in the API's own words."""

    def __init__(self, status: int, code: str | None, message: str, **error: Any) -> None:
        self.status = status
        self.error = {"message": message, "type": "invalid_request_error", "param": None}
        self.error |= {"code": code, **error}


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

    def __init__(self) -> None:
        super().__init__()
        self.written: Any = {"prompt": "A lighthouse in fog"}
        self.full_size = False

    # --- The protocol -------------------------------------------------------------------

    def answer(self, request: Request) -> Reply:
        try:
            self.check_key(request)
            reply = Reply.json(self._answered(request))
        except Refused as refused:
            reply = Reply.json({"error": refused.error}, refused.status)
        return self._with_headers(reply, request)

    def check_key(self, request: Request) -> None:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not key.startswith("sk-") or key == "sk-wrong":
            raise Refused(401, "invalid_api_key", f"Incorrect API key provided: {key}.")

    def _with_headers(self, reply: Reply, request: Request) -> Reply:
        told = {
            "x-request-id": f"req_{request.number}",
            "x-ratelimit-limit-requests": "500",
            "x-ratelimit-remaining-requests": "499",
            "x-ratelimit-limit-images": "5",
        }
        return Reply(reply.status, reply.body, {**told, **reply.headers})

    def _answered(self, request: Request) -> Any:
        match request.method, request.path:
            case "GET", "/v1/models":
                return {"object": "list", "data": [self._model(model) for model in MODELS]}
            case "POST", "/v1/images/generations":
                return self._images(request.json(), GENERATE)
            case "POST", "/v1/images/edits":
                return self._images(self._form(request), EDIT)
            case "POST", "/v1/chat/completions":
                return self._chat(request.json())
            case "POST", "/v1/responses":
                return self._responses(request.json())
        raise Refused(404, None, f"Invalid URL ({request.method} {request.path})")

    def _model(self, model: dict[str, Any]) -> dict[str, Any]:
        return {"object": "model", "created": 1700000000, "owned_by": "openai", **model}

    def _refuse_by_script(self) -> None:
        """The service's own refusals, before anything is drawn."""
        blocked = "Your request was rejected by the safety system."
        match self.fault.name:
            case "refused_input":
                details = {"moderation_stage": "input", "categories": ["violence"]}
                raise Refused(
                    400, "moderation_blocked", blocked,
                    type="image_generation_user_error", moderation_details=details,
                )  # fmt: skip
            case "quota":
                raise Refused(429, "insufficient_quota", "Quota.", type="insufficient_quota")
            case "hard_limit":
                raise Refused(400, "billing_hard_limit_reached", "Billing hard limit reached.")
            case "rate_limit":
                message = "Rate limit reached for images per minute. Please try again in 12s."
                raise Refused(429, "rate_limit_exceeded", message, type="input-images")
            case "model_gone":
                raise Refused(404, "model_not_found", "The model does not exist.")
            case "unverified":
                message = "Your organization must be verified to use this model."
                raise Refused(403, None, message)
            case "bad_parameter":
                raise Refused(400, "invalid_value", "Invalid value: 'ultra'.", param="quality")

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

    def _images(self, body: dict[str, Any], known: set[str]) -> dict[str, Any]:
        self._refuse_by_script()
        check_image_body(body, known)
        self.charge(body["prompt"])
        if self.faulty("refused_output"):
            details = {"moderation_stage": "output", "categories": ["sexual"]}
            raise Refused(
                400, "moderation_blocked", "The outcome was rejected by the safety system.",
                type="image_generation_user_error", moderation_details=details,
            )  # fmt: skip
        if self.faulty("error_200"):
            return {"error": {"message": "An internal error occurred.", "type": "server_error"}}
        kind = body.get("output_format", "png")
        entries = self.entries(body, kind)
        return {
            "created": 1763740000,
            "background": "opaque",
            "data": None if self.faulty("null_data") else entries,
            "output_format": kind,
            "quality": body.get("quality", "high").replace("auto", "high"),
            "size": body.get("size", "1024x1024"),
            "usage": {
                "input_tokens": 9,
                "input_tokens_details": {"image_tokens": 0, "text_tokens": 9},
                "output_tokens": 272,
                "total_tokens": 281,
            },
        }

    def entries(self, body: dict[str, Any], kind: str) -> list[dict[str, Any]]:
        return [{"b64_json": self.encoded(picture)} for picture in self.drawn(body, kind)]

    def drawn(self, body: dict[str, Any], kind: str) -> list[bytes]:
        width, height = size_of(body.get("size", "1024x1024"))
        if not self.full_size:
            width, height = max(2, width // 16), max(2, height // 16)
        self._now.kind = kind
        return self.pictures(width, height, int(body.get("n", 1)))

    def draw(self, width: int, height: int, seed: int) -> bytes:
        return DRAW[self._now.kind](width, height, seed)

    # --- Texts --------------------------------------------------------------------------

    def _chat(self, body: dict[str, Any]) -> dict[str, Any]:
        self._check_text(body, CHAT)
        wanted = body.get("response_format") or {}
        self.check_schema(wanted.get("json_schema"), wanted.get("type"))
        self.charge(json.dumps(body["messages"]))
        message = {"role": "assistant", "content": self._text(), "refusal": None}
        if self.faulty("refusal"):
            message |= {"content": None, "refusal": "I cannot help with that."}
        reason = "length" if self.faulty("cut_text") else "stop"
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "model": body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": reason}],
            "usage": {"prompt_tokens": 40, "completion_tokens": 12, "total_tokens": 52},
        }

    def _responses(self, body: dict[str, Any]) -> dict[str, Any]:
        self._check_text(body, RESPONSES)
        wanted = (body.get("text") or {}).get("format") or {}
        self.check_schema(wanted, wanted.get("type"))
        self.charge(json.dumps(body["input"]))
        part = {"type": "output_text", "text": self._text(), "annotations": []}
        if self.faulty("refusal"):
            part = {"type": "refusal", "refusal": "I cannot help with that."}
        cut = self.faulty("cut_text")
        return {
            "id": "resp_1",
            "object": "response",
            "model": body["model"],
            "status": "incomplete" if cut else "completed",
            "error": None,
            "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
            "output": [
                {"type": "reasoning", "summary": []},
                {"type": "message", "role": "assistant", "content": [part]},
            ],
            "usage": {"input_tokens": 40, "output_tokens": 12, "total_tokens": 52},
        }

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

    def _text(self) -> str:
        if self.faulty("cut_text"):
            return '{"prompt": "A light'
        if self.faulty("other_json"):
            return '{"text": 7}'
        return self.written if isinstance(self.written, str) else json.dumps(self.written)


class FakeGateway(FakeOpenAI):
    """A gateway: any key or none, any model, `needs` and `refuses` parameters, may answer by URL.

    `by_url` offers the pictures for download; `sizes` False draws what it likes.
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

    def _images(self, body: dict[str, Any], known: set[str]) -> dict[str, Any]:
        for name in sorted(self.refuses & set(body)):
            raise Refused(400, None, f"litellm.UnsupportedParamsError: {name} is not supported")
        for name in sorted(self.needs - set(body)):
            raise Refused(500, None, f"{name} is missing")
        answer = super()._images(body, set(body))
        if self.faulty("other_model"):
            answer["model"] = "another-model"
        return answer

    def entries(self, body: dict[str, Any], kind: str) -> list[dict[str, Any]]:
        if not self.by_url and not self.faulty("expired_url", *self.URLS):
            return super().entries(body, kind)
        return [{"url": self._url(picture, kind)} for picture in self.drawn(body, kind)]

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
