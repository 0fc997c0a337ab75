import pytest

from providers.base import Provider
from providers.errors import (
    AccessDenied,
    AuthFailed,
    ConfigurationError,
    JobLost,
    OutcomeUnknown,
    ProviderError,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
)
from providers.types import (
    Capabilities,
    ConnectionConfig,
    Handle,
    Health,
    HealthLevel,
    ImageRequest,
    Recovery,
    Result,
)

DONE = Result(files=())


class Queue(Provider):
    """A service with a queue whose looks answer as listed; None: not ready yet."""

    name, label, recovery = "queue", "Queue", Recovery.HANDLE

    def __init__(self, *looks, own_id=False):
        super().__init__(ConnectionConfig(name="q", kind="queue", deadline=60.0))
        self.looks, self.own_id = list(looks), own_id

    def capabilities(self, model, row=None):
        return Capabilities().overlaid(row)

    def handle_for(self, key):
        return Handle({"id": key}) if self.own_id else None

    def submit(self, request, key, sink):
        return Handle({"id": key})

    def poll(self, handle, sink):
        answer = self.looks.pop(0) if self.looks else None
        if isinstance(answer, Exception):
            raise answer
        return answer


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self):
        self.now, self.slept = 0.0, []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


REQUEST = ImageRequest(prompt="a", model="m", width=64, height=64)


def generate(provider, sink, clock=None):
    clock = clock or Clock()
    return provider.generate(REQUEST, "k", sink, clock=clock, sleep=clock.sleep)


def test_queued_job_is_polled_until_it_is_ready(sink):
    clock = Clock()
    assert generate(Queue(None, None, DONE), sink, clock) == DONE
    assert clock.slept == [1.0, 1.5]


def test_pauses_grow_no_longer_than_the_longest(sink):
    clock = Clock()
    generate(Queue(*[None] * 8, DONE), sink, clock)
    assert max(clock.slept) == 5.0


@pytest.mark.parametrize("own_id", [False, True])
def test_handle_is_told_once(sink, own_id):
    generate(Queue(DONE, own_id=own_id), sink)
    assert sink.handles == [Handle({"id": "k"})]


@pytest.mark.parametrize("problem", [ProviderUnavailable("x"), RateLimited("x")])
def test_look_that_fails_for_a_moment_is_repeated(sink, problem):
    assert generate(Queue(problem, DONE), sink) == DONE


def test_look_waits_as_long_as_it_is_told(sink):
    clock = Clock()
    generate(Queue(RateLimited("x", retry_after=30.0), DONE), sink, clock)
    assert clock.slept == [30.0]


@pytest.mark.parametrize("problem", [AuthFailed, AccessDenied, ConfigurationError, QuotaExhausted])
def test_refused_look_says_nothing_of_the_job(sink, problem):
    with pytest.raises(OutcomeUnknown, match="not for you"):
        generate(Queue(problem("not for you")), sink)


def test_failed_job_ends_the_wait(sink):
    with pytest.raises(ProviderError):
        generate(Queue(None, ProviderError("x")), sink)


@pytest.mark.parametrize(
    ("recovery", "error"),
    [
        (Recovery.HANDLE, OutcomeUnknown),
        (Recovery.LOOKUP, OutcomeUnknown),
        (Recovery.NOTHING, JobLost),
    ],
)
def test_deadline_ends_the_wait_by_class(sink, recovery, error):
    provider, clock = Queue(), Clock()
    provider.recovery = recovery
    with pytest.raises(error, match="within 60 seconds"):
        generate(provider, sink, clock)
    assert clock.now <= 60.0


def test_service_that_asks_for_a_longer_wait_than_there_is_ends_at_once(sink):
    clock = Clock()
    with pytest.raises(OutcomeUnknown):
        generate(Queue(RateLimited("x", retry_after=600.0)), sink, clock)
    assert clock.slept == []


def test_price_that_cannot_be_read_names_the_model():
    with pytest.raises(ConfigurationError, match="price of m"):
        Queue().estimate(REQUEST, {"kind": "per_moon"})


def test_refusals_name_model_and_connection():
    validation = Queue().validate(
        ImageRequest(prompt="a", model="m", width=64, height=64, steps=3), Capabilities()
    )
    assert validation.errors[0].message == "steps is not taken by m (q)."


def test_adapter_that_cannot_tell_says_so():
    assert Queue().health("reachable") == Health(
        HealthLevel.REACHABLE, None, "This adapter cannot tell."
    )


def test_adapter_without_a_queue_has_nothing_to_poll():
    class Direct(Queue):
        poll = Provider.poll

    with pytest.raises(NotImplementedError):
        Direct().poll(Handle({}), None)
