"""How a job ends when it does not end with a stored image: what it cost, and what follows."""

import random
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from imagegen.models import Attempt, GenerationBatch, GenerationJob
from imagegen.services import money
from imagegen.services.looking import can_be_asked
from imagegen.states import transition
from providers import errors
from providers.services import pause_connection

JobState, State = GenerationJob.State, Attempt.State
MAX_TRIES = 5
MAX_DEATHS = 5
LONGEST_WAIT = 15 * 60  # seconds
NO_CREDIT_PAUSE = 60 * 60  # seconds; a person who has topped up can end it at once
LEFT = {"owner": "", "lease_until": None, "progress": None}


def end_job(*, job: GenerationJob, state: str, error: dict | None, **changes: Any) -> None:
    """Take a job that this worker holds to `state`, and let go of it."""
    if state != JobState.QUEUED:
        changes["finished_at"] = Now()
    transition(job, state, where=Q(epoch=job.epoch), error=error, **LEFT, **changes)


def end_with_problem(
    *, job: GenerationJob, attempt: Attempt, problem: errors.ProviderProblem
) -> None:
    """Book a failed call: refused, unknown, charged without an image, or surely free.

    Only what surely cost nothing is tried again by itself, at most five times.
    """
    billed = "no" if is_free(attempt) else problem.billed
    facts = describe(problem, billed)
    waits = isinstance(problem, errors.OutcomeUnknown) and can_be_asked(attempt)
    with transaction.atomic():
        if isinstance(problem, errors.ContentRejected):
            _end_attempt(attempt, State.REFUSED, facts, billed)
            end_job(job=job, state=JobState.REFUSED, error=facts)
        elif isinstance(problem, errors.Cancelled) and billed == "no":
            _end_attempt(attempt, State.CANCELLED, facts, billed)
            end_job(job=job, state=JobState.CANCELLED, error=facts)
        elif billed == "yes" or attempt.state == State.RECEIVED:
            _end_attempt(attempt, State.CHARGED, facts, billed)
            end_job(job=job, state=JobState.FAILED, error=facts)
        elif billed == "unknown" or waits:
            # Free or not: a job that may still be at work is looked up, not doubled.
            facts = _doubt(attempt, problem, facts)
            transition(attempt, State.UNKNOWN, error=facts, finished_at=Now())
            end_job(job=job, state=JobState.UNKNOWN, error=facts)
        else:
            _end_attempt(attempt, State.FAILED, facts, billed)
            _fail_or_retry(job, problem, facts, looked=attempt.looks > 0 and not is_free(attempt))
        _pause_provider(job, problem)


def end_with_unusable_answer(
    *, job: GenerationJob, attempt: Attempt, problem: errors.InvalidResponse, cost: Decimal | None
) -> None:
    """Book an answer that nothing can be made of: charged as far as is known, and not done."""
    facts = describe(problem, "no" if is_free(attempt) else None)
    with transaction.atomic():
        actual = money.settle(attempt=attempt, cost=cost)
        transition(attempt, State.CHARGED, error=facts, cost=actual, finished_at=Now())
        end_job(job=job, state=JobState.FAILED, error=facts)


def is_free(attempt: Attempt) -> bool:
    """The price is known to be nothing: no doubt about the call can cost anything.

    A price that somebody only assumed to be nothing is not known.
    """
    known = attempt.price_rule.get("kind", "unknown") != "unknown"
    return known and attempt.estimate is not None and attempt.estimate == 0


def describe(problem: errors.ProviderProblem, billed: str | None = None) -> dict:
    """The problem as it is stored: kind, message for the editor, hint for the operator."""
    return {
        **problem.to_dict(),
        "kind": type(problem).__name__,
        "billed": billed or problem.billed,
    }


def _doubt(attempt: Attempt, problem: errors.ProviderProblem, facts: dict) -> dict:
    """Why a call is in doubt. A look that brought nothing leaves the reason as it was; that the
    provider does not know the job is news."""
    if attempt.looks and attempt.error and not isinstance(problem, errors.JobLost):
        return attempt.error
    return facts


def _end_attempt(attempt: Attempt, state: str, facts: dict, billed: str) -> None:
    """Close the attempt and settle or release its money; 'unknown' counts as spent."""
    cost = Decimal(0) if billed == "no" else attempt.estimate
    transition(attempt, state, error=facts, cost=cost, finished_at=Now())
    if billed == "no":
        money.release(attempt=attempt)
    else:
        money.settle(attempt=attempt, cost=cost)


def _pause_provider(job: GenerationJob, problem: errors.ProviderProblem) -> None:
    """Spare the other jobs an answer that is known: too fast, or no credit left."""
    if job.connection is None:
        return
    if isinstance(problem, errors.RateLimited) and problem.retry_after:
        seconds = min(problem.retry_after, LONGEST_WAIT)
    elif isinstance(problem, errors.QuotaExhausted):
        seconds = NO_CREDIT_PAUSE
    else:
        return
    until = timezone.now() + timedelta(seconds=seconds)
    pause_connection(connection=job.connection, until=until, reason=problem.message)


def _fail_or_retry(
    job: GenerationJob, problem: errors.ProviderProblem, facts: dict, *, looked: bool
) -> None:
    """Queue the job again after a while, unless that cannot help or nobody wants it any more.

    What may cost and was in doubt before it was looked up is only tried again by a person.
    """
    doubtful = isinstance(problem, errors.OutcomeUnknown | errors.JobLost)
    if looked or job.tries >= MAX_TRIES or not (problem.retryable or doubtful):
        end_job(job=job, state=JobState.FAILED, error=facts)
        return
    if GenerationBatch.objects.filter(pk=job.batch_id, cancelled_at__isnull=False).exists():
        end_job(job=job, state=JobState.CANCELLED, error=facts)
        return
    wait = seconds_before_retry(job.tries, getattr(problem, "retry_after", None))
    end_job(job=job, state=JobState.QUEUED, error=facts, run_after=Now() + timedelta(seconds=wait))


def seconds_before_retry(tries: int, retry_after: float | None) -> float:
    """What the provider asked for, else growing steps; at most 15 minutes, with jitter."""
    wait = retry_after if retry_after is not None else 2.0**tries
    return min(max(wait, 0.0), LONGEST_WAIT) + random.uniform(0, 1)


def reason(kind: str, message: str, hint: str, billed: str = "no") -> dict:
    """The stored reason of a job that our own side ended."""
    return {"kind": kind, "message": message, "hint": hint, "billed": billed, "retryable": False}


def end_after_deaths(*, job: GenerationJob) -> None:
    """Give a job up on which worker after worker died.

    What was sent and not answered is in doubt. An answer in the spool stays there: trying the
    job again stores it, free of charge.
    """
    with transaction.atomic():
        attempt = job.attempts.filter(state__in=Attempt.OPEN_STATES).first()
        if attempt is None or attempt.state == State.RECEIVED:
            end_job(job=job, state=JobState.FAILED, error=_too_many_deaths("no"))
            return
        attempt.job = job
        if attempt.state == State.RESERVED or is_free(attempt):
            facts = _too_many_deaths("no")
            _end_attempt(attempt, State.FAILED, facts, "no")
            end_job(job=job, state=JobState.FAILED, error=facts)
        else:
            facts = _too_many_deaths("unknown")
            transition(attempt, State.UNKNOWN, error=facts, finished_at=Now())
            end_job(job=job, state=JobState.UNKNOWN, error=facts)


def _too_many_deaths(billed: str) -> dict:
    return reason(
        "WorkerDied",
        f"The worker stopped {MAX_DEATHS} times while it worked on this job.",
        "Look at the worker's log and memory, then try again.",
        billed,
    )
