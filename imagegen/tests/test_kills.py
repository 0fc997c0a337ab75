"""A worker may die at any point: nothing is paid twice, lost, or stuck.

The oracle is the stub's ledger, which another process could be keeping. The kill is an
exception that nobody catches; `test_worker.py` kills a real process.
"""

import os
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from imagegen.faults import VARIABLE
from imagegen.models import Attempt, GenerationJob, ImageOutput
from imagegen.services import engine, queue
from imagegen.services.spool import spooled_keys
from imagegen.services.sweeper import adopt_late_images
from imagegen.tests.factories import hero_of, make_batch, make_post, make_stub, only_job
from providers.backends.stub_service import Ledger

pytestmark = pytest.mark.django_db
POINTS = ("reserved", "sending", "headers", "spooled", "received", "stored", "booking", "booked")
CLASSES = ("own_key", "lookup", "handle", "nothing")
DOUBTFUL = {(name, point) for name in ("nothing", "handle") for point in ("sending", "headers")}


class Killed(BaseException):
    """Stands for the power cut: passes through every `except Exception`."""


def die(pid: int, number: int) -> None:
    raise Killed


def recover() -> None:
    """What the next worker does: leases run out, late images are adopted, the queue goes on."""
    GenerationJob.objects.filter(state__in=GenerationJob.HELD_STATES).update(
        lease_until=Now() - timedelta(seconds=1)
    )
    queue.release_expired_leases()
    adopt_late_images()
    for _ in range(2):  # a call that surely never came is made anew in the second round
        GenerationJob.objects.update(run_after=None)
        engine.work()


@pytest.fixture
def kill_at(tmp_path, monkeypatch):
    """Runs one job, kills the worker at the point, recovers; returns the job and the ledger."""

    def run(point: str, recovery: str):
        stub = make_stub(tmp_path, price="0.04", recovery=recovery, poll_interval=0.001)
        job = only_job(make_batch([hero_of(make_post())], stub))
        with monkeypatch.context() as patch:
            patch.setenv(VARIABLE, point)
            patch.setattr(os, "kill", die)
            try:
                engine.work()
            except Killed:
                job.killed = True
        recover()
        job.refresh_from_db()
        return job, Ledger(str(tmp_path / "ledger.sqlite3"))

    return run


@pytest.mark.parametrize("recovery", CLASSES)
@pytest.mark.parametrize("point", POINTS)
def test_killed_worker_pays_once_and_loses_nothing(kill_at, point, recovery):
    job, ledger = kill_at(point, recovery)
    assert len(ledger.charges()) <= 1
    wanted = GenerationJob.State.UNKNOWN if (recovery, point) in DOUBTFUL else "stored"
    assert (job.state, ImageOutput.objects.count()) == (wanted, int(wanted == "stored"))


@pytest.mark.parametrize("recovery", ["lookup", "handle"])
def test_killed_after_the_handle_collects_instead_of_paying(kill_at, recovery):
    job, ledger = kill_at("handle", recovery)
    assert (job.state, len(ledger.charges())) == ("stored", 1)


@pytest.mark.parametrize("point", POINTS)
def test_books_balance_after_a_kill(kill_at, point):
    job, ledger = kill_at(point, "nothing")
    job.batch.refresh_from_db()
    doubtful = job.state == GenerationJob.State.UNKNOWN
    assert bool(job.batch.reserved) == doubtful
    assert len(ledger.charges()) * 4 == int(job.batch.spent * 100) or doubtful


@pytest.mark.parametrize("point", ["booking", "booked"])
def test_open_attempts_and_leases_are_gone_after_recovery(kill_at, point):
    kill_at(point, "nothing")
    assert not Attempt.objects.filter(state__in=Attempt.OPEN_STATES).exists()


def test_killed_between_quarantine_and_end_is_not_tried_for_ever(tmp_path, monkeypatch):
    stub = make_stub(tmp_path, price="0.04", behaviour="not_an_image")
    job = only_job(make_batch([hero_of(make_post())], stub))
    with monkeypatch.context() as patch:
        patch.setattr("imagegen.services.storing._end_without_image", die)
        with pytest.raises(TypeError):
            engine.work()
    recover()
    job.refresh_from_db()
    assert (job.state, job.attempts.get().state) == ("failed", Attempt.State.CHARGED)


def test_every_point_is_reached(kill_at):
    job, _ = kill_at("booked", "nothing")
    assert job.killed


def test_spool_left_by_a_kill_after_booking_is_cleaned(kill_at, monkeypatch):
    from imagegen.services.sweeper import clean_spool

    kill_at("booked", "nothing")
    Attempt.objects.update(finished_at=Now() - timedelta(hours=1))
    clean_spool()
    assert list(spooled_keys()) == []


def test_job_that_kills_worker_after_worker_is_given_up(tmp_path):
    job = only_job(make_batch([hero_of(make_post())], make_stub(tmp_path)))
    GenerationJob.objects.update(deaths=5)
    engine.work()
    job.refresh_from_db()
    assert (job.state, job.error["kind"]) == (GenerationJob.State.FAILED, "WorkerDied")


def test_faultpoint_does_nothing_unless_asked(monkeypatch):
    from imagegen.faults import faultpoint

    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(os, "kill", die)
    faultpoint("booked")
