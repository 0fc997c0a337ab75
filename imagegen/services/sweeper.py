"""The sweeper: a round every few seconds that sets right what a stop left behind.

Expired leases go back to the queue, images that arrived too late are taken from the spool,
due tokens are sent, scheduled posts are published, public copies are brought up to date.
A lease in the database lets one process sweep at a time.
"""

import shutil
import threading
from datetime import timedelta

from django.db import connections, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from imagegen.errors import InvalidTransition
from imagegen.models import Attempt, GenerationJob, WorkerProcess
from imagegen.services import queue, workers
from imagegen.services.guard import survive
from imagegen.services.spool import Spool, spool_root, spooled_keys
from imagegen.services.tokens import TOKENS, send_tokens
from imagegen.states import transition

EVERY = 5.0  # seconds
LEASE_SECONDS = 30
SPOOL_ENDED = (
    Attempt.State.STORED,
    Attempt.State.FAILED,
    Attempt.State.REFUSED,
    Attempt.State.CANCELLED,
    Attempt.State.CHARGED,
)


def sweep() -> None:
    """One round. Each part stands alone: one that fails does not keep the others."""
    for name, part in (
        ("release of expired leases", queue.release_expired_leases),
        ("adoption of late images", adopt_late_images),
        ("sending of tokens", send_due_tokens),
        ("scheduled publishing", publish_scheduled_posts),
        ("publishing of pictures", publish_due_pictures),
        ("cleaning of the spool", clean_spool),
        ("cleaning of heartbeats", forget_old_workers),
    ):
        with survive(name):
            part()


def adopt_late_images() -> int:
    """Take images from the spool whose job was given up as unknown: they were paid for."""
    adopted = 0
    for key in spooled_keys():
        attempt = (
            Attempt.objects.select_related("job")
            .filter(key=key, state=Attempt.State.UNKNOWN, job__state=GenerationJob.State.UNKNOWN)
            .first()
        )
        if attempt is not None and Spool(key).read_result() is not None:
            adopted += _adopt(attempt)
    return adopted


def _adopt(attempt: Attempt) -> bool:
    """Queue the job again with its answer at hand; the next worker stores it, free."""
    try:
        with transaction.atomic():
            transition(
                attempt,
                Attempt.State.RECEIVED,
                sources=[Attempt.State.UNKNOWN],
                recovered=True,
                received_at=Now(),
            )
            transition(attempt.job, GenerationJob.State.QUEUED, run_after=None, finished_at=None)
    except InvalidTransition:
        return False
    return True


def send_due_tokens() -> int:
    """Wake idle threads while there is work that they may do; return how many were woken.

    No more than the workers have threads to spare, so that tokens do not heap up in a long
    batch.
    """
    wanted = queue.permitted_jobs()[:TOKENS].count()
    count = max(0, min(wanted, workers.idle_threads())) if wanted else 0
    send_tokens(count)
    return count


def publish_scheduled_posts() -> None:
    from blog.services import publish_due_posts

    publish_due_posts(now=timezone.now())


def publish_due_pictures() -> None:
    from imagegen.services.publishing import publish_due

    publish_due()


def clean_spool() -> int:
    """Remove spool folders of attempts that have ended and are booked."""
    removed = 0
    for key in spooled_keys():
        if Attempt.objects.filter(_older, key=key, state__in=SPOOL_ENDED).exists():
            shutil.rmtree(spool_root() / key, ignore_errors=True)
            removed += 1
    return removed


_older = Q(finished_at__lt=Now() - timedelta(minutes=5))


def forget_old_workers() -> None:
    WorkerProcess.objects.filter(seen_at__lt=Now() - timedelta(days=7)).delete()


class Sweeper(threading.Thread):
    """Sweeps every few seconds while it holds the lease; gives it back when it is stopped."""

    def __init__(self, *, owner: str, every: float = EVERY) -> None:
        super().__init__(name="sweeper", daemon=True)
        self._owner, self._every = owner, every
        self._stop_event = threading.Event()

    def __enter__(self) -> "Sweeper":
        self.start()
        return self

    def __exit__(self, *details: object) -> None:
        self._stop_event.set()
        self.join(timeout=30)

    def run(self) -> None:
        try:
            while True:
                with survive("sweeper"):
                    if workers.take_lease(name="sweeper", owner=self._owner, seconds=LEASE_SECONDS):
                        sweep()
                if self._stop_event.wait(self._every):
                    return
        finally:
            with survive("sweeper"):
                workers.drop_lease(name="sweeper", owner=self._owner)
            connections.close_all()
