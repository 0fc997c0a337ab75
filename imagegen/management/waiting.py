"""Waiting for a batch at the command line: progress, and the work itself if nobody else does it."""

import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Count, Q, Sum
from django.utils import timezone

from imagegen.management.progress import ProgressLine
from imagegen.models import Attempt, GenerationBatch, GenerationJob
from imagegen.services import engine, queue, workers
from imagegen.services.endings import LONGEST_WAIT
from imagegen.services.publishing import places_to_publish
from imagegen.services.wording import count_text, duration_text, money_text, plain_amount

State = GenerationJob.State
NAMED = 50  # jobs that came to nothing


class BatchWatch:
    """Shows how far a batch is, and does its work where no worker has reported."""

    def __init__(
        self, *, batch: GenerationBatch, write: Callable[..., None], terminal: bool
    ) -> None:
        self._batch, self._write = batch, write
        self._progress = ProgressLine(write=write, terminal=terminal)
        self._total = batch.jobs.count()

    def wait(self) -> None:
        """Return when no job of the batch is open and its pictures are published."""
        if not workers.worker_is_present():
            self._work_here()
            return
        while not self.is_done():
            self._tick()
            time.sleep(0.5)
            if not workers.worker_is_present():
                self._work_here()
                return
        self._tick(final=True)

    def _work_here(self) -> None:
        if self.is_done():
            return
        self._write("No worker has reported for ten seconds: this command does the work itself.")
        engine.work_here(threads=settings.WORKER_THREADS, done=self.is_done, tick=self._tick)
        self._tick(final=True)

    def is_done(self) -> bool:
        """No job is open (or none may run), and no public copy of the batch is due."""
        if self._is_blocked():
            return True
        if queue.has_open_jobs(batch=self._batch):
            return False
        return not self._posts_to_publish()

    def _posts_to_publish(self) -> int:
        """Posts of the batch whose public copies are not up to date yet."""
        due = places_to_publish().filter(jobs__batch=self._batch)
        return due.values("post").distinct().count()

    def _is_blocked(self) -> bool:
        """All open jobs wait for a provider that is switched off or paused for long."""
        open_jobs = self._batch.jobs.filter(state__in=GenerationJob.OPEN_STATES)
        if not open_jobs.exists() or open_jobs.exclude(state=State.QUEUED).exists():
            return False
        soon = timezone.now() + timedelta(seconds=LONGEST_WAIT)
        paused_for_long = Q(connection__enabled=True, connection__paused_until__gt=soon)
        stays = Q(connection__enabled=False) | paused_for_long
        return not open_jobs.exclude(stays).exists()

    def is_unfinished(self) -> bool:
        """Some jobs still wait or run."""
        return queue.has_open_jobs(batch=self._batch)

    def counts(self) -> dict[str, int]:
        rows = self._batch.jobs.order_by().values_list("state").annotate(count=Count("pk"))
        return dict(rows)

    def _tick(self, final: bool = False) -> None:
        self._progress.show(self._line, final=final)

    def _line(self) -> str:
        counts = self.counts().items()
        over = sum(count for state, count in counts if state not in GenerationJob.OPEN_STATES)
        text = self._progress.with_bar(f"{over} of {self._total}", over, self._total)
        if over == self._total and (posts := self._posts_to_publish()):
            return f"{text}, {count_text(posts, 'post')} to publish"
        return text + self._progress.pace(over, self._total)

    def report(self) -> dict[str, Any]:
        """The counts and the cost for `--json`."""
        counts = self.counts()
        named = (State.STORED, State.FAILED, State.REFUSED, State.UNKNOWN)
        return {
            "batch": self._batch.pk,
            "queued": self._total,
            **{str(state): counts.get(state, 0) for state in named},
            "cost": {
                "low": plain_amount(self._batch.estimate_low or Decimal(0)),
                "high": plain_amount(self._batch.estimate_high or Decimal(0)),
                "actual": plain_amount(self._actual()),
            },
        }

    def _actual(self) -> Decimal:
        rows = Attempt.objects.filter(job__batch=self._batch)
        return rows.aggregate(total=Sum("cost"))["total"] or Decimal(0)

    def has_failures(self) -> bool:
        counts = self.counts()
        ended_badly = (State.FAILED, State.REFUSED, State.UNKNOWN, State.CANCELLED)
        return any(counts.get(state) for state in ended_badly)

    def tell_end(self) -> None:
        """What came of it, with the first failures named."""
        counts = self.counts()
        others = self._batch.jobs.exclude(state=State.STORED)
        for job in others.select_related("slot")[:NAMED]:
            reason = (job.error or {}).get("message", "")
            place = job.slot or f"Job {job.pk}"
            self._write(f"{place}: {job.get_state_display().lower()}. {reason}".rstrip())
        if (more := others.count() - NAMED) > 0:
            self._write(f"… and {more:,} more.")
        if self._is_blocked():
            self._write("The rest waits: its provider is switched off or paused.")
        self._write(
            f"{counts.get(State.STORED, 0)} of {self._total} stored in "
            f"{duration_text(self._progress.seconds)}, {money_text(self._actual())}."
        )
