import gzip
import io
import shutil
import socket
import ssl
import subprocess
import time
from contextlib import suppress

import pytest

from providers import http, wire
from providers.errors import (
    ConfigurationError,
    InvalidResponse,
    OutcomeUnknown,
    ProviderProblem,
    ProviderUnavailable,
)
from providers.http import HttpClient
from providers.tests.servers import read_request, reply, serving, serving_raw
from providers.types import ConnectionConfig


def client(base_url, **options):
    options = {"private_network": True, "deadline": 5.0, "read_timeout": 2.0} | options
    return HttpClient(ConnectionConfig(name="far", kind="x", base_url=base_url, **options))


def answering(data):
    return serving(lambda connection, request: connection.sendall(data))


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
    with answering(whole[:-500]) as server, pytest.raises(OutcomeUnknown, match="cut"):
        client(server.url).request("POST", "x")


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
    with answering(head + b"5\r\nhello\r\n") as server, pytest.raises(OutcomeUnknown):
        client(server.url).request("POST", "x")


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


# --- Where it may connect ---------------------------------------------------------------


def test_refused_connection_is_surely_free():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ProviderUnavailable) as caught:
        client(f"http://127.0.0.1:{port}").request("POST", "x")
    assert (caught.value.billed, caught.value.retryable) == ("no", True)


def test_port_where_nobody_listens_is_told_in_words():
    with socket.socket() as quiet:
        quiet.bind(("127.0.0.1", 0))
        port = quiet.getsockname()[1]
        with pytest.raises(ProviderUnavailable) as caught:
            client(f"http://127.0.0.1:{port}").request("GET", "x")
    assert caught.value.hint == f"127.0.0.1:{port}: Connection refused"


def test_unknown_host_is_surely_free(monkeypatch):
    def fail(*args, **kwargs):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(ProviderUnavailable, match="host of far is not known"):
        client("http://nowhere.example").request("POST", "x")


def test_name_server_that_hangs_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: time.sleep(2))
    started = time.monotonic()
    with pytest.raises(ProviderUnavailable):
        client("http://slow.example", connect_timeout=0.2).request("POST", "x")
    assert time.monotonic() - started < 1.0


def test_private_address_is_refused_without_the_flag():
    with answering(reply()) as server, pytest.raises(ConfigurationError, match="private network"):
        client(server.url, private_network=False).request("GET", "x")
    assert server.requests == []


def test_flag_covers_only_the_base_urls_own_port():
    with answering(reply()) as inner, answering(reply()) as server:
        with pytest.raises(InvalidResponse, match="may not be used"):
            client(server.url).request("GET", inner.url + "/secret")
        assert inner.requests == []


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f000001", "127.1", "017700000001", "localhost", "[::ffff:127.0.0.1]"]
)
def test_other_spellings_of_loopback_are_refused(host):
    with answering(reply()) as server, pytest.raises(ProviderProblem):
        client(f"http://{host}:{server.port}", private_network=False).request("GET", "x")
    assert server.requests == []


def resolver(monkeypatch, *answers):
    """A name server that gives another address each time it is asked."""
    asked = []

    def look_up(host, port, **kwargs):
        asked.append(host)
        addresses = answers[min(len(asked), len(answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port)) for a in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


def test_name_is_resolved_once_and_the_checked_address_is_used(monkeypatch):
    asked = resolver(monkeypatch, ["93.184.215.14"], ["127.0.0.1"])
    tried = []

    def connect(self, address):
        tried.append(address)
        raise ConnectionRefusedError("no")

    monkeypatch.setattr(wire.PlainSocket, "connect", connect, raising=False)
    with answering(reply()) as server, pytest.raises(ProviderUnavailable):
        client(f"http://rebind.example:{server.port}", private_network=False).request("GET", "x")
    assert (tried, len(asked)) == ([("93.184.215.14", server.port)], 1)


def test_address_of_the_real_peer_counts(monkeypatch):
    resolver(monkeypatch, ["93.184.215.14"])
    with answering(reply()) as server:
        monkeypatch.setattr(
            wire.PlainSocket,
            "connect",
            lambda self, address: socket.socket.connect(self, ("127.0.0.1", server.port)),
            raising=False,
        )
        with pytest.raises(ConfigurationError, match="private network"):
            client("http://odd.example", private_network=False).request("GET", "x")
        assert not any(server.requests)


def test_one_private_address_among_public_ones_is_refused(monkeypatch):
    resolver(monkeypatch, ["93.184.215.14", "10.0.0.1"])
    with pytest.raises(ConfigurationError, match="private network"):
        client("http://mixed.example", private_network=False).request("GET", "x")


def test_metadata_address_is_refused_even_on_private_connections(monkeypatch):
    resolver(monkeypatch, ["169.254.169.254"])
    with pytest.raises(ConfigurationError):
        client("http://cloud.example").request("GET", "x")


# --- Secrets and the environment --------------------------------------------------------


@pytest.mark.parametrize("headers", [{"Authorization": "Basic abc"}, {"X-Key": "s3cret"}])
def test_secret_goes_only_to_the_base_urls_origin(headers):
    with answering(reply()) as server, answering(reply()) as other:
        with pytest.raises(ConfigurationError, match="only sent to its own base URL"):
            client(server.url, secret="s3cret").request("GET", other.url, headers=headers)
        assert other.requests == []


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://a.example/", "http://u:p@a.example/"])
def test_odd_base_urls_are_refused(url):
    with pytest.raises(ConfigurationError):
        client(url)


def test_proxies_and_passwords_of_the_environment_are_ignored(monkeypatch, tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with answering(reply()) as server:
        client(server.url).request("GET", "x")
    assert b"authorization" not in server.requests[0].lower()


@pytest.mark.parametrize("secret", ["s3cret\nX-Evil: 1", "s3cret\u20ac"])
def test_secret_that_cannot_be_sent_is_not_told(secret):
    with answering(reply()) as server, pytest.raises(ConfigurationError) as caught:
        client(server.url).request("GET", "x", headers={"Authorization": secret})
    assert "s3cret" not in str(caught.value.to_dict())
    assert caught.value.__cause__ is None


def test_client_without_base_url_says_so():
    with pytest.raises(ConfigurationError, match="no base URL"):
        client("").request("GET", "models")


def test_plain_server_behind_https_is_unavailable():
    with answering(b"hello, not TLS") as server, pytest.raises(ProviderUnavailable) as caught:
        url = server.url.replace("http:", "https:")
        client(url, connect_timeout=0.2).request("POST", "x")
    assert caught.value.billed == "no"


def test_tls_checks_names_and_certificates():
    context = wire.new_tls_context()
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for localhost that signs itself: (certificate and key file)."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*command, "-keyout", path, "-out", path], check=True, capture_output=True)
    return path


@pytest.fixture
def tls_server(certificate):
    """Answers once over TLS; its script runs inside the encrypted connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def start(script):
        def encrypted(raw):
            with suppress(OSError), context.wrap_socket(raw, server_side=True) as connection:
                script(connection, read_request(connection))

        return serving_raw(encrypted)

    return start


@pytest.fixture
def trusted(certificate, monkeypatch):
    """The test's certificate counts as good."""
    context = wire.new_tls_context()
    context.load_verify_locations(certificate)
    monkeypatch.setattr(wire, "tls_context", lambda: context)


def test_tls_answer_arrives_whole(tls_server, trusted):
    with tls_server(lambda connection, request: connection.sendall(reply(b"x" * 300_000))) as port:
        answer = client(f"https://localhost:{port}").request("POST", "x", data=b"y" * 300_000)
    assert len(answer.body) == 300_000


def test_tls_drip_ends_at_the_deadline(tls_server, trusted):
    def script(connection, request):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        for _ in range(50):
            connection.sendall(b"a")
            time.sleep(0.1)

    started = time.monotonic()
    with tls_server(script) as port, pytest.raises(OutcomeUnknown, match="in time"):
        client(f"https://localhost:{port}", deadline=0.5).request("POST", "x")
    assert time.monotonic() - started < 1.2


def test_unknown_certificate_is_refused_before_anything_is_sent(tls_server):
    seen = []
    with tls_server(lambda connection, request: seen.append(request)) as port:
        with pytest.raises(ProviderUnavailable, match="secure connection") as caught:
            client(f"https://localhost:{port}").request("POST", "x")
        assert "CERTIFICATE_VERIFY_FAILED" in caught.value.hint
    assert seen == []


def test_certificate_of_another_name_is_refused(tls_server, trusted):
    with tls_server(lambda connection, request: None) as port, pytest.raises(ProviderUnavailable):
        client(f"https://127.0.0.1:{port}").request("POST", "x")
