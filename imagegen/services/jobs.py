"""The way of one job, from its claim to a stored image or a clear end.

    claimed ─> attempt reserved (money) ─> sending ─> [submitted] ─> received (spooled)
            ─> originals stored ─> booked: outputs + attempt + job + money in one transaction

Every step is written down before the next begins. A worker that finds an open attempt of a
predecessor goes on from the state it is in; whether a call may be made again is decided by
what the provider lets us know after a cut connection (`Recovery`), never by a lease alone.
"""

import logging
import time
from decimal import Decimal

from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now

from imagegen.errors import InvalidTransition
from imagegen.faults import faultpoint
from imagegen.models import Attempt, GenerationJob
from imagegen.services import endings, money
from imagegen.services.sink import AttemptSink
from imagegen.services.spool import Spool
from imagegen.services.storing import store_result
from imagegen.states import transition
from providers import errors
from providers.base import Provider
from providers.types import Handle, ImageRequest, Recovery, Result

logger = logging.getLogger("imagegen")
JobState, State = GenerationJob.State, Attempt.State


def run_job(*, job: GenerationJob) -> None:
    """Carry a claimed job to its end, or as far as it can go now.

    Never raises for what a provider or a file does; a lost lease ends it quietly.
    """
    try:
        attempt = _open_attempt(job)
        if attempt is not None:
            _go_on(job, attempt)
    except InvalidTransition as error:
        logger.warning("Job %s was taken over while it ran: %s", job.pk, error)


def _go_on(job: GenerationJob, attempt: Attempt) -> None:
    """Call or collect, store, book; every failure becomes a recorded end."""
    try:
        result = _obtain(job, attempt)
    except errors.ProviderProblem as problem:
        endings.end_with_problem(job=job, attempt=attempt, problem=problem)
        return
    except InvalidTransition:
        raise
    except Exception as error:
        logger.exception("Attempt %s of job %s broke.", attempt.number, job.pk)
        endings.end_with_problem(job=job, attempt=attempt, problem=_as_problem(error, attempt))
        return
    store_result(job=job, attempt=attempt, result=result)


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

    None if the job has come to an end instead (cap reached, or too many dead workers).
    """
    if job.deaths >= endings.MAX_DEATHS:
        endings.end_after_deaths(job=job)
        return None
    with transaction.atomic():
        attempt = job.attempts.filter(state__in=Attempt.OPEN_STATES).first()
        if attempt is not None:
            Attempt.objects.filter(pk=attempt.pk).update(epoch=job.epoch)
            attempt.epoch = job.epoch
        else:
            attempt = _reserve_attempt(job)
        if attempt is not None:
            transition(job, JobState.RUNNING, where=Q(epoch=job.epoch), tries=job.tries)
            attempt.job = job
    if attempt is None:
        endings.end_job(job=job, state=JobState.FAILED, error=endings.cap_reached(job))
    faultpoint("reserved")
    return attempt


def _reserve_attempt(job: GenerationJob) -> Attempt | None:
    """Reserve the estimate under the batch's cap and write the attempt; None: no room."""
    amount = job.estimate_high or Decimal(0)
    if not money.reserve(batch_id=job.batch_id, amount=amount):
        return None
    job.tries += 1
    return Attempt.objects.create(
        job=job,
        number=job.attempts.count() + 1,
        epoch=job.epoch,
        connection_name=job.connection_name,
        model_name=job.model_name,
        recovery=_recovery(job),
        request_hash=ImageRequest.from_dict(job.request).fingerprint(),
        estimate=job.estimate_high,
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


def _obtain(job: GenerationJob, attempt: Attempt) -> Result:
    """The provider's answer: from the spool if it is there, else by collecting or calling."""
    spool = Spool(attempt.key)
    if attempt.state == State.RECEIVED or (attempt.state != State.RESERVED and spool.read_result()):
        return _received_before(attempt, spool)
    if _may_have_cost(attempt) and (files := spool.finished_files()):
        result = Result(files=tuple(files), notes=("Adopted from the spool after a stop.",))
        return _mark_received(attempt, spool, result, recovered=True)
    if job.connection is None:
        raise errors.ConfigurationError(
            f"The provider {job.connection_name} was removed.",
            hint="Ask again with another provider.",
        )
    provider = job.connection.provider()
    request = ImageRequest.from_dict(job.request)
    started = time.monotonic()
    result = _call(provider, request, attempt)
    logger.debug(
        "Job %s: %s answered in %.1f s.", job.pk, job.connection_name, time.monotonic() - started
    )
    return _mark_received(attempt, spool, result)


def _may_have_cost(attempt: Attempt) -> bool:
    """Sent, at a price: what arrived is taken as it is. A free call is made again, and then
    brings its facts (seed, description) too."""
    return attempt.state != State.RESERVED and not endings.is_free(attempt)


def _received_before(attempt: Attempt, spool: Spool) -> Result:
    """An answer that a predecessor spooled completely."""
    result = spool.read_result()
    if result is None:
        raise errors.InvalidResponse(
            "The image had arrived, but its spool file is gone.", billed="yes"
        )
    if attempt.state == State.RECEIVED:
        return result
    return _mark_received(attempt, spool, result, recovered=True)


def _call(provider: Provider, request: ImageRequest, attempt: Attempt) -> Result:
    """Send, collect or refuse to send again, by the attempt's state and the provider's class.

    No transaction is open and no database connection is held while the provider works.
    """
    sink, key = AttemptSink(attempt), str(attempt.key)
    if attempt.state == State.RESERVED:
        transition(attempt, State.SENDING, where=Q(epoch=attempt.epoch), sent_at=Now())
        faultpoint("sending")
        _let_go_of_database()
        return provider.generate(request, key, sink)
    _let_go_of_database()
    handle = Handle(data=attempt.handle) if attempt.handle else provider.handle_for(key)
    if handle and attempt.recovery in (Recovery.LOOKUP, Recovery.HANDLE):
        return provider.collect(handle, sink)
    if attempt.recovery == Recovery.OWN_KEY or endings.is_free(attempt):
        return provider.generate(request, key, sink)
    raise errors.OutcomeUnknown(
        f"Sent to {attempt.connection_name}, then the worker stopped before an answer came.",
        hint="The provider has no way to ask for it again.",
    )


def _let_go_of_database() -> None:
    """Give the server's connection back for the length of the call (SQLite's is only a file)."""
    if connection.vendor != "sqlite" and not connection.in_atomic_block:
        connection.close()


def _mark_received(
    attempt: Attempt, spool: Spool, result: Result, *, recovered: bool = False
) -> Result:
    """Write down that every byte is on our disk."""
    faultpoint("spooled")
    spool.commit(result)
    faultpoint("received")
    transition(
        attempt,
        State.RECEIVED,
        where=Q(epoch=attempt.epoch),
        received_at=Now(),
        recovered=recovered,
        result={**result.to_dict(), "files": len(result.files)},
        request_id=(result.request_id or attempt.request_id)[:200],
    )
    return result
