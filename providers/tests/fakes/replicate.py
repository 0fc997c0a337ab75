"""Replicate's predictions, as documented in November 2026."""

from typing import Any

from providers.tests.fakes.base import Reply, Request
from providers.tests.fakes.queued import FakeQueue, Job
from providers.tests.fakes.recorded import reply

KEY = "r8-secret"
# Faults, and the recorded answers by which they are told.
REFUSALS = {
    "quota": "no_credit",
    "rate_limit": "too_fast",
    "model_gone": "no_such_model",
    "bad_parameter": "bad_value",
}
HALF_ANSWERS = {"null_data": "taken_without_an_address", "error_200": "failure_that_says_200"}
ENDINGS = {
    "refused_input": "refused_prompt",
    "moderation_200": "refused_outcome",
    "job_failed": "failed",
    "job_cancelled": "aborted",
    "out_of_memory": "out_of_memory",
}


class FakeReplicate(FakeQueue):
    """Answers POST /v1/models/{owner}/{name}/predictions, /v1/predictions, and their addresses."""

    features = frozenset({"json", "pictures", "many"})
    protocol_faults = FakeQueue.protocol_faults | {"out_of_memory"}

    def answer(self, request: Request) -> Reply:
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return reply("replicate", "wrong_secret")
        match request.path.strip("/").split("/")[1:]:
            case ["account"]:
                return reply("replicate", "account")
            case ["collections", "text-to-image"]:
                return reply("replicate", "collection")
            case ["predictions", identity]:
                return self._look(identity)
            case ["predictions", identity, "cancel"]:
                return self._cancel(identity)
        return self._take(request)

    def spends(self, request: Request) -> bool:
        return request.method == "POST" and not request.path.endswith("/cancel")

    def error(self, status: int) -> Reply:
        sentence = f"Something is wrong ({status})."
        return Reply.json({"title": "Error", "detail": sentence, "status": status}, status)

    def prompt_of(self, body: dict[str, Any]) -> Any:
        return body["input"]["prompt"]

    def _take(self, request: Request) -> Reply:
        if (name := REFUSALS.get(self.fault.name)) is not None:
            return reply("replicate", name)
        body = request.json()
        if (name := HALF_ANSWERS.get(self.fault.name)) is not None:
            self.charge(self.prompt_of(body))
            return reply("replicate", name)
        if self.faulty("refused_input", "out_of_memory"):
            job = Job(body, self.fault)
            self.jobs[job.id] = job
        else:
            inputs = body["input"]
            job = self.take(request, inputs.get("width", 64), inputs.get("height", 64))
        job.model = "/".join(request.path.split("/")[3:5])
        return self._tell(job, "taken")

    def _look(self, identity: str) -> Reply:
        job = self.jobs.get(identity)
        if job is None:
            return reply("replicate", "no_such_prediction")
        if job.cancelled:
            return self._tell(job, "cancelled")
        if state := self.waiting(job):
            return self._tell(job, state)
        if (name := ENDINGS.get(job.fault.name)) is not None:
            return self._tell(job, name)
        return self._tell(job, "succeeded", output=job.urls, count=len(job.urls))

    def _cancel(self, identity: str) -> Reply:
        job = self.jobs[identity]
        job.cancelled = True
        return self._tell(job, "cancelled")

    def _tell(self, job: Job, name: str, **more: Any) -> Reply:
        return reply("replicate", name, id=job.id, model=job.model, home=self.url, **more)
