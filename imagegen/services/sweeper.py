"""The sweeper: a round every few seconds that sets right what a stop left behind.

Expired leases go back to the queue, images that arrived too late are taken from the spool,
doubtful calls are looked up again where they can be, due tokens are sent, scheduled posts are
published, public copies are brought up to date.
A lease in the database lets one process sweep at a time.
"""

import threading
from datetime import timedelta

from django.db import connections, transaction
from django.db.models.functions import Now
from django.utils import timezone

from blog.services import publish_due_posts
from imagegen.errors import InvalidTransition
from imagegen.models import Attempt, GenerationJob, WorkerProcess
from imagegen.services import looking, queue, workers
from imagegen.services.guard import survive
from imagegen.services.publishing import publish_due
from imagegen.services.spool import Spool, spooled_keys
from imagegen.services.tokens import TOKENS, send_tokens
from imagegen.states import transition

EVERY = 5.0  # seconds
LEASE_SECONDS = 30
KEEP_SPOOL = timedelta(minutes=5)  # after the end of its call
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
        ("looking again at doubtful calls", looking.look_at_doubtful),
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
    doubtful = Attempt.objects.select_related("job").filter(
        key__in=list(spooled_keys()),
        state=Attempt.State.UNKNOWN,
        job__kind=GenerationJob.Kind.IMAGE,
        job__state=GenerationJob.State.UNKNOWN,
    )
    return sum(_adopt(attempt) for attempt in doubtful if Spool(attempt.key).read_result())


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
    publish_due_posts(now=timezone.now())


def publish_due_pictures() -> None:
    publish_due(wait=False)


def clean_spool() -> int:
    """Remove spool folders of attempts that have ended and are booked."""
    ended = Attempt.objects.filter(
        key__in=list(spooled_keys()),
        state__in=SPOOL_ENDED,
        finished_at__lt=Now() - KEEP_SPOOL,
    )
    keys = list(ended.values_list("key", flat=True))
    for key in keys:
        Spool(key).remove()
    return len(keys)


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
