"""Gemini: Google's image models ("Nano Banana") by generateContent.

API: https://ai.google.dev/gemini-api/docs/image-generation and
https://ai.google.dev/api/generate-content, read 2026-11-21.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from providers import errors
from providers.answers import HttpAnswer, dict_in, dicts_in, list_in, problem_for, retry_after
from providers.backends._hosted import (
    HostedProvider,
    body_of,
    details_of,
    model_path,
    refuse_the_rest,
)
from providers.backends._pictures import Picture, Writer, pictures_of, told
from providers.backends._results import count_notes
from providers.backends._shapes import named_shape
from providers.types import Capabilities, ImageRequest, Recovery, Result, Sink

# Sizes of class 1K as Google's table has them; the other classes are twice and four times these.
# Real pictures keep to them within 3 % (2026-11).
SIZES_1K = {
    "1:1": (1024, 1024),
    "2:3": (848, 1264),
    "3:2": (1264, 848),
    "3:4": (896, 1200),
    "4:3": (1200, 896),
    "4:5": (928, 1152),
    "5:4": (1152, 928),
    "9:16": (768, 1376),
    "16:9": (1376, 768),
    "21:9": (1584, 672),
}
# Not drawn by gemini-3-pro-image.
LONG_1K = {"1:4": (512, 2048), "4:1": (2048, 512), "1:8": (384, 3072), "8:1": (3072, 384)}
CLASSES = {"1K": 1024, "2K": 2048, "4K": 4096}
# The signature of its thoughts alone can have more than a megabyte (2026).
MAX_JSON = 8 * 1024 * 1024
SPOOLED = re.compile(r"spool:\d+")
THINKING = ("minimal", "low", "medium", "high")

REFUSED = frozenset(
    {
        "SAFETY",
        "IMAGE_SAFETY",
        "PROHIBITED_CONTENT",
        "IMAGE_PROHIBITED_CONTENT",
        "BLOCKLIST",
        "SPII",
        "RECITATION",
        "IMAGE_RECITATION",
        "NO_IMAGE",
        "IMAGE_OTHER",
    }
)
# `reason` of google.rpc.ErrorInfo, and `status`.
BY_REASON: dict[str, tuple[type[errors.ProviderProblem], str]] = {
    # A wrong key is a 400 here, not a 401.
    "API_KEY_INVALID": (errors.AuthFailed, "{name} does not accept the secret."),
    "API_KEY_EXPIRED": (errors.AuthFailed, "The secret of {name} has expired."),
    "SERVICE_DISABLED": (errors.AccessDenied, "The project of this secret may not use {name}."),
    "BILLING_DISABLED": (errors.QuotaExhausted, "Billing is off for the project of {name}."),
}
BY_STATUS: dict[str, tuple[type[errors.ProviderProblem], str]] = {
    "UNAUTHENTICATED": (errors.AuthFailed, "{name} does not accept the secret."),
    "PERMISSION_DENIED": (errors.AccessDenied, "{name} does not allow this with the secret."),
    "FAILED_PRECONDITION": (errors.AccessDenied, "{name} does not serve this account."),
    "NOT_FOUND": (errors.ModelUnavailable, "{name} does not know this model."),
    "INVALID_ARGUMENT": (errors.InvalidRequest, "{name} does not take this request."),
    # "If your request fails with a 400 or 500 error, you won't be charged" (billing page, 2026-11).
    "INTERNAL": (errors.ProviderError, "{name} failed while drawing."),
    "UNAVAILABLE": (errors.ProviderUnavailable, "{name} is overloaded."),
}


class Drawn:
    """What an answer of generateContent says, whatever its shape. `places` are of pictures."""

    def __init__(self, body: Any, answer: HttpAnswer) -> None:
        self.body = body if isinstance(body, dict) else {}
        self.candidate = next(iter(dicts_in(body, "candidates")), {})
        self.block = str(dict_in(body, "promptFeedback").get("blockReason") or "")
        self.reason = str(self.candidate.get("finishReason") or "")
        self.version = str(self.body.get("modelVersion") or "")
        self.request_id = str(self.body.get("responseId") or answer.request_id)
        # What a thinking model drew or wrote on its way is marked as a thought.
        parts = [
            part
            for part in dicts_in(dict_in(self.candidate, "content"), "parts")
            if not part.get("thought")
        ]
        self.texts = [str(part["text"]) for part in parts if part.get("text")]
        spooled = [str(dict_in(part, "inlineData").get("data")) for part in parts]
        self.places = [int(text[6:]) for text in spooled if SPOOLED.fullmatch(text)]

    @property
    def told(self) -> str:
        """Why there is no picture, in the service's words."""
        error = dict_in(self.body, "error").get("message")
        return str(self.candidate.get("finishMessage") or " ".join(self.texts) or error or "")

    @property
    def billed(self) -> errors.Billed:
        """Whether a refusal costs: by its own words, else by the tokens that were drawn."""
        if "not be charged" in self.told:
            return "no"
        usage = dict_in(self.body, "usageMetadata")
        return "yes" if usage.get("candidatesTokenCount") else "unknown"


class GeminiProvider(HostedProvider):
    recovery = Recovery.NOTHING
    home = "https://generativelanguage.googleapis.com/v1beta"
    account_path = "models?pageSize=1"
    secret_header = ("x-goog-api-key", "{}")

    def capabilities(self, model: str, row: Mapping[str, Any] | None = None) -> Capabilities:
        ratios = SIZES_1K if "pro-image" in model else SIZES_1K | LONG_1K
        factors = (1,) if "lite" in model else (1, 2, 4)
        sizes = (f"{w * factor}x{h * factor}" for factor in factors for w, h in ratios.values())
        family = Capabilities(
            sizes=tuple(sizes),
            reference_images=14,
            extra=("temperature", "thinking_level"),
            choices={"thinking_level": THINKING},
        )
        return family.overlaid(row)

    def submit(self, request: ImageRequest, key: str, sink: Sink) -> Result:
        refuse_the_rest(request, ("seed", "reference_images"), ("temperature", "thinking_level"))
        pictures = pictures_of(request)
        path, headers = f"models/{model_path(request.model)}:generateContent", self.headers()
        payload = build_payload(request, pictures)
        sent = {"model": request.model, **build_payload(request, pictures, told)}
        sink.sending(sent)
        body, spooled, answer = self.draw(
            path, ["data"], sink, max_json=MAX_JSON, json=payload, headers=headers
        )
        drawn = Drawn(body, answer)
        files = [file for number, file in enumerate(spooled) if number in drawn.places]
        if not files or drawn.reason in REFUSED:
            raise self._refusal(drawn)
        notes = count_notes(self.connection.name, files)
        if drawn.version and not drawn.version.startswith(request.model):
            notes += (f"{self.connection.name} used the model {drawn.version}.",)
        return Result(
            files=tuple(files),
            model=drawn.version or request.model,
            usage=dict_in(drawn.body, "usageMetadata"),
            request_id=drawn.request_id,
            parameters=sent,
            notes=notes,
        )

    def _refusal(self, drawn: Drawn) -> errors.ProviderProblem:
        """What an answer without a picture is: a refusal by its own words, or just empty."""
        who = self.connection.name
        details: dict[str, Any] = {"request_id": drawn.request_id, "hint": drawn.told[:300]}
        if drawn.block:
            return errors.ContentRejected(
                f"{who} refused the prompt.",
                stage="input",
                categories=[drawn.block],
                code=drawn.block,
                **details,
            )
        refused = drawn.reason in REFUSED
        if refused or drawn.texts:
            what = (
                "refused this picture for its content"
                if refused
                else "answered with words, not a picture"
            )
            return errors.ContentRejected(
                f"{who} {what}.",
                stage="output",
                categories=[drawn.reason] if refused else [],
                code=drawn.reason,
                billed=drawn.billed,
                **details,
            )
        details["hint"] = details["hint"] or f"Finish reason: {drawn.reason or 'none'}."
        return errors.InvalidResponse(
            f"{who} answered without a picture.", code=drawn.reason, **details
        )

    def problem(self, answer: HttpAnswer) -> errors.ProviderProblem:
        error = dict_in(body_of(answer), "error")
        status, who = str(error.get("status") or ""), self.connection.name
        details = details_of(answer, status, error.get("message"))
        if status == "RESOURCE_EXHAUSTED":
            return self._exhausted(error, answer, details)
        reasons = [str(item.get("reason")) for item in dicts_in(error, "details")]
        for reason in reasons:
            if reason in BY_REASON:
                kind, sentence = BY_REASON[reason]
                return kind(sentence.format(name=who), **details | {"code": reason})
        if status in BY_STATUS:
            kind, sentence = BY_STATUS[status]
            return kind(sentence.format(name=who), billed="no", **details)
        return problem_for(answer, who)

    def _exhausted(
        self, error: Mapping[str, Any], answer: HttpAnswer, details: dict[str, Any]
    ) -> errors.ProviderProblem:
        """Too fast for a minute, or no quota left for longer: both are a 429."""
        who, message = self.connection.name, str(error.get("message") or "").lower()
        blocks = dicts_in(error, "details")
        for violation in (item for block in blocks for item in dicts_in(block, "violations")):
            # A day's quota comes with a RetryInfo of seconds all the same (2025-12).
            of_a_day = "PerDay" in str(violation.get("quotaId"))
            if of_a_day or str(violation.get("quotaValue")) == "0":
                return errors.QuotaExhausted(f"{who} has no quota left for today.", **details)
        if "credits are depleted" in message or "spending cap" in message:
            return errors.QuotaExhausted(f"{who} has no credit left.", **details)
        waits = [str(block["retryDelay"]) for block in blocks if "retryDelay" in block]
        seconds = _seconds(waits[0]) if waits else retry_after(answer.headers)
        return errors.RateLimited(f"{who} asks us to slow down.", retry_after=seconds, **details)

    # --- About the service ----------------------------------------------------------------

    def discover(self) -> list[dict[str, Any]]:
        answer = self.client().request("GET", "models?pageSize=1000", headers=self.headers())
        found = []
        for entry in self.models_in(answer):
            name = str(entry.get("name") or "").removeprefix("models/")
            draws = "generateContent" in list_in(entry, "supportedGenerationMethods")
            if draws and ("image" in name or "banana" in name):
                label = str(entry.get("displayName") or name)
                found.append({"name": name, "label": label})
        return found


def build_payload(
    request: ImageRequest, pictures: Sequence[Picture] = (), write: Writer = lambda it: it.base64
) -> dict[str, Any]:
    """The request as Gemini takes it; `write` says how a picture is written down."""
    ratio, size = named_shape(request, SIZES_1K | LONG_1K, CLASSES)
    config: dict[str, Any] = {
        "responseModalities": ["IMAGE"],
        "imageConfig": {"aspectRatio": ratio, "imageSize": size},
    }
    if request.seed is not None:
        config["seed"] = request.seed
    if "temperature" in request.extra:
        config["temperature"] = request.extra["temperature"]
    if "thinking_level" in request.extra:
        config["thinkingConfig"] = {"thinkingLevel": str(request.extra["thinking_level"]).upper()}
    parts: list[dict[str, Any]] = [
        {"inlineData": {"mimeType": picture.mime, "data": write(picture)}} for picture in pictures
    ]
    parts.append({"text": request.prompt})
    return {"contents": [{"role": "user", "parts": parts}], "generationConfig": config}


def _seconds(duration: str) -> float | None:
    """Seconds of a protobuf duration such as "37s"."""
    try:
        return max(0.0, float(duration.removesuffix("s")))
    except ValueError:
        return None
