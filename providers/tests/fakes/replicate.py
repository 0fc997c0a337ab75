"""Replicate's predictions, as documented in November 2026."""

from typing import Any

from providers.tests.fakes.base import Reply, Request
from providers.tests.fakes.queued import FakeQueue, Job

KEY = "r8-secret"
THROTTLED = (
    "Request was throttled. Your rate limit for creating predictions is reduced to 6 requests per "
    "minute with a burst of 1 requests while you have less than $5.0 in credit. Your rate limit "
    "resets in ~30s."
)
TITLES = {401: "Unauthenticated", 402: "Insufficient credit", 404: "Not found"}
STATES = {"queued": "starting", "running": "processing"}


class FakeReplicate(FakeQueue):
    """Answers POST /v1/models/{owner}/{name}/predictions, /v1/predictions, and their addresses."""

    features = frozenset({"json", "pictures", "many"})
    protocol_faults = FakeQueue.protocol_faults | {"out_of_memory"}

    def answer(self, request: Request) -> Reply:
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return self.error(401)
        match request.path.strip("/").split("/")[1:]:
            case ["account"]:
                return Reply.json({"type": "user", "username": "alice"})
            case ["collections", "text-to-image"]:
                return Reply.json(
                    {"models": [{"owner": "black-forest-labs", "name": "flux-2-pro"}]}
                )
            case ["predictions", identity]:
                return self._look(identity)
            case ["predictions", identity, "cancel"]:
                return self._cancel(identity)
        return self._take(request)

    def spends(self, request: Request) -> bool:
        return request.method == "POST" and not request.path.endswith("/cancel")

    def error(self, status: int) -> Reply:
        title = TITLES.get(status, "Error")
        return Reply.json({"title": title, "detail": f"{title}.", "status": status}, status)

    def prompt_of(self, body: dict[str, Any]) -> Any:
        return body["input"]["prompt"]

    def _take(self, request: Request) -> Reply:
        if self.faulty("rate_limit"):
            return Reply.json({"detail": THROTTLED, "status": 429}, 429)
        statuses = {"quota": 402, "model_gone": 404}
        if (status := statuses.get(self.fault.name)) is not None:
            return self.error(status)
        if self.faulty("bad_parameter"):
            detail = "- input.aspect_ratio: must be one of the following: 1:1\n"
            title = "Input validation failed"
            return Reply.json({"title": title, "detail": detail, "status": 422}, 422)
        body = request.json()
        if self.faulty("null_data", "error_200"):
            self.charge(self.prompt_of(body))
            shape = (
                {"id": None, "urls": None} if self.faulty("null_data") else {"detail": "Internal"}
            )
            return Reply.json(shape)
        if self.faulty("refused_input", "out_of_memory"):
            job = Job(body, self.fault)
            self.jobs[job.id] = job
        else:
            inputs = body["input"]
            job = self.take(request, inputs.get("width", 64), inputs.get("height", 64))
        job.model = "/".join(request.path.split("/")[3:5])
        return Reply.json(self._state(job, "starting"), 201)

    def _look(self, identity: str) -> Reply:
        job = self.jobs.get(identity)
        if job is None:
            return self.error(404)
        if job.cancelled:
            return Reply.json(self._state(job, "canceled"))
        if state := self.waiting(job):
            return Reply.json(self._state(job, STATES[state]))
        failures = {
            "refused_input": "NSFW content detected. Try running it again, or a different prompt.",
            "moderation_200": "The output was flagged as sensitive. (E005)",
            "job_failed": "Prediction failed: worker lost.",
            "out_of_memory": "CUDA out of memory. Tried to allocate 2.00 GiB.",
        }
        if (sentence := failures.get(job.fault.name)) is not None:
            return Reply.json(self._state(job, "failed", error=sentence))
        if job.fault.name == "job_cancelled":
            return Reply.json(self._state(job, "aborted"))
        return Reply.json(
            self._state(
                job,
                "succeeded",
                output=job.urls,
                logs="Using seed: 4711\nDone.",
                metrics={"predict_time": 1.5, "image_count": len(job.urls)},
            )
        )

    def _cancel(self, identity: str) -> Reply:
        job = self.jobs[identity]
        job.cancelled = True
        return Reply.json(self._state(job, "canceled"))

    def _state(self, job: Job, status: str, **more: Any) -> dict[str, Any]:
        home = f"{self.url}/v1/predictions/{job.id}"
        return {
            "id": job.id,
            "model": job.model,
            "status": status,
            "output": None,
            "error": None,
            "logs": "",
            "urls": {"get": home, "cancel": f"{home}/cancel"},
            **more,
        }
