"""PNG: bombs, lies of its chunks, and every kind of pixel it may hold."""

import io
import struct
import zlib
from functools import cache

import numpy as np
from PIL import Image

from imagegen.tests import pictures as made
from imagegen.tests.corpus.cases import GOOD, SHAPE, Corpus, Taken
from imagegen.tests.corpus.profiles import adobe_rgb, profiles, strange_exif, turned

START = b"\x89PNG\r\n\x1a\n"
END = made.chunk(b"IEND", b"")
LARGE = "40 million pixels"
DAMAGED = "damaged"
RED = Image.new("RGB", made.SIZE, (200, 30, 30))


def header(width: int, height: int, bits: int = 8, colour: int = 2, interlace: int = 0) -> bytes:
    data = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlace)
    return START + made.chunk(b"IHDR", data)


def whole(width: int, height: int, rows: bytes, bits: int = 8, colour: int = 2, **more) -> bytes:
    """A PNG of these raw rows, each with its filter byte."""
    pixels = made.chunk(b"IDAT", zlib.compress(rows, 1))
    return header(width, height, bits, colour, **more) + pixels + END


def before_pixels(*chunks: bytes) -> bytes:
    """The good PNG with these chunks behind its header."""
    data = made.png()
    return data[:33] + b"".join(chunks) + data[33:]


@cache
def squeezed(size: int) -> bytes:
    return zlib.compress(bytes(size), 9)


def bomb(kind: bytes, head: bytes = b"", size: int = 60_000_000) -> bytes:
    """A chunk that is a thousand times as large when it is unpacked."""
    return made.chunk(kind, head + squeezed(size))


def black(side: int) -> bytes:
    """A square of one bit a pixel in a few kilobytes; its rows are never whole in memory."""
    squeezed, row = zlib.compressobj(9), bytes(1 + (side + 7) // 8)
    data = b"".join(squeezed.compress(row) for _ in range(side)) + squeezed.flush()
    return header(side, side, 1, 0) + made.chunk(b"IDAT", data) + END


def big(mode: str, **options) -> bytes:
    """40 million pixels of a kind."""
    if mode == "P":
        image = Image.new("P", (8000, 5000), 1)
        image.putpalette([9, 9, 9, 90, 90, 90])
        options["transparency"] = 0
    else:
        image = Image.new(mode, (8000, 5000))
    return made.encoded(image, **options)


def add_bombs(corpus: Corpus) -> None:
    for size in [(65535, 65535), (20000, 20000), (9400, 9400), (8192, 4883), (2**31 - 1, 1)]:
        corpus.add(f"header of {size[0]} by {size[1]}", made.png_claiming(*size), "pixels")
    corpus.add("header beyond 31 bits", made.png_claiming(2**32 - 1, 2**32 - 1), LARGE)
    corpus.add("header of 40000 by 40000, 1 bit", made.png_claiming(40000, 40000, 1), LARGE)
    corpus.add("PNG of 9400 by 9400", lambda: black(9400), LARGE)
    hardest = {"exif": turned(6), "icc_profile": adobe_rgb(), "compress_level": 1}
    turned_size = Taken(size=(5000, 8000), colour=None)
    for mode in ("RGBA", "LA", "I;16", "P"):
        make = lambda mode=mode: big(mode, **hardest)  # noqa: E731
        corpus.add(f"turned {mode} PNG of 8000 by 5000", make, turned_size, slow=True)
    corpus.add("PNG of 20000 by 20000", lambda: black(20000), LARGE, slow=True)
    for kind, head in [(b"zTXt", b"a\0\0"), (b"iTXt", b"a\0\1\0\0\0"), (b"iCCP", b"a\0\0")]:
        make = lambda kind=kind, head=head: before_pixels(bomb(kind, head))  # noqa: E731
        corpus.add(f"{kind.decode()} bomb", make, DAMAGED)
    behind = lambda: made.png()[:-12] + bomb(b"zTXt", b"a\0\0") + END  # noqa: E731
    corpus.add("zTXt bomb behind the pixels", behind)
    text = made.chunk(b"tEXt", b"a\0" + b"b" * 400)
    corpus.add("200,000 text chunks", lambda: before_pixels(text * 200_000), DAMAGED)
    corpus.add("9,000 text chunks", lambda: before_pixels(text * 9000), GOOD)
    corpus.add(
        "10 MB of text", lambda: before_pixels(made.chunk(b"tEXt", b"a\0" + b"b" * 10**7)), GOOD
    )
    small = lambda: bomb(b"zTXt", b"a\0\0", 900_000)  # noqa: E731
    corpus.add("100 small text bombs", lambda: before_pixels(small() * 100), DAMAGED)
    empty = made.chunk(b"IDAT", b"")
    corpus.add("50,000 empty IDATs", lambda: before_pixels(empty * 50_000), DAMAGED)
    endless = lambda: header(96, 64) + bomb(b"IDAT") + END  # noqa: E731
    corpus.add("pixels without end", endless, SHAPE)
    unknown = made.chunk(b"juNk", bytes(100))
    corpus.add("100,000 unknown chunks", lambda: before_pixels(unknown * 100_000), DAMAGED)
    corpus.add("8 MB of EXIF", lambda: before_pixels(made.chunk(b"eXIf", bytes(8_000_000))), GOOD)
    xmp = b"XML:com.adobe.xmp\0\0\0\0\0" + b"<x>" * 300_000
    corpus.add("900 kB of XMP", lambda: before_pixels(made.chunk(b"iTXt", xmp)), GOOD)


def add_lies(corpus: Corpus) -> None:
    data = made.png()
    length = struct.unpack_from(">I", data, 33)[0]
    corpus.add("no IEND", data[:-12], "cut off")
    corpus.add("IEND in the middle", data[:33] + END + data[33:], DAMAGED, upload="after the end")
    corpus.add("IEND without checksum", data[:-4], "cut off")
    corpus.add("IEND with a wrong checksum", data[:-4] + b"\0\0\0\0")
    corpus.add("wrong checksum of the header", data[:29] + b"\0\0\0\0" + data[33:], DAMAGED)
    corpus.add("wrong checksum of the pixels", data[:-16] + b"\0\0\0\0" + data[-12:], DAMAGED)
    corpus.add("chunk longer than the file", data[:33] + b"\x7f\xff\xff\xff" + data[37:], "cut off")
    corpus.add("chunk of a negative length", data[:33] + b"\xff\xff\xff\xff" + data[37:], "cut off")
    shorter = struct.pack(">I", length - 5)
    corpus.add("chunk shorter than it is", data[:33] + shorter + data[37:], ".")
    corpus.add("two headers", data[:33] + data[8:], None)
    corpus.add(
        "two headers that differ", data[:33] + made.png_claiming(9000, 9000)[8:33] + data[33:], "."
    )
    corpus.add("pixels before the header", START + data[33:-12] + data[8:33] + END, DAMAGED)
    corpus.add("no header", START + data[33:], DAMAGED)
    corpus.add("no pixels", header(96, 64) + END, DAMAGED)
    corpus.add("header alone", header(96, 64), "cut off")
    corpus.add("0 by 0", made.png_claiming(0, 0), DAMAGED)
    corpus.add("0 by 100", made.png_claiming(0, 100), DAMAGED)
    corpus.add(
        "too few pixels",
        header(96, 64) + made.chunk(b"IDAT", zlib.compress(bytes(999))) + END,
        DAMAGED,
    )
    corpus.add("filter of no kind", whole(96, 64, (b"\x09" + bytes(288)) * 64), DAMAGED)
    corpus.add("3 bits a pixel", header(96, 64, 3, 0) + data[33:], DAMAGED)
    corpus.add("colour type 5", header(96, 64, 8, 5) + data[33:], DAMAGED)
    corpus.add("unknown interlacing", header(96, 64, interlace=7) + data[33:])
    bare = zlib.compressobj(wbits=-15)
    pixels = made.chunk(b"IDAT", bare.compress(bytes(289 * 64)) + bare.flush())
    apple = START + made.chunk(b"CgBI", bytes(4)) + data[8:33] + pixels + END
    corpus.add("Apple's own PNG", apple, DAMAGED)
    corpus.add("unknown critical chunk", before_pixels(made.chunk(b"JUNK", b"x")))
    corpus.add(
        "pixels not compressed", header(96, 64) + made.chunk(b"IDAT", bytes(9999)) + END, DAMAGED
    )
    palette_pixels = (b"\0" + b"\xff" * 96) * 64
    corpus.add("colours without a palette", whole(96, 64, palette_pixels, 8, 3))
    short = header(96, 64, 8, 3) + made.chunk(b"PLTE", b"\1\2\3")
    short += made.chunk(b"IDAT", zlib.compress(palette_pixels)) + END
    corpus.add("colours beyond the palette", short, SHAPE)
    for name, content in {
        "gAMA of 0": (b"gAMA", bytes(4)),
        "cHRM of noise": (b"cHRM", b"\xff" * 32),
        "pHYs of 0": (b"pHYs", bytes(9)),
        "tRNS too long": (b"tRNS", b"\1" * 300),
        "tRNS too short": (b"tRNS", b"\1"),
        "empty iCCP": (b"iCCP", b""),
        "iCCP without compression": (b"iCCP", b"a\0\7junk"),
        "empty tEXt": (b"tEXt", b""),
        "tEXt without a name": (b"tEXt", b"\0"),
        "animation of no frames": (b"acTL", bytes(8)),
        "animation of 4 billion frames": (b"acTL", b"\xff" * 8),
        "short acTL": (b"acTL", b"\0"),
        "short cHRM": (b"cHRM", b"\0"),
        "short pHYs": (b"pHYs", b"\0"),
        "short gAMA": (b"gAMA", b""),
        "short sRGB": (b"sRGB", b""),
        "frame outside": (b"fcTL", struct.pack(">5I2H2B", 0, 9000, 9000, 5, 5, 1, 1, 0, 0)),
        "frame without an animation": (b"fdAT", bytes(40)),
    }.items():
        corpus.add(name, lambda content=content: before_pixels(made.chunk(*content)))


def add_kinds(corpus: Corpus) -> None:
    scene = made.scene()
    grey = sum(scene.convert("L").resize((1, 1), Image.Resampling.BOX).tobytes())
    shades = Taken(colour=(grey, grey, grey))
    corpus.add("grey", lambda: made.encoded(scene.convert("L")), shades)
    ramp = np.linspace(0, 65535, 96 * 64).reshape(64, 96).astype(">u2")
    corpus.add("16-bit grey", made.sixteen_bit_grey, Taken(colour=(127, 127, 127)))
    wide = np.repeat(ramp[..., None], 3, axis=2)
    rows = b"".join(b"\0" + row.tobytes() for row in wide)
    corpus.add("16-bit colour", whole(96, 64, rows, 16, 2), Taken(colour=(127, 127, 127)))
    clear = np.concatenate([wide, np.zeros_like(ramp)[..., None]], axis=2)
    rows = b"".join(b"\0" + row.tobytes() for row in clear)
    white = Taken(colour=(255, 255, 255))
    corpus.add("16-bit colour, transparent", whole(96, 64, rows, 16, 6), white)
    rows = b"".join(
        b"\0" + row[:, :2].tobytes() for row in np.repeat(ramp[..., None], 2, axis=2) * 0
    )
    corpus.add("16-bit grey, transparent", whole(96, 64, rows, 16, 4), white)
    for bits, level in ((1, 255), (2, 170), (4, 153)):
        pixel = level * (2**bits - 1) // 255
        byte = sum(pixel << shift for shift in range(0, 8, bits))
        rows = (b"\0" + bytes([byte]) * (96 * bits // 8)) * 64
        name = f"{bits}-bit grey"
        corpus.add(name, whole(96, 64, rows, bits, 0), Taken(colour=(level,) * 3))
    corpus.add("one bit", lambda: made.encoded(scene.convert("1")), shades)
    corpus.add("palette", lambda: made.encoded(scene.quantize(64)), GOOD)
    corpus.add(
        "palette of 2 bits", lambda: made.encoded(RED.quantize(3)), Taken(colour=(200, 30, 30))
    )
    for mode in ("RGBA", "LA", "PA"):
        image = Image.new("RGBA", made.SIZE, (200, 0, 0, 0))
        image = image.quantize(4) if mode == "PA" else image.convert(mode)
        corpus.add(f"transparent {mode}", lambda image=image: made.encoded(image), white)
    half = Image.new("RGBA", made.SIZE, (0, 0, 0, 128))
    corpus.add("half transparent", lambda: made.encoded(half), Taken(colour=(127, 127, 127)))
    key = lambda: made.encoded(RED, transparency=(200, 30, 30))  # noqa: E731
    corpus.add("one colour is clear", key, white)
    corpus.add("interlaced", interlaced, Taken(colour=(80, 80, 80)))
    corpus.add("animated PNG", lambda: made.animated("PNG"), SHAPE, upload="animated")
    corpus.add("400 frames", lambda: frames(400), SHAPE, upload="animated", slow=True)


def interlaced() -> bytes:
    """Seven passes of one shade."""
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2)]
    rows = b""
    for left, top, across, down in [*passes, (0, 1, 1, 2)]:
        width = len(range(left, 96, across))
        rows += (b"\0" + b"\x50" * width) * len(range(top, 64, down))
    return whole(96, 64, rows, 8, 0, interlace=1)


def frames(count: int) -> bytes:
    target = io.BytesIO()
    first, *rest = [Image.new("RGB", made.SIZE, (n % 250, 9, 9)) for n in range(count)]
    first.save(target, "PNG", save_all=True, append_images=rest)
    return target.getvalue()


def add_metadata(corpus: Corpus) -> None:
    for orientation in range(1, 9):
        size = made.SIZE if orientation < 5 else made.SIZE[::-1]
        exif = turned(orientation)
        name = f"PNG turned, {orientation}"
        corpus.add(name, lambda exif=exif: made.encoded(exif=exif), Taken(size=size))
    for name, profile in profiles().items():
        make = lambda profile=profile: made.encoded(icc_profile=profile)  # noqa: E731
        corpus.add(f"PNG with profile {name}", make, GOOD)
    corpus.add(
        "PNG in Adobe RGB",
        lambda: made.encoded(RED, icc_profile=adobe_rgb()),
        Taken(colour=(234, 12, 23)),
    )
    for name, exif in strange_exif().items():
        corpus.add(
            f"PNG with EXIF: {name}",
            lambda exif=exif: before_pixels(made.chunk(b"eXIf", exif[6:])),
            GOOD,
        )


def add_all(corpus: Corpus) -> None:
    add_bombs(corpus)
    add_lies(corpus)
    add_kinds(corpus)
    add_metadata(corpus)
