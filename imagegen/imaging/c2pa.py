"""Content Credentials (C2PA) of a received file: finding the manifest, reading its main facts.

Nothing is verified here. The facts are what the file says of itself, for people to read;
nothing is let through or held back for them. Layout as in the C2PA specification 2.2.
"""

import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from imagegen.imaging.cbor import Malformed, read_cbor
from imagegen.imaging.xmp import find_source_type
from providers.keeping import one_line

LARGEST = 4 * 1024 * 1024  # bytes; larger manifests are noted, not kept
LONGEST = 200  # characters of one fact
MOST_PARTS = 50_000  # chunks or segments of a file that are looked through
MOST_BOXES = 2000
DEEPEST = 8
MOST_ACTIONS = 20
BMFF_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
GENERALIZED_TIME = re.compile(rb"\x18[\x0f-\x18](\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)")
X5CHAIN = 33  # COSE header label
COMMON_NAME, ORGANISATION = b"\x55\x04\x03", b"\x55\x04\x0a"  # object identifiers in DER


# --- Finding ----------------------------------------------------------------------------


def find_manifest(data: bytes) -> bytes | None:
    """The raw manifest store (JUMBF) in a PNG, JPEG, WebP or AVIF file; None if there is none."""
    try:
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            return _in_png(data)
        if data.startswith(b"\xff\xd8"):
            return _in_jpeg(data)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _in_riff(data)
        if data[4:8] == b"ftyp":
            return _in_bmff(data)
    except (struct.error, Malformed):
        return None
    return None


def _in_png(data: bytes) -> bytes | None:
    at = 8
    for _ in range(MOST_PARTS):
        if at + 12 > len(data):
            break
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"caBX":
            return data[at + 8 : at + 8 + length] or None
        if kind == b"IEND":
            return None
        at += 12 + length
    return None


def _in_riff(data: bytes) -> bytes | None:
    at = 12
    for _ in range(MOST_PARTS):
        if at + 8 > len(data):
            break
        kind, length = struct.unpack_from("<4sI", data, at)
        if kind == b"C2PA":
            return data[at + 8 : at + 8 + length] or None
        at += 8 + length + length % 2
    return None


def _in_bmff(data: bytes) -> bytes | None:
    for kind, start, end in _boxes(data, 0, len(data)):
        if kind != b"uuid" or data[start : start + 16] != BMFF_UUID:
            continue
        # version and flags (4), purpose (text to a zero byte), offset of a Merkle box (8)
        purpose, zero, _ = data[start + 20 : min(end, start + 84)].partition(b"\0")
        if zero and purpose == b"manifest":
            return data[start + 20 + len(purpose) + 1 + 8 : end] or None
    return None


def _in_jpeg(data: bytes) -> bytes | None:
    """APP11 segments that belong together by their number, joined in their order."""
    parts: dict[int, dict[int, bytes]] = {}
    for marker, body in _segments(data):
        if marker != 0xEB or len(body) < 16 or body[:2] != b"JP":
            continue
        number, order = struct.unpack_from(">HI", body, 2)
        parts.setdefault(number, {}).setdefault(order, body[8:])
    for segments in parts.values():
        first, *others = (segments[order] for order in sorted(segments))
        # Each further segment repeats the header of the box.
        header = 16 if first[:4] == b"\0\0\0\1" else 8
        joined = first + b"".join(part[header:] for part in others)
        if b"c2pa" in joined[:64]:
            return joined
    return None


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and body of a JPEG's segments before its picture data."""
    at = 2
    for _ in range(MOST_PARTS):
        if at + 4 > len(data) or data[at] != 0xFF:
            return
        marker = data[at + 1]
        if marker == 0xFF:  # padding
            at += 1
            continue
        if marker == 0xDA:
            return
        (length,) = struct.unpack_from(">H", data, at + 2)
        yield marker, data[at + 4 : at + 2 + length]
        at += 2 + max(length, 2)


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Type, start and end of the contents of the boxes in a row. Raises Malformed."""
    count = 0
    while start + 8 <= end:
        count += 1
        length, kind = struct.unpack_from(">I4s", data, start)
        header = 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, start + 8)
            header = 16
        elif length == 0:
            length = end - start
        if length < header or start + length > end or count > MOST_BOXES:
            raise Malformed("a box that does not fit")
        yield kind, start + header, start + length
        start += length


def keep_manifest(data: bytes, target: str) -> dict[str, Any]:
    """Write the raw manifest of a file, if it has one of a sane size, to `target`.

    Gives the manifest's facts, {} where there is none.
    """
    manifest = find_manifest(data)
    if manifest is None:
        return {}
    if len(manifest) <= LARGEST:
        Path(target).write_bytes(manifest)
    return read_facts(manifest)


# --- Reading ----------------------------------------------------------------------------


def read_facts(manifest: bytes) -> dict[str, Any]:
    """What the active (last) manifest of a store says of itself.

    `present` and `byte_size` are always there; `digital_source_type` (the IPTC term that says
    most about AI, also of a parent), `generator`, `title`, `actions`, `agent`, `signer`,
    `signed_at` (ISO, from a time stamp), `made_at` (of an action) and `manifests` (how many are
    in the store) as far as they can be read.
    """
    facts: dict[str, Any] = {"present": True, "byte_size": len(manifest)}
    if term := find_source_type(manifest):
        facts["digital_source_type"] = term
    if len(manifest) > LARGEST:
        return facts
    try:
        store = _tree(manifest, 0, len(manifest), 0, [0])
        manifests = store[0].children if store else []
    except (Malformed, struct.error, RecursionError):
        return facts
    if not manifests:
        return facts
    facts["manifests"] = len(manifests)
    active = manifests[-1]
    for read in (_claim_facts, _action_facts, _signature_facts):
        try:
            facts |= {name: value for name, value in read(active).items() if value}
        except (ValueError, struct.error, RecursionError, IndexError):  # Malformed among them
            continue
    return facts


class _Box:
    """A JUMBF superbox: its label, its superboxes, and the data of its content boxes."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.children: list[_Box] = []
        self.cbor: bytes = b""

    def find(self, *starts: str) -> "_Box | None":
        """The first box below whose label begins so."""
        for child in self.children:
            if child.label.startswith(starts):
                return child
        return None


def _tree(data: bytes, start: int, end: int, depth: int, count: list[int]) -> list[_Box]:
    if depth > DEEPEST:
        raise Malformed("boxes too deep")
    found = []
    for kind, inner, stop in _boxes(data, start, end):
        count[0] += 1
        if count[0] > MOST_BOXES:
            raise Malformed("too many boxes")
        if kind == b"jumb":
            found.append(_superbox(data, inner, stop, depth, count))
    return found


def _superbox(data: bytes, start: int, end: int, depth: int, count: list[int]) -> _Box:
    box = _Box("")
    for kind, inner, stop in _boxes(data, start, end):
        if kind == b"jumd":  # type (16), toggles (1), label to a zero byte
            label = data[inner + 17 : min(stop, inner + 17 + LONGEST)].partition(b"\0")[0]
            box.label = label.decode("utf-8", "replace")
        elif kind == b"cbor":
            box.cbor = data[inner:stop]
    box.children = _tree(data, start, end, depth + 1, count)
    return box


def _claim_facts(manifest: _Box) -> dict[str, Any]:
    claim = manifest.find("c2pa.claim")
    told = read_cbor(claim.cbor) if claim else {}
    if not isinstance(told, dict):
        return {}
    info = told.get("claim_generator_info")
    names = [_name_of(entry) for entry in (info if isinstance(info, list) else [info])]
    generator = next(filter(None, names), "") or _text(told.get("claim_generator"))
    return {"generator": generator, "title": _text(told.get("dc:title"))}


def _name_of(entry: Any) -> str:
    """A program's name and version, given as text or as a map."""
    if not isinstance(entry, dict):
        return _text(entry)
    return f"{_text(entry.get('name'))} {_text(entry.get('version'))}".strip()


def _action_facts(manifest: _Box) -> dict[str, Any]:
    assertions = manifest.find("c2pa.assertions")
    box = assertions.find("c2pa.actions") if assertions else None
    told = read_cbor(box.cbor) if box else {}
    actions = told.get("actions") if isinstance(told, dict) else None
    if not isinstance(actions, list):
        return {}
    actions = [action for action in actions[:MOST_ACTIONS] if isinstance(action, dict)]
    agents = (_name_of(action.get("softwareAgent")) for action in actions)
    times = (_text(action.get("when")) for action in actions)
    return {
        "actions": [_text(action.get("action")) for action in actions],
        "agent": next(filter(None, agents), ""),
        "made_at": next(filter(None, times), ""),
    }


def _signature_facts(manifest: _Box) -> dict[str, Any]:
    """Who signed, from the leaf certificate, and when, from a time stamp."""
    box = manifest.find("c2pa.signature")
    signed = read_cbor(box.cbor) if box else None
    if not isinstance(signed, list) or len(signed) != 4:
        return {}
    protected = read_cbor(signed[0]) if isinstance(signed[0], bytes) and signed[0] else {}
    headers: dict[Any, Any] = {}
    for header in (signed[1], protected):
        headers |= header if isinstance(header, dict) else {}
    chain = headers.get(X5CHAIN, headers.get("x5chain"))
    leaf = chain[0] if isinstance(chain, list) and chain else chain
    stamp = headers.get("sigTst2", headers.get("sigTst"))
    return {
        "signer": _subject(leaf) if isinstance(leaf, bytes) else "",
        "signed_at": _time_of(stamp),
    }


def _time_of(stamp: Any) -> str:
    """The time in an RFC 3161 token, as ISO text in UTC."""
    tokens = stamp.get("tstTokens") if isinstance(stamp, dict) else None
    first = tokens[0] if isinstance(tokens, list) and tokens else None
    value = first.get("val") if isinstance(first, dict) else None
    found = GENERALIZED_TIME.search(value) if isinstance(value, bytes) else None
    if found is None:
        return ""
    year, month, day, hour, minute, second = (part.decode() for part in found.groups())
    return f"{year}-{month}-{day}T{hour}:{minute}:{second}Z"


def _subject(certificate: bytes) -> str:
    """The common name of an X.509 certificate's subject, else its organisation, else ""."""
    body = _fields(_fields(_fields(certificate)[0][1])[0][1])
    if body[0][0] == 0xA0:  # an explicit version
        body = body[1:]
    serial, algorithm, issuer, validity, subject, *_ = body
    names = {}
    for _, group in _fields(subject[1]):
        for _, pair in _fields(group):
            (_, name), (_, value), *_ = _fields(pair)
            names.setdefault(name, value.decode("utf-8", "replace"))
    return _text(names.get(COMMON_NAME) or names.get(ORGANISATION))


def _fields(data: bytes) -> list[tuple[int, bytes]]:
    """Tag and value of the DER items in a row. Raises Malformed."""
    found, at = [], 0
    while at + 2 <= len(data):
        tag, length = data[at], data[at + 1]
        at += 2
        if length & 0x80:
            size = length & 0x7F
            if size > 4:
                raise Malformed("a DER length that cannot be")
            length = int.from_bytes(data[at : at + size], "big")
            at += size
        if at + length > len(data):
            raise Malformed("a DER value cut off")
        found.append((tag, data[at : at + length]))
        at += length
    if not found:
        raise Malformed("no DER value")
    return found


def _text(value: Any) -> str:
    """A fact as one line of bounded length; "" for anything but text.

    Without what cannot be shown: PostgreSQL refuses a NUL in JSON.
    """
    if not isinstance(value, str):
        return ""
    return one_line(value, LONGEST)
