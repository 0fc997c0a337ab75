"""What waits for somebody: the figures of the console's first page."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils import timezone

from imagegen.models import GenerationJob, ImageOutput, ImageSlot
from imagegen.services.workers import worker_seen

SILENCE = timedelta(seconds=60)
COUNTED = 9_999


@dataclass(frozen=True, kw_only=True)
class Overview:
    """Counts stop at 10,000; `seen_at` is when a worker last reported, None: never."""

    to_review: int
    missing: int
    waiting: int
    failed: int
    refused: int
    unknown: int
    seen_at: datetime | None
    worker_is_silent: bool


def read_overview() -> Overview:
    """Where work waits now. Seven statements, each of a bounded size."""
    seen_at = worker_seen()
    jobs = GenerationJob.objects.order_by()
    return Overview(
        to_review=_count(ImageOutput.objects.filter(state=ImageOutput.State.CANDIDATE)),
        missing=_count(ImageSlot.objects.missing()),
        waiting=_count(jobs.filter(state__in=GenerationJob.OPEN_STATES)),
        failed=_count(jobs.filter(state=GenerationJob.State.FAILED)),
        refused=_count(jobs.filter(state=GenerationJob.State.REFUSED)),
        unknown=_count(jobs.filter(state=GenerationJob.State.UNKNOWN)),
        seen_at=seen_at,
        worker_is_silent=seen_at is None or timezone.now() - seen_at > SILENCE,
    )


def _count(rows: QuerySet) -> int:
    return rows.order_by()[: COUNTED + 1].count()
