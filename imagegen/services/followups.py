"""Second thoughts about what was asked for: cancel, try again, settle a doubtful call."""

from decimal import Decimal

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from imagegen.errors import InvalidTransition, Refused
from imagegen.models import Attempt, GenerationBatch, GenerationJob, ReviewEvent
from imagegen.services import looking, money
from imagegen.services.access import require
from imagegen.services.choices import record_event
from imagegen.services.tokens import send_tokens
from imagegen.states import transition


def cancel_batch(*, batch: GenerationBatch, user: AbstractBaseUser | None) -> int:
    """Cancel the jobs that have not been taken; running calls end by themselves."""
    require(user, "generate")
    with transaction.atomic():
        GenerationBatch.objects.filter(pk=batch.pk, cancelled_at=None).update(cancelled_at=Now())
        waiting = batch.jobs.filter(state=GenerationJob.State.QUEUED).exclude(
            attempts__state__in=Attempt.OPEN_STATES
        )
        return waiting.update(state=GenerationJob.State.CANCELLED, finished_at=Now())


def cancel_job(*, job: GenerationJob, user: AbstractBaseUser | None) -> None:
    """Cancel one job that has not been taken, and leave the rest of its batch.

    Raises InvalidTransition where its call has begun.
    """
    require(user, "generate")
    transition(
        job,
        GenerationJob.State.CANCELLED,
        sources=[GenerationJob.State.QUEUED],
        where=~Q(attempts__state__in=Attempt.OPEN_STATES),
        finished_at=Now(),
    )


def retry_job(*, job: GenerationJob, user: AbstractBaseUser | None) -> None:
    """Queue a failed job again. Raises InvalidTransition for any other state."""
    require(user, "generate")
    with transaction.atomic():
        transition(
            job,
            GenerationJob.State.QUEUED,
            sources=[GenerationJob.State.FAILED],
            run_after=None,
            tries=0,
            deaths=0,
            finished_at=None,
        )
        send_tokens(1)


def look_again(*, job: GenerationJob, user: AbstractBaseUser | None) -> None:
    """Have a doubtful call looked up at the provider now; costs nothing. Raises Refused where
    it cannot be asked for, InvalidTransition where there is no doubt."""
    require(user, "generate")
    attempt = job.attempts.filter(state=Attempt.State.UNKNOWN).first()
    if attempt is None:
        raise InvalidTransition("This job has no doubtful call to look at.")
    attempt.job = job
    looking.check_askable(attempt)
    with transaction.atomic():
        looking.begin_look(attempt)
        send_tokens(1)


def settle_unknown(
    *, job: GenerationJob, outcome: str, user: AbstractBaseUser | None, note: str = ""
) -> None:
    """A person decides about a doubtful call: `not_charged` frees the money and fails the
    job; `pay_again` books the doubtful cost as spent and queues the job for a new call."""
    require(user, "spend")
    if outcome not in ("not_charged", "pay_again"):
        raise Refused("Say “not_charged” or “pay_again”.")
    with transaction.atomic():
        attempt = job.attempts.filter(state=Attempt.State.UNKNOWN).first()
        if attempt is None:
            raise InvalidTransition("This job has no doubtful call to settle.")
        attempt.job = job
        if outcome == "not_charged":
            transition(attempt, Attempt.State.FAILED, cost=Decimal(0))
            money.release(attempt=attempt)
            transition(job, GenerationJob.State.FAILED)
        else:
            transition(attempt, Attempt.State.CHARGED, cost=attempt.estimate)
            money.settle(attempt=attempt, cost=attempt.estimate)
            transition(
                job,
                GenerationJob.State.QUEUED,
                run_after=None,
                tries=0,
                deaths=0,
                finished_at=None,
            )
            send_tokens(1)
        told = f"{outcome.replace('_', ' ').capitalize()}. {note}".strip()
        record_event(action=ReviewEvent.Action.COMMENT, user=user, slot=job.slot, note=told)
