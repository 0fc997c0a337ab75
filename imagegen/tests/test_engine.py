"""Heartbeats, leases by name, tokens and the sweeper's round."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from imagegen.models import GenerationJob, NamedLease, WorkerProcess
from imagegen.services import engine, queue, workers
from imagegen.services.sweeper import forget_old_workers, sweep
from imagegen.tests.factories import hero_of, make_batch, make_post, make_stub, only_job

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(tmp_path):
    return only_job(make_batch([hero_of(make_post())], make_stub(tmp_path)))


def expire(job) -> None:
    GenerationJob.objects.filter(pk=job.pk).update(lease_until=Now() - timedelta(seconds=1))


def is_expired(job) -> bool:
    return GenerationJob.objects.filter(pk=job.pk, lease_until__lt=Now()).exists()


def test_heartbeat_makes_a_worker_present():
    assert not workers.worker_is_present()
    workers.beat(owner="w", threads=4)
    assert workers.worker_is_present()


def test_worker_that_signed_off_is_not_present():
    workers.beat(owner="w", threads=4)
    workers.sign_off(owner="w")
    assert not workers.worker_is_present() and workers.worker_seen() is None


def test_silent_worker_is_not_present_but_was_seen():
    workers.beat(owner="w", threads=4)
    WorkerProcess.objects.update(seen_at=Now() - timedelta(seconds=11))
    assert not workers.worker_is_present() and workers.worker_seen()


def test_heartbeat_extends_the_lease_of_a_job_under_way(job):
    held = queue.claim_job(owner="w")
    expire(job)
    with workers.holding(held):
        workers.beat(owner="w", threads=1)
    assert not is_expired(job)


def test_heartbeat_lets_a_dropped_job_go(job):
    queue.claim_job(owner="w")
    expire(job)
    workers.beat(owner="w", threads=1)
    assert is_expired(job)


def test_named_lease_has_one_holder():
    assert workers.take_lease(name="x", owner="a", seconds=30)
    assert not workers.take_lease(name="x", owner="b", seconds=30)
    assert workers.take_lease(name="x", owner="a", seconds=30)


def test_dropped_lease_can_be_taken_at_once():
    workers.take_lease(name="x", owner="a", seconds=30)
    workers.drop_lease(name="x", owner="a")
    assert workers.take_lease(name="x", owner="b", seconds=30)


@pytest.mark.django_db(transaction=True)
def test_stopped_sweeper_gives_its_lease_back():
    from imagegen.services.sweeper import Sweeper

    with Sweeper(owner="a"):
        pass
    assert workers.take_lease(name="sweeper", owner="b", seconds=30)


def test_expired_named_lease_can_be_taken():
    workers.take_lease(name="x", owner="a", seconds=30)
    NamedLease.objects.update(until=Now() - timedelta(seconds=1))
    assert workers.take_lease(name="x", owner="b", seconds=30)


def test_tokens_are_sent_when_the_batch_is_committed(tmp_path, django_capture_on_commit_callbacks):
    from django_tasks import task_backends

    backend = task_backends["default"]
    backend.clear()
    make_batch([hero_of(make_post())], make_stub(tmp_path))
    assert [result.task.name for result in backend.results] == ["run_jobs_task"]


@pytest.mark.parametrize(("threads", "held", "woken"), [(4, 0, 1), (4, 4, 0), (0, 0, 0)])
def test_sweeper_wakes_only_threads_that_are_idle(job, tmp_path, threads, held, woken):
    from imagegen.services.sweeper import send_due_tokens

    if threads:
        workers.beat(owner="w", threads=threads)
    other = make_stub(tmp_path, name="other")
    for number in range(held):
        make_batch([hero_of(make_post(f"Post {number}"))], other)
    for _ in range(held):
        queue.claim_job(owner="w")
    assert send_due_tokens() == woken


def test_sweep_gives_back_and_finishes_what_a_dead_worker_left(job):
    queue.claim_job(owner="dead")
    expire(job)
    sweep()
    engine.work()
    job.refresh_from_db()
    assert job.state == GenerationJob.State.STORED


def test_one_failing_part_does_not_stop_the_sweep(job, monkeypatch):
    from imagegen.services import sweeper

    def broken() -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(sweeper, "adopt_late_images", broken)
    WorkerProcess.objects.create(
        name="old", host="h", pid=1, threads=1, seen_at=Now() - timedelta(days=8)
    )
    sweep()
    assert not WorkerProcess.objects.exists()


def test_recent_workers_are_remembered():
    workers.beat(owner="w", threads=1)
    forget_old_workers()
    assert WorkerProcess.objects.count() == 1
