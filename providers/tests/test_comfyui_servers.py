import time
from dataclasses import replace

import pytest

from providers import errors
from providers.backends.comfyui.options import ComfyOptions
from providers.backends.comfyui.server import ComfyServer
from providers.registry import make_provider
from providers.tests.comfy import ask, connect, hold_job, new_key
from providers.tests.fakes.comfyui import FakeComfy
from providers.types import Handle


@pytest.fixture(params=["old", "new"])
def each(request):
    """The fake in both versions, for what they do differently."""
    with FakeComfy(old=request.param == "old") as fake:
        yield fake


@pytest.fixture
def fake():
    with FakeComfy() as fake:
        yield fake


# --- Several hosts -----------------------------------------------------------------------


@pytest.fixture
def two():
    with FakeComfy() as one, FakeComfy(old=True) as other:
        yield one, other


def test_least_loaded_host_gets_the_job(two, sink):
    one, other = two
    hold_job(one, connect(one), sink)
    result = ask(connect(one, other), sink)
    assert (len(one.calls()), len(other.calls())) == (1, 1)
    assert result.parameters["host"] == other.url


def test_host_that_does_not_answer_is_passed_over(two, sink):
    one, other = two
    one.close_door()
    assert ask(connect(one, other), sink).parameters["host"] == other.url


def test_no_host_that_answers_is_unavailable(two, sink):
    for fake in two:
        fake.close_door()
    with pytest.raises(errors.ProviderUnavailable):
        ask(connect(*two), sink)


def test_job_is_pinned_to_its_host(two, sink):
    one, other = two
    handle = hold_job(other, connect(other), sink)
    assert make_provider(connect(one, other)).poll(handle, sink) is None
    assert one.requests == []


def test_handle_without_a_host_is_looked_for_everywhere(two, sink):
    one, other = two
    key = new_key()
    ask(connect(other), sink, key)
    result = make_provider(connect(one, other)).collect(Handle({"id": key}), sink)
    assert result.parameters["host"] == other.url


def test_job_is_not_lost_while_a_host_is_silent(two, sink):
    one, other = two
    other.close_door()
    with pytest.raises(errors.ProviderUnavailable):
        make_provider(connect(one, other)).poll(Handle({"id": new_key()}), sink)


def test_host_that_was_taken_from_the_list_is_not_asked(two, sink):
    one, other = two
    handle = hold_job(other, connect(other), sink)
    before = len(other.requests)
    with pytest.raises(errors.JobLost) as caught:
        make_provider(connect(one)).poll(handle, sink)
    assert (len(other.requests), other.url in caught.value.hint) == (before, True)


def test_private_network_is_needed_for_hosts_too(two):
    connection = connect(*two, private_network=False)
    health = make_provider(connection).health("reachable")
    assert (health.ok, health.message.count("private network")) == (False, 4)


# --- Cancelling --------------------------------------------------------------------------


@pytest.fixture(params=["old", "new", "newest"])
def stoppable(request):
    with FakeComfy(old=request.param == "old", cancels=request.param == "newest") as fake:
        yield fake


def test_running_job_is_stopped(stoppable, sink):
    connection = connect(stoppable)
    handle = hold_job(stoppable, connection, sink)
    provider = make_provider(connection)
    assert provider.cancel(handle) is True
    with pytest.raises(errors.Cancelled):
        provider.poll(handle, sink)


def test_waiting_job_is_taken_from_the_queue_and_the_running_one_goes_on(stoppable, sink):
    connection = connect(stoppable)
    first, second = (hold_job(stoppable, connection, sink) for _ in range(2))
    assert make_provider(connection).cancel(second) is True
    assert [job.key for job in stoppable.queue] == [first.data["id"]]
    assert stoppable.interrupts == []


def test_interrupt_always_names_its_job(each, sink):
    connection = connect(each)
    handle = hold_job(each, connection, sink)
    make_provider(connection).cancel(handle)
    assert each.interrupts == [handle.data["id"]]


def test_finished_or_unknown_job_cannot_be_stopped(each, sink):
    connection, key = connect(each), new_key()
    ask(connection, sink, key)
    provider = make_provider(connection)
    assert [provider.cancel(Handle({"id": name})) for name in (key, new_key())] == [False, False]


# --- The service -------------------------------------------------------------------------


def test_health_tells_version_and_silent_hosts(two):
    one, other = two
    other.close_door()
    health = make_provider(connect(one, other)).health("reachable")
    assert health.ok is True
    assert "ComfyUI 0.25.0" in health.message and "cannot be reached" in health.message


@pytest.mark.parametrize("fault", ["json_200:[]", "json_200:{}", "html_200"])
def test_other_servers_are_not_taken_for_comfyui(fake, fault):
    fake.phase = lambda request: "call"
    fake.faults(fault)
    health = make_provider(connect(fake)).health("reachable")
    assert (health.ok, "as ComfyUI does" in health.message) == (False, True)


def test_secret_goes_to_every_host_as_a_bearer_token(sink):
    with FakeComfy(secret="s3cret") as one, FakeComfy(secret="s3cret") as other:
        connection = connect(one, other, secret="s3cret")
        assert make_provider(connection).health("authenticated").ok is True
        assert len(ask(connection, sink).files) == 1


def test_wrong_secret_is_found_out():
    with FakeComfy(secret="s3cret") as fake:
        health = make_provider(connect(fake, secret="other")).health("authenticated")
    assert (health.ok, "does not accept the secret" in health.message) == (False, True)


@pytest.mark.parametrize(
    ("secret", "options", "name", "value"),
    [
        ("abc", {}, "authorization", "Bearer abc"),
        ("Basic YTpi", {}, "authorization", "Basic YTpi"),
        ("abc", {"auth_header": "X-API-Key"}, "x-api-key", "abc"),
    ],
)
def test_secret_is_sent_as_the_connection_says(fake, secret, options, name, value):
    make_provider(connect(fake, secret=secret, options=options)).health("authenticated")
    assert fake.requests[0].headers[name] == value


def test_workflows_are_the_models(fake):
    connection = connect(fake)
    broken = {**connection.workflows, "broken": {"graph": {}, "version": 1}}
    found = make_provider(replace(connection, workflows=broken)).discover()
    assert [entry["name"] for entry in found] == ["any"]
    assert found[0]["capabilities"]["seed"] is True


@pytest.mark.parametrize(
    "options",
    [
        {"host": "x"},
        {"hosts": "http://a"},
        {"hosts": ["ftp://a"]},
        {"hosts": ["http://user:pass@a"]},
        {"hosts": ["http://a/?token=sk-1"]},
        {"auth_header": "X Y"},
        {"websocket": "no"},
        {"poll_interval": 0},
    ],
)
def test_option_that_cannot_be_is_refused(fake, options):
    with pytest.raises(errors.ConfigurationError):
        make_provider(connect(fake, options=options))


def test_connection_without_an_address_is_not_configured(fake):
    with pytest.raises(errors.ConfigurationError, match="no base URL"):
        make_provider(connect(fake, base_url="")).health("configured")


def test_of_very_many_pictures_the_first_are_taken_and_it_is_said(fake, sink, monkeypatch):
    known = fake._save
    monkeypatch.setattr(fake, "_save", lambda job, key: known(job, key) * 40)
    result = ask(connect(fake), sink)
    assert len(result.files) == 32
    assert result.notes == ("mine made 40 pictures; the first 32 were taken.",)


def test_load_that_is_no_number_is_no_comfyui(fake, monkeypatch):
    server = ComfyServer(connect(fake), ComfyOptions(), time.monotonic() + 2)
    monkeypatch.setattr(server, "ask", lambda *_: {"exec_info": {"queue_remaining": float("inf")}})
    with pytest.raises(errors.ProviderUnavailable):
        server.load()


def test_job_of_a_server_that_was_taken_out_is_in_doubt(fake, sink):
    handle = hold_job(fake, connect(fake), sink)
    with FakeComfy() as other, pytest.raises(errors.JobLost) as caught:
        make_provider(connect(other)).poll(handle, sink)
    assert (caught.value.billed, fake.url in caught.value.hint) == ("unknown", True)
