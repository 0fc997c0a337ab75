"""Work in child processes: drawing and decoding, with a time limit and a memory limit.

A few spawned processes live long and are recycled now and then. They import only what their
function needs, never Django. A child that hangs or dies takes nobody with it. This module
is imported by the children too, so it must stay light.
"""

import atexit
import multiprocessing
import os
import pickle
import resource
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from pebble import ProcessPool

T = TypeVar("T")

CHILD_MEMORY = 1024**3  # bytes of address space
TASKS_PER_CHILD = 500
STUCK_AFTER = 60.0  # seconds without any sign of life beyond a task's own limit

_lock = threading.Lock()
_pool: "ProcessPool | None" = None
_last_sign = 0.0


class ChildTimeout(Exception):
    """The function ran longer than it may; its process was killed."""


class ChildDied(Exception):
    """The process of the function died or ran out of memory."""


class PoolUnavailable(ChildDied):
    """No child process could be started or kept: the machine's trouble, not the function's."""


class _PoolBroken(Exception):
    """The pool itself failed; the function surely gave no result."""


def run_in_child(function: Callable[..., T], *args: Any, timeout: float = 30.0) -> T:
    """Run `function(*args)` in a child process and return what it returns.

    `timeout` is in seconds from the moment the function starts; waiting for a free child
    does not count. Raises `ChildTimeout`, `ChildDied` (`PoolUnavailable` where the function
    is surely not to blame) or the function's own exception.
    `function` must be at the top level of a module, arguments and result picklable. After a
    failure of the pool itself it runs a second time, so it must bear repetition.
    """
    work = pickle.dumps((function, args))
    try:
        good, data = _schedule(work, timeout)
    except _PoolBroken:
        try:
            good, data = _schedule(work, timeout)
        except _PoolBroken as error:
            raise PoolUnavailable(
                "This machine could not start a process to work in; look at its memory and limits."
            ) from error
    value = pickle.loads(data)  # noqa: S301 - written by our own child
    if good:
        return value
    if isinstance(value, MemoryError):
        raise ChildDied("The child process ran out of memory.") from value
    raise value


def shutdown_pool() -> None:
    """Stop the child processes at once. The next call starts new ones."""
    global _pool
    with _lock:
        pool, _pool = _pool, None
    if pool is not None:
        pool.stop()
        pool.join()


def _schedule(work: bytes, timeout: float) -> tuple[bool, bytes]:
    """Have one child run `work`; (True, result) or (False, exception), pickled."""
    from pebble import ProcessExpired

    try:
        pool = _running_pool()
    except OSError as error:
        raise _PoolBroken from error
    try:
        return _wait(pool, pool.schedule(_run, args=(work,), timeout=timeout), timeout)
    except ProcessExpired as error:
        raise ChildDied(f"The child process died (exit code {error.exitcode}).") from error
    except (RuntimeError, CancelledError, OSError, _PoolBroken) as error:
        # The function's own errors come as values; pebble's are RuntimeErrors, those of
        # starting a process OSErrors.
        _drop(pool)
        raise _PoolBroken from error


def _wait(
    pool: "ProcessPool", future: Future[tuple[bool, bytes]], timeout: float
) -> tuple[bool, bytes]:
    """The outcome of `future`; `_PoolBroken` when the pool is gone or gives no sign of life."""
    global _last_sign
    started = time.monotonic()
    while True:
        try:
            return future.result(timeout=1.0)
        except TimeoutError as error:
            if future.done():
                if isinstance(future.exception(), TimeoutError):
                    raise ChildTimeout(f"Not done within {timeout:g} seconds.") from error
            elif pool is not _pool or not pool.active or _is_stuck(started, timeout):
                raise _PoolBroken from error
        finally:
            if future.done():
                _last_sign = time.monotonic()


def _is_stuck(started: float, timeout: float) -> bool:
    """True when nothing has ended for far longer than one task may take."""
    return time.monotonic() - max(started, _last_sign) > timeout + STUCK_AFTER


def _running_pool() -> "ProcessPool":
    """The pool of this process, started when first needed."""
    global _pool, _last_sign
    with _lock:
        if _pool is None:
            from pebble import ProcessPool

            _pool = ProcessPool(
                max_workers=_size(),
                max_tasks=TASKS_PER_CHILD,
                initializer=_prepare_child,
                initargs=(os.getpid(), CHILD_MEMORY),
                context=multiprocessing.get_context("spawn"),
            )
            _last_sign = time.monotonic()
        return _pool


def _drop(broken: "ProcessPool") -> None:
    """Forget a pool that failed, so that the next call starts another."""
    global _pool
    with _lock:
        if _pool is not broken:
            return
        _pool = None
    broken.stop()
    threading.Thread(target=broken.join, name="drop-pool", daemon=True).start()


def _size() -> int:
    from django.conf import settings

    return settings.DRAW_PROCESSES


def _forget_in_fork() -> None:
    """A forked process must neither use nor stop the children of its parent."""
    global _pool, _lock
    _lock = threading.Lock()
    if _pool is not None:
        _pool = None
        # Without this, multiprocessing and pebble would stop these children at our exit.
        multiprocessing.process._children.clear()  # type: ignore[attr-defined]


os.register_at_fork(after_in_child=_forget_in_fork)
atexit.register(shutdown_pool)


# --- In the child -----------------------------------------------------------------------


def _prepare_child(parent: int, memory: int) -> None:
    """Limits of a child: memory, one thread for arithmetic, no life without the parent."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    os.environ["OMP_NUM_THREADS"] = "1"
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Python's own handler would wait for the end of a long piece of C.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=end_with, args=(parent,), daemon=True).start()


def end_with(parent: int) -> None:
    """Leave soon after the parent is gone, whatever it died of."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


def _run(work: bytes) -> tuple[bool, bytes]:
    """Run the pickled call. Everything that can go wrong in it becomes a value."""
    try:
        function, args = pickle.loads(work)  # noqa: S301 - written by our own parent
        return True, pickle.dumps(function(*args))
    except Exception as error:  # noqa: BLE001 - handed to the caller, who sees it raised
        return False, _pickled_error(error)


def _pickled_error(error: Exception) -> bytes:
    try:
        data = pickle.dumps(error)
        pickle.loads(data)  # noqa: S301 - a round trip, to be sure that it can be read
    except Exception:  # noqa: BLE001 - any error that cannot travel is told as text
        return pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))
    return data
