"""The engine: threads that take permitted jobs until none is left.

The task queue wakes them by tokens; what is to be done stands in the database alone.
"""

import threading
import time
from collections.abc import Callable

from django.db import close_old_connections, connections

from imagegen.services import queue, workers
from imagegen.services.guard import survive
from imagegen.services.jobs import run_job
from imagegen.services.sweeper import Sweeper

SLICE = 5.0  # seconds after which a token lets other tasks of the queue pass

_stopping = threading.Event()
_owner_lock = threading.Lock()
_owner = ""


def process_owner() -> str:
    """The name under which this process holds jobs."""
    global _owner
    with _owner_lock:
        _owner = _owner or workers.new_owner()
        return _owner


def stop() -> None:
    """Take no further job in this process; running calls go on to their end."""
    _stopping.set()


def work(*, seconds: float | None = None) -> bool:
    """Run permitted jobs one after another until none is left; True if time ran out first."""
    started = time.monotonic()
    while not _stopping.is_set():
        job = queue.claim_job(owner=process_owner())
        if job is None:
            return False
        with workers.holding(job):
            run_job(job=job)
        if seconds is not None and time.monotonic() - started > seconds:
            return True
    return False


def work_here(*, threads: int, done: Callable[[], bool], tick: Callable[[], None]) -> None:
    """Do the work in this process until `done()`, with the code that a worker runs.

    `tick()` is called about twice a second, to show progress.
    """
    finished = threading.Event()
    crew = [
        threading.Thread(target=_crew_member, args=(finished,), name=f"crew-{n}", daemon=True)
        for n in range(threads)
    ]
    with (
        workers.Heartbeat(owner=process_owner(), threads=threads),
        Sweeper(owner=process_owner(), every=1.0),
    ):
        for member in crew:
            member.start()
        try:
            while not done():
                tick()
                finished.wait(0.4)
        finally:
            finished.set()
            for member in crew:
                member.join()
    tick()


def _crew_member(finished: threading.Event) -> None:
    """Work, and look again every half second when there is nothing to do."""
    try:
        while not finished.is_set() and not _stopping.is_set():
            with survive("worker thread"):
                close_old_connections()
                while not finished.is_set() and work(seconds=0):
                    pass
            finished.wait(0.5)
    finally:
        connections.close_all()
