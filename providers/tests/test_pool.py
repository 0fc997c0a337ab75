import math
import multiprocessing.context
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from providers import pool
from providers.errors import InvalidRequest
from providers.pool import (
    ChildDied,
    ChildTimeout,
    PoolUnavailable,
    run_in_child,
    shutdown_pool,
)
from providers.tests import children

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True, scope="module")
def own_pool():
    """Children that other tests have used know more than they should here."""
    shutdown_pool()
    yield
    shutdown_pool()


def test_result_comes_back():
    assert run_in_child(math.sqrt, 9.0) == 3.0


def test_own_exception_passes_through_with_its_details():
    with pytest.raises(InvalidRequest) as caught:
        run_in_child(children.refuse)
    assert (caught.value.message, caught.value.code) == ("No.", "c-1")


def test_exception_that_cannot_travel_is_told_as_text():
    with pytest.raises(RuntimeError, match="Awkward: one two"):
        run_in_child(children.awkward)


def test_result_that_cannot_travel_is_an_error():
    with pytest.raises(Exception, match="pickle"):
        run_in_child(threading.Lock)
    assert run_in_child(math.sqrt, 4.0) == 2.0


def test_timeout_of_the_function_itself_is_not_taken_for_ours():
    with pytest.raises(TimeoutError, match="mine"):
        run_in_child(children.time_out)


def test_timeout_kills_only_that_child():
    with ThreadPoolExecutor() as threads:
        other = threads.submit(run_in_child, children.nap, 0.6)
        with pytest.raises(ChildTimeout, match=r"0\.2 seconds"):
            run_in_child(time.sleep, 30, timeout=0.2)
        assert other.result() == 0.6


def test_waiting_for_a_free_child_does_not_count():
    with ThreadPoolExecutor(8) as threads:
        naps = [threads.submit(run_in_child, children.nap, 0.15, timeout=0.4) for _ in range(8)]
        assert [nap.result() for nap in naps] == [0.15] * 8


def test_dead_child_is_reported_and_the_pool_goes_on():
    with pytest.raises(ChildDied, match="exit code 3"):
        run_in_child(os._exit, 3)
    assert run_in_child(math.sqrt, 9.0) == 3.0


def test_child_that_is_killed_while_idle_is_replaced():
    os.kill(run_in_child(os.getpid), signal.SIGKILL)
    time.sleep(0.2)
    assert run_in_child(math.sqrt, 9.0) == 3.0


def test_memory_is_limited():
    with pytest.raises(ChildDied, match="memory"):
        run_in_child(bytearray, 2 * pool.CHILD_MEMORY)


def test_children_compute_with_one_thread():
    assert run_in_child(os.getenv, "OPENBLAS_NUM_THREADS") == "1"


def test_children_know_no_django():
    assert run_in_child(children.loaded, "django", "requests", "numpy", "PIL") == []


def test_many_threads_share_the_pool():
    with ThreadPoolExecutor(32) as threads:
        roots = list(threads.map(lambda n: run_in_child(math.isqrt, n * n), range(100)))
    assert roots == list(range(100))


def test_no_more_children_than_set(settings):
    settings.DRAW_PROCESSES = 2
    with ThreadPoolExecutor(16) as threads:
        pids = set(threads.map(lambda _: run_in_child(children.who, 0.02), range(16)))
    assert len(pids) <= 2


def test_children_are_recycled(monkeypatch, settings):
    settings.DRAW_PROCESSES = 1
    shutdown_pool()
    monkeypatch.setattr(pool, "TASKS_PER_CHILD", 3)
    pids = [run_in_child(os.getpid) for _ in range(7)]
    shutdown_pool()
    assert len(set(pids)) == 3


def test_stopped_pool_starts_again():
    first = run_in_child(os.getpid)
    shutdown_pool()
    assert run_in_child(os.getpid) != first


def test_pool_that_cannot_start_says_so_and_recovers(monkeypatch):
    def refuse(self):
        raise BlockingIOError("Resource temporarily unavailable")

    shutdown_pool()
    with monkeypatch.context() as patch:
        patch.setattr(multiprocessing.context.SpawnProcess, "start", refuse)
        with pytest.raises(PoolUnavailable, match="could not start a process"):
            run_in_child(math.sqrt, 9.0)
    assert run_in_child(math.sqrt, 4.0) == 2.0


def test_missing_interpreter_is_no_fault_of_the_function():
    code = (
        "import multiprocessing; from providers.pool import PoolUnavailable\n"
        "multiprocessing.set_executable('/nowhere/python')\n"
        "try: run_in_child(math.sqrt, 9.0)\n"
        "except PoolUnavailable: print('unavailable')"
    )
    assert "unavailable" in python(START + code).stdout


def python(code: str) -> subprocess.CompletedProcess:
    """Run `code` in a fresh interpreter with the project's settings."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=20,
    )


START = "import math, os, signal, sys, time\nfrom providers.pool import run_in_child\n"


def test_interpreter_ends_without_hanging():
    done = python(START + "print(run_in_child(math.sqrt, 9.0))")
    assert (done.stdout, done.stderr, done.returncode) == ("3.0\n", "", 0)


def test_forked_process_gets_a_pool_of_its_own():
    fork = (
        "first = run_in_child(os.getpid)\n"
        "if not os.fork():\n"
        "    print(run_in_child(math.sqrt, 9.0), flush=True)\n"
        "    sys.exit()\n"
        "os.wait()\n"
        "os.kill(first, 0)\n"  # still alive: the fork's exit has not stopped it
        "print(run_in_child(math.sqrt, 16.0))"
    )
    done = python(START + fork)
    assert (done.stdout, done.stderr) == ("3.0\n4.0\n", "")


def test_children_do_not_outlive_a_killed_parent():
    code = "print(run_in_child(os.getpid), flush=True)\nos.kill(os.getpid(), signal.SIGKILL)"
    child = int(python(START + code).stdout)
    for _ in range(100):
        if not Path(f"/proc/{child}").exists():
            return
        time.sleep(0.05)
    pytest.fail("the child still runs")
