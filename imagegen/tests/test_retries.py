"""What is tried again by itself, when, and what rests meanwhile."""

from datetime import timedelta

import pytest
from django.utils import timezone

from imagegen.models import GenerationJob
from imagegen.services import endings, engine
from imagegen.tests.factories import hero_of, make_batch, make_post, make_stub, only_job
from providers import errors
from providers.backends.stub import StubProvider
from providers.models import Connection

pytestmark = pytest.mark.django_db
JobState = GenerationJob.State


@pytest.fixture
def ask(tmp_path):
    """Asks for one hero of a stub that behaves so and works on it; returns the job."""

    def run(behaviour, *, price="0.04", **options):
        stub = make_stub(tmp_path, price=price, behaviour=behaviour, **options)
        batch = make_batch([hero_of(make_post())], stub)
        engine.work()
        return only_job(batch)

    return run


@pytest.fixture
def fail_with(ask, monkeypatch):
    """Asks for one hero of a provider that raises this problem."""

    def run(problem, *, price="0.04"):
        def submit(*args):
            raise problem

        monkeypatch.setattr(StubProvider, "submit", submit)
        return ask("ok", price=price)

    return run


@pytest.mark.parametrize(
    "problem", [errors.ProviderUnavailable("Down."), errors.RateLimited("Too fast.")]
)
def test_what_surely_did_not_run_waits_for_its_next_try(fail_with, problem):
    job = fail_with(problem)
    assert job.state == JobState.QUEUED and job.run_after > timezone.now()


NOT_REPEATED = [
    errors.ConfigurationError,
    errors.InvalidRequest,
    errors.AuthFailed,
    errors.AccessDenied,
    errors.ModelUnavailable,
    errors.ContentRejected,
    errors.QuotaExhausted,
    errors.ProviderError,
    errors.OutOfMemory,
    errors.InvalidResponse,
    errors.Cancelled,
]


@pytest.mark.parametrize("price", ["0.04", None])
@pytest.mark.parametrize("kind", NOT_REPEATED)
def test_other_answers_are_not_tried_again_even_on_own_hardware(fail_with, kind, price):
    job = fail_with(kind("It says no."), price=price)
    assert job.state not in GenerationJob.OPEN_STATES


@pytest.mark.parametrize("kind", [errors.OutcomeUnknown, errors.JobLost])
@pytest.mark.parametrize(("price", "state"), [("0.04", "unknown"), (None, "queued")])
def test_doubt_is_only_repeated_where_it_costs_nothing(fail_with, kind, price, state):
    assert fail_with(kind("No answer."), price=price).state == state


def test_refusal_goes_to_no_other_provider(ask, tmp_path):
    make_stub(tmp_path, name="other")
    job = ask("refuse")
    assert (job.state, job.connection_name, job.attempts.count()) == ("refused", "stub", 1)


def test_long_wait_is_cut_to_a_quarter_of_an_hour(ask):
    job = ask("rate_limit", retry_after=86_400)
    longest = timezone.now() + timedelta(minutes=15, seconds=2)
    assert longest - timedelta(seconds=30) < job.run_after < longest
    assert Connection.objects.get(name="stub").paused_until < longest


@pytest.mark.parametrize("told", [float("nan"), float("inf"), -60, 0, 10**30])
def test_odd_waiting_time_ends_the_attempt_all_the_same(fail_with, told):
    job = fail_with(errors.RateLimited("Too fast.", retry_after=told))
    assert job.state == JobState.QUEUED and not job.owner
    assert job.run_after < timezone.now() + timedelta(minutes=15, seconds=2)


def test_tries_are_spread():
    waits = {endings.seconds_before_retry(1, None) for _ in range(5)}
    assert len(waits) == 5 and all(2 <= wait <= 3 for wait in waits)


def test_waits_grow_with_each_try():
    waits = [endings.seconds_before_retry(tries, None) for tries in range(1, 5)]
    assert waits == sorted(waits)


@pytest.mark.parametrize("behaviour", ["quota", "rate_limit"])
def test_resting_provider_names_its_reason(ask, behaviour):
    job = ask(behaviour, retry_after=120)
    assert Connection.objects.get(name="stub").pause_reason == job.error["message"]


def test_stored_picture_proves_the_connection(ask):
    ask("ok")
    assert Connection.objects.get(name="stub").proven_at is not None


@pytest.mark.parametrize("behaviour", ["auth", "not_an_image", "refuse_200"])
def test_failed_call_proves_nothing(ask, behaviour):
    ask(behaviour)
    assert Connection.objects.get(name="stub").proven_at is None
