"""What the calls of every kind of job share: making the provider, sending once, the cost."""

import logging
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Q
from django.db.models.functions import Now

from imagegen.faults import faultpoint
from imagegen.models import Attempt, GenerationJob
from imagegen.states import transition
from providers import errors
from providers.base import AnyRequest, Provider
from providers.keeping import keepable_cost

logger = logging.getLogger("imagegen")
State = Attempt.State


def provider_of(job: GenerationJob, attempt: Attempt) -> Provider:
    """The adapter of the job's connection, ready to call.

    One that cannot be made is a `ConfigurationError` while nothing has been sent. After that it
    says nothing about the call, which stays in doubt: `OutcomeUnknown`.
    """
    try:
        if job.connection is None:
            raise errors.ConfigurationError(
                f"The provider {job.connection_name} was removed.",
                hint="Ask again with another provider.",
            )
        return job.connection.provider()
    except errors.ConfigurationError as error:
        if attempt.state == State.RESERVED:
            raise
        raise errors.OutcomeUnknown(
            f"A call was sent and cannot be asked after: {error.message}", hint=error.hint
        ) from error


def estimate_now(*, job: GenerationJob, request: AnyRequest) -> Decimal | None:
    """The most that the job's call may cost: as planned, or by a price that has risen since."""
    if job.connection is None or job.model is None:
        return job.estimate_high
    try:
        price = job.connection.adapter().estimate(request, job.model.price_rule)
    except (errors.ProviderProblem, ArithmeticError):  # the call itself tells what is wrong
        return job.estimate_high
    now = job.connection.assumed_price if price.high is None else price.high
    known = [amount for amount in (job.estimate_high, now) if amount is not None]
    return max(known, default=None)


def begin_call(attempt: Attempt) -> None:
    """Write down that the call goes out now; from here on it may cost money.

    The database's connection is given back: none is held and no transaction is open while the
    provider works.
    """
    transition(attempt, State.SENDING, where=Q(epoch=attempt.epoch), sent_at=Now())
    faultpoint("sending")
    let_go_of_database()


def let_go_of_database() -> None:
    """Give the server's connection back for the length of the call (SQLite's is only a file)."""
    if connection.vendor != "sqlite" and not connection.in_atomic_block:
        connection.close()


def unanswered(attempt: Attempt) -> errors.OutcomeUnknown:
    """The end of a call that a stopped worker had sent and that cannot be asked after."""
    return errors.OutcomeUnknown(
        f"Sent to {attempt.connection_name}, then the worker stopped before an answer came.",
        hint="The provider has no way to ask for it again.",
    )


def cost_of(
    *, job: GenerationJob, attempt: Attempt, cost: Decimal | None, usage: Mapping[str, Any]
) -> Decimal | None:
    """What an answered call cost: as the service told, else by its usage and the price at the
    time of the call; None: not known. Services tell dollars, which say nothing of other money."""
    told = cost if not cost or settings.CURRENCY == "USD" else None
    if told is not None or job.connection is None:
        return told
    try:
        settled = job.connection.adapter().settle(usage, attempt.price_rule)
    except (errors.ProviderProblem, ValueError, ArithmeticError) as error:
        logger.warning("The cost of attempt %s cannot be read: %s", attempt.pk, error)
        return None
    return None if settled is None else keepable_cost(settled)
