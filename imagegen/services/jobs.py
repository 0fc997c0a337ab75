"""The way of one job, from its claim to a stored answer or a clear end.

    claimed ─> attempt reserved (money) ─> sending ─> [submitted] ─> received (spooled)
            ─> originals stored ─> booked: outputs + attempt + job + money in one transaction

Every step is written down before the next begins. A worker that finds an open attempt of a
predecessor goes on from the state it is in; whether a call may be made again is decided by
what the provider lets us know after a cut connection (`Recovery`), never by a lease alone.

What is the same for every kind of job is here: the lease, the attempt, its money and every bad
end. The middle belongs to the kind: a module with the functions of `Work`, named in `WORK`.
`drawing` makes pictures, `drafting` writes prompts, `describing` alt texts. Another kind adds its
line there and keeps to this:
- `obtain` looks at `attempt.state`. RESERVED: nothing was sent; `calls.begin_call`, then call.
  RECEIVED: the answer was kept; read it, never call. Anything else: a predecessor sent it and
  stopped; collect it, or raise `calls.unanswered(attempt)`. It leaves the attempt RECEIVED, with
  the answer where a successor finds it. What fails is raised as a `ProviderProblem`.
- `store` books in one transaction: `endings.end_job(state=STORED)`, `money.settle` with
  `calls.cost_of`, the attempt STORED, and its own rows.
- The job's `request` is the kind's own; its `prompt`, `slot` and `setting` may be empty.
"""

import logging
from decimal import Decimal
from typing import Any, Protocol

from django.db import transaction
from django.db.models import Q

from imagegen.errors import InvalidTransition
from imagegen.faults import faultpoint
from imagegen.models import Attempt, ConnectionMonth, GenerationJob
from imagegen.services import calls, describing, drafting, drawing, endings, money
from imagegen.states import transition
from providers import errors
from providers.base import AnyRequest
from providers.types import Recovery

logger = logging.getLogger("imagegen")
JobState, State = GenerationJob.State, Attempt.State


class Work(Protocol):
    """One kind of job: how its answer is obtained and taken in."""

    def request_of(self, job: GenerationJob) -> AnyRequest:
        """The request as stored."""

    def obtain(self, job: GenerationJob, attempt: Attempt) -> Any:
        """The provider's answer, by collecting or calling; raises `ProviderProblem`."""

    def store(self, *, job: GenerationJob, attempt: Attempt, answer: Any) -> None:
        """Take the answer in and end the job."""


WORK: dict[str, Work] = {
    GenerationJob.Kind.IMAGE: drawing,
    GenerationJob.Kind.PROMPT: drafting,
    GenerationJob.Kind.ALT: describing,
}


def run_job(*, job: GenerationJob) -> None:
    """Carry a claimed job to its end, or as far as it can go now.

    Never raises for what a provider or a file does; a lost lease ends it quietly.
    """
    try:
        if job.kind not in WORK:
            endings.end_job(job=job, state=JobState.FAILED, error=_unknown_kind(job))
            return
        attempt = _open_attempt(job)
        if attempt is not None:
            _go_on(job, attempt)
    except InvalidTransition as error:
        logger.warning("Job %s was taken over while it ran: %s", job.pk, error)


def _go_on(job: GenerationJob, attempt: Attempt) -> None:
    """Call or collect, store, book; every failure becomes a recorded end."""
    try:
        answer = WORK[job.kind].obtain(job, attempt)
    except errors.ProviderProblem as problem:
        endings.end_with_problem(job=job, attempt=attempt, problem=problem)
        return
    except InvalidTransition:
        raise
    except Exception as error:
        logger.exception("Attempt %s of job %s broke.", attempt.number, job.pk)
        endings.end_with_problem(job=job, attempt=attempt, problem=_as_problem(error, attempt))
        return
    WORK[job.kind].store(job=job, attempt=attempt, answer=answer)


def _unknown_kind(job: GenerationJob) -> dict:
    return endings.reason(
        "UnknownKind",
        f"Jobs of the kind “{job.kind}” are not known here, so nothing was sent.",
        "Perhaps a worker of an older version runs: restart it, then try again.",
    )


def _as_problem(error: Exception, attempt: Attempt) -> errors.ProviderProblem:
    """An unexpected error: free if nothing had been sent, otherwise doubtful."""
    kind = type(error).__name__
    if attempt.state == State.RESERVED:
        return errors.ConfigurationError(
            f"The call could not be prepared ({kind}). Nothing was sent.",
            hint="The worker's log has the details.",
        )
    return errors.OutcomeUnknown(
        f"The call was broken off by an unexpected error ({kind}).",
        hint="The worker's log has the details.",
    )


def _open_attempt(job: GenerationJob) -> Attempt | None:
    """The attempt to go on with: a predecessor's open one, or a new one with money reserved.

    None if the job has come to an end instead (a cap was reached, or too many workers died).
    """
    if job.deaths >= endings.MAX_DEATHS:
        endings.end_after_deaths(job=job)
        return None
    month = money.open_month(job.connection) if job.connection is not None else None
    try:
        with transaction.atomic():
            attempt = _predecessors_attempt(job) or _reserve_attempt(job, month)
            transition(job, JobState.RUNNING, where=Q(epoch=job.epoch), tries=job.tries)
    except money.NoRoom as stop:
        facts = endings.reason(stop.kind, stop.message, stop.hint)
        endings.end_job(job=job, state=JobState.FAILED, error=facts)
        return None
    attempt.job = job
    faultpoint("reserved")
    return attempt


def _predecessors_attempt(job: GenerationJob) -> Attempt | None:
    """The open attempt of a worker that stopped, taken over under our epoch."""
    attempt = job.attempts.filter(state__in=Attempt.OPEN_STATES).first()
    if attempt is not None:
        Attempt.objects.filter(pk=attempt.pk).update(epoch=job.epoch)
        attempt.epoch = job.epoch
    return attempt


def _reserve_attempt(job: GenerationJob, month: ConnectionMonth | None) -> Attempt:
    """Set the estimate aside under every cap and write the attempt. Raises NoRoom."""
    request = WORK[job.kind].request_of(job)
    estimate = calls.estimate_now(job=job, request=request)
    amount = estimate or Decimal(0)
    money.set_aside(job=job, month=month, amount=amount)
    job.tries += 1
    return Attempt.objects.create(
        job=job,
        number=job.attempts.count() + 1,
        epoch=job.epoch,
        connection_name=job.connection_name,
        model_name=job.model_name,
        recovery=_recovery(job),
        request_hash=request.fingerprint(),
        price_rule=job.model.price_rule if job.model else {},
        month=month,
        estimate=estimate,
        reserved=amount,
    )


def _recovery(job: GenerationJob) -> str:
    """What is known after a cut connection; a provider that cannot be made tells nothing."""
    if job.connection is None:
        return Recovery.NOTHING.value
    try:
        return job.connection.adapter().recovery.value
    except errors.ProviderProblem:
        return Recovery.NOTHING.value
