"""Pictures for tests, made in memory: good ones, and the nasty ones that come in uploads."""

import io
import struct
import zipfile
import zlib

import numpy as np
from PIL import Image, ImageCms, PngImagePlugin

SIZE = (96, 64)


def scene(size: tuple[int, int] = SIZE, seed: int = 0) -> Image.Image:
    """A picture with soft shapes; each seed gives a different one."""
    y, x = np.mgrid[0 : size[1], 0 : size[0]]
    a, b, c = 5 + seed % 7, 3 + seed % 5, 1 + seed % 11
    channels = [
        np.sin(x / size[0] * a + c) * 110 + 120,
        np.cos(y / size[1] * b + c) * 110 + 120,
        (np.sin((x + y) / sum(size) * (a + b)) + 1) * 120,
    ]
    return Image.fromarray(np.stack(channels, -1).astype("uint8"))


def encoded(image: Image.Image | None = None, format: str = "PNG", **options) -> bytes:
    """The picture as the bytes of a file."""
    target = io.BytesIO()
    (image or scene()).save(target, format, **options)
    return target.getvalue()


def png(seed: int = 0, size: tuple[int, int] = SIZE) -> bytes:
    return encoded(scene(size, seed))


def chunk(kind: bytes, data: bytes) -> bytes:
    """One PNG chunk with its right checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_claiming(width: int, height: int, bits: int = 8) -> bytes:
    """A tiny PNG whose header claims a size."""
    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def with_chunk(data: bytes, kind: bytes, content: bytes) -> bytes:
    """The PNG with one more chunk behind its header."""
    return data[:33] + chunk(kind, content) + data[33:]


def flipped(data: bytes, at: float = 0.5) -> bytes:
    """The bytes with one bit turned over."""
    place = int(len(data) * at)
    return data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :]


def sixteen_bit_grey() -> bytes:
    ramp = np.linspace(0, 65535, SIZE[0] * SIZE[1]).reshape(SIZE[1], SIZE[0])
    return encoded(Image.fromarray(ramp.astype("uint16")))


def turned_jpeg() -> bytes:
    """A landscape JPEG whose EXIF says that it is to be shown as a portrait."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(scene(), "JPEG", exif=exif.tobytes())


def animated(format: str) -> bytes:
    frames = [scene(seed=seed) for seed in range(3)]
    return encoded(frames[0], format, save_all=True, append_images=frames[1:])


def phone_jpeg() -> bytes:
    """A JPEG with a second whole JPEG behind it, as phones write for depth or gain maps."""
    return encoded(scene(), "MPO", save_all=True, append_images=[scene(seed=3)])


def zipped() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("run.js", "alert(1)")
    return target.getvalue()


def marked_png(term: str) -> bytes:
    """A PNG whose XMP names an IPTC DigitalSourceType."""
    text = PngImagePlugin.PngInfo()
    address = f"http://cv.iptc.org/newscodes/digitalsourcetype/{term}"
    text.add_itxt("XML:com.adobe.xmp", f"<x>{address}</x>")
    return encoded(scene(), pnginfo=text)


def lab_profile() -> bytes:
    """A valid profile that does not fit an RGB picture."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


SVG = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>'
HTML = b"<!DOCTYPE html><html><script>alert(1)</script></html>"
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n"
BOMB = b"name\0\0" + zlib.compress(bytes(20_000_000))
