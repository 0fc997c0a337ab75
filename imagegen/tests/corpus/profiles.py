"""Colour profiles and EXIF blocks, right and wrong, made by hand."""

import struct

from PIL import Image, ImageCms

ORIENTATION = 0x0112
# Adobe RGB (1998), adapted to D50: columns of the matrix, and gamma 563/256.
ADOBE = {
    b"rXYZ": (0.60974, 0.31111, 0.01947),
    b"gXYZ": (0.20528, 0.62567, 0.06087),
    b"bXYZ": (0.14919, 0.06322, 0.74457),
    b"wtpt": (0.9642, 1.0, 0.8249),
}


def fixed(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def adobe_rgb() -> bytes:
    """A matrix profile of version 2 with a colour space wider than sRGB."""
    tags = {name: b"XYZ \0\0\0\0" + b"".join(map(fixed, xyz)) for name, xyz in ADOBE.items()}
    curve = b"curv\0\0\0\0" + struct.pack(">IHxx", 1, 563)
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    text = b"Wide\0"
    tags[b"desc"] = b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78 + 1)
    tags[b"cprt"] = b"text\0\0\0\0" + text + bytes(3)
    at = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        data += bytes(-len(data) % 4)
        table += struct.pack(">4sII", name, at + len(body), len(data))
        body += data
    size = 128 + len(table) + len(body)
    head = struct.pack(">I4sI4s4s4s", size, b"none", 0x02100000, b"mntr", b"RGB ", b"XYZ ")
    head += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp")
    head = head.ljust(68, b"\0") + b"".join(map(fixed, ADOBE[b"wtpt"]))
    return head.ljust(128, b"\0") + table + body


def profiles() -> dict[str, bytes]:
    """Profiles that must not shift a picture which they do not fit."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return {
        "sRGB": srgb,
        "Lab": ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes(),
        "XYZ": ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes(),
        "garbage": b"\xde\xad\xbe\xef" * 500,
        "half": srgb[: len(srgb) // 2],
        "empty tags": srgb[:128] + bytes(len(srgb) - 128),
        "tags without end": srgb[:128] + b"\xff\xff\xff\xff" + srgb[132:],
        "tags far away": srgb[:136] + b"\x7f\xff\xff\xff" * 8 + srgb[168:],
        "grey": srgb[:16] + b"GRAY" + srgb[20:],
        "CMYK": srgb[:16] + b"CMYK" + srgb[20:],
    }


def turned(orientation: int) -> bytes:
    """EXIF that says how a picture is to be turned."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return exif.tobytes()


def strange_exif() -> dict[str, bytes]:
    """EXIF that is wrong; the picture is to be shown as it lies."""
    good = turned(6)
    head = b"Exif\0\0"
    return {
        "garbage": head + b"\xde\xad\xbe\xef" * 30,
        "nothing": head,
        "half": good[:12],
        "entries without end": head + b"II*\0\x08\0\0\0\xff\xff" + bytes(40),
        "a loop of directories": head + b"II*\0\x08\0\0\0\0\0\x08\0\0\0",
        "far offset": head + b"II*\0\xff\xff\xff\x7f",
        "orientation 0": turned(0),
        "orientation 99": turned(99),
        "orientation as text": head
        + b"II*\0\x08\0\0\0\x01\0"
        + struct.pack("<HHI4s", ORIENTATION, 2, 4, b"six\0")
        + bytes(4),
        "many values": head
        + b"II*\0\x08\0\0\0\x01\0"
        + struct.pack("<HHII", ORIENTATION, 3, 0x7FFFFFFF, 26)
        + bytes(4),
    }
