"""Gemini's generateContent for images, as documented in November 2026."""

from typing import Any

from providers.tests.fakes.base import FakeService, Reply, Request
from providers.tests.fakes.recorded import answers, filled, reply

KEY = "gemini-key"
RATIOS = {"1:1": (64, 64), "3:2": (96, 64), "16:9": (112, 64), "2:3": (64, 96)}
# Bare statuses and faults, and the recorded answers by which they are told.
ERRORS = {400: "bad_value", 401: "unauthenticated", 403: "forbidden", 404: "no_such_model"}
REFUSALS = {
    "refused_input": "blocked_prompt",
    "quota": "quota_of_a_day",
    "rate_limit": "quota_of_a_minute",
    "model_gone": "no_such_model",
    "bad_parameter": "bad_value",
}
OUTCOMES = {
    "moderation_200": "blocked_picture",
    "null_data": "drawn_without_content",
    "text_instead": "words_instead",
}


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
            return reply("gemini", "wrong_secret")
        if request.method == "GET":
            return reply("gemini", "models")
        if (name := REFUSALS.get(self.fault.name)) is not None:
            return reply("gemini", name)
        self.charge(request.json()["contents"][0]["parts"][-1]["text"])
        return Reply.json(self._drawn(request))

    def error(self, status: int) -> Reply:
        """Errors without a status of Google's own come from the machines in front of it."""
        if status in ERRORS:
            return reply("gemini", ERRORS[status])
        error = {"code": status, "message": f"Something is wrong ({status})."}
        return Reply.json({"error": error}, status)

    def _drawn(self, request: Request) -> Any:
        """The answer to a call that was charged."""
        config = request.json()["generationConfig"]["imageConfig"]
        width, height = RATIOS.get(config["aspectRatio"], (64, 64))
        parts = [
            {"inlineData": {"mimeType": "image/png", "data": self.encoded(picture)}}
            for picture in self.pictures(width, height)
        ]
        model = request.path.rpartition("/")[2].partition(":")[0]
        model = "gemini-elsewhere" if self.faulty("other_model") else model
        outcome = OUTCOMES.get(self.fault.name, "drawn")
        return filled(answers("gemini")[outcome]["body"], {"parts": parts, "model": model})
