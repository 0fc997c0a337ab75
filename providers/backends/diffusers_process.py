"""Our side of the one process that draws: started when needed, one job at a time, ended in time.

A process of its own, apart from those of `providers/pool.py`: it may use all the memory that a
model needs, and keeps the model for the next picture.
"""

import atexit
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from providers.backends.diffusers_child import Job, serve

_lock = threading.Lock()
_child: "Child | None" = None


class Busy(Exception):
    """Another picture was being drawn for all of the time that there was."""


class NotStarted(Exception):
    """This machine could not start the process."""


class Overdue(Exception):
    """Not done in time; the process was ended."""


class Died(Exception):
    """The process ended by itself. `begun`: it had taken the job."""

    def __init__(self, exit_code: int | None, *, begun: bool) -> None:
        super().__init__(f"exit code {exit_code}")
        self.exit_code, self.begun = exit_code, begun


class Child:
    """The process and our end of the pipe to it."""

    def __init__(self, idle: float) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(
            target=serve, args=(theirs, os.getpid(), idle), name="diffusers", daemon=True
        )
        self.process.start()
        theirs.close()

    def run(self, job: Job, end: float, tell: Callable[[float], None]) -> tuple[str, Any]:
        """Hand over `job` and wait for its outcome, at the longest until `end`."""
        begun = False
        with self._watched(begun):
            self.pipe.send(job)
        while True:
            with self._watched(begun):
                if not self.pipe.poll(max(0.0, end - time.monotonic())):
                    raise Overdue
                kind, value = self.pipe.recv()
            if kind == "progress":
                tell(value)
            elif kind != "begun":
                return kind, value
            begun = True

    @contextmanager
    def _watched(self, begun: bool) -> Iterator[None]:
        """A pipe that breaks means that the process is gone."""
        try:
            yield
        except (EOFError, ConnectionError) as error:
            self.process.join(5.0)
            raise Died(self.process.exitcode, begun=begun) from error

    def end(self, patience: float = 0.0) -> None:
        """End the process, which may tidy up for `patience` seconds if it has nothing to do."""
        self.pipe.close()
        self.process.join(patience)
        self.process.kill()
        self.process.join(5.0)


def run_job(
    job: Job, *, end: float, idle: float, tell: Callable[[float], None]
) -> tuple[str, dict[str, Any]]:
    """Have `job` drawn until `end` (`time.monotonic`): ("done", …) or ("failed", …).

    Raises `Busy`, `NotStarted`, `Overdue` or `Died`. A process that ended before it took the job,
    because it had had nothing to do, is replaced once.
    """
    if not _lock.acquire(timeout=max(0.0, end - time.monotonic())):
        raise Busy
    try:
        try:
            return _run(job, end, idle, tell)
        except Died as death:
            if death.begun:
                raise
            return _run(job, end, idle, tell)
    finally:
        _lock.release()


def _run(
    job: Job, end: float, idle: float, tell: Callable[[float], None]
) -> tuple[str, dict[str, Any]]:
    """One try. Whatever breaks it off ends the process: it may still be drawing."""
    global _child
    try:
        child = _child = _child or Child(idle)
    except OSError as error:
        raise NotStarted(str(error)) from error
    try:
        return child.run(job, end, tell)
    except BaseException:
        _child = None
        child.end()
        raise


def end_process() -> None:
    """End the process, and give its memory back."""
    global _child
    child, _child = _child, None
    if child is not None:
        child.end(patience=1.0)


def _forget_in_fork() -> None:
    """A forked process must neither use nor end its parent's process."""
    global _child, _lock
    _lock = threading.Lock()
    if _child is not None:
        _child = None
        multiprocessing.process._children.clear()  # type: ignore[attr-defined]


os.register_at_fork(after_in_child=_forget_in_fork)
atexit.register(end_process)
