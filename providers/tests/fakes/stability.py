"""Stability's v2beta generate endpoints, as documented in November 2026."""

from providers.tests.fakes.base import FakeService, Reply, Request
from providers.tests.fakes.recorded import reply

KEY = "sk-stability"
RATIOS = {"1:1": (64, 64), "3:2": (96, 64), "16:9": (112, 64), "2:3": (64, 96)}
# Bare statuses and faults, and the recorded answers by which they are told.
ERRORS = {400: "bad_request", 401: "unauthorized", 402: "payment_required", 404: "not_found"}
REFUSALS = {
    "refused_input": "refused_prompt",
    "rate_limit": "too_fast",
    "quota": "payment_required",
    "model_gone": "not_found",
    "bad_parameter": "bad_request",
}
OUTCOMES = {
    "error_200": "failure_that_says_200",
    "null_data": "drawn_without_a_picture",
    "moderation_200": "blurred",
}


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
            return reply("stability", "unauthorized")
        if request.path == "/v1/user/balance":
            return reply("stability", "balance")
        if not request.headers["content-type"].startswith("multipart/form-data"):
            return reply("stability", "no_form")
        if (name := REFUSALS.get(self.fault.name)) is not None:
            return reply("stability", name)
        fields = {part.name: part for part in request.parts()}
        self.charge(fields["prompt"].text)
        ratio = fields["aspect_ratio"].text if "aspect_ratio" in fields else "1:1"
        (picture,) = self.pictures(*RATIOS.get(ratio, (64, 64)))
        outcome = OUTCOMES.get(self.fault.name, "drawn")
        return reply("stability", outcome, image=self.encoded(picture))

    def error(self, status: int) -> Reply:
        """Errors without a name of Stability's own come from the machines in front of it."""
        if status in ERRORS:
            return reply("stability", ERRORS[status])
        return Reply.json({"errors": [f"Something is wrong ({status})."]}, status)
