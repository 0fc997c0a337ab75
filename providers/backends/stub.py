"""Stub: a provider that misbehaves on request, for tests and fault runs.

The service behind it is imaginary (`stub_service.py`). It is called in this process, or over
HTTP where the connection has a base URL (`stub_server.py`, `manage.py run_stub`). What it
does is chosen by `request.extra["behaviour"]`, else by the connection's option `behaviour`:
one of `stub_service.BEHAVIOURS`, or several separated by commas, of which each call takes the
next and the last one stays.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from providers import errors
from providers.answers import HttpAnswer, problem_for
from providers.backends.stub_service import BEHAVIOURS, Cut, Ledger, Reply, Stall, StubService
from providers.base import Provider
from providers.keeping import keepable_cost
from providers.options import Options, must_be
from providers.types import (
    Capabilities,
    ConnectionConfig,
    Handle,
    Health,
    HealthLevel,
    ImageRequest,
    Recovery,
    Result,
    Sink,
)

CAPABILITIES = Capabilities(
    min_side=16,
    qualities=("low", "high"),
    output_formats=("png",),
    negative_prompt=True,
    seed=True,
    steps=True,
    guidance_scale=True,
    palette=True,
    title=True,
    reference_images=4,
    extra=("behaviour", "delay"),
)


@dataclass(frozen=True, kw_only=True)
class StubOptions(Options):
    """Options of a stub connection. Times in seconds."""

    behaviour: str = "ok"
    recovery: str = "nothing"  # one of Recovery: what is known after a cut connection
    ledger: str = ""  # SQLite file; empty: in memory, one per connection name
    delay: float = 0.0  # how long a picture takes
    charge_at: str = "start"  # or "end": is a call charged before or after the delay
    retry_after: float = 1.0  # told by rate_limit
    poll_interval: float = 0.1
    full_size: bool = False  # draw the size asked for, not a small picture of its shape
    cost: str = ""  # what the service says that a picture costs; empty: it does not tell

    def __post_init__(self) -> None:
        check_behaviour(self.behaviour)
        if self.recovery not in set(Recovery):
            raise must_be("recovery", f"one of {', '.join(Recovery)}")
        if self.charge_at not in ("start", "end"):
            raise must_be("charge_at", "start or end")
        if self.cost and keepable_cost(self.cost) is None:
            raise must_be("cost", "a number, written as text")


def check_behaviour(script: str) -> None:
    """`ConfigurationError` names a behaviour that the stub does not know."""
    for name in str(script).split(","):
        if name.strip() not in BEHAVIOURS:
            raise errors.ConfigurationError(
                f'The stub has no behaviour "{name.strip()}".',
                hint=f"Known: {', '.join(sorted(BEHAVIOURS))}.",
            )


@lru_cache(maxsize=256)
def open_ledger(path: str, name: str) -> Ledger:
    """The ledger file at `path`, or one in memory for the connection `name`."""
    return Ledger(path)


class StubProvider(Provider):
    options_class = StubOptions
    options: StubOptions

    def __init__(self, connection: ConnectionConfig) -> None:
        super().__init__(connection)
        self.recovery = Recovery(self.options.recovery)
        self.poll_interval = self.poll_interval_max = self.options.poll_interval

    def capabilities(self, model: str, row: Mapping[str, Any] | None = None) -> Capabilities:
        return CAPABILITIES.overlaid(row)

    def handle_for(self, key: str) -> Handle | None:
        return Handle({"id": key}) if self.recovery is Recovery.LOOKUP else None

    def submit(self, request: ImageRequest, key: str, sink: Sink) -> Handle | Result:
        order = self._order(request, key)
        if order["behaviour"] == "cut_before":
            raise errors.ProviderUnavailable(f"{self.connection.name} cannot be reached.")
        sink.sending({name: order[name] for name in ("model", "prompt", "seed", "parameters")})
        answer = self._exchange("POST", "v1/images", order, sink)
        if answer.status == 202:
            return Handle({"id": answer.json()["id"]})
        return self._result(answer, sink)

    def poll(self, handle: Handle, sink: Sink) -> Result | None:
        path = f"v1/jobs/{handle.data['id']}"
        answer = self._exchange("GET", path)
        if answer.status in (404, 410):
            raise self._lost(answer)
        if not answer.ok:
            raise self._no_look(answer)
        job = answer.json()
        match job["state"]:
            case "running":
                sink.progress(job["progress"])
                return None
            case "cancelled":
                raise errors.Cancelled("The picture was stopped.", billed="no")
            case "failed":
                raise self._failure(job["code"], answer)
        picture = self._exchange("GET", f"{path}/image", sink=sink)
        if picture.status in (403, 404, 410):
            raise self._gone(picture)
        return self._result(picture, sink)

    def cancel(self, handle: Handle) -> bool:
        return self._exchange("DELETE", f"v1/jobs/{handle.data['id']}").ok

    def check_health(self, level: HealthLevel) -> Health:
        if level is HealthLevel.CONFIGURED:
            return Health(level, True, f"Behaviour: {self.options.behaviour}.")
        path = "v1/health" if level is HealthLevel.REACHABLE else "v1/account"
        if level is HealthLevel.AUTHENTICATED and self.options.behaviour == "auth":
            return Health(level, False, "The secret is not accepted.")
        answer = self._exchange("GET", path, deadline=10.0)
        return Health(level, answer.ok, f"It answers with {answer.status}.")

    # --- Orders and answers -------------------------------------------------------------

    def _order(self, request: ImageRequest, key: str) -> dict[str, Any]:
        """The request as the service takes it."""
        options, extra = self.options, request.extra
        behaviour, delay = (
            extra.get("behaviour", options.behaviour),
            extra.get("delay", options.delay),
        )
        check_behaviour(behaviour)
        if not isinstance(delay, int | float):
            raise errors.InvalidRequest("delay must be a number of seconds.")
        parameters = {
            name: value
            for name, value in request.to_dict().items()
            if value not in (None, "", [], {}) and name not in ("prompt", "model", "extra")
        }
        slow = 1.0 if behaviour == "slow" else 0.0
        return {
            "key": key,
            "prompt": request.prompt,
            "model": request.model,
            "seed": request.seed
            if request.seed is not None
            else int(request.fingerprint()[:8], 16),
            "parameters": parameters,
            "behaviour": behaviour,
            "recovery": self.recovery.value,
            "delay": max(slow, delay),
            "charge_at": options.charge_at,
            "retry_after": options.retry_after,
            "full_size": options.full_size,
        }

    def _exchange(
        self,
        method: str,
        path: str,
        data: Mapping[str, Any] | None = None,
        sink: Sink | None = None,
        deadline: float | None = None,
    ) -> HttpAnswer:
        """One request to the service, over HTTP or in this process."""
        if self.connection.base_url:
            from providers.http import HttpClient

            client = HttpClient(self.connection)
            spends = method == "POST"
            return client.request(
                method, path, json=data, spends=spends, sink=sink, deadline=deadline
            )
        ledger = open_ledger(self.options.ledger, self.connection.name)
        try:
            reply = StubService(ledger).answer(method, path, data or {})
        except Stall:
            time.sleep(self.connection.deadline)
            raise self._unanswered("did not answer in time") from None
        except Cut:
            raise self._unanswered("cut the connection") from None
        return self._received(reply, sink)

    def _received(self, reply: Reply, sink: Sink | None) -> HttpAnswer:
        answer = HttpAnswer(reply.status, reply.headers, reply.body)
        if sink is not None:
            sink.headers(answer.status, answer.request_id, answer.rate)
        if reply.cut:
            raise self._unanswered("cut its answer short")
        return answer

    def _unanswered(self, what: str) -> errors.OutcomeUnknown:
        return errors.OutcomeUnknown(f"{self.connection.name} {what}.")

    def _result(self, answer: HttpAnswer, sink: Sink) -> Result:
        """The pictures of an answer, spooled; or the error that it really is."""
        if not answer.ok:
            raise self._problem(answer)
        if answer.headers.get("content-type") == "application/json":
            raise self._refusal(answer.json(), answer, billed="yes")
        if not answer.body:
            raise errors.InvalidResponse(
                f"{self.connection.name} answered without a picture.", request_id=answer.request_id
            )
        files, start = [], 0
        for size in answer.headers["x-sizes"].split(","):
            with sink.open_spool() as writer:
                writer.write(answer.body[start : start + int(size)])
                files.append(writer.close_file())
            start += int(size)
        return Result(
            files=tuple(files),
            cost=Decimal(self.options.cost) if self.options.cost else None,
            request_id=answer.request_id,
            description="A test picture of shaded blocks.",
            digital_source_type="algorithmicMedia",
            **json.loads(answer.headers["x-facts"]),
        )

    def _problem(self, answer: HttpAnswer) -> errors.ProviderProblem:
        """The service's own codes first, then what the status says."""
        try:
            error = answer.json()["error"]
            code = error["code"]
        except (errors.InvalidResponse, LookupError, TypeError):
            return problem_for(answer, self.connection.name)  # not the service's own words
        if code == "content_policy":
            return self._refusal(error, answer, billed="no")
        if code in ("generation_failed", "out_of_memory"):
            return self._failure(code, answer)
        return problem_for(answer, self.connection.name)

    def _refusal(
        self, error: Mapping[str, Any], answer: HttpAnswer, billed: errors.Billed
    ) -> errors.ContentRejected:
        return errors.ContentRejected(
            f"{self.connection.name} refused this picture for its content.",
            stage=error["stage"],
            categories=error["categories"],
            billed=billed,
            request_id=answer.request_id,
        )

    def _failure(self, code: str, answer: HttpAnswer) -> errors.ProviderProblem:
        """A failure of the drawing itself, which is not charged."""
        kind = errors.OutOfMemory if code == "out_of_memory" else errors.ProviderError
        return kind(
            f"{self.connection.name} could not draw this picture.",
            code=code,
            billed="no",
            request_id=answer.request_id,
        )

    def _no_look(self, answer: HttpAnswer) -> errors.ProviderProblem:
        """A look that failed says nothing about the job, which may have been charged."""
        problem = self._problem(answer)
        if problem.retryable:
            return problem
        return errors.OutcomeUnknown(
            f"{self.connection.name} took the picture and cannot be asked for it: "
            f"{problem.message}",
            code=problem.code,
            request_id=answer.request_id,
        )

    def _gone(self, answer: HttpAnswer) -> errors.JobLost:
        """Drawn, charged, and not kept for us."""
        return errors.JobLost(
            f"{self.connection.name} no longer has this picture.",
            billed="yes",
            request_id=answer.request_id,
        )

    def _lost(self, answer: HttpAnswer) -> errors.JobLost:
        """Unknown under an id of ours means that the order never came; else it is lost."""
        never_came = answer.status == 404 and self.recovery is Recovery.LOOKUP
        return errors.JobLost(
            f"{self.connection.name} does not know this picture.",
            billed="no" if never_came else "unknown",
            request_id=answer.request_id,
        )
