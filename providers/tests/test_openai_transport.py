"""The `openai` package over our own wire."""

import time

import openai
import pytest

from providers.backends.openai_transport import Wire, make_client
from providers.errors import (
    ConfigurationError,
    InvalidResponse,
    OutcomeUnknown,
    ProviderUnavailable,
)
from providers.http import HttpClient
from providers.tests.servers import answering, reply, serving
from providers.types import ConnectionConfig

ANSWER = b'{"data": [{"b64_json": "QUJD"}]}'


def client(url, **fields):
    wire = {name: fields.pop(name) for name in ("headers", "max_bytes") if name in fields}
    values = {"private_network": True, "deadline": 3.0} | fields
    config = ConnectionConfig(name="far", kind="openai", base_url=url + "/v1", **values)
    return make_client(Wire(http=HttpClient(config), **wire))


def generate(made):
    with made.images.with_streaming_response.generate(prompt="x", model="m") as response:
        return b"".join(response.iter_bytes())


def test_answer_comes_through():
    with answering(reply(ANSWER)) as server:
        assert generate(client(server.url)) == ANSWER


def test_headers_of_the_package_stay_behind():
    with answering(reply(ANSWER)) as server:
        generate(client(server.url, headers={"Authorization": "Bearer mine"}))
    head = server.requests[0].partition(b"\r\n\r\n")[0].lower()
    assert b"stainless" not in head and b"openai/python" not in head
    assert head.count(b"authorization") == 1 and b"bearer mine" in head


def test_secret_does_not_go_to_another_origin():
    with answering(reply(ANSWER)) as server:
        made = client(server.url, headers={"Authorization": "Bearer mine"})
        made.base_url = "http://127.0.0.2:9/v1"
        with pytest.raises(ConfigurationError, match="own base URL"):
            generate(made)


@pytest.mark.parametrize("status", ["408 Slow", "409 Busy", "429 Fast", "500 Broken"])
def test_package_never_tries_again(status):
    failed = reply(b"{}", status, "Retry-After: 0")
    with answering(failed) as server, pytest.raises(openai.APIStatusError):
        generate(client(server.url))
    assert len(server.requests) == 1


@pytest.mark.parametrize("where", ["http://169.254.169.254/", "http://[", "x" * 70_000, "//"])
def test_redirect_is_not_followed(where):
    moved = reply(b"", "307 Moved", f"Location: {where[:60_000]}")
    with answering(moved) as server, pytest.raises(openai.APIStatusError) as caught:
        generate(client(server.url))
    assert (caught.value.status_code, len(server.requests)) == (307, 1)


def test_private_address_is_refused_unless_marked():
    with answering(reply(ANSWER)) as server, pytest.raises(ConfigurationError, match="private"):
        generate(client(server.url, private_network=False))


def test_closed_door_means_that_nothing_ran():
    with pytest.raises(ProviderUnavailable):
        generate(client("http://127.0.0.1:1"))


def test_cut_body_is_unknown():
    with answering(reply(ANSWER)[:-5]) as server, pytest.raises(OutcomeUnknown):
        generate(client(server.url))


def test_drip_ends_by_the_deadline():
    def drip(sock, _):
        sock.sendall(reply(b"x" * 100)[:-100])
        for _ in range(100):
            sock.sendall(b"x")
            time.sleep(0.05)

    started = time.monotonic()
    with serving(drip) as server, pytest.raises(OutcomeUnknown):
        generate(client(server.url, deadline=0.3))
    assert time.monotonic() - started < 2


def test_answer_is_capped():
    with answering(reply(b"x" * 1000)) as server, pytest.raises(InvalidResponse, match="more than"):
        generate(client(server.url, max_bytes=999))


def test_proxies_of_the_environment_are_not_asked(monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with answering(reply(ANSWER)) as server:
        assert generate(client(server.url)) == ANSWER


def test_connection_is_closed_when_the_answer_is_left_early():
    closed = []

    def answer(sock, _):
        sock.sendall(reply(ANSWER))
        closed.append(sock.recv(1))

    with serving(answer) as server:
        made = client(server.url)
        with made.images.with_streaming_response.generate(prompt="x", model="m"):
            pass
        end = time.monotonic() + 2
        while not closed and time.monotonic() < end:
            time.sleep(0.01)
    assert closed == [b""]
