"""The API of Black Forest Labs, as documented in November 2026."""

from providers.tests.fakes.base import Reply, Request
from providers.tests.fakes.queued import FakeQueue, Job
from providers.tests.fakes.recorded import reply

KEY = "bfl-key"
FIELDS_2 = {
    "prompt", "seed", "width", "height", "safety_tolerance", "output_format", "prompt_upsampling",
    "steps", "guidance", "input_image", *(f"input_image_{n}" for n in range(2, 9)),
}  # fmt: skip
FIELDS_3 = {
    "prompt", "images", "aspect_ratio", "resolution", "grounding", "safety_tolerance", "version",
}  # fmt: skip
# Faults, and the recorded answers by which they are told.
REFUSALS = {
    "quota": "no_credit",
    "rate_limit": "too_many_jobs",
    "model_gone": "no_such_model",
    "bad_parameter": "unknown_field",
}
HALF_ANSWERS = {"null_data": "taken_without_an_address", "error_200": "failure_that_says_200"}
ENDINGS = {
    "refused_input": "request_moderated",
    "moderation_200": "content_moderated",
    "job_failed": "error",
    "job_cancelled": "error",
}


class FakeBfl(FakeQueue):
    """Answers POST /v1/{model}, GET /v1/get_result?id=… and GET /v1/credits."""

    uncharged = FakeQueue.uncharged | {"moderation_200"}

    def answer(self, request: Request) -> Reply:
        if request.headers.get("x-key") != KEY:
            return reply("bfl", "wrong_secret")
        if request.path == "/v1/credits":
            return reply("bfl", "credits")
        if request.path == "/v1/get_result":
            return self._look(request.query.get("id", ""))
        return self._take(request)

    def error(self, status: int) -> Reply:
        return Reply.json({"detail": f"Something is wrong ({status})."}, status)

    def _take(self, request: Request) -> Reply:
        if (name := REFUSALS.get(self.fault.name)) is not None:
            return reply("bfl", name, field="prompt")
        body = request.json()
        known = FIELDS_3 if "flux-3" in request.path else FIELDS_2
        if unknown := set(body) - known:
            return reply("bfl", "unknown_field", field=unknown.pop())
        if (name := HALF_ANSWERS.get(self.fault.name)) is not None:
            self.charge(body["prompt"])
            return reply("bfl", name)
        if self.faulty("refused_input"):
            job = Job(body, self.fault)
            self.jobs[job.id] = job
        else:
            job = self.take(request, body.get("width", 64), body.get("height", 64))
        return reply("bfl", "taken", id=job.id, home=self.url)

    def _look(self, identity: str) -> Reply:
        job = self.jobs.get(identity)
        if job is None:
            return reply("bfl", "task_not_found", id=identity)
        if state := self.waiting(job):
            progress = 0.5 if state == "running" else None
            return reply("bfl", "pending", id=job.id, progress=progress)
        if (name := ENDINGS.get(job.fault.name)) is not None:
            return reply("bfl", name, id=job.id)
        return reply("bfl", "ready", id=job.id, sample=job.urls[0] if job.urls else None)
