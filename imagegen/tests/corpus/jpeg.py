"""JPEG: scans without end, lies of its segments, colour spaces, turned pictures."""

import struct

import numpy as np
from PIL import Image

from imagegen.tests import pictures as made
from imagegen.tests.corpus.cases import GOOD, SHAPE, Corpus, Taken, large
from imagegen.tests.corpus.profiles import adobe_rgb, profiles, strange_exif, turned

PARTS = "cut off or damaged"
DAMAGED = "damaged"
RED = Image.new("RGB", made.SIZE, (200, 30, 30))
LARGE = "40 million pixels"


def good(**options) -> bytes:
    return made.encoded(made.scene(), "JPEG", quality=90, **options)


def segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def behind_start(data: bytes, *segments: bytes) -> bytes:
    return data[:2] + b"".join(segments) + data[2:]


def place_of(data: bytes, *markers: int) -> int:
    """Where the first segment of one of these kinds starts."""
    at = 2
    while data[at + 1] not in markers:
        at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    return at


def changed(data: bytes, marker: int, offset: int, new: bytes) -> bytes:
    """The file with bytes of a segment replaced; `offset` counts from its marker."""
    at = place_of(data, marker) + offset
    return data[:at] + new + data[at + len(new) :]


def without(data: bytes, marker: int) -> bytes:
    at = place_of(data, marker)
    return data[:at] + data[at + 2 + struct.unpack_from(">H", data, at + 2)[0] :]


def many_scans(count: int, size: tuple[int, int] = made.SIZE) -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    data = made.encoded(Image.new("RGB", size, (90, 90, 90)), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * count + b"\xff\xd9"


def claiming(width: int, height: int) -> bytes:
    return changed(good(), 0xC0, 5, struct.pack(">HH", height, width))


def add_bombs(corpus: Corpus) -> None:
    corpus.add("JPEG header of 65535 by 65535", lambda: claiming(65535, 65535), LARGE)
    corpus.add("JPEG header of 8192 by 4883", lambda: claiming(8192, 4883), LARGE)
    corpus.add("JPEG header of 8192 by 4800", lambda: claiming(8192, 4800), slow=True)
    corpus.add("20 scans", lambda: many_scans(10), SHAPE)
    corpus.add("2,000 scans", lambda: many_scans(2000), PARTS)
    corpus.add("40,000 scans", lambda: many_scans(40_000), PARTS)
    corpus.add("many scans of 39 million pixels", lambda: many_scans(90, (8064, 4864)), slow=True)
    hardest = {"exif": turned(6), "icc_profile": adobe_rgb()}
    for mode in ("RGB", "CMYK", "L"):
        make = lambda mode=mode: made.encoded(Image.new(mode, (8000, 5000)), "JPEG", **hardest)  # noqa: E731
        size = Taken(size=(5000, 8000), colour=None)
        corpus.add(f"turned {mode} JPEG of 8000 by 5000", make, size, slow=True)
    full = {"progressive": True, "subsampling": 0, **hardest}
    corpus.add(
        "progressive JPEG of 8000 by 5000",
        lambda: large((8000, 5000), "JPEG", **full),
        Taken(size=(5000, 8000), colour=None),
        slow=True,
    )
    comment = segment(0xFE, b"x" * 65533)
    corpus.add("100 comments of 64 kB", lambda: behind_start(good(), comment * 100), GOOD)
    tiny = segment(0xFE, b"")
    corpus.add("300,000 comments", lambda: behind_start(good(), tiny * 300_000), PARTS)
    corpus.add("3 MB of fill", lambda: good()[:2] + b"\xff" * 3_000_000 + good()[2:], PARTS)
    corpus.add("8 MB of zeros behind", lambda: good() + bytes(8_000_000), GOOD)
    corpus.add("300 JPEGs", lambda: good() * 300, GOOD, upload="after the end")
    corpus.add("restarts without end", lambda: good()[:-2] + b"\xff\xd0" * 500_000 + b"\xff\xd9")


def add_lies(corpus: Corpus) -> None:
    sof, sos = 0xC0, 0xDA
    corpus.add("no end of image", lambda: good()[:-2], PARTS)
    corpus.add("end of image in the middle", lambda: behind_start(good(), b"\xff\xd9"), ".")
    corpus.add("two starts", lambda: b"\xff\xd8" + good(), None)
    corpus.add("0 pixels wide", lambda: claiming(0, 64), DAMAGED)
    corpus.add("0 pixels high", lambda: claiming(96, 0), DAMAGED)
    corpus.add("twice as high as it is", lambda: claiming(96, 128))
    corpus.add(
        "half as wide as it is", lambda: claiming(48 + 32, 64), Taken(size=(80, 64), colour=None)
    )
    corpus.add("12 bits", lambda: changed(good(), sof, 4, b"\x0c"), DAMAGED)
    corpus.add("255 components", lambda: changed(good(), sof, 9, b"\xff"), DAMAGED)
    corpus.add("2 components", lambda: changed(good(), sof, 9, b"\x02"), DAMAGED)
    corpus.add("0 components", lambda: changed(good(), sof, 9, b"\x00"), DAMAGED)
    corpus.add("sampling of 0", lambda: changed(good(), sof, 11, b"\x00"), DAMAGED)
    corpus.add("sampling of 15", lambda: changed(good(), sof, 11, b"\xff"), DAMAGED)
    corpus.add("quantiser that is not there", lambda: changed(good(), sof, 12, b"\x03"), DAMAGED)
    corpus.add("scan of an unknown part", lambda: changed(good(), sos, 5, b"\x77"), DAMAGED)
    corpus.add("Huffman table that is not there", lambda: changed(good(), sos, 6, b"\x33"), DAMAGED)
    corpus.add("no quantisers", lambda: without(without(good(), 0xDB), 0xDB), DAMAGED)
    corpus.add("no Huffman tables", no_tables)
    corpus.add("no frame", lambda: without(good(), sof), DAMAGED)
    corpus.add("two frames", lambda: two_frames(), None)
    for marker, name in [(0xC9, "arithmetic"), (0xC3, "lossless"), (0xC5, "differential")]:
        corpus.add(f"{name} coding claimed", lambda marker=marker: as_frame(marker))
    corpus.add("segment of length 0", lambda: behind_start(good(), b"\xff\xe5\x00\x00"))
    corpus.add("segment of length 1", lambda: behind_start(good(), b"\xff\xe5\x00\x01"))
    corpus.add("segment to the end", lambda: behind_start(good(), b"\xff\xe5\xff\xff"), PARTS)
    corpus.add("Huffman table of noise", lambda: changed(good(), 0xC4, 5, b"\xff" * 16), DAMAGED)
    corpus.add("noise for pixels", noise)
    corpus.add(
        "broken index of pictures",
        lambda: behind_start(good(), segment(0xE2, b"MPF\0II*\0" + b"\xff" * 40)),
    )


def no_tables() -> bytes:
    """As motion JPEG is sent: the decoder is to know the tables."""
    data = good()
    while b"\xff\xc4" in data:
        data = without(data, 0xC4)
    return data


def as_frame(marker: int) -> bytes:
    return changed(good(), 0xC0, 1, bytes([marker]))


def two_frames() -> bytes:
    data = good()
    at = place_of(data, 0xC0)
    frame = data[at : at + 19]
    return data[:at] + frame + data[at:]


def noise() -> bytes:
    data = good()
    start = place_of(data, 0xDA) + 14
    random = np.random.default_rng(3).bytes(len(data) - start - 2).replace(b"\xff", b"\xfe")
    return data[:start] + random + data[-2:]


def add_kinds(corpus: Corpus) -> None:
    scene = made.scene()
    grey = sum(scene.convert("L").resize((1, 1), Image.Resampling.BOX).tobytes())
    shades = Taken(colour=(grey, grey, grey))
    corpus.add("grey JPEG", lambda: made.encoded(scene.convert("L"), "JPEG"), shades)
    corpus.add("progressive", lambda: good(progressive=True), GOOD)
    corpus.add("full colour", lambda: good(subsampling=0), GOOD)
    corpus.add("restart markers", lambda: good(restart_marker_blocks=1), GOOD)
    corpus.add("RGB kept", lambda: good(keep_rgb=True), GOOD)
    corpus.add("quality 1", lambda: made.encoded(scene, "JPEG", quality=1), SHAPE)
    corpus.add("CMYK", lambda: made.encoded(scene.convert("CMYK"), "JPEG", quality=95), GOOD)
    corpus.add("CMYK without Adobe's mark", cmyk_without_mark)
    corpus.add(
        "CMYK with an RGB profile",
        lambda: made.encoded(
            scene.convert("CMYK"), "JPEG", quality=95, icc_profile=profiles()["sRGB"]
        ),
        GOOD,
    )
    corpus.add("phone's with a second picture", made.phone_jpeg, GOOD)
    corpus.add(
        "long strip of a photograph",
        lambda: made.encoded(made.scene((700, 200)), "JPEG"),
        Taken(size=(700, 200), colour=None),
    )


def cmyk_without_mark() -> bytes:
    data = made.encoded(made.scene().convert("CMYK"), "JPEG", quality=95)
    return without(data, 0xEE)


def add_metadata(corpus: Corpus) -> None:
    for orientation in range(1, 9):
        size = made.SIZE if orientation < 5 else made.SIZE[::-1]
        make = lambda orientation=orientation: good(exif=turned(orientation))  # noqa: E731
        corpus.add(f"JPEG turned, {orientation}", make, Taken(size=size))
    for name, profile in profiles().items():
        make = lambda profile=profile: good(icc_profile=profile)  # noqa: E731
        corpus.add(f"JPEG with profile {name}", make, GOOD)
    wide = Taken(colour=(234, 12, 23))
    corpus.add(
        "JPEG in Adobe RGB", lambda: made.encoded(RED, "JPEG", icc_profile=adobe_rgb()), wide
    )
    part = lambda n, of: segment(0xE2, b"ICC_PROFILE\0" + bytes([n, of]) + bytes(60_000))  # noqa: E731
    corpus.add(
        "15 MB of profile",
        lambda: behind_start(good(), *(part(n, 255) for n in range(1, 256))),
        GOOD,
    )
    corpus.add(
        "profile with a part missing", lambda: behind_start(good(), part(1, 3), part(3, 3)), GOOD
    )
    corpus.add("profile with a part twice", lambda: behind_start(good(), *[part(1, 2)] * 9), GOOD)
    corpus.add("profile of part 0 of 0", lambda: behind_start(good(), part(0, 0)), GOOD)
    for name, exif in strange_exif().items():
        make = lambda exif=exif: behind_start(good(), segment(0xE1, exif))  # noqa: E731
        corpus.add(f"JPEG with EXIF: {name}", make, GOOD)
    corpus.add(
        "JPEG with 60 blocks of EXIF",
        lambda: behind_start(good(), segment(0xE1, b"Exif\0\0" + bytes(65000)) * 60),
        GOOD,
    )
    xmp = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + b"<x>" * 20_000)
    corpus.add("JPEG with 50 blocks of XMP", lambda: behind_start(good(), xmp * 50), GOOD)
    photoshop = segment(0xED, b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0\xff\xff\xff\xff")
    corpus.add("Photoshop block that lies", lambda: behind_start(good(), photoshop), GOOD)
    corpus.add("short JFIF", lambda: behind_start(good(), segment(0xE0, b"JFIF")), DAMAGED)
    corpus.add("short Adobe mark", lambda: behind_start(good(), segment(0xEE, b"Adobe")), None)


def add_all(corpus: Corpus) -> None:
    add_bombs(corpus)
    add_lies(corpus)
    add_kinds(corpus)
    add_metadata(corpus)
