"""Content Credentials in received files: found in every format, read without trust."""

import struct
import time
from pathlib import Path

import pytest

from imagegen.imaging.c2pa import LARGEST, find_manifest, read_facts
from imagegen.imaging.cbor import Malformed, read_cbor
from imagegen.tests import pictures as made

SIGNED = (Path(__file__).parent / "signed.c2pa").read_bytes()  # by a certificate of our own
BMFF_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def superbox(label: str, *contents: bytes) -> bytes:
    description = box(b"jumd", bytes(16) + b"\x03" + label.encode() + b"\0")
    return box(b"jumb", description + b"".join(contents))


def cbor(value) -> bytes:
    """A value as CBOR, with 32-bit lengths."""

    def head(kind: int, number: int) -> bytes:
        return bytes([kind << 5 | 26]) + struct.pack(">I", number)

    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(cbor, value))
    if isinstance(value, dict):
        return head(5, len(value)) + b"".join(cbor(k) + cbor(v) for k, v in value.items())
    return b"\xf6" if value is None else head(0, value)


def store(claim=None, actions=None, signature=None) -> bytes:
    parts = [superbox("c2pa.claim.v2", box(b"cbor", cbor(claim or {})))]
    listed = superbox("c2pa.actions.v2", box(b"cbor", cbor({"actions": actions or []})))
    parts.append(superbox("c2pa.assertions", listed))
    parts.append(superbox("c2pa.signature", box(b"cbor", cbor(signature or []))))
    return superbox("c2pa", superbox("urn:c2pa:1", *parts))


def in_png(manifest: bytes) -> bytes:
    return made.with_chunk(made.png(), b"caBX", manifest)


def in_jpeg(manifest: bytes, size: int = 60_000) -> bytes:
    """The manifest in APP11 segments of at most `size` bytes, in the wrong order."""
    header, rest = manifest[:8], manifest[8:]
    pieces = [rest[at : at + size] for at in range(0, len(rest), size)]
    segments = []
    for number, piece in enumerate(pieces, 1):
        body = b"JP" + struct.pack(">HI", 7, number) + header + piece
        segments.append(b"\xff\xeb" + struct.pack(">H", len(body) + 2) + body)
    whole = made.encoded(made.scene(), "JPEG")
    return whole[:2] + b"".join(reversed(segments)) + whole[2:]


def in_webp(manifest: bytes) -> bytes:
    whole = made.encoded(made.scene(), "WEBP") + b"C2PA" + struct.pack("<I", len(manifest))
    whole += manifest + b"\0" * (len(manifest) % 2)
    return whole[:4] + struct.pack("<I", len(whole) - 8) + whole[8:]


def in_avif(manifest: bytes) -> bytes:
    whole = made.encoded(made.scene(), "AVIF")
    content = BMFF_UUID + bytes(4) + b"manifest\0" + bytes(8) + manifest
    end = struct.unpack(">I", whole[:4])[0]
    return whole[:end] + box(b"uuid", content) + whole[end:]


HIDDEN = {"PNG": in_png, "JPEG": in_jpeg, "WEBP": in_webp, "AVIF": in_avif}


@pytest.mark.parametrize("format", HIDDEN)
def test_manifest_is_found(format):
    assert find_manifest(HIDDEN[format](SIGNED)) == SIGNED


@pytest.mark.parametrize("format", HIDDEN)
def test_file_without_one_has_none(format):
    assert find_manifest(made.encoded(made.scene(), format)) is None


def test_segments_of_a_jpeg_are_joined_in_their_order():
    assert find_manifest(in_jpeg(SIGNED, size=700)) == SIGNED


def test_other_boxes_in_a_jpeg_are_no_manifest():
    assert find_manifest(in_jpeg(superbox("other.thing", bytes(90)))) is None


@pytest.mark.parametrize("data", [b"", b"RIFF", made.SVG, made.HTML, b"\xff\xd8\xff\xeb"])
def test_other_files_have_none(data):
    assert find_manifest(data) is None


def test_really_signed_manifest_is_read():
    facts = read_facts(SIGNED)
    assert facts["signer"] == "Frontispiece test signer"
    assert facts["generator"] == "Frontispiece"
    assert facts["actions"] == ["c2pa.opened", "c2pa.resized", "c2pa.edited"]
    assert facts["digital_source_type"] == "trainedAlgorithmicMedia"


def test_generator_agent_and_time_of_an_action():
    action = {
        "action": "c2pa.created",
        "softwareAgent": {"name": "painter", "version": "2"},
        "when": "2026-05-04T03:02:01Z",
    }
    facts = read_facts(store({"claim_generator": "Old/1.0"}, [action]))
    assert (facts["generator"], facts["agent"]) == ("Old/1.0", "painter 2")
    assert facts["made_at"] == "2026-05-04T03:02:01Z"


def test_time_of_a_time_stamp():
    token = b"\x30\x20\x18\x0f20260102030405Z and more"
    headers = {"sigTst2": {"tstTokens": [{"val": token}]}}
    facts = read_facts(store(signature=[b"", headers, None, b"signed"]))
    assert facts["signed_at"] == "2026-01-02T03:04:05Z"


def test_facts_are_single_lines_of_bounded_length():
    facts = read_facts(store({"claim_generator": "A\nB " + "x" * 5000}))
    assert facts["generator"].startswith("A B x")
    assert len(facts["generator"]) == 200


def test_huge_manifest_is_noted_only():
    assert read_facts(bytes(LARGEST + 1)) == {"present": True, "byte_size": LARGEST + 1}


def test_every_cut_and_every_flip_is_survived():
    for at in range(0, len(SIGNED), 7):
        assert read_facts(SIGNED[:at])["present"]
        assert read_facts(SIGNED[:at] + bytes([SIGNED[at] ^ 0xFF]) + SIGNED[at + 1 :])["present"]


@pytest.mark.parametrize("format", HIDDEN)
def test_every_cut_of_a_file_is_survived(format):
    data = HIDDEN[format](SIGNED)
    for at in range(0, len(data), 101):
        find_manifest(data[:at])


@pytest.mark.parametrize(
    ("start", "part"),
    [
        (b"\x89PNG\r\n\x1a\n", bytes(12)),
        (b"RIFF\0\0\0\0WEBP", bytes(8)),
        (b"\xff\xd8", b"\xff\xe1\0\x02"),
        (b"\xff\xd8", b"\xff"),
    ],
    ids=["PNG", "WEBP", "JPEG", "padding"],
)
def test_floods_of_tiny_parts_are_given_up_soon(start, part):
    data = start + part * (24_000_000 // len(part))
    began = time.process_time()
    assert find_manifest(data) is None
    assert time.process_time() - began < 0.4


def test_boxes_in_boxes_without_end_are_given_up():
    nested = b""
    for _ in range(2000):
        nested = box(b"jumb", nested)
    assert read_facts(nested)["present"]


def test_many_boxes_are_given_up():
    assert read_facts(box(b"jumb", box(b"free", b"") * 10_000))["present"]


def test_certificate_of_rubbish_leaves_the_rest_readable():
    facts = read_facts(
        store({"claim_generator": "G"}, signature=[b"", {33: b"\x30\x84"}, None, b""])
    )
    assert (facts["generator"], facts.get("signer")) == ("G", None)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"\x18\x64", 100),
        (b"\x38\x63", -100),
        (b"\xf9\x3c\x00", 1.0),
        (b"\x9f\x01\x02\xff", [1, 2]),
        (b"\xbf\x61a\xf5\xff", {"a": True}),
        (b"\x7f\x61a\x61b\xff", "ab"),
        (b"\xc0\x61z", "z"),
        (b"\xa1\x81\x01\x02", {}),
    ],
)
def test_cbor_is_read(data, value):
    assert read_cbor(data) == value


@pytest.mark.parametrize(
    "data",
    [b"", b"\x9b" + b"\xff" * 8, b"\x5b" + b"\xff" * 8, b"\x81" * 100, b"\x1c", b"\x9f", b"\x1f"]
    + [b"\x9f" + b"\x01" * 30_000, b"\x81\xff"],
)
def test_bad_cbor_is_malformed(data):
    with pytest.raises(Malformed):
        read_cbor(data)


def der(tag: int, *contents: bytes) -> bytes:
    content = b"".join(contents)
    return bytes([tag, len(content)]) + content


def certificate(*names: bytes) -> bytes:
    """The beginning of an X.509 certificate whose subject has one name of these parts."""
    subject = der(0x30, der(0x31, der(0x30, *names)))
    return der(0x30, der(0x30, *4 * [der(2, b"1")], subject))


COMMON_NAME = der(6, b"\x55\x04\x03")


@pytest.mark.parametrize(
    "leaf",
    [der(0x30, der(0x30, der(2, b"1"), der(2, b"1"))), certificate(COMMON_NAME)],
    ids=["too few fields", "a name without a value"],
)
def test_odd_certificate_leaves_the_other_facts(leaf):
    facts = read_facts(store({"claim_generator": "Tool"}, signature=[b"", {33: leaf}, None, b""]))
    assert facts["generator"] == "Tool"
    assert "signer" not in facts


def test_facts_hold_nothing_that_a_database_refuses():
    leaf = certificate(COMMON_NAME, der(12, b"a\0b"))
    told = {"claim_generator": "To\0ol\x1b", "dc:title": "\0"}
    facts = read_facts(store(told, signature=[b"", {33: leaf}, None, b""]))
    assert (facts["signer"], facts["generator"]) == ("a b", "To ol")
    assert "title" not in facts
