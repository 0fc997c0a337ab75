"""Who works in the background, and leases by name."""

import os
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import close_old_connections, transaction
from django.db.models import Q, Sum
from django.db.models.functions import Now

from imagegen.models import GenerationJob, NamedLease, WorkerProcess
from imagegen.services.guard import survive

HEARTBEAT = timedelta(seconds=3)
LEASE = timedelta(seconds=30)
ABSENT = timedelta(seconds=10)

_held: set[int] = set()  # the jobs that a thread of this process is at work on


@contextmanager
def holding(job: GenerationJob) -> Iterator[None]:
    """Heartbeats extend the lease of `job` while the block runs, and no longer: a job that
    its thread dropped goes back to the queue like that of a dead worker."""
    _held.add(job.pk)
    try:
        yield
    finally:
        _held.discard(job.pk)


def new_owner() -> str:
    """A name for this process that no other process has had."""
    return f"{socket.gethostname()[:60]}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


def beat(*, owner: str, threads: int) -> None:
    """Say that the worker lives, and extend the leases of the jobs it holds."""
    rows = WorkerProcess.objects.filter(name=owner)
    if not rows.update(seen_at=Now(), threads=threads, stopped_at=None):
        WorkerProcess.objects.create(
            name=owner,
            host=socket.gethostname()[:100],
            pid=os.getpid(),
            threads=threads,
            seen_at=Now(),
        )
    held = GenerationJob.objects.filter(pk__in=list(_held), owner=owner)
    held.filter(state__in=GenerationJob.HELD_STATES).update(lease_until=Now() + LEASE)


def sign_off(*, owner: str) -> None:
    """Say that the worker has ended in good order."""
    WorkerProcess.objects.filter(name=owner).update(stopped_at=Now())


def worker_seen() -> datetime | None:
    """When a worker that has not signed off last reported, or None."""
    rows = WorkerProcess.objects.filter(stopped_at__isnull=True).order_by("-seen_at")
    return rows.values_list("seen_at", flat=True).first()


def worker_is_present() -> bool:
    """Whether a worker has reported within the last ten seconds, by the database's clock."""
    return WorkerProcess.objects.filter(
        stopped_at__isnull=True, seen_at__gte=Now() - ABSENT
    ).exists()


def idle_threads() -> int:
    """Threads of the workers that report which hold no job; may be off by a few."""
    present = WorkerProcess.objects.filter(stopped_at__isnull=True, seen_at__gte=Now() - ABSENT)
    threads = present.aggregate(total=Sum("threads"))["total"] or 0
    held = GenerationJob.objects.filter(state__in=GenerationJob.HELD_STATES).count()
    return max(0, threads - held)


def take_lease(*, name: str, owner: str, seconds: int) -> bool:
    """Take or extend the named lease; False while another process holds it."""
    with transaction.atomic():
        NamedLease.objects.get_or_create(name=name)
        free = Q(owner=owner) | Q(until__isnull=True) | Q(until__lt=Now())
        rows = NamedLease.objects.filter(free, name=name)
        return rows.update(owner=owner, until=Now() + timedelta(seconds=seconds)) == 1


def drop_lease(*, name: str, owner: str) -> None:
    """Give the named lease back, so that the next process need not wait for its end."""
    NamedLease.objects.filter(name=name, owner=owner).update(owner="", until=None)


class Heartbeat(threading.Thread):
    """Beats in the background until it is stopped, then signs off."""

    def __init__(self, *, owner: str, threads: int) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._owner, self._threads = owner, threads
        self._stop_event = threading.Event()

    def __enter__(self) -> "Heartbeat":
        beat(owner=self._owner, threads=self._threads)
        self.start()
        return self

    def __exit__(self, *details: object) -> None:
        self._stop_event.set()
        self.join(timeout=10)
        sign_off(owner=self._owner)

    def run(self) -> None:
        while not self._stop_event.wait(HEARTBEAT.total_seconds()):
            with survive("heartbeat"):
                beat(owner=self._owner, threads=self._threads)
        close_old_connections()
