"""Doubtful calls are looked up again for nothing, and never sent again by themselves."""

import os
import time
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db.models.functions import Now
from django.urls import reverse

from imagegen.errors import InvalidTransition, NotPermitted, Refused
from imagegen.faults import VARIABLE
from imagegen.models import Attempt, GenerationJob, ImageOutput
from imagegen.services import engine, looking
from imagegen.services.followups import look_again, settle_unknown
from imagegen.tests.factories import hero_of, make_batch, make_post, make_stub, only_job
from imagegen.tests.test_kills import Killed, die, recover
from providers import errors
from providers.backends.stub import StubProvider
from providers.backends.stub_service import Ledger
from providers.models import Connection

pytestmark = pytest.mark.django_db
JobState, State = GenerationJob.State, Attempt.State


@pytest.fixture
def doubt(tmp_path):
    """A job in doubt: the provider took it and did not finish in time."""

    def make(
        recovery="lookup", *, delay=60.0, deadline=0.01, price="0.04", **options
    ) -> GenerationJob:
        options = {"recovery": recovery, "delay": delay, "deadline": deadline, **options}
        stub = make_stub(tmp_path, price=price, poll_interval=0.001, **options)
        job = only_job(make_batch([hero_of(make_post())], stub))
        engine.work()
        job.refresh_from_db()
        assert job.state == JobState.UNKNOWN
        return job

    return make


@pytest.fixture
def ledger(tmp_path):
    return Ledger(str(tmp_path / "ledger.sqlite3"))


def finish_drawing(ledger) -> None:
    with ledger.write() as database:
        database.execute("UPDATE jobs SET ready_at=0")


def forget_job(ledger) -> None:
    with ledger.write() as database:
        database.execute("DELETE FROM jobs")


def later(**passed) -> None:
    """Let the calls in doubt grow older."""
    for row in Attempt.objects.all():
        moved = {name: getattr(row, name) for name in ("finished_at", "looked_at", "sent_at")}
        times = {name: at - timedelta(**passed) for name, at in moved.items() if at}
        Attempt.objects.filter(pk=row.pk).update(**times)


def look() -> int:
    count = looking.look_at_doubtful()
    engine.work()
    return count


@pytest.mark.parametrize("recovery", ["lookup", "handle"])
def test_picture_that_was_finished_later_is_collected_once_paid(doubt, ledger, recovery):
    job = doubt(recovery)
    finish_drawing(ledger)
    later(minutes=1)
    look()
    job.refresh_from_db()
    assert (job.state, len(ledger.calls()), job.attempts.count()) == (JobState.STORED, 1, 1)
    job.batch.refresh_from_db()
    assert (job.batch.reserved, job.batch.spent) == (0, Decimal("0.04"))


def test_unfinished_picture_goes_back_into_the_same_doubt(doubt, ledger):
    job = doubt()
    before = job.error
    later(minutes=1)
    look()
    job.refresh_from_db()
    attempt = job.attempts.get()
    assert (job.state, attempt.state, attempt.looks) == (JobState.UNKNOWN, State.UNKNOWN, 1)
    assert job.error == before and len(ledger.calls()) == 1


def test_a_look_does_not_wait_for_the_picture(doubt):
    doubt()
    stub = Connection.objects.get(name="stub")
    Connection.objects.filter(pk=stub.pk).update(options={**stub.options, "deadline": 30})
    later(minutes=1)
    began = time.monotonic()
    look()
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("looks", "minutes"), [(0, 1), (1, 3), (2, 10), (3, 30), (4, 60), (5, 60), (20, 60)]
)
def test_pauses_between_looks_grow(doubt, looks, minutes):
    doubt()
    last = "finished_at" if looks == 0 else "looked_at"
    due = []
    for seconds in (minutes * 60 - 5, minutes * 60):
        Attempt.objects.update(looks=looks, **{last: Now() - timedelta(seconds=seconds)})
        due.append(looking.due_attempts().exists())
    assert due == [False, True]


def test_nobody_looks_by_himself_after_a_day(doubt):
    doubt()
    later(hours=25)
    assert not looking.due_attempts().exists()


@pytest.mark.parametrize("recovery", ["lookup", "handle"])
def test_lost_job_stays_in_doubt_with_that_reason(doubt, ledger, recovery):
    job = doubt(recovery)
    forget_job(ledger)
    later(minutes=1)
    look()
    job.refresh_from_db()
    assert (job.state, job.error["kind"]) == (JobState.UNKNOWN, "JobLost")
    assert len(ledger.calls()) == 1


def test_call_that_surely_never_came_fails_free_and_is_not_sent_again(doubt, ledger):
    job = doubt("lookup")
    forget_job(ledger)
    Attempt.objects.update(status_code=None)  # no answer had come
    later(minutes=1)
    look()
    engine.work()
    job.refresh_from_db()
    job.batch.refresh_from_db()
    assert (job.state, job.batch.reserved, len(ledger.calls())) == (JobState.FAILED, 0, 1)


@pytest.mark.parametrize("recovery", ["lookup", "handle"])
@pytest.mark.parametrize(
    "problem",
    [
        errors.AuthFailed("The key was withdrawn."),
        errors.ConfigurationError("No secret."),
        errors.ProviderUnavailable("Down."),
        errors.RateLimited("Too fast.", retry_after=1),
        RuntimeError("a bug"),
    ],
)
def test_question_that_fails_changes_nothing(doubt, ledger, monkeypatch, recovery, problem):
    job = doubt(recovery)
    before = job.error

    def fail(*args, **kwargs):
        raise problem

    monkeypatch.setattr(StubProvider, "poll", fail)
    later(minutes=1)
    look()
    job.refresh_from_db()
    assert (job.state, job.error, len(ledger.calls())) == (JobState.UNKNOWN, before, 1)


def test_provider_that_cannot_be_made_leaves_the_doubt(doubt):
    job = doubt()
    Connection.objects.update(secret_name="A_KEY_THAT_IS_NOT_SET")
    later(minutes=1)
    look()
    job.refresh_from_db()
    assert (job.state, job.batch.reserved) == (JobState.UNKNOWN, Decimal("0.04"))


@pytest.mark.parametrize("recovery", ["own_key", "nothing"])
@pytest.mark.parametrize("handle", [None, {"id": "x"}])
def test_other_classes_are_never_looked_up(doubt, ledger, recovery, handle):
    job = doubt()
    Attempt.objects.update(recovery=recovery, handle=handle)
    later(minutes=5)
    assert look() == 0
    with pytest.raises(Refused):
        look_again(job=job, user=None)


def test_opened_doubt_that_lost_its_handle_is_not_sent_again(doubt, ledger):
    job = doubt()
    later(minutes=1)
    looking.look_at_doubtful()
    Attempt.objects.update(recovery="own_key", handle=None)
    engine.work()
    job.refresh_from_db()
    assert (job.state, len(ledger.calls())) == (JobState.UNKNOWN, 1)


@pytest.mark.parametrize(
    "fields", [{"enabled": False}, {"paused_until": Now() + timedelta(hours=1)}]
)
def test_resting_provider_is_not_asked(doubt, fields):
    job = doubt()
    Connection.objects.update(**fields)
    later(minutes=1)
    assert look() == 0
    job = GenerationJob.objects.get(pk=job.pk)
    with pytest.raises(Refused):
        look_again(job=job, user=None)


@pytest.mark.parametrize("recovery", ["lookup", "handle"])
@pytest.mark.parametrize("point", ["spooled", "received", "stored", "booking", "booked"])
def test_worker_that_dies_while_it_looks_loses_and_repeats_nothing(
    doubt, ledger, monkeypatch, point, recovery
):
    job = doubt(recovery)
    finish_drawing(ledger)
    look_again(job=job, user=None)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setenv(VARIABLE, point)
        patch.setattr(os, "kill", die)
        engine.work()
    recover()
    job.refresh_from_db()
    assert (job.state, len(ledger.calls()), ImageOutput.objects.count()) == ("stored", 1, 1)


def test_settled_doubt_is_not_looked_up(doubt):
    job = doubt()
    settle_unknown(job=job, outcome="not_charged", user=None)
    later(minutes=1)
    assert look() == 0


def test_person_may_look_at_once(doubt, ledger, editor):
    job = doubt()
    finish_drawing(ledger)
    look_again(job=job, user=editor)
    engine.work()
    job.refresh_from_db()
    assert job.state == JobState.STORED


def test_looking_needs_the_permission_and_a_doubt(doubt, reviewer):
    job = doubt()
    with pytest.raises(NotPermitted):
        look_again(job=job, user=reviewer)
    Attempt.objects.update(state=State.CHARGED)
    with pytest.raises(InvalidTransition):
        look_again(job=job, user=None)


@pytest.mark.parametrize("page", ["generationjob", "attempt"])
def test_lists_and_pages_offer_a_look(doubt, client, editor, page):
    job = doubt()
    client.force_login(editor)
    pk = job.pk if page == "generationjob" else job.attempts.get().pk
    shown = client.get(reverse(f"admin:imagegen_{page}_change", args=[pk])).content.decode()
    assert 'value="look_again"' in shown
    data = {"action": "look_again", "_selected_action": pk, "index": 0}
    client.post(reverse(f"admin:imagegen_{page}_changelist"), data)
    job.refresh_from_db()
    assert job.state == JobState.QUEUED


@pytest.mark.parametrize("recovery", ["lookup", "handle"])
def test_slow_picture_of_own_hardware_is_collected_and_not_doubled(doubt, ledger, recovery):
    job = doubt(recovery, price=None)
    finish_drawing(ledger)
    later(minutes=2)
    look()
    job.refresh_from_db()
    assert job.state == JobState.STORED
    assert len(ledger.calls()) == 1


def test_picture_that_own_hardware_lost_is_drawn_again(doubt, ledger):
    job = doubt("lookup", price=None)
    forget_job(ledger)
    later(minutes=2)
    look()
    job.refresh_from_db()
    assert (job.state, job.attempts.get().state) == (JobState.QUEUED, State.FAILED)
