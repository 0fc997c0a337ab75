"""Stability's v2beta generate endpoints, as documented in November 2026."""

from typing import Any

from providers.tests.fakes.base import FakeService, Reply, Request

KEY = "sk-stability"
NAMES = {401: "unauthorized", 402: "payment_required", 400: "bad_request", 404: "not_found"}
RATIOS = {"1:1": (64, 64), "3:2": (96, 64), "16:9": (112, 64), "2:3": (64, 96)}
FLAGGED = (
    "Your request was flagged by our content moderation system, as a result your request was "
    "denied and you were not charged."
)


class FakeStability(FakeService):
    """Answers POST /v2beta/stable-image/generate/{ultra,core,sd3} and GET /v1/user/balance."""

    features = frozenset({"base64", "json", "pictures"})
    protocol_faults = frozenset(
        {
            "refused_input",
            "moderation_200",
            "quota",
            "rate_limit",
            "model_gone",
            "bad_parameter",
            "null_data",
            "error_200",
        }
    )

    def answer(self, request: Request) -> Reply:
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return self.error(401)
        if request.path == "/v1/user/balance":
            return Reply.json({"credits": 71.5})
        if not request.headers["content-type"].startswith("multipart/form-data"):
            return self.named(400, "bad_request", "content-type: must be multipart/form-data")
        if (refusal := self._free_refusal()) is not None:
            return refusal
        fields = {part.name: part for part in request.parts()}
        self.charge(fields["prompt"].text)
        if self.faulty("error_200"):
            return self.named(200, "internal_error", "Something broke.")
        ratio = fields["aspect_ratio"].text if "aspect_ratio" in fields else "1:1"
        (picture,) = self.pictures(*RATIOS.get(ratio, (64, 64)))
        reason = "CONTENT_FILTERED" if self.faulty("moderation_200") else "SUCCESS"
        image = None if self.faulty("null_data") else self.encoded(picture)
        return Reply.json({"image": image, "finish_reason": reason, "seed": 343940597})

    def error(self, status: int) -> Reply:
        """Errors without a name of Stability's own come from the machines in front of it."""
        sentence = f"Something is wrong ({status})."
        if status in NAMES:
            return self.named(status, NAMES[status], sentence)
        return Reply.json({"errors": [sentence]}, status)

    def named(self, status: int, name: str, *sentences: str) -> Reply:
        body: dict[str, Any] = {"id": "4212a4b6", "name": name, "errors": list(sentences)}
        return Reply.json(body, status)

    def _free_refusal(self) -> Reply | None:
        if self.faulty("refused_input"):
            return self.named(403, "content_moderation", FLAGGED)
        if self.faulty("rate_limit"):
            return self.named(429, "rate_limit_exceeded", "Timed out for 60 seconds.")
        statuses = {"quota": 402, "model_gone": 404, "bad_parameter": 400}
        status = statuses.get(self.fault.name)
        return None if status is None else self.error(status)
