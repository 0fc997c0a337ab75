import os
import signal
import subprocess
import sys
import time
import uuid
from decimal import Decimal
from pathlib import Path

import pytest

from providers import errors
from providers.backends.stub_server import StubServer
from providers.backends.stub_service import BEHAVIOURS, Ledger
from providers.registry import make_provider
from providers.tests.contract import ProviderContract
from providers.tests.sinks import FolderSink
from providers.types import ConnectionConfig, Handle, ImageRequest

ROOT = Path(__file__).resolve().parents[2]


class TestStub(ProviderContract):
    kind = "stub"

    @pytest.fixture(params=["here", "http"])
    def connection(self, request, tmp_path):
        ledger = str(tmp_path / "own" / "ledger.sqlite3")
        (tmp_path / "own").mkdir()
        if request.param == "here":
            yield ConnectionConfig(name="mine", kind="stub", options={"ledger": ledger})
            return
        with StubServer(ledger) as server:
            yield ConnectionConfig(
                name="mine", kind="stub", base_url=server.url, private_network=True
            )


class TestQueuedStub(TestStub):
    """The same contract where the service queues and is polled."""

    @pytest.fixture(params=["lookup", "handle"])
    def connection(self, request, tmp_path):
        (tmp_path / "own").mkdir()
        ledger = str(tmp_path / "own" / "ledger.sqlite3")
        options = {"ledger": ledger, "recovery": request.param, "poll_interval": 0.01}
        yield ConnectionConfig(name="mine", kind="stub", options=options)


@pytest.fixture(params=["here", "http"])
def world(request, tmp_path):
    """Makes providers on one ledger, in this process and over HTTP: (make, ledger, sink)."""
    path = str(tmp_path / "ledger.sqlite3")
    sink = FolderSink(tmp_path)

    def make(base_url="", deadline=10.0, **options):
        place = {} if base_url else {"ledger": path}
        return make_provider(
            ConnectionConfig(
                name="stub",
                kind="stub",
                base_url=base_url,
                private_network=bool(base_url),
                deadline=deadline,
                options={"poll_interval": 0.02, **place, **options},
            )
        )

    if request.param == "here":
        yield make, Ledger(path), sink
        return
    with StubServer(path) as server:
        yield (lambda **options: make(base_url=server.url, **options)), server.ledger, sink


class Hurry:
    """A clock that only sleep moves on: a deadline is waited for at no time."""

    now = 0.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def ask(provider, sink, key=None, hurry=False, **values):
    request = ImageRequest(prompt="A tree", model="any", width=600, height=400, **values)
    time_of = Hurry()
    clock = {"clock": time_of.clock, "sleep": time_of.sleep} if hurry else {}
    return provider.generate(request, key or str(uuid.uuid4()), sink, **clock)


# behaviour, error or None, billed, charges in the ledger
SYNCHRONOUS = [
    ("ok", None, None, 1),
    ("refuse", errors.ContentRejected, "no", 0),
    ("refuse_200", errors.ContentRejected, "yes", 1),
    ("rate_limit", errors.RateLimited, "no", 0),
    ("auth", errors.AuthFailed, "no", 0),
    ("quota", errors.QuotaExhausted, "no", 0),
    ("access", errors.AccessDenied, "no", 0),
    ("model", errors.ModelUnavailable, "no", 0),
    ("invalid", errors.InvalidRequest, "no", 0),
    ("empty", errors.InvalidResponse, "yes", 1),
    ("fail", errors.ProviderError, "no", 0),
    ("out_of_memory", errors.OutOfMemory, "no", 0),
    ("cut_before", errors.ProviderUnavailable, "no", 0),
    ("cut_after", errors.OutcomeUnknown, "unknown", 1),
    ("cut_body", errors.OutcomeUnknown, "unknown", 1),
    ("server_error", errors.OutcomeUnknown, "unknown", 1),
    ("stall", errors.OutcomeUnknown, "unknown", 1),
    ("lost", errors.JobLost, "unknown", 1),
    ("truncated", None, None, 1),
    ("not_an_image", None, None, 1),
    ("wrong_size", None, None, 1),
    ("two_images", None, None, 1),
    ("handle", None, None, 1),
]


@pytest.mark.parametrize(("behaviour", "error", "billed", "charges"), SYNCHRONOUS)
def test_behaviour_raises_and_charges_as_told(world, behaviour, error, billed, charges):
    make, ledger, sink = world
    deadline = 0.4 if behaviour == "stall" else 10.0
    if error is None:
        ask(make(behaviour=behaviour, deadline=deadline), sink)
    else:
        with pytest.raises(error) as caught:
            ask(make(behaviour=behaviour, deadline=deadline), sink, hurry=behaviour == "lost")
        assert (type(caught.value), caught.value.billed) == (error, billed)
    assert len(ledger.charges()) == charges


def test_every_behaviour_is_tested():
    assert {row[0] for row in SYNCHRONOUS} | {"slow"} == BEHAVIOURS


def test_slow_takes_a_while(world):
    make, ledger, sink = world
    started = time.monotonic()
    ask(make(behaviour="slow"), sink)
    assert time.monotonic() - started >= 1.0


@pytest.mark.parametrize("recovery", ["lookup", "handle"])
@pytest.mark.parametrize("behaviour", ["fail", "out_of_memory", "refuse_200", "empty"])
def test_queued_job_ends_with_its_own_error(world, recovery, behaviour):
    make, ledger, sink = world
    with pytest.raises(errors.ProviderProblem) as caught:
        ask(make(behaviour=behaviour, recovery=recovery), sink)
    assert not isinstance(caught.value, errors.OutcomeUnknown | errors.JobLost)


# --- What each class lets us know -------------------------------------------------------


def test_own_key_drops_repeats_and_gives_the_same_picture(world):
    make, ledger, sink = world
    provider = make(recovery="own_key", behaviour="cut_after,ok")
    with pytest.raises(errors.OutcomeUnknown):
        ask(provider, sink, key="k-1")
    first, second = ask(provider, sink, key="k-1"), ask(provider, sink, key="k-1")
    assert first.files[0].sha256 == second.files[0].sha256
    assert ledger.charges() == [("k-1", "cut_after")]


@pytest.mark.parametrize("behaviour", ["cut_after", "server_error"])
def test_lookup_finds_a_cut_call_by_our_key(world, behaviour):
    make, ledger, sink = world
    provider = make(recovery="lookup", behaviour=behaviour)
    with pytest.raises(errors.OutcomeUnknown):
        ask(provider, sink, key="k-2")
    result = make(recovery="lookup").collect(provider.handle_for("k-2"), sink)
    assert (len(result.files), ledger.charges()) == (1, [("k-2", behaviour)])


def test_lookup_of_a_call_that_never_came_is_surely_free(world):
    make, ledger, sink = world
    provider = make(recovery="lookup")
    with pytest.raises(errors.JobLost) as caught:
        provider.collect(provider.handle_for("never"), sink)
    assert caught.value.billed == "no"


def test_lookup_handle_is_told_before_the_call(world):
    make, ledger, sink = world
    with pytest.raises(errors.ProviderUnavailable):
        ask(make(recovery="lookup", behaviour="cut_before"), sink, key="k-3")
    assert sink.handles == [Handle({"id": "k-3"})]


def test_handle_finds_a_job_after_a_restart(world):
    make, ledger, sink = world
    ask(make(recovery="handle"), sink)
    result = make(recovery="handle").collect(sink.handles[0], sink)
    assert (len(result.files), len(ledger.charges())) == (1, 1)


def test_sending_again_without_own_key_costs_again(world):
    make, ledger, sink = world
    for _ in range(2):
        ask(make(recovery="nothing"), sink, key="k-4")
    assert len(ledger.charges()) == 2


@pytest.mark.parametrize("recovery", ["lookup", "handle"])
def test_stalled_job_is_unknown_after_the_deadline(world, recovery):
    make, ledger, sink = world
    with pytest.raises(errors.OutcomeUnknown, match="within 20 seconds"):
        ask(
            make(recovery=recovery, behaviour="stall", deadline=20.0, poll_interval=4),
            sink,
            hurry=True,
        )


def test_queued_job_can_be_cancelled(world):
    make, ledger, sink = world
    provider = make(recovery="handle", delay=30.0)
    request = ImageRequest(prompt="A tree", model="any", width=60, height=40)
    handle = provider.submit(request, "k-5", sink)
    assert provider.cancel(handle)
    with pytest.raises(errors.Cancelled):
        provider.poll(handle, sink)


# --- Options ----------------------------------------------------------------------------


def test_calls_go_through_a_list_of_behaviours(world):
    make, ledger, sink = world
    provider = make(behaviour="rate_limit,ok", retry_after=7)
    with pytest.raises(errors.RateLimited) as caught:
        ask(provider, sink)
    assert (caught.value.retry_after, len(ask(provider, sink).files)) == (7.0, 1)


def test_request_chooses_its_own_behaviour(world):
    make, ledger, sink = world
    with pytest.raises(errors.ContentRejected):
        ask(make(), sink, extra={"behaviour": "refuse"})


@pytest.mark.parametrize(
    "options",
    [
        {"behaviour": "dance"},
        {"recovery": "hope"},
        {"charge_at": "never"},
        {"speed": 3},
        {"delay": "long"},
        {"cost": "cheap"},
    ],
)
def test_wrong_option_is_a_configuration_error(options):
    with pytest.raises(errors.ConfigurationError):
        make_provider(ConnectionConfig(name="stub", kind="stub", options=options))


def test_cost_and_seed_are_told(world):
    make, ledger, sink = world
    result = ask(make(cost="0.04"), sink, seed=7)
    assert (result.cost, result.seed) == (Decimal("0.04"), 7)


def test_two_images_are_two_files(world):
    make, ledger, sink = world
    files = ask(make(behaviour="two_images"), sink).files
    assert len({file.sha256 for file in files}) == 2


@pytest.mark.parametrize(("full", "size"), [(False, (96, 64)), (True, (600, 400))])
def test_picture_is_a_valid_png_of_the_shape_asked_for(world, full, size):
    from PIL import Image

    make, ledger, sink = world
    result = ask(make(full_size=full), sink)
    with Image.open(result.files[0].path) as image:
        image.load()
        assert (image.format, image.size) == ("PNG", size)


def test_ledger_in_memory_is_kept_per_connection(tmp_path):
    provider = make_provider(ConnectionConfig(name=f"m-{uuid.uuid4()}", kind="stub"))
    assert len(ask(provider, FolderSink(tmp_path)).files) == 1


SENDER = """
import sys
from providers.registry import make_provider
from providers.types import ConnectionConfig, ImageRequest
class Sink:
    sending = headers = handle = progress = lambda *args: None
options = {"ledger": sys.argv[1], "charge_at": sys.argv[2], "delay": 60, "recovery": "own_key"}
provider = make_provider(ConnectionConfig(name="stub", kind="stub", options=options))
provider.submit(ImageRequest(prompt="p", model="m", width=64, height=64), "k-9", Sink())
"""


@pytest.mark.parametrize(("charge_at", "charges"), [("start", 1), ("end", 0)])
def test_kill_during_the_delay_leaves_the_charge_as_told(tmp_path, charge_at, charges):
    path = str(tmp_path / "ledger.sqlite3")
    ledger = Ledger(path)
    child = subprocess.Popen([sys.executable, "-c", SENDER, path, charge_at], cwd=ROOT)
    while not ledger.job("k-9") or len(ledger.charges()) < charges:
        time.sleep(0.02)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert len(ledger.charges()) == charges
