"""The fakes are honest: what they say they do, happens on the wire."""

import socket

import pytest
import requests
from requests import exceptions

from providers.tests.fakes import pictures
from providers.tests.fakes.base import FakeService, Reply, Request
from providers.tests.fakes.faults import FAULTS, PROTOCOL, VARIANTS
from providers.types import Recovery


class Shop(FakeService):
    """Sells pictures at once, in JSON; looks at an order are free."""

    phases = ("call", "poll", "download")
    protocol_faults = frozenset({"sold_out"})

    def answer(self, request: Request) -> Reply:
        if request.method == "GET":
            return Reply.json({"state": "open"})
        if self.faulty("sold_out"):
            return Reply.json({"error": "sold out"})
        self.charge(request.headers.get("x-key", ""))
        return Reply.json({"images": [self.encoded(data) for data in self.pictures(64, 48)]})


@pytest.fixture
def shop():
    with Shop() as shop:
        yield shop


def order(shop, **options):
    return requests.post(shop.url + "/images?size=s", json={"n": 1}, timeout=0.25, **options)


def test_call_is_answered_and_charged(shop):
    answer = order(shop, headers={"X-Key": "k1"})
    assert answer.status_code == 200 and len(answer.json()["images"]) == 1
    assert [(charge.identity, charge.path) for charge in shop.ledger] == [("k1", "/images")]


def test_request_is_kept_as_it_came(shop):
    order(shop)
    request = shop.requests[0]
    assert (request.method, request.path, request.query) == ("POST", "/images", {"size": "s"})
    assert request.json() == {"n": 1} and "content-type" in request.headers


def test_form_is_read_in_parts(shop):
    requests.post(shop.url, data={"a": "1"}, files={"image": ("x.png", b"\x89PNG\r\n")}, timeout=1)
    parts = {part.name: part for part in shop.requests[0].parts()}
    assert parts["a"].text == "1"
    assert (parts["image"].filename, parts["image"].content) == ("x.png", b"\x89PNG\r\n")


def test_chunked_request_is_read(shop):
    requests.post(shop.url, data=iter([b'{"n":', b"1}"]), timeout=1)
    assert shop.requests[0].json() == {"n": 1}


def test_connection_serves_several_requests(shop):
    with requests.Session() as session:
        assert [session.get(shop.url, timeout=1).ok for _ in range(3)] == [True] * 3


def test_script_goes_on_and_its_last_word_stays(shop):
    shop.faults("status:503", "")
    assert [order(shop).status_code for _ in range(3)] == [503, 200, 200]
    assert shop.struck == ["status"]


def test_each_phase_has_its_own_script(shop):
    shop.faults("status:500", on="poll")
    assert requests.get(shop.url, timeout=1).status_code == 500
    assert order(shop).status_code == 200


@pytest.mark.parametrize(
    ("fault", "charges"),
    [
        ("status:429", 0),
        ("status:500", 1),
        ("status:500:free", 0),
        ("status:403:charged", 1),
        ("html_200", 1),
        ("redirect:307:internal", 0),
    ],
)
def test_fault_says_whether_it_charges(shop, fault, charges):
    shop.faults(fault)
    order(shop, allow_redirects=False)
    assert len(shop.ledger) == charges


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("reset_unread", exceptions.ConnectionError),
        ("close_unread", exceptions.ConnectionError),
        ("reset", exceptions.ConnectionError),
        ("close", exceptions.ConnectionError),
        ("timeout", exceptions.ReadTimeout),
        ("cut_head:9", exceptions.ConnectionError),
        ("cut_at:50%", exceptions.ChunkedEncodingError),
        ("reset_at:-1", (exceptions.ChunkedEncodingError, exceptions.ConnectionError)),
        ("stall_at:50%", exceptions.ConnectionError),
        ("not_http", exceptions.ConnectionError),
        ("long_header", exceptions.ConnectionError),
        ("length_long", exceptions.ChunkedEncodingError),
        ("length_short", exceptions.JSONDecodeError),
        ("chunk_cut", exceptions.ChunkedEncodingError),
        ("chunk_junk", exceptions.ChunkedEncodingError),
        ("deflate_junk", exceptions.ContentDecodingError),
        ("html_200", exceptions.JSONDecodeError),
        ("empty_200", exceptions.JSONDecodeError),
        ("refused", exceptions.ConnectionError),
    ],
)
def test_fault_is_felt_by_a_plain_client(shop, fault, error):
    shop.faults(fault)
    with pytest.raises(error):
        order(shop).json()


def test_refused_connection_is_accepted_again_later(shop):
    shop.faults("refused", "")
    with pytest.raises(exceptions.ConnectionError):
        order(shop)
    shop.open_door()
    assert order(shop).ok and len(shop.ledger) == 1


def test_drip_comes_byte_by_byte(shop):
    shop.faults("drip:0.1", on="poll")
    with socket.create_connection(("127.0.0.1", shop.port), timeout=1) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert client.recv(100) == b"H"


def test_bomb_is_small_on_the_wire(shop):
    shop.faults("gzip_bomb:2")
    answer = order(shop)
    assert int(answer.headers["content-length"]) < 10_000 and len(answer.content) == 2 << 20


def test_endless_answer_tells_how_much_of_it_was_taken(shop):
    shop.faults("huge_body")
    with order(shop, stream=True) as answer:
        for block in answer.iter_content(1 << 20):
            assert block.strip() == b""
            break
    assert 0 < shop.taken.most < 32 << 20


@pytest.mark.parametrize("kind", ["seconds", "date", "absurd", "negative", "garbage"])
def test_each_kind_of_retry_after_is_told(shop, kind):
    shop.faults(f"status:429:retry-after={kind}")
    assert order(shop).headers["retry-after"]


def test_retry_after_may_be_missing(shop):
    shop.faults("status:429")
    assert "retry-after" not in order(shop).headers


@pytest.mark.parametrize(
    ("fault", "count"), [("no_images", 0), ("more_images", 2), ("black", 1), ("", 1)]
)
def test_number_of_pictures_follows_the_fault(shop, fault, count):
    shop.faults(fault)
    assert len(order(shop).json()["images"]) == count


def test_base64_is_spoiled_on_request(shop):
    shop.faults("truncated_base64", "invalid_base64", "empty_base64")
    texts = [order(shop).json()["images"][0] for _ in range(3)]
    assert len(texts[0]) % 4 == 1 and texts[1].startswith("*") and texts[2] == ""


def test_faults_of_the_protocol_are_the_subclass_own(shop):
    shop.faults("sold_out")
    assert order(shop).json() == {"error": "sold out"} and not shop.ledger


def test_file_can_be_offered_for_download(shop):
    url = shop.put_file(b"abc", "image/png")
    assert requests.get(url, timeout=1).content == b"abc"
    shop.faults("status:410", on="download")
    assert requests.get(url, timeout=1).status_code == 410


@pytest.mark.parametrize(
    ("fault", "on", "can"),
    [
        ("status:500", "call", True),
        ("cut_at:3", "download", True),
        ("sold_out", "call", True),
        ("moderation_200", "call", False),
        ("black", "poll", False),
        ("reset", "upload", False),
    ],
)
def test_fake_tells_what_it_can_show(shop, fault, on, can):
    assert shop.supports(fault, on) is can


def test_error_in_a_fake_is_told_at_the_end():
    class Broken(FakeService):
        def answer(self, request):
            raise KeyError("oops")

    with pytest.raises(KeyError), Broken() as fake, pytest.raises(exceptions.ConnectionError):
        order(fake)


def test_pictures_differ_by_seed_and_are_cached():
    assert pictures.png(64, 48, 1) != pictures.png(64, 48, 2)
    assert pictures.png(64, 48, 1) is pictures.png(64, 48, 1)


@pytest.mark.parametrize(
    ("data", "start"),
    [
        (pictures.png(64, 48), b"\x89PNG"),
        (pictures.jpeg(64, 48), b"\xff\xd8"),
        (pictures.webp(64, 48), b"RIFF"),
        (pictures.gif(64, 48), b"GIF8"),
        (pictures.black(64, 48), b"\x89PNG"),
    ],
)
def test_pictures_are_what_they_are_called(data, start):
    assert data.startswith(start)


@pytest.mark.parametrize("name", pictures.SPOILED)
def test_every_spoiled_picture_differs_from_a_good_one(name):
    assert pictures.spoiled(name, 64, 48) != pictures.png(64, 48)


def test_table_has_each_name_once():
    names = [fault.name for fault in FAULTS]
    assert len(names) == len(set(names)) and len(names) >= 60
    assert set(names) >= VARIANTS


def test_every_kind_in_the_table_is_an_error_of_ours():
    from providers import errors

    kinds = set().union(*(fault.kinds for fault in FAULTS)) - {""}
    assert all(issubclass(getattr(errors, kind), errors.ProviderProblem) for kind in kinds)


def test_every_fault_of_a_protocol_is_in_the_table():
    assert set(PROTOCOL) <= {fault.script[0] for fault in FAULTS}


def test_fault_of_the_table_can_be_shown_by_every_full_fake(shop):
    shown = {fault.name for fault in FAULTS if shop.supports(fault)}
    assert shown >= {fault.name for fault in FAULTS if fault.script[0] not in PROTOCOL}


def test_doubt_may_be_cleared_up_where_the_call_can_be_found():
    silence = next(fault for fault in FAULTS if fault.name == "silence")
    assert "" in silence.expected(Recovery.LOOKUP)
    assert "" not in silence.expected(Recovery.HANDLE) | silence.expected(Recovery.NOTHING)


def test_fault_of_a_call_can_be_put_in_force_later(shop):
    shop.faults("black")
    with shop.under(shop.fault):
        assert not shop.faulty("black")
