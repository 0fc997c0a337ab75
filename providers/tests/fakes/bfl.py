"""The API of Black Forest Labs, as documented in November 2026."""

from typing import Any

from providers.tests.fakes.base import Reply, Request
from providers.tests.fakes.queued import FakeQueue, Job

KEY = "bfl-key"
FIELDS_2 = {
    "prompt", "seed", "width", "height", "safety_tolerance", "output_format", "prompt_upsampling",
    "steps", "guidance", "input_image", *(f"input_image_{n}" for n in range(2, 9)),
}  # fmt: skip
FIELDS_3 = {
    "prompt", "images", "aspect_ratio", "resolution", "grounding", "safety_tolerance", "version",
}  # fmt: skip


class FakeBfl(FakeQueue):
    """Answers POST /v1/{model}, GET /v1/get_result?id=… and GET /v1/credits."""

    uncharged = FakeQueue.uncharged | {"moderation_200"}

    def answer(self, request: Request) -> Reply:
        if request.headers.get("x-key") != KEY:
            return Reply.json({"detail": "Not authenticated"}, 403)
        if request.path == "/v1/credits":
            return Reply.json({"credits": 1234.5})
        if request.path == "/v1/get_result":
            return self._look(request.query.get("id", ""))
        return self._take(request)

    def error(self, status: int) -> Reply:
        return Reply.json({"detail": f"Something is wrong ({status})."}, status)

    def _take(self, request: Request) -> Reply:
        statuses = {"quota": 402, "rate_limit": 429, "model_gone": 404, "bad_parameter": 422}
        if (status := statuses.get(self.fault.name)) is not None:
            return self.error(status)
        body = request.json()
        known = FIELDS_3 if "flux-3" in request.path else FIELDS_2
        if unknown := set(body) - known:
            detail = [{"loc": ["body", name], "msg": "Extra", "type": "x"} for name in unknown]
            return Reply.json({"detail": detail}, 422)
        if self.faulty("null_data"):
            self.charge(body["prompt"])
            return Reply.json({"id": None, "polling_url": None})
        if self.faulty("error_200"):
            self.charge(body["prompt"])
            return Reply.json({"detail": "An internal error occurred."})
        if self.faulty("refused_input"):
            job = Job(body, self.fault)
            self.jobs[job.id] = job
        else:
            job = self.take(request, body.get("width", 64), body.get("height", 64))
        facts = {"cost": 3.0, "input_mp": 0.0, "output_mp": 1.0}
        return Reply.json(
            {"id": job.id, "polling_url": f"{self.url}/v1/get_result?id={job.id}", **facts}
        )

    def _look(self, identity: str) -> Reply:
        job = self.jobs.get(identity)
        if job is None:
            return Reply.json({"id": identity, "status": "Task not found", "result": None}, 404)
        if state := self.waiting(job):
            progress = 0.5 if state == "running" else None
            return self._state(job, "Pending", progress=progress)
        match job.fault.name:
            case "refused_input":
                reasons = {"Moderation Reasons": ["Safety Filter"]}
                return self._state(job, "Request Moderated", details=reasons)
            case "moderation_200":
                return self._state(job, "Content Moderated", details={})
            case "job_failed" | "job_cancelled":
                return self._state(job, "Error", details={"error": "worker failed"})
        sample = job.urls[0] if job.urls else None
        return self._state(job, "Ready", result={"sample": sample, "seed": 42, "duration": 1.5})

    def _state(self, job: Job, status: str, **more: Any) -> Reply:
        return Reply.json({"id": job.id, "status": status, "result": None, **more})
