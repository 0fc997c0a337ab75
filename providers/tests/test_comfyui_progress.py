import json
import threading
import time
import uuid

import pytest

from providers.backends.comfyui.progress import Progress, fraction_of
from providers.registry import make_provider
from providers.tests.comfy import ask_for, connect
from providers.tests.fakes.comfyui import FakeComfy
from providers.tests.sinks import FolderSink


@pytest.fixture
def fake():
    with FakeComfy(secret="s3cret") as fake:
        yield fake


class OpeningSink(FolderSink):
    """Lets the fake go on once a percentage is told, or never."""

    fake: FakeComfy

    def progress(self, fraction):
        super().progress(fraction)
        self.fake.go_on()


def run(fake, tmp_path, **fields):
    """A job that goes on as soon as its percentage is told; the sink."""
    sink = OpeningSink(tmp_path)
    sink.fake, fake.held = fake, True
    connection = connect(fake, secret="s3cret", **fields)
    make_provider(connection).generate(ask_for(), str(uuid.uuid4()), sink)
    return sink


def listeners():
    return [thread for thread in threading.enumerate() if thread.name == "comfyui"]


def test_percentage_of_the_own_job_is_told(fake, tmp_path):
    assert set(run(fake, tmp_path, options={"websocket": True}).fractions) == {0.3}


def test_socket_bears_the_client_of_the_call_and_the_secret(fake, tmp_path):
    run(fake, tmp_path, options={"websocket": True})
    asked = next(request for request in fake.requests if request.path == "/ws")
    assert asked.query["clientId"] == fake.calls()[0].json()["client_id"]
    assert (asked.headers["authorization"], "origin" in asked.headers) == ("Bearer s3cret", False)


def no_listener_is_left():
    until = time.monotonic() + 2
    while listeners() and time.monotonic() < until:
        time.sleep(0.01)
    return listeners() == []


def test_listening_ends_with_the_call(fake, tmp_path):
    run(fake, tmp_path, options={"websocket": True})
    assert no_listener_is_left()


def test_listening_ends_though_it_had_hardly_begun(fake):
    headers = {"Authorization": "Bearer s3cret"}
    with Progress(connect(fake), headers, client="someone", key="any") as progress:
        progress.start()
    assert no_listener_is_left()


def test_no_socket_is_opened_where_it_is_switched_off(fake, tmp_path):
    threading.Timer(0.1, fake.go_on).start()
    sink = run(fake, tmp_path, options={"websocket": False})
    assert (sink.fractions, [item for item in fake.requests if item.path == "/ws"]) == ([], [])


def test_trouble_with_the_socket_changes_nothing(fake, tmp_path):
    known, fake._routed = fake._routed, lambda request: _broken(request) or known(request)
    threading.Timer(0.1, fake.go_on).start()
    assert run(fake, tmp_path, options={"websocket": True}).fractions == []


def _broken(request):
    if request.path == "/ws":
        raise ConnectionResetError("the socket breaks")


def test_quick_job_opens_no_socket(tmp_path):
    with FakeComfy() as fake:
        connection = connect(fake, options={"websocket": True})
        make_provider(connection).generate(ask_for(), str(uuid.uuid4()), FolderSink(tmp_path))
        assert not [item for item in fake.requests if item.path == "/ws"]


@pytest.mark.parametrize(
    ("nodes", "fraction"),
    [
        ({}, None),
        ({"4": (1, 1)}, None),
        ({"4": (1, 1), "3": (5, 20)}, 0.25),
        ({"3": (20, 20), "13": (0, 20)}, 0.5),
        ({"3": (25, 20)}, 1.0),
        ({"3": (-1, 20)}, 0.0),
    ],
)
def test_fraction_counts_the_steps(nodes, fraction):
    assert fraction_of(nodes) == fraction


def test_who_tells_of_nodes_without_end_is_not_listened_to():
    progress = Progress(None, {}, client="someone", key="any")
    nodes = {str(number): {"value": 1, "max": 2} for number in range(10_001)}
    told = {"type": "progress_state", "data": {"prompt_id": "any", "nodes": nodes}}
    with pytest.raises(ValueError, match="so many nodes"):
        progress._hear(json.dumps(told))


def test_no_log_holds_the_secret(fake, tmp_path, caplog):
    caplog.set_level("DEBUG")
    run(fake, tmp_path, options={"websocket": True})
    assert [item for item in fake.requests if item.path == "/ws"]
    assert "s3cret" not in caplog.text
