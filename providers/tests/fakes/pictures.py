"""Pictures for fake services: small, quick, and cached, so that drawing costs a test nothing."""

import io
import struct
import zlib
from functools import lru_cache

from PIL import Image

from providers.backends.stub_service import draw_png


@lru_cache(maxsize=64)
def png(width: int, height: int, seed: int = 0) -> bytes:
    """A PNG of shaded blocks; another seed gives another picture."""
    return draw_png(f"picture {seed}", width, height)


@lru_cache(maxsize=64)
def jpeg(width: int, height: int, seed: int = 0) -> bytes:
    return _recoded(png(width, height, seed), "JPEG", quality=70)


@lru_cache(maxsize=64)
def webp(width: int, height: int, seed: int = 0) -> bytes:
    return _recoded(png(width, height, seed), "WEBP", quality=70, method=0)


@lru_cache(maxsize=64)
def gif(width: int, height: int, seed: int = 0) -> bytes:
    target = io.BytesIO()
    with _opened(png(width, height, seed)) as image:  # it has a palette already
        image.save(target, "GIF", optimize=False)
    return target.getvalue()


@lru_cache(maxsize=64)
def black(width: int, height: int) -> bytes:
    """What a safety checker leaves of a picture."""
    row = b"\0" + bytes(3 * width)
    return _png(width, height, zlib.compress(row * height, 1))


def bomb(side: int = 30_000) -> bytes:
    """A PNG whose head promises `side` times `side` pixels, in a few hundred bytes."""
    return _png(side, side, zlib.compress(bytes(4096), 9))


def padded(picture: bytes, size: int) -> bytes:
    """The PNG with so many bytes behind its end that it has `size` of them."""
    return picture + bytes(max(0, size - len(picture)))


def _png(width: int, height: int, data: bytes) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, content) for name, content in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _recoded(picture: bytes, kind: str, **options: int) -> bytes:
    target = io.BytesIO()
    with _opened(picture) as image:
        image.convert("RGB").save(target, kind, **options)
    return target.getvalue()


def _opened(picture: bytes) -> Image.Image:
    return Image.open(io.BytesIO(picture))


@lru_cache(maxsize=8)
def animated(width: int, height: int) -> bytes:
    """A PNG of two frames."""
    target = io.BytesIO()
    frames = [_opened(png(width, height, seed)) for seed in (1, 2)]
    frames[0].save(target, "PNG", save_all=True, append_images=frames[1:], compress_level=1)
    return target.getvalue()


@lru_cache(maxsize=8)
def sixteen_bit(width: int, height: int) -> bytes:
    """A grey PNG of 16 bits a pixel."""
    target = io.BytesIO()
    with _opened(png(width, height)) as image:
        image.convert("L").convert("I;16").save(target, "PNG", compress_level=1)
    return target.getvalue()


@lru_cache(maxsize=8)
def cmyk(width: int, height: int) -> bytes:
    """A JPEG for a printer."""
    target = io.BytesIO()
    with _opened(png(width, height)) as image:
        image.convert("RGB").convert("CMYK").save(target, "JPEG", quality=70)
    return target.getvalue()


# --- What comes in the place of a picture -----------------------------------------------

TEXT = b"The picture could not be drawn, sorry. Please try again in a few minutes."
PAGE = b"<!doctype html><html><head><title>Sign in</title></head><body>Sign in</body></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="640" height="416"><script/></svg>'
PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
HUGE = 3_000_000  # bytes of the fault `huge_picture`


def spoiled(fault: str, width: int, height: int, seed: int = 0) -> bytes | None:
    """The file that comes under a fault's name; None for a name that spoils no picture."""
    match fault:
        case "text":
            return TEXT
        case "page":
            return PAGE
        case "svg":
            return SVG
        case "pdf":
            return PDF
        case "gif":
            return gif(width, height, seed)
        case "black":
            return black(width, height)
        case "one_pixel":
            return png(1, 1, seed)
        case "wrong_size":
            return png(width + 32, height, seed)
        case "other_format":
            return jpeg(width, height, seed)
        case "animated":
            return animated(width, height)
        case "sixteen_bit":
            return sixteen_bit(width, height)
        case "cmyk":
            return cmyk(width, height)
        case "empty_picture":
            return b""
        case "cut_picture":
            return png(width, height, seed)[:-300]
        case "huge_picture":
            return padded(png(width, height, seed), HUGE)
        case "bomb_picture":
            return bomb()
    return None


SPOILED = (
    "text", "page", "svg", "pdf", "gif", "black", "one_pixel", "wrong_size", "other_format",
    "animated", "sixteen_bit", "cmyk", "empty_picture", "cut_picture", "huge_picture",
    "bomb_picture",
)  # fmt: skip
