"""Looking again after doubtful calls: a free question to the provider, never a new call.

A call whose end is unknown may have been drawn all the same. Where the provider can be asked
for it (`Recovery` lookup or handle), its attempt is opened again as submitted and its job
queued; the next worker asks once (`drawing`), stores the picture if it is there, and otherwise
writes the same doubt down again.
"""

from datetime import timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from imagegen.errors import InvalidTransition, Refused
from imagegen.models import Attempt, GenerationJob
from imagegen.states import transition
from providers.models import Connection
from providers.types import Recovery

MINUTE = timedelta(minutes=1)
PAUSES = (MINUTE, 3 * MINUTE, 10 * MINUTE, 30 * MINUTE)  # before the first looks
LATER = timedelta(hours=1)  # between all others
LONGEST = timedelta(hours=24)  # after the call was sent nobody looks by itself any more
AT_ONCE = 50  # looks that one round of the sweeper begins

JobState, State = GenerationJob.State, Attempt.State
CAN_BE_ASKED = Q(recovery=Recovery.LOOKUP) | Q(recovery=Recovery.HANDLE, handle__isnull=False)


def look_at_doubtful() -> int:
    """Begin the looks that are due; return how many."""
    return sum(_begin_quietly(attempt) for attempt in due_attempts()[:AT_ONCE])


def due_attempts() -> QuerySet[Attempt]:
    """Doubtful calls whose pause is over and whose provider takes questions now."""
    time_has_come = Q(looks=0, finished_at__lte=Now() - PAUSES[0])
    for looks, pause in enumerate(PAUSES[1:], start=1):
        time_has_come |= Q(looks=looks, looked_at__lte=Now() - pause)
    time_has_come |= Q(looks__gte=len(PAUSES), looked_at__lte=Now() - LATER)
    return (
        Attempt.objects.select_related("job")
        .filter(CAN_BE_ASKED, time_has_come, state=State.UNKNOWN, sent_at__gt=Now() - LONGEST)
        .filter(
            job__state=JobState.UNKNOWN,
            job__kind=GenerationJob.Kind.IMAGE,
            job__connection__in=Connection.objects.permitted(),
        )
        .order_by("looked_at", "pk")
    )


def begin_look(attempt: Attempt) -> None:
    """Open a doubtful call again, so that the next worker asks for it. Raises InvalidTransition
    if it is not in doubt any more."""
    with transaction.atomic():
        transition(
            attempt,
            State.SUBMITTED,
            sources=[State.UNKNOWN],
            where=CAN_BE_ASKED,
            looks=F("looks") + 1,
            looked_at=Now(),
            finished_at=None,
        )
        transition(
            attempt.job,
            JobState.QUEUED,
            sources=[JobState.UNKNOWN],
            run_after=None,
            finished_at=None,
            deaths=0,
        )


def can_be_asked(attempt: Attempt) -> bool:
    """Whether there is somebody to ask and something to ask for."""
    if attempt.job.kind != GenerationJob.Kind.IMAGE:  # no text service can be asked again
        return False
    return attempt.recovery == Recovery.LOOKUP or (
        attempt.recovery == Recovery.HANDLE and attempt.handle is not None
    )


def check_askable(attempt: Attempt) -> None:
    """Raise Refused unless a person may have this doubtful call looked at now."""
    connection = attempt.job.connection
    if not can_be_asked(attempt):
        raise Refused(f"{attempt.connection_name} has no way to ask for this call again.")
    if connection is None or not connection.enabled:
        raise Refused(f"The provider {attempt.connection_name} is switched off or was removed.")
    if connection.is_paused:
        raise Refused(
            f"The provider {connection.name} is paused: {connection.pause_reason or 'no reason'}"
        )


def _begin_quietly(attempt: Attempt) -> bool:
    try:
        begin_look(attempt)
    except InvalidTransition:  # settled or adopted in between
        return False
    return True
