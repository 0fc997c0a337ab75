"""Claiming: order, fairness, limits, leases."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from imagegen.models import Attempt, GenerationJob
from imagegen.services import engine, queue
from imagegen.tests.factories import BODY, hero_of, make_batch, make_post, make_stub, only_job

pytestmark = pytest.mark.django_db
State = GenerationJob.State


@pytest.fixture
def stub(tmp_path):
    return make_stub(tmp_path)


def all_slots(post):
    return list(post.slots.filter(from_hero=False).order_by("pk"))


def claim(owner: str = "w") -> GenerationJob | None:
    return queue.claim_job(owner=owner)


def test_claim_sets_owner_epoch_and_lease(stub):
    make_batch([hero_of(make_post())], stub)
    job = claim()
    assert (job.state, job.owner, job.epoch) == (State.CLAIMED, "w", 1) and job.lease_until


def test_a_job_is_given_once(stub):
    make_batch([hero_of(make_post())], stub)
    assert claim() and claim() is None


def test_small_batch_does_not_wait_behind_a_large_one(stub):
    make_batch(all_slots(make_post()), stub)
    small = make_batch([hero_of(make_post("Another", BODY))], stub)
    order = [claim().batch_id for _ in range(3)]
    assert small.pk in order[:2]


def test_higher_priority_goes_first(stub):
    make_batch([hero_of(make_post())], stub)
    urgent = only_job(make_batch([hero_of(make_post("Another"))], stub))
    GenerationJob.objects.filter(pk=urgent.pk).update(priority=5)
    assert claim().pk == urgent.pk


def test_full_connection_gives_no_more(stub):
    make_batch(all_slots(make_post()), stub)
    stub.max_concurrent = 1
    stub.save(update_fields=["max_concurrent"])
    assert claim() and claim() is None


def test_disabled_connection_gives_nothing(stub):
    make_batch([hero_of(make_post())], stub)
    stub.enabled = False
    stub.save(update_fields=["enabled"])
    assert claim() is None


def test_paused_connection_gives_nothing_until_its_time(stub):
    make_batch([hero_of(make_post())], stub)
    type(stub).objects.filter(pk=stub.pk).update(paused_until=Now() + timedelta(minutes=1))
    assert claim() is None


def test_job_waits_until_its_time_has_come(stub):
    job = only_job(make_batch([hero_of(make_post())], stub))
    GenerationJob.objects.filter(pk=job.pk).update(run_after=Now() + timedelta(minutes=1))
    assert claim() is None


def test_expired_lease_gives_the_job_back_with_a_higher_epoch(stub):
    make_batch([hero_of(make_post())], stub)
    first = claim()
    GenerationJob.objects.update(lease_until=Now() - timedelta(seconds=1))
    assert queue.release_expired_leases() == 1
    assert claim("v").epoch == first.epoch + 1


def test_living_lease_is_left_alone(stub):
    make_batch([hero_of(make_post())], stub)
    claim()
    assert queue.release_expired_leases() == 0


@pytest.mark.parametrize(
    "limits",
    [
        {"requests_per_minute": 1},
        {"images_per_minute": 1},
        {"requests_per_minute": 5, "images_per_minute": 1},
    ],
)
def test_calls_of_a_minute_are_counted(stub, limits):
    make_batch(all_slots(make_post()), stub)
    type(stub).objects.filter(pk=stub.pk).update(**limits)
    engine.work()
    assert Attempt.objects.count() == 1
    Attempt.objects.update(created_at=Now() - timedelta(seconds=61))
    assert claim()


@pytest.mark.parametrize(("limit", "free"), [("images_per_minute", 1), ("requests_per_minute", 0)])
def test_text_is_a_request_and_no_image(stub, limit, free):
    make_batch(all_slots(make_post()), stub)
    type(stub).objects.filter(pk=stub.pk).update(**{limit: 1})
    first = claim()
    GenerationJob.objects.filter(pk=first.pk).update(kind=GenerationJob.Kind.PROMPT)
    assert (claim() is not None) == bool(free)


def test_claimed_job_counts_as_a_call_of_this_minute(stub):
    make_batch(all_slots(make_post()), stub)
    type(stub).objects.filter(pk=stub.pk).update(requests_per_minute=1)
    assert claim() and claim() is None


def test_limit_of_one_provider_leaves_others_alone(stub, tmp_path):
    make_batch(all_slots(make_post()), stub)
    type(stub).objects.filter(pk=stub.pk).update(requests_per_minute=1)
    other = make_stub(tmp_path, name="other")
    make_batch([hero_of(make_post("Another"))], other)
    claimed = [claim(), claim()]
    assert {job.connection_id for job in claimed} == {stub.pk, other.pk}
