"""fal's queue, as documented in November 2026."""

from typing import Any

from providers.tests.fakes import pictures
from providers.tests.fakes.base import Reply, Request
from providers.tests.fakes.queued import FakeQueue, Job

KEY = "fal-id:fal-secret"
APP = "/fal-ai/flux-2"  # addresses of a job leave out the rest of the model's path


class FakeFal(FakeQueue):
    """Answers POST /{model}, and what a job's addresses are for."""

    features = frozenset({"json", "pictures", "many"})
    protocol_faults = FakeQueue.protocol_faults | {"black_flagged"}

    def answer(self, request: Request) -> Reply:
        if request.headers.get("authorization") != f"Key {KEY}":
            return Reply.json({"detail": "Cannot authenticate user."}, 401)
        if request.path == "/v1/models":
            return Reply.json({"models": MODELS, "has_more": False})
        if request.method == "POST":
            return self._take(request)
        identity, _, what = request.path.partition("/requests/")[2].partition("/")
        job = self.jobs.get(identity)
        if job is None:
            return Reply.json({"detail": "Request not found"}, 404)
        if request.method == "PUT":
            return self._cancel(job)
        return self._look(job) if what == "status" else self._response(job)

    def spends(self, request: Request) -> bool:
        return request.method == "POST"

    def error(self, status: int) -> Reply:
        return Reply.json({"detail": f"Something is wrong ({status})."}, status)

    def _take(self, request: Request) -> Reply:
        if self.faulty("quota"):
            locked = "User is locked. Reason: Exhausted balance. Top up your balance."
            return Reply.json({"detail": locked}, 403)
        statuses = {"rate_limit": 429, "model_gone": 404}
        if (status := statuses.get(self.fault.name)) is not None:
            return self.error(status)
        body = request.json()
        if self.faulty("null_data", "error_200"):
            self.charge(body["prompt"])
            shape = {"request_id": None} if self.faulty("null_data") else {"detail": "Internal"}
            return Reply.json(shape)
        job = self._new(request, body)
        home = f"{self.url}{APP}/requests/{job.id}"
        addresses = {
            "response_url": home,
            "status_url": f"{home}/status",
            "cancel_url": f"{home}/cancel",
        }
        return Reply.json(
            {"status": "IN_QUEUE", "request_id": job.id, "queue_position": 0, **addresses}
        )

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
        states = {"queued": "IN_QUEUE", "running": "IN_PROGRESS", "": "COMPLETED"}
        state = "COMPLETED" if job.cancelled else states[self.waiting(job)]
        return Reply.json({"status": state}, 200 if state == "COMPLETED" else 202)

    def _cancel(self, job: Job) -> Reply:
        if job.looks > 2 or job.fault.name != "slow_job":
            return Reply.json({"status": "ALREADY_COMPLETED"}, 400)
        job.cancelled = True
        return Reply.json({"status": "OK"}, 200)

    def _response(self, job: Job) -> Reply:
        match "job_cancelled" if job.cancelled else job.fault.name:
            case "refused_input":
                return model_error("content_policy_violation", ["body", "prompt"], 422)
            case "bad_parameter":
                return model_error("less_than_equal", ["body", "image_size", "width"], 422)
            case "moderation_200":
                return model_error("content_policy_violation", ["body"], 422)
            case "job_failed":
                return platform_error("runner_disconnected", 503)
            case "job_cancelled":
                return platform_error("client_cancelled", 499)
        images = [{"url": url, "content_type": "image/png", "width": 64} for url in job.urls]
        flags = [job.fault.name == "black_flagged"] * len(images)
        return Reply.json(
            {"images": images, "seed": 42, "has_nsfw_concepts": flags, "prompt": "", "timings": {}}
        )


def model_error(kind: str, loc: list[str], status: int, retryable: str = "false") -> Reply:
    detail = [{"loc": loc, "msg": f"Sorry: {kind}.", "type": kind, "url": "https://docs.fal.ai"}]
    return Reply.json({"detail": detail}, status, {"x-fal-retryable": retryable})


def platform_error(kind: str, status: int) -> Reply:
    body = {"detail": f"Sorry: {kind}.", "error_type": kind}
    return Reply.json(body, status, {"x-fal-error-type": kind})


MODELS = [
    {
        "endpoint_id": "fal-ai/flux-2-pro",
        "metadata": {"display_name": "FLUX.2 pro", "category": "text-to-image"},
    },
    {
        "endpoint_id": "fal-ai/speech",
        "metadata": {"display_name": "Speech", "category": "text-to-speech"},
    },
]
