"""What fakes of services with a queue share: jobs that remember the fault of their call."""

import uuid
from dataclasses import dataclass, field
from typing import Any, ClassVar

from providers.tests.fakes.base import FakeService, Reply, Request, Scripted

QUEUE_FAULTS = frozenset(
    {
        "refused_input",
        "quota",
        "rate_limit",
        "model_gone",
        "bad_parameter",
        "moderation_200",
        "null_data",
        "error_200",
        "job_failed",
        "job_cancelled",
        "lost_queue",
        "lost_result",
        "slow_job",
        "expired_url",
        "private_url",
        "file_url",
        "foreign_http_url",
        "password_url",
    }
)
ADDRESSES = {
    "expired_url": "/files/999999",
    "private_url": "http://169.254.169.254/picture.png",
    "file_url": "file:///etc/passwd",
    "password_url": "https://someone:word@192.0.2.1/picture.png",
    "foreign_http_url": "http://192.0.2.1/picture.png",
}


@dataclass
class Job:
    """One job in the queue."""

    body: dict[str, Any]
    fault: Scripted
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    model: str = ""
    looks: int = 0
    cancelled: bool = False
    urls: list[str] = field(default_factory=list)


class FakeQueue(FakeService):
    """Draws when a job is taken, and hands the pictures out by address."""

    phases = ("call", "poll", "download")
    features = frozenset({"json", "pictures"})
    protocol_faults = QUEUE_FAULTS
    # Faults of a job that the service does not charge for.
    uncharged: ClassVar[frozenset[str]] = frozenset({"job_failed", "job_cancelled", "lost_queue"})

    def __init__(self) -> None:
        super().__init__()
        self.jobs: dict[str, Job] = {}

    def take(self, request: Request, width: int, height: int, model: str = "") -> Job:
        """A new job, drawn and charged unless its fault says otherwise."""
        job = Job(request.json(), self.fault, model=model)
        if self.faulty("lost_queue", "lost_result"):
            job.id = "forgotten"
        self.jobs[job.id] = job
        if not self.faulty(*self.uncharged):
            self.charge(str(self.prompt_of(job.body)))
            job.urls = [self.address(data) for data in self.pictures(width, height)]
        if job.id == "forgotten":
            del self.jobs[job.id]
        return job

    def prompt_of(self, body: dict[str, Any]) -> Any:
        return body.get("prompt")

    def address(self, picture: bytes) -> str:
        if (wrong := ADDRESSES.get(self.fault.name)) is not None:
            return self.url + wrong if wrong.startswith("/") else wrong
        return self.put_file(picture)

    def waiting(self, job: Job) -> str:
        """ "queued" or "running" while a slow job is not ready, else ""."""
        job.looks += 1
        if job.fault.name != "slow_job" or job.looks > 4:
            return ""
        return "queued" if job.looks <= 2 else "running"

    def not_found(self) -> Reply:
        return self.error(404)
