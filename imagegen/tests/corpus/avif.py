"""AVIF: lies of its boxes, giants, sequences, grids, turned and mirrored pictures."""

import struct

from PIL import Image

from imagegen.tests import pictures as made
from imagegen.tests.corpus.cases import GOOD, SHAPE, Corpus, Taken, large, shade
from imagegen.tests.corpus.profiles import adobe_rgb, profiles, strange_exif, turned

DAMAGED = "damaged"
CUT = "cut off"
RED = Image.new("RGB", made.SIZE, (200, 30, 30))


def good(**options) -> bytes:
    return made.encoded(made.scene(), "AVIF", **{"quality": 80, "speed": 10, **options})


def box(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I4s", len(data) + 8, kind) + data


def full(kind: bytes, data: bytes, version: int = 0, flags: int = 0) -> bytes:
    return box(kind, struct.pack(">I", version << 24 | flags) + data)


def claiming(width: int, height: int) -> bytes:
    """The good file whose box of the picture's size lies."""
    data = good()
    at = data.index(b"ispe") + 8
    return data[:at] + struct.pack(">II", width, height) + data[at + 8 :]


def sized(kind: bytes, size: int) -> bytes:
    """The good file with another length of its first box of a kind."""
    data = good()
    at = data.index(kind) - 4
    return data[:at] + struct.pack(">I", size) + data[at + 4 :]


def grid(columns: int, rows: int, size: tuple[int, int], tile: tuple[int, int] = (64, 64)) -> bytes:
    """Tiles of one shade that a grid joins, as large pictures of cameras are kept."""
    one = made.encoded(Image.new("RGB", tile, (90, 90, 90)), "AVIF", speed=10, quality=80)
    start = one.index(b"av1C") - 4
    config = one[start : start + struct.unpack_from(">I", one, start)[0]]
    media = one[one.index(b"mdat") + 4 :]
    count = columns * rows
    ids = range(2, count + 2)
    described = struct.pack(">BBBB", 0, 0, rows - 1, columns - 1) + struct.pack(">HH", *size)
    entries = full(b"infe", struct.pack(">HH4s", 1, 0, b"grid") + b"\0", 2)
    entries += b"".join(
        full(b"infe", struct.pack(">HH4s", n, 0, b"av01") + b"\0", 2, 1) for n in ids
    )
    derived = box(b"dimg", struct.pack(f">HH{count}H", 1, count, *ids))
    properties = (
        config + full(b"ispe", struct.pack(">II", *tile)) + full(b"ispe", struct.pack(">II", *size))
    )
    properties += full(b"pixi", b"\3\x08\x08\x08")
    owned = struct.pack(">HBBB", 1, 2, 3, 4)
    owned += b"".join(struct.pack(">HBBBB", n, 3, 0x81, 2, 4) for n in ids)
    head = box(b"ftyp", b"avif\0\0\0\0avifmif1miaf")

    def meta(offset: int) -> bytes:
        places = struct.pack(">BBH", 0x44, 0, count + 1)
        places += struct.pack(">HHHII", 1, 0, 1, offset, len(described))
        for n in ids:
            places += struct.pack(">HHHII", n, 0, 1, offset + len(described), len(media))
        return full(
            b"meta",
            full(b"hdlr", bytes(4) + b"pict" + bytes(13))
            + full(b"pitm", struct.pack(">H", 1))
            + full(b"iloc", places)
            + full(b"iinf", struct.pack(">H", count + 1) + entries)
            + full(b"iref", derived)
            + box(
                b"iprp",
                box(b"ipco", properties) + full(b"ipma", struct.pack(">I", count + 1) + owned),
            ),
        )

    offset = len(head) + len(meta(0)) + 8
    return head + meta(offset) + box(b"mdat", described + media)


def add_bombs(corpus: Corpus) -> None:
    for width, height in [(65535, 65535), (2**31, 2**31), (9400, 9400)]:
        corpus.add(
            f"AVIF header of {width} by {height}", lambda w=width, h=height: claiming(w, h), "."
        )
    corpus.add("AVIF header of 3000 by 2000", lambda: claiming(3000, 2000))
    corpus.add("AVIF header of 0 by 0", lambda: claiming(0, 0), DAMAGED)
    corpus.add("500,000 free boxes", lambda: good() + box(b"free") * 500_000, "damaged")
    corpus.add("20 MB of free space", lambda: good() + box(b"free", bytes(20_000_000)), GOOD)
    corpus.add("boxes 500 deep", lambda: good() + nested(500), GOOD)
    corpus.add("metadata 500 deep", lambda: good()[:32] + nested(500, b"meta") + good()[32:])
    quick = {"speed": 10, "quality": 30}
    corpus.add(
        "AVIF of 8000 by 5000",
        lambda: large((8000, 5000), "AVIF", **quick),
        shade((8000, 5000)),
        slow=True,
    )
    hardest = {"mode": "RGBA", "exif": turned(6), "icc_profile": adobe_rgb(), **quick}
    corpus.add(
        "turned AVIF of 8000 by 5000 with alpha",
        lambda: large((8000, 5000), "AVIF", **hardest),
        Taken(size=(5000, 8000), colour=None),
        slow=True,
    )
    corpus.add(
        "AVIF of 8100 by 5000",
        lambda: large((8100, 5000), "AVIF", **quick),
        "40 million",
        slow=True,
    )


def nested(depth: int, kind: bytes = b"moov") -> bytes:
    data = b""
    for _ in range(depth):
        data = box(kind, data)
    return data


def add_lies(corpus: Corpus) -> None:
    corpus.add("only a file type", box(b"ftyp", b"avif\0\0\0\0avifmif1"), DAMAGED)
    corpus.add("file type without its end", b"\xff\xff\xff\xffftypavif" + bytes(99), CUT)
    corpus.add("file type of 0", lambda: sized(b"ftyp", 0), None)
    corpus.add("metadata of 0", lambda: sized(b"meta", 0), None)
    corpus.add("metadata of 4", lambda: sized(b"meta", 4), CUT)
    corpus.add("metadata longer than the file", lambda: sized(b"meta", 10**6), CUT)
    corpus.add("media longer than the file", lambda: sized(b"mdat", 10**6), CUT)
    corpus.add("media of 8", lambda: sized(b"mdat", 8), None)
    corpus.add("media to the end", lambda: sized(b"mdat", 0), GOOD)
    huge = struct.pack(">I4sQ", 1, b"free", 2**63)
    corpus.add("box of 2^63", lambda: good() + huge, CUT)
    corpus.add("box of 64 bits", lambda: good() + struct.pack(">I4sQ", 1, b"free", 16), GOOD)
    corpus.add("no media", lambda: good()[: good().index(b"mdat") - 4], ".")
    corpus.add("no configuration", lambda: good().replace(b"av1C", b"junk"), DAMAGED)
    corpus.add("no primary picture", lambda: good().replace(b"pitm", b"junk"), DAMAGED)
    corpus.add("no place of the pixels", lambda: good().replace(b"iloc", b"junk"), DAMAGED)
    corpus.add("no size", lambda: good().replace(b"ispe", b"junk"), DAMAGED)
    corpus.add("pixels of a HEIC", lambda: good().replace(b"av01", b"hvc1"), DAMAGED)
    corpus.add(
        "AVIF twice, the second a HEIC",
        lambda: good() + good().replace(b"avif", b"heic"),
        GOOD,
        upload="after the end",
    )
    corpus.add(
        "a film with an AVIF's name",
        lambda: box(b"ftyp", b"isom\0\0\0\0avif") + box(b"moov") + box(b"mdat", bytes(99)),
        DAMAGED,
    )


def add_grids(corpus: Corpus) -> None:
    corpus.add("grid of 2 by 2", lambda: grid(2, 2, (128, 128)), shade((128, 128)))
    corpus.add("grid cut at the edge", lambda: grid(3, 2, (170, 102)), shade((170, 102)))
    corpus.add("grid of odd sides", lambda: grid(3, 2, (171, 101)), DAMAGED)
    corpus.add("grid of one", lambda: grid(1, 1, (64, 64)), shade((64, 64)))
    corpus.add("grid larger than its tiles", lambda: grid(2, 2, (300, 300)), DAMAGED)
    corpus.add("grid smaller than its tiles", lambda: grid(3, 3, (64, 64)), DAMAGED)
    corpus.add("grid of 65535 by 65535", lambda: grid(2, 2, (65535, 65535)), ".")
    corpus.add("grid of 200 tiles", lambda: grid(20, 10, (1280, 640)), shade((1280, 640)))


def add_kinds(corpus: Corpus) -> None:
    scene = made.scene()
    grey = sum(scene.convert("L").resize((1, 1), Image.Resampling.BOX).tobytes())
    corpus.add(
        "grey AVIF", lambda: made.encoded(scene.convert("L"), "AVIF"), Taken(colour=(grey,) * 3)
    )
    for sampling in ("4:4:4", "4:2:2", "4:2:0", "4:0:0"):
        outcome = SHAPE if sampling == "4:0:0" else GOOD
        corpus.add(f"AVIF {sampling}", lambda s=sampling: good(subsampling=s), outcome)
    corpus.add("limited range", lambda: good(range="limited"), GOOD)
    clear = Image.new("RGBA", made.SIZE, (200, 0, 0, 0))
    white = Taken(colour=(255, 255, 255))
    corpus.add("transparent AVIF", lambda: made.encoded(clear, "AVIF"), white)
    corpus.add(
        "premultiplied AVIF", lambda: made.encoded(clear, "AVIF", alpha_premultiplied=True), white
    )
    corpus.add("AVIF sequence", lambda: made.animated("AVIF"), SHAPE, upload="animated")


def add_metadata(corpus: Corpus) -> None:
    for orientation in range(1, 9):
        size = made.SIZE if orientation < 5 else made.SIZE[::-1]
        make = lambda orientation=orientation: good(exif=turned(orientation))  # noqa: E731
        corpus.add(f"AVIF turned, {orientation}", make, Taken(size=size))
    for name, profile in profiles().items():
        make = lambda profile=profile: good(icc_profile=profile)  # noqa: E731
        corpus.add(f"AVIF with profile {name}", make, GOOD)
    wide = Taken(colour=(234, 12, 23))
    corpus.add(
        "AVIF in Adobe RGB", lambda: made.encoded(RED, "AVIF", icc_profile=adobe_rgb()), wide
    )
    for name, exif in strange_exif().items():
        if name not in {
            "nothing",
            "garbage",
            "half",
            "orientation as text",
        }:  # the encoder refuses to write these
            make = lambda exif=exif: good(exif=exif)  # noqa: E731
            corpus.add(f"AVIF with EXIF: {name}", make, GOOD)


def add_all(corpus: Corpus) -> None:
    add_bombs(corpus)
    add_lies(corpus)
    add_grids(corpus)
    add_kinds(corpus)
    add_metadata(corpus)
