"""WebP: lies of RIFF, giants in a few bytes, animations, and what an extended file may hold."""

import struct

from PIL import Image

from imagegen.tests import pictures as made
from imagegen.tests.corpus.cases import GOOD, SHAPE, Corpus, Taken, large, shade
from imagegen.tests.corpus.profiles import adobe_rgb, profiles, strange_exif, turned

DAMAGED = "damaged"
RED = Image.new("RGB", made.SIZE, (200, 30, 30))
ALPHA, EXIF, ICC, ANIMATED = 0x10, 0x08, 0x20, 0x02


def good(**options) -> bytes:
    return made.encoded(made.scene(), "WEBP", **{"quality": 90, **options})


def part(kind: bytes, data: bytes) -> bytes:
    return kind + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)


def riff(*parts: bytes) -> bytes:
    body = b"WEBP" + b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def canvas(width: int, height: int, flags: int = 0) -> bytes:
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return part(b"VP8X", bytes([flags, 0, 0, 0]) + sides)


def lossless_head(width: int, height: int) -> bytes:
    return b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14) + bytes(60)


def pixels(data: bytes) -> bytes:
    """The part of a plain file that holds its pixels."""
    return data[12:]


def frame(data: bytes, left: int = 0, top: int = 0, size: tuple[int, int] = made.SIZE) -> bytes:
    numbers = (left // 2, top // 2, size[0] - 1, size[1] - 1, 100)
    head = b"".join(number.to_bytes(3, "little") for number in numbers) + b"\0"
    return part(b"ANMF", head + pixels(data))


def add_bombs(corpus: Corpus) -> None:
    giant = riff(part(b"VP8L", lossless_head(16384, 16384)))
    corpus.add("lossless header of 16384 by 16384", giant, "pixels")
    corpus.add(
        "lossless header of 5000 by 4900", riff(part(b"VP8L", lossless_head(5000, 4900))), DAMAGED
    )
    head = b"\x10\x02\x00\x9d\x01\x2a" + struct.pack("<HH", 16383, 16383) + bytes(40)
    corpus.add("lossy header of 16383 by 16383", riff(part(b"VP8 ", head)), "pixels")
    head = b"\x10\x02\x00\x9d\x01\x2a" + struct.pack("<HH", 5000, 4900) + bytes(40)
    corpus.add("lossy header of 5000 by 4900", riff(part(b"VP8 ", head)))
    corpus.add("canvas of 16 million by 1", riff(canvas(1 << 24, 1), pixels(good())), ".")
    corpus.add(
        "canvas of 2^48 pixels", riff(canvas(1 << 24, 1 << 24), pixels(good())), "40 million"
    )
    corpus.add(
        "animation on a canvas of 16384 by 16384",
        riff(canvas(16384, 16384, ANIMATED), part(b"ANIM", bytes(6)), frame(good())),
        "pixels",
    )
    corpus.add(
        "20 MB of EXIF",
        lambda: riff(canvas(96, 64, EXIF), pixels(good()), part(b"EXIF", bytes(20_000_000))),
        GOOD,
    )
    corpus.add(
        "20 MB of XMP",
        lambda: riff(canvas(96, 64, 4), pixels(good()), part(b"XMP ", b"<x>" * 6_000_000)),
        GOOD,
    )
    corpus.add(
        "500,000 unknown parts",
        lambda: riff(canvas(96, 64), pixels(good()), part(b"junk", b"") * 500_000),
    )
    corpus.add(
        "1,000 frames",
        lambda: riff(canvas(96, 64, ANIMATED), part(b"ANIM", bytes(6)), frame(good()) * 1000),
        SHAPE,
        upload="animated",
    )
    corpus.add(
        "lossless of 6000 by 4160",
        lambda: large((6000, 4160), "WEBP", lossless=True, method=0),
        shade((6000, 4160)),
        slow=True,
    )
    corpus.add(
        "lossless of 8000 by 5000",
        lambda: large((8000, 5000), "WEBP", lossless=True, method=0),
        "25 million pixels",
        slow=True,
    )
    hardest = {"mode": "RGBA", "exif": turned(6), "icc_profile": adobe_rgb()}
    corpus.add(
        "turned WebP of 6000 by 4160 with alpha",
        lambda: large((6000, 4160), "WEBP", method=0, **hardest),
        Taken(size=(4160, 6000), colour=None),
        slow=True,
    )


def add_lies(corpus: Corpus) -> None:
    data = good()
    size = struct.unpack_from("<I", data, 4)[0]
    lie = lambda number: data[:4] + struct.pack("<I", number & 0xFFFFFFFF) + data[8:]  # noqa: E731
    corpus.add("RIFF longer than the file", lie(size + 100), "cut off")
    corpus.add("RIFF of 4 GB", lie(0xFFFFFFFF), "cut off")
    corpus.add("RIFF shorter than the file", lie(size - 100), DAMAGED, upload="after the end")
    corpus.add("RIFF of 0", lie(0), DAMAGED, upload="after the end")
    corpus.add("RIFF of 4", lie(4), DAMAGED, upload="after the end")
    corpus.add("pixels longer than RIFF", data[:16] + b"\xff\xff\xff\x7f" + data[20:], DAMAGED)
    corpus.add("no parts", riff(), DAMAGED)
    corpus.add("no pixels in WebP", riff(canvas(96, 64)), DAMAGED)
    corpus.add("pixels of nothing", riff(part(b"VP8 ", b"")), DAMAGED)
    corpus.add("canvas other than the picture", riff(canvas(200, 100), pixels(data)))
    corpus.add(
        "alpha without a picture", riff(canvas(96, 64, ALPHA), part(b"ALPH", b"\0" * 50)), DAMAGED
    )
    corpus.add(
        "alpha of noise", riff(canvas(96, 64, ALPHA), part(b"ALPH", b"\xff" * 50), pixels(data))
    )
    corpus.add(
        "animation without frames", riff(canvas(96, 64, ANIMATED), part(b"ANIM", bytes(6))), DAMAGED
    )
    corpus.add(
        "frame outside the canvas",
        riff(canvas(96, 64, ANIMATED), part(b"ANIM", bytes(6)), frame(data, 500, 500)),
        DAMAGED,
    )
    corpus.add(
        "frame larger than the canvas",
        riff(canvas(64, 64, ANIMATED), part(b"ANIM", bytes(6)), frame(data)),
        DAMAGED,
    )
    corpus.add(
        "one frame", riff(canvas(96, 64, ANIMATED), part(b"ANIM", bytes(6)), frame(data)), GOOD
    )
    corpus.add("two pictures in WebP", riff(canvas(96, 64), pixels(data), pixels(data)))
    corpus.add("unknown first part", riff(part(b"junk", b"ab"), pixels(data)))


def add_kinds(corpus: Corpus) -> None:
    clear = Image.new("RGBA", made.SIZE, (200, 0, 0, 0))
    white = Taken(colour=(255, 255, 255))
    corpus.add("lossless", lambda: good(lossless=True), GOOD)
    corpus.add("nearly lossless", lambda: good(lossless=True, quality=0, method=0), GOOD)
    corpus.add("lossy WebP", lambda: good(quality=40), GOOD)
    corpus.add("transparent WebP", lambda: made.encoded(clear, "WEBP"), white)
    corpus.add("transparent lossless", lambda: made.encoded(clear, "WEBP", lossless=True), white)
    half = Image.new("RGBA", made.SIZE, (0, 0, 0, 128))
    corpus.add(
        "half transparent WebP", lambda: made.encoded(half, "WEBP"), Taken(colour=(127, 127, 127))
    )
    corpus.add("animated WebP", lambda: made.animated("WEBP"), SHAPE, upload="animated")


def add_metadata(corpus: Corpus) -> None:
    for orientation in range(1, 9):
        size = made.SIZE if orientation < 5 else made.SIZE[::-1]
        make = lambda orientation=orientation: good(exif=turned(orientation))  # noqa: E731
        corpus.add(f"WebP turned, {orientation}", make, Taken(size=size))
    for name, profile in profiles().items():
        make = lambda profile=profile: good(icc_profile=profile)  # noqa: E731
        corpus.add(f"WebP with profile {name}", make, GOOD)
    wide = Taken(colour=(234, 12, 23))
    corpus.add(
        "WebP in Adobe RGB", lambda: made.encoded(RED, "WEBP", icc_profile=adobe_rgb()), wide
    )
    for name, exif in strange_exif().items():
        make = lambda exif=exif: riff(canvas(96, 64, EXIF), pixels(good()), part(b"EXIF", exif))  # noqa: E731
        corpus.add(f"WebP with EXIF: {name}", make, GOOD)


def add_all(corpus: Corpus) -> None:
    add_bombs(corpus)
    add_lies(corpus)
    add_kinds(corpus)
    add_metadata(corpus)
