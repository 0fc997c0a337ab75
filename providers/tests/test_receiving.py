import base64
import json
from pathlib import Path

import pytest

from providers import receiving
from providers.errors import InvalidResponse, JobLost, OutcomeUnknown
from providers.receiving import JsonSpooler, fetch_picture
from providers.tests.servers import reply, serving
from providers.types import ConnectionConfig

PICTURE = bytes(range(256)) * 5 + b"end!"
TEXT = base64.b64encode(PICTURE).decode()
ANSWER = {"created": 1, "data": [{"b64_json": TEXT, "note": 'a "b64_json": "c\\'}], "usage": {}}


def spool(sink, body, keys=("b64_json", "images"), size=1 << 20, **options):
    """The JSON and the contents of the files of an answer that comes in pieces of `size`."""
    with JsonSpooler(sink, keys, **options) as spooler:
        for start in range(0, len(body), size):
            spooler.write(body[start : start + size])
        answer = spooler.finish()
    return answer, [Path(file.path).read_bytes() for file in spooler.files]


def encoded(value):
    return json.dumps(value).encode()


@pytest.mark.parametrize("size", [1, 2, 3, 5, 64, 1 << 20])
def test_pieces_of_any_size_give_the_same(sink, size):
    answer, files = spool(sink, encoded(ANSWER), size=size)
    expected = json.loads(encoded(ANSWER))
    expected["data"][0]["b64_json"] = "spool:0"
    assert (answer, files) == (expected, [PICTURE])


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
@pytest.mark.parametrize(
    "write",
    [
        lambda text: text.replace("/", "\\/"),
        lambda text: text.replace("+", "\\u002B").replace("=", "\\u003d"),
        lambda text: "data:image/png;base64," + text,
        lambda text: "data:image\\/png;base64," + text,
        lambda text: "\\n".join(text[at : at + 76] for at in range(0, len(text), 76)) + "\\r\\n",
        lambda text: f"  {text[:50]} {text[50:]} ",
    ],
    ids=["slashes", "unicode", "prefix", "escaped prefix", "lines", "spaces"],
)
def test_ways_to_write_base64(sink, write, size):
    body = b'{"b64_json" : "%s" }' % write(TEXT).encode()
    assert spool(sink, body, size=size) == ({"b64_json": "spool:0"}, [PICTURE])


@pytest.mark.parametrize("length", range(1, 8))
def test_every_padding_is_read(sink, length):
    body = encoded({"b64_json": base64.b64encode(PICTURE[:length]).decode()})
    assert spool(sink, body, size=3)[1] == [PICTURE[:length]]


def test_several_pictures_keep_their_order(sink):
    texts = [base64.b64encode(bytes([65 + n]) * 9).decode() for n in range(3)]
    answer, files = spool(sink, encoded({"images": texts, "b64_json": texts[0]}))
    assert answer == {"images": ["spool:0", "spool:1", "spool:2"], "b64_json": "spool:3"}
    assert files == [b"A" * 9, b"B" * 9, b"C" * 9, b"A" * 9]


@pytest.mark.parametrize("size", [1, 1 << 20])
def test_name_is_known_however_it_is_written(sink, size):
    body = rb'{"b64\u005fjson": "AAAA", "images": ["spo\/"]}'
    answer, files = spool(sink, body, size=size)
    assert (answer, len(files)) == ({"b64_json": "spool:0", "images": ["spool:1"]}, 2)


def test_texts_under_other_names_stay(sink):
    value = {"data": [TEXT, {"a": {"b64": TEXT}}], "images": [{"id": "QUJD"}], "x": "b64_json"}
    assert spool(sink, encoded(value)) == (value, [])


def test_list_around_objects_is_left_at_its_end(sink):
    value = {"images": [[{"url": "QUJD"}], 1], "seed": "QUJD"}
    assert spool(sink, encoded(value)) == (value, [])


@pytest.mark.parametrize("value", [None, "", " ", 3, True, {}, [], 'https://a.example/b\\"c.png'])
def test_values_that_are_no_picture_stay(sink, value):
    assert spool(sink, encoded({"b64_json": value}), size=4) == ({"b64_json": value}, [])


@pytest.mark.parametrize(
    "text",
    [
        TEXT[:-1],
        TEXT[:101],
        TEXT[:40] + "*" + TEXT[41:],
        "QQ==QUJD",
        "QQ==" * 500,
        TEXT + "\\",
        "no",
        "é" * 4,
    ]
    + ["data:image/png,abc", "\\ud83d", "data:image/png;base64,"],
)
@pytest.mark.parametrize("size", [4, 1 << 20])
def test_bad_base64_is_refused_and_leaves_nothing(sink, text, size):
    body = b'{"b64_json": "%s"}' % text.encode()
    with pytest.raises(InvalidResponse):
        spool(sink, body, size=size)
    assert list(sink.folder.iterdir()) == []


def test_cut_picture_leaves_nothing(sink):
    with pytest.raises(InvalidResponse, match="cannot be read"):
        spool(sink, encoded(ANSWER)[:400])
    assert list(sink.folder.iterdir()) == []


def test_complete_picture_survives_a_cut_behind_it(sink):
    with pytest.raises(InvalidResponse):
        spool(sink, encoded(ANSWER)[:-3])
    assert [path.read_bytes() for path in sink.folder.iterdir()] == [PICTURE]


@pytest.mark.parametrize(
    "body", [b"", b"<html lang=\"en\"><p>'Sorry'", b'{"a": 1} tail', b'{"a": "b', b"[" * 5000]
)
def test_what_is_no_json_is_refused(sink, body):
    with pytest.raises(InvalidResponse) as caught:
        spool(sink, body)
    assert caught.value.billed == "yes"


def test_json_besides_pictures_is_capped(sink):
    with pytest.raises(InvalidResponse) as caught:
        spool(sink, encoded({"text": "x" * receiving.MAX_JSON}), size=65536)
    assert "besides pictures" in caught.value.hint


def test_pictures_are_counted(sink):
    with pytest.raises(InvalidResponse) as caught:
        spool(sink, encoded({"images": ["QUJD"] * 3}), max_files=2)
    assert "more than 2 pictures" in caught.value.hint


def test_answer_is_not_held_in_memory(sink):
    import tracemalloc

    text = base64.b64encode(bytes(8 * 1024 * 1024))
    with JsonSpooler(sink, ["b64_json"]) as spooler:
        spooler.write(b'{"b64_json": "')
        tracemalloc.start()
        for start in range(0, len(text), 65536):
            spooler.write(text[start : start + 65536])
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 1_000_000


# --- Pictures by address ----------------------------------------------------------------


def connection(server, **options):
    values = {"private_network": True, "deadline": 5.0, "read_timeout": 1.0, "secret": "sk-1"}
    return ConnectionConfig(name="far", kind="x", base_url=server.url + "/v1", **values | options)


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(receiving, "PAUSE", 0.01)


def answering(*replies):
    """A server that gives each answer once; the last one stays."""
    left = list(replies)
    return serving(lambda sock, _: sock.sendall(left.pop(0) if len(left) > 1 else left[0]))


def test_picture_is_downloaded_without_credentials(sink):
    with answering(reply(PICTURE)) as server:
        file = fetch_picture(connection(server), f"{server.url}/out/1.png", sink)
    assert Path(file.path).read_bytes() == PICTURE
    assert b"sk-1" not in server.requests[0] and b"uthorization" not in server.requests[0]


def test_relative_address_is_understood(sink):
    with answering(reply(PICTURE)) as server:
        fetch_picture(connection(server), "/out/1.png", sink)
    assert server.requests[0].startswith(b"GET /out/1.png ")


def test_data_address_is_decoded(sink):
    file = fetch_picture(
        ConnectionConfig(name="far", kind="x"), "data:image/png;base64," + TEXT, sink
    )
    assert Path(file.path).read_bytes() == PICTURE


@pytest.mark.parametrize(
    "url", ["data:image/png;base64,####", "data:text/plain,hello", "data:;base64,"]
)
def test_bad_data_address_leaves_nothing(sink, url):
    with pytest.raises(InvalidResponse):
        fetch_picture(ConnectionConfig(name="far", kind="x"), url, sink)
    assert list(sink.folder.iterdir()) == []


@pytest.mark.parametrize("status", ["403 Forbidden", "404 Not Found", "410 Gone"])
def test_expired_address_is_lost_and_was_paid(sink, status):
    with answering(reply(b"", status)) as server, pytest.raises(JobLost) as caught:
        fetch_picture(connection(server), f"{server.url}/1.png", sink)
    assert (caught.value.billed, len(server.requests)) == ("yes", 1)


@pytest.mark.parametrize("failure", [reply(b"", "503 Busy"), reply(PICTURE)[:-100], b""])
def test_failed_download_is_repeated(sink, failure):
    with answering(failure, failure, reply(PICTURE)) as server:
        file = fetch_picture(connection(server), f"{server.url}/1.png", sink)
    assert Path(file.path).read_bytes() == PICTURE
    assert [path.name for path in sink.folder.iterdir()] == [Path(file.path).name]


def test_download_that_fails_for_good_leaves_the_outcome_unknown(sink):
    with answering(reply(b"", "500 Broken")) as server, pytest.raises(OutcomeUnknown) as caught:
        fetch_picture(connection(server), f"{server.url}/1.png", sink)
    assert (caught.value.retryable, len(server.requests)) == (False, 3)
    assert list(sink.folder.iterdir()) == []


def test_download_ends_by_its_deadline(sink):
    with serving(lambda sock, _: sock.recv(1)) as server, pytest.raises(OutcomeUnknown):
        fetch_picture(connection(server), f"{server.url}/1.png", sink, deadline=0.2)


@pytest.mark.parametrize("answer", [reply(b""), reply(b"", "302 Found"), reply(b"", "400 Bad")])
def test_answer_without_a_picture_is_invalid_and_was_paid(sink, answer):
    with answering(answer) as server, pytest.raises(InvalidResponse) as caught:
        fetch_picture(connection(server), f"{server.url}/1.png", sink)
    assert caught.value.billed == "yes"


@pytest.mark.parametrize(
    "url",
    ["http://pictures.example/1.png", "https://127.0.0.1/1.png", "https://169.254.169.254/"]
    + ["https://user:word@pictures.example/", "ftp://pictures.example/1", "https://", "http://["],
)
def test_address_that_may_not_be_used_is_refused_as_paid(sink, url):
    with answering(reply(PICTURE)) as server, pytest.raises(InvalidResponse) as caught:
        fetch_picture(connection(server), url, sink)
    assert (caught.value.billed, server.requests) == ("yes", [])


def test_other_hosts_can_be_ruled_out(sink):
    config = ConnectionConfig(name="far", kind="x", base_url="https://api.example/v1")
    with pytest.raises(InvalidResponse) as caught:
        fetch_picture(config, "https://cdn.example/1.png", sink, own_host_only=True)
    assert "another host (cdn.example)" in caught.value.hint


def test_download_is_capped(sink):
    with answering(reply(PICTURE)) as server, pytest.raises(InvalidResponse, match="more than"):
        fetch_picture(connection(server, max_bytes=100), f"{server.url}/1.png", sink)
    assert list(sink.folder.iterdir()) == []
