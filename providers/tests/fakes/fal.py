"""fal's queue, as documented in November 2026."""

from typing import Any

from providers.tests.fakes import pictures
from providers.tests.fakes.base import Reply, Request
from providers.tests.fakes.queued import FakeQueue, Job
from providers.tests.fakes.recorded import reply

KEY = "fal-id:fal-secret"
APP = "/fal-ai/flux-2"  # addresses of a job leave out the rest of the model's path
# Faults, and the recorded answers by which they are told.
REFUSALS = {"quota": "no_credit", "rate_limit": "too_fast", "model_gone": "no_such_model"}
HALF_ANSWERS = {"null_data": "taken_without_an_address", "error_200": "failure_that_says_200"}
ENDINGS = {
    "refused_input": "refused_prompt",
    "moderation_200": "refused_outcome",
    "bad_parameter": "bad_value",
    "job_failed": "runner_disconnected",
    "job_cancelled": "client_cancelled",
}


class FakeFal(FakeQueue):
    """Answers POST /{model}, and what a job's addresses are for."""

    features = frozenset({"json", "pictures", "many"})
    protocol_faults = FakeQueue.protocol_faults | {"black_flagged"}

    def answer(self, request: Request) -> Reply:
        if request.headers.get("authorization") != f"Key {KEY}":
            return reply("fal", "wrong_secret")
        if request.path == "/v1/models":
            return reply("fal", "models")
        if request.method == "POST":
            return self._take(request)
        identity, _, what = request.path.partition("/requests/")[2].partition("/")
        job = self.jobs.get(identity)
        if job is None:
            return reply("fal", "no_such_request")
        if request.method == "PUT":
            return self._cancel(job)
        return self._look(job) if what == "status" else self._response(job)

    def spends(self, request: Request) -> bool:
        return request.method == "POST"

    def error(self, status: int) -> Reply:
        return Reply.json({"detail": f"Something is wrong ({status})."}, status)

    def _take(self, request: Request) -> Reply:
        if (name := REFUSALS.get(self.fault.name)) is not None:
            return reply("fal", name)
        body = request.json()
        if (name := HALF_ANSWERS.get(self.fault.name)) is not None:
            self.charge(body["prompt"])
            return reply("fal", name)
        job = self._new(request, body)
        return reply("fal", "taken", id=job.id, job=f"{self.url}{APP}/requests/{job.id}")

    def _new(self, request: Request, body: dict[str, Any]) -> Job:
        if self.faulty("refused_input", "bad_parameter"):
            job = Job(body, self.fault)
            self.jobs[job.id] = job
            return job
        size = body.get("image_size") or {"width": 64, "height": 64}
        return self.take(request, size["width"], size["height"])

    def draw(self, width: int, height: int, seed: int) -> bytes:
        if self.faulty("black_flagged"):
            return pictures.black(width, height)
        return super().draw(width, height, seed)

    def _look(self, job: Job) -> Reply:
        return reply("fal", ("" if job.cancelled else self.waiting(job)) or "completed")

    def _cancel(self, job: Job) -> Reply:
        if job.looks > 2 or job.fault.name != "slow_job":
            return reply("fal", "cancelled_too_late")
        job.cancelled = True
        return reply("fal", "cancelled")

    def _response(self, job: Job) -> Reply:
        fault = "job_cancelled" if job.cancelled else job.fault.name
        if (name := ENDINGS.get(fault)) is not None:
            return reply("fal", name)
        images = [{"url": url, "content_type": "image/png", "width": 64} for url in job.urls]
        flags = [fault == "black_flagged"] * len(images)
        return reply("fal", "response", images=images, flags=flags)
