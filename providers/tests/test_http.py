"""The client of providers: answers, streams, cuts and caps."""

import gzip
import io
import socket
import time

import pytest

from providers import http
from providers.errors import (
    InvalidResponse,
    OutcomeUnknown,
    ProviderUnavailable,
)
from providers.tests.servers import answering, client, reply, serving


def test_answer_has_status_headers_body_and_request_id():
    with answering(reply(b'{"a": 1}', "200 OK", "X-Request-Id: r-1")) as server:
        answer = client(server.url).request("GET", "things")
    assert (answer.status, answer.json(), answer.request_id) == (200, {"a": 1}, "r-1")


def test_path_is_put_below_the_base_url():
    with answering(reply()) as server:
        client(server.url + "/v1/").request("GET", "/models")
    assert server.requests[0].startswith(b"GET /v1/models HTTP/1.1")


def test_json_body_is_sent_whole():
    with answering(reply()) as server:
        client(server.url).request("POST", "x", json={"prompt": "a" * 100_000})
    assert server.requests[0].endswith(b"a" * 100 + b'"}')


@pytest.mark.parametrize("status", ["404 Not Found", "429 Slow", "500 Broken"])
def test_failed_status_is_an_answer_not_an_error(status):
    with answering(reply(b"why", status)) as server:
        answer = client(server.url).request("POST", "x")
    assert (answer.ok, answer.body) == (False, b"why")


def test_redirect_is_not_followed():
    with answering(reply()) as inner:
        moved = reply(b"", "302 Found", f"Location: {inner.url}/secret")
        with answering(moved) as server:
            answer = client(server.url).request("GET", "x", headers={"Authorization": "k"})
    assert (answer.status, inner.requests) == (302, [])


def test_sink_hears_of_headers_with_limits(tmp_path):
    from providers.tests.sinks import FolderSink

    sink = FolderSink(tmp_path)
    with answering(reply(b"", "200 OK", "X-Request-Id: r-2")) as server:
        client(server.url).request("GET", "x", sink=sink)
    assert (sink.statuses, sink.request_ids) == ([200], ["r-2"])


def test_body_streams_into_the_spool(tmp_path):
    from providers.tests.sinks import FolderWriter

    with answering(reply(b"x" * 200_000)) as server, FolderWriter(tmp_path) as writer:
        answer = client(server.url).request("GET", "x", stream_to=writer)
        file = writer.close_file()
    assert (answer.body, file.size) == (None, 200_000)


def test_error_body_does_not_go_into_the_spool():
    spool = io.BytesIO()
    with answering(reply(b"no", "500 No")) as server:
        answer = client(server.url).request("GET", "x", stream_to=spool)
    assert (answer.body, spool.getvalue()) == (b"no", b"")


def test_full_disk_is_not_taken_for_a_cut_connection():
    class Full:
        def write(self, data):
            raise OSError(28, "No space left on device")

    with answering(reply(b"x")) as server, pytest.raises(OSError, match="No space"):
        client(server.url).request("POST", "x", stream_to=Full())


# --- Streams ----------------------------------------------------------------------------


def streamed(data, **options):
    """Head and body of an answer that was streamed."""
    with answering(data) as server, client(server.url).stream("POST", "x", **options) as stream:
        return stream.head, b"".join(stream.chunks)


def test_stream_gives_head_and_decoded_pieces():
    body = gzip.compress(b"x" * 100_000)
    answer = reply(body, "200 OK", "Content-Encoding: gzip", "X-Request-Id: r-3")
    head, content = streamed(answer)
    assert (head.status, head.request_id, content) == (200, "r-3", b"x" * 100_000)


def test_stream_that_is_cut_is_unknown():
    with pytest.raises(OutcomeUnknown):
        streamed(reply(b"x" * 1000)[:-500])


def test_stream_counts_its_bytes():
    with pytest.raises(InvalidResponse, match="more than"):
        streamed(reply(b"x" * 1000), max_bytes=999)


@pytest.mark.parametrize("missing", [0, 1])
def test_stream_of_a_failure_is_short_and_forgives_a_cut(missing):
    whole = reply(b"x" * 200_000, "500 Broken")
    head, content = streamed(whole[: len(whole) - missing])
    assert (head.status, len(content)) == (500, http.MAX_ERROR_BODY)


def test_stream_closes_its_connection_when_left_early():
    closed = []
    with serving(
        lambda sock, _: (sock.sendall(reply(b"x" * 9)), closed.append(sock.recv(1)))
    ) as server:
        with client(server.url).stream("GET", "x"):
            pass
        deadline = time.monotonic() + 2
        while not closed and time.monotonic() < deadline:
            time.sleep(0.01)
    assert closed == [b""]


# --- Cut, slow, huge --------------------------------------------------------------------


def test_answer_cut_at_half_is_unknown_for_a_call_that_spends():
    whole = reply(b"x" * 1000)
    with answering(whole[:-500]) as server, pytest.raises(OutcomeUnknown, match="cut") as caught:
        client(server.url).request("POST", "x")
    assert caught.value.hint == "500 of 1,000 bytes of the answer were here"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_cut_reading_call_may_be_repeated(method):
    with answering(b"") as server, pytest.raises(ProviderUnavailable) as caught:
        client(server.url).request(method, "x")
    assert (caught.value.retryable, caught.value.billed) == (True, "no")


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nA: b\r\nContent-"])
def test_cut_in_the_headers_is_unknown(head):
    with answering(head) as server, pytest.raises(OutcomeUnknown):
        client(server.url).request("POST", "x")


def test_post_that_spends_nothing_may_be_repeated():
    with answering(b"") as server, pytest.raises(ProviderUnavailable):
        client(server.url).request("POST", "x", spends=False)


def test_chunked_answer_cut_short_is_no_success():
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with answering(head + b"5\r\nhello\r\n") as server, pytest.raises(OutcomeUnknown) as caught:
        client(server.url).request("POST", "x")
    assert "IncompleteRead" not in caught.value.hint


def drip(head):
    """Sends `head`, then one byte each tenth of a second."""

    def script(connection, request):
        connection.sendall(head)
        for _ in range(100):
            connection.sendall(b"a")
            time.sleep(0.1)

    return serving(script)


@pytest.mark.parametrize(
    "head",
    [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", b"HTTP/1.1 200 OK\r\nX-Long: "],
    ids=["body", "headers"],
)
def test_drip_ends_at_the_deadline(head):
    started = time.monotonic()
    with drip(head) as server, pytest.raises(OutcomeUnknown, match="in time"):
        client(server.url, deadline=0.4).request("POST", "x")
    assert time.monotonic() - started < 1.0


def test_deadline_of_one_call_can_be_shorter():
    started = time.monotonic()
    with drip(b"HTTP/1.1 200 OK\r\n\r\n") as server, pytest.raises(ProviderUnavailable):
        client(server.url).request("GET", "x", deadline=0.3)
    assert time.monotonic() - started < 1.0


def test_silence_ends_at_the_read_limit():
    with (
        serving(lambda connection, request: time.sleep(2)) as server,
        pytest.raises(OutcomeUnknown, match="silent for 0.2"),
    ):
        client(server.url, read_timeout=0.2).request("POST", "x")


def test_other_side_that_never_reads_ends_at_the_deadline():
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with listener, pytest.raises(OutcomeUnknown):
        client(url, deadline=0.4).request("POST", "x", data=b"x" * 20_000_000)


def test_gzip_bomb_stops_at_the_cap_of_decoded_bytes():
    bomb = gzip.compress(b"\0" * 20_000_000)
    data = reply(bomb, "200 OK", "Content-Encoding: gzip")
    with answering(data) as server, pytest.raises(InvalidResponse, match="more than 100,000"):
        client(server.url, max_bytes=100_000).request("GET", "x")


def test_too_large_an_answer_is_refused():
    with answering(reply(b"x" * 2000)) as server, pytest.raises(InvalidResponse):
        client(server.url).request("GET", "x", max_bytes=1000)


def test_answer_of_exactly_the_limit_passes():
    with answering(reply(b"x" * 1000)) as server:
        assert len(client(server.url).request("GET", "x", max_bytes=1000).body) == 1000


def test_large_error_body_is_cut():
    with answering(reply(b"x" * 1_000_000, "500 No")) as server:
        answer = client(server.url).request("GET", "x")
    assert len(answer.body) <= http.MAX_ERROR_BODY


def test_refusal_that_is_cut_short_is_still_a_refusal():
    whole = reply(b"x" * 1000, "429 Slow", "Retry-After: 3")
    with answering(whole[:-500]) as server:
        answer = client(server.url).request("POST", "x")
    assert (answer.status, answer.headers["retry-after"]) == (429, "3")


def test_endless_headers_stop():
    head = b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 100_000
    with answering(head) as server, pytest.raises(OutcomeUnknown):
        client(server.url).request("POST", "x")
