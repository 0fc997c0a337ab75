"""The rows are the queue: claiming the next permitted job, and giving it back.

A job is permitted when its time has come and its connection is enabled, not paused and below
its limits: of concurrent calls, and of calls a minute. Among the permitted the highest
priority goes first, then the lowest position: so a batch of ten does not wait behind one of
ten thousand.
"""

from datetime import timedelta

from django.db import connection, transaction
from django.db.models import Count, F, Q, QuerySet
from django.db.models.functions import Now

from imagegen.models import Attempt, GenerationJob
from imagegen.services.workers import LEASE
from imagegen.states import transition
from providers.models import Connection

State = GenerationJob.State
MINUTE = timedelta(minutes=1)


def due_jobs() -> QuerySet[GenerationJob]:
    """Queued jobs whose time has come."""
    time_has_come = Q(run_after__isnull=True) | Q(run_after__lte=Now())
    return GenerationJob.objects.filter(time_has_come, state=State.QUEUED)


def permitted_jobs() -> QuerySet[GenerationJob]:
    """Due jobs whose connection takes calls now. A job without connection is let through,
    so that its run can say what is wrong."""
    full = {*_full_connections(), *_hurried_connections()}
    takes_calls = Q(connection__in=Connection.objects.permitted())
    jobs = due_jobs().filter(takes_calls | Q(connection__isnull=True))
    return jobs.exclude(connection__in=full) if full else jobs


def _full_connections() -> list[int]:
    """Keys of connections with as many calls under way as they allow."""
    held = dict(
        GenerationJob.objects.filter(state__in=GenerationJob.HELD_STATES)
        .order_by()
        .values_list("connection")
        .annotate(count=Count("pk"))
    )
    limits = Connection.objects.filter(pk__in=held, max_concurrent__gt=0)
    return [pk for pk, limit in limits.values_list("pk", "max_concurrent") if held[pk] >= limit]


def _hurried_connections() -> list[int]:
    """Keys of connections that have begun as many calls within a minute as they allow."""
    limited = Connection.objects.exclude(requests_per_minute=None, images_per_minute=None)
    return [row.pk for row in limited if not _has_pace(row)]


def _has_pace(row: Connection) -> bool:
    """Whether one more call may begin now.

    A call is one request, and that for a picture is one image too.
    """
    calls: dict[str, str] = {}
    pictures: dict[str, str] = {"kind": GenerationJob.Kind.IMAGE}
    limits = ((row.requests_per_minute, calls), (row.images_per_minute, pictures))
    return all(limit is None or _begun(row, kind) < limit for limit, kind in limits)


def _begun(row: Connection, kind: dict[str, str]) -> int:
    """Calls of the last minute by jobs of a kind; one that was claimed and has not begun its
    call yet counts as one."""
    claimed = GenerationJob.objects.filter(connection=row, state=State.CLAIMED, **kind)
    begun = Attempt.objects.filter(created_at__gt=Now() - MINUTE, job__connection=row)
    begun = begun.filter(**{f"job__{name}": value for name, value in kind.items()})
    return claimed.count() + begun.count()


def claim_job(*, owner: str) -> GenerationJob | None:
    """Take the next permitted job for `owner` under a lease, or None if there is none.

    One winner per job however many ask at once; the epoch rises with each claim.
    """
    if not due_jobs().exists():
        return None
    with transaction.atomic():
        jobs = permitted_jobs().order_by("-priority", "position", "id")
        if connection.features.has_select_for_update_skip_locked:
            jobs = jobs.select_for_update(skip_locked=True, of=("self",))
        job = jobs.first()
        if job is None or not _below_limit(job):
            return None
        transition(
            job,
            State.CLAIMED,
            sources=[State.QUEUED],
            owner=owner,
            epoch=F("epoch") + 1,
            lease_until=Now() + LEASE,
        )
    return GenerationJob.objects.select_related("batch", "connection", "model", "prompt").get(
        pk=job.pk
    )


def _below_limit(job: GenerationJob) -> bool:
    """Count once more under a lock on the connection, where claims can run side by side."""
    if not connection.features.has_select_for_update or not job.connection_id:
        return True
    row = Connection.objects.select_for_update().get(pk=job.connection_id)
    held = GenerationJob.objects.filter(connection=row, state__in=GenerationJob.HELD_STATES).count()
    return (not row.max_concurrent or held < row.max_concurrent) and _has_pace(row)


def release_expired_leases() -> int:
    """Give jobs back whose worker is gone. Nothing is resent here: whoever takes the job next
    looks at its open attempt and follows what the provider's class allows."""
    expired = GenerationJob.objects.filter(
        state__in=GenerationJob.HELD_STATES, lease_until__lt=Now()
    )
    return expired.update(
        state=State.QUEUED, owner="", lease_until=None, progress=None, deaths=F("deaths") + 1
    )


def has_open_jobs(**where: object) -> bool:
    """Whether any job (of `where`) is waiting or held."""
    return GenerationJob.objects.filter(state__in=GenerationJob.OPEN_STATES, **where).exists()
