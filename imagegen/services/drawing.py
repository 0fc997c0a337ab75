"""The half of a job that draws: asking for a picture, collecting it, taking it in."""

import logging
import time
from contextlib import ExitStack
from dataclasses import replace

from django.db.models import Q
from django.db.models.functions import Now

from imagegen.errors import StorageProblem
from imagegen.faults import faultpoint
from imagegen.models import Attempt, GenerationJob
from imagegen.services import calls, endings
from imagegen.services.references import local_files
from imagegen.services.sink import AttemptSink
from imagegen.services.spool import Spool
from imagegen.services.storing import store_result
from imagegen.states import transition
from providers import errors
from providers.base import Provider
from providers.types import Handle, ImageRequest, Recovery, Result

logger = logging.getLogger("imagegen")
State = Attempt.State


def request_of(job: GenerationJob) -> ImageRequest:
    """The request as stored."""
    return ImageRequest.from_dict(job.request)


def obtain(job: GenerationJob, attempt: Attempt) -> Result:
    """The provider's answer: from the spool if it is there, else by collecting or calling."""
    spool = Spool(attempt.key)
    if attempt.state == State.RECEIVED or (attempt.state != State.RESERVED and spool.read_result()):
        return _received_before(attempt, spool)
    if _may_have_cost(attempt) and (files := spool.finished_files()):
        result = Result(files=tuple(files), notes=("Adopted from the spool after a stop.",))
        return _mark_received(attempt, spool, result, recovered=True)
    provider = calls.provider_of(job, attempt)
    request = request_of(job)
    started = time.monotonic()
    result = _call(provider, request, attempt)
    logger.debug(
        "Job %s: %s answered in %.1f s.", job.pk, job.connection_name, time.monotonic() - started
    )
    return _mark_received(attempt, spool, result)


def store(*, job: GenerationJob, attempt: Attempt, answer: Result) -> None:
    """Decode, store and book what arrived, at what it cost as far as that is known."""
    cost = calls.cost_of(job=job, attempt=attempt, cost=answer.cost, usage=answer.usage)
    store_result(job=job, attempt=attempt, result=replace(answer, cost=cost))


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
    """Send, collect or refuse to send again, by the attempt's state and the provider's class."""
    sink, key = AttemptSink(attempt), str(attempt.key)
    if attempt.state == State.RESERVED:
        return _send(provider, request, attempt, sink)
    calls.let_go_of_database()
    handle = Handle(data=attempt.handle) if attempt.handle else provider.handle_for(key)
    if handle and attempt.recovery in (Recovery.LOOKUP, Recovery.HANDLE):
        return _collect(provider, handle, attempt, sink)
    if not attempt.looks and (attempt.recovery == Recovery.OWN_KEY or endings.is_free(attempt)):
        return _send(provider, request, attempt, sink)
    raise calls.unanswered(attempt)


def _collect(provider: Provider, handle: Handle, attempt: Attempt, sink: AttemptSink) -> Result:
    """Ask for a job: once and briefly after a doubt, patiently after a predecessor's call."""
    try:
        return provider.collect(handle, sink, end=time.monotonic() if attempt.looks else None)
    except errors.JobLost as lost:
        if lost.billed == "no" and 200 <= (attempt.status_code or 0) < 300:
            lost.billed = "unknown"  # it had been taken, so it is not one that never came
        raise


def _send(provider: Provider, request: ImageRequest, attempt: Attempt, sink: AttemptSink) -> Result:
    """Make the call, with the pictures that the request names at hand as files."""
    with ExitStack() as files:
        try:
            ready = files.enter_context(local_files(request))
        except StorageProblem as error:
            raise _not_at_hand(error, attempt) from error
        if attempt.state == State.RESERVED:
            calls.begin_call(attempt)
        return provider.generate(ready, str(attempt.key), sink)


def _not_at_hand(error: StorageProblem, attempt: Attempt) -> errors.ProviderProblem:
    """A call that cannot be made: free, unless it may have been made before."""
    if attempt.state == State.RESERVED or endings.is_free(attempt):
        hint = "Choose another reference picture in the post's plan, then ask anew."
        return errors.InvalidRequest(str(error), hint=hint)
    return calls.unanswered(attempt)


def _mark_received(
    attempt: Attempt, spool: Spool, result: Result, *, recovered: bool = False
) -> Result:
    """Write down that every byte is on our disk."""
    faultpoint("spooled")
    spool.commit(result)
    faultpoint("received")
    told = {name: fact for name, fact in (attempt.result or {}).items() if name == "rate"}
    transition(
        attempt,
        State.RECEIVED,
        where=Q(epoch=attempt.epoch),
        received_at=Now(),
        recovered=recovered,
        result={**result.to_dict(), "files": len(result.files), **told},
        request_id=(result.request_id or attempt.request_id)[:200],
    )
    return result
