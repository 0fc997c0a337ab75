"""The guarded sockets under the client: where they lead, TLS, and who sees a secret."""

import shutil
import socket
import ssl
import subprocess
import time
from contextlib import suppress

import pytest

from providers import wire
from providers.errors import (
    ConfigurationError,
    InvalidResponse,
    OutcomeUnknown,
    ProviderProblem,
    ProviderUnavailable,
)
from providers.tests.servers import answering, client, read_request, reply, serving_raw

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
