"""Gemini's generateContent for images, as documented in November 2026."""

from typing import Any

from providers.tests.fakes.base import FakeService, Reply, Request

KEY = "gemini-key"
STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
}
RATIOS = {"1:1": (64, 64), "3:2": (96, 64), "16:9": (112, 64), "2:3": (64, 96)}


class FakeGemini(FakeService):
    """Answers POST /models/{model}:generateContent and GET /models."""

    protocol_faults = frozenset(
        {
            "refused_input",
            "moderation_200",
            "quota",
            "rate_limit",
            "model_gone",
            "bad_parameter",
            "null_data",
            "text_instead",
            "other_model",
        }
    )

    def answer(self, request: Request) -> Reply:
        if request.headers.get("x-goog-api-key") != KEY:
            return self.google_error(
                400, "INVALID_ARGUMENT", [error_info("API_KEY_INVALID")], "API key not valid."
            )
        if request.method == "GET":
            return Reply.json({"models": MODELS})
        if (refusal := self._free_refusal()) is not None:
            return refusal
        self.charge(request.json()["contents"][0]["parts"][-1]["text"])
        return Reply.json(self._drawn(request))

    def error(self, status: int) -> Reply:
        """Errors without a status of Google's own come from the machines in front of it."""
        error: dict[str, Any] = {"code": status, "message": f"Something is wrong ({status})."}
        if status in STATUSES:
            error["status"] = STATUSES[status]
        return Reply.json({"error": error}, status)

    def google_error(
        self, code: int, status: str, details: list[Any] | None = None, message: str = "No."
    ) -> Reply:
        error = {"code": code, "message": message, "status": status, "details": details or []}
        return Reply.json({"error": error}, code)

    def _free_refusal(self) -> Reply | None:
        if self.faulty("refused_input"):
            block = {"blockReason": "PROHIBITED_CONTENT"}
            return Reply.json({"promptFeedback": block, "usageMetadata": {"promptTokenCount": 9}})
        if self.faulty("quota"):
            return self.google_error(429, "RESOURCE_EXHAUSTED", [quota("PerDay"), retry("37s")])
        if self.faulty("rate_limit"):
            return self.google_error(429, "RESOURCE_EXHAUSTED", [quota("PerMinute"), retry("7s")])
        if self.faulty("model_gone"):
            return self.google_error(404, "NOT_FOUND")
        if self.faulty("bad_parameter"):
            return self.google_error(400, "INVALID_ARGUMENT", message="Invalid aspect ratio.")
        return None

    def _drawn(self, request: Request) -> dict[str, Any]:
        """The answer to a call that was charged."""
        config = request.json()["generationConfig"]["imageConfig"]
        width, height = RATIOS.get(config["aspectRatio"], (64, 64))
        parts: list[Any] = [
            {"inlineData": {"mimeType": "image/png", "data": self.encoded(picture)}}
            for picture in self.pictures(width, height)
        ]
        candidate: dict[str, Any] = {"finishReason": "STOP", "index": 0}
        if self.faulty("moderation_200"):
            candidate |= {"finishReason": "IMAGE_SAFETY", "finishMessage": "Unable to show it."}
        elif self.faulty("null_data"):
            candidate["content"] = None
        elif self.faulty("text_instead"):
            candidate["content"] = {"parts": [{"text": "I cannot draw that."}], "role": "model"}
        else:
            candidate["content"] = {"parts": parts, "role": "model"}
        model = request.path.rpartition("/")[2].partition(":")[0]
        return {
            "candidates": [candidate],
            "usageMetadata": USAGE,
            "modelVersion": "gemini-elsewhere" if self.faulty("other_model") else model,
            "responseId": "answer-1",
        }


USAGE = {
    "promptTokenCount": 12,
    "candidatesTokenCount": 1120,
    "totalTokenCount": 1332,
    "thoughtsTokenCount": 200,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 12}],
    "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1120}],
}
MODELS = [
    {
        "name": "models/gemini-nano-banana-2.1",
        "displayName": "Nano Banana 2.1",
        "supportedGenerationMethods": ["generateContent", "countTokens"],
    },
    {
        "name": "models/gemini-3-pro",
        "displayName": "Gemini 3 Pro",
        "supportedGenerationMethods": ["generateContent"],
    },
]


def error_info(reason: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}


def quota(window: str) -> dict[str, Any]:
    violation = {"quotaId": f"GenerateRequests{window}PerProjectPerModel", "quotaValue": "20"}
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]}


def retry(delay: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}
