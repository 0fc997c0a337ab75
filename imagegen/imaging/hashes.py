"""Difference hash: 64 bits that stay close when a picture is scaled, marked or compressed.

A hash is kept as a signed integer, since databases have no unsigned ones, and once more in
four bands of 16 bits, unsigned and thus 0 to 65535, which an index can find. Two hashes that
differ in up to three bits have at least one band in common.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image


def dhash(image: "Image.Image") -> int:
    """64-bit difference hash as a signed integer, so that it fits a database's bigint."""
    from PIL import Image  # here: the web processes compare hashes and start without Pillow

    grey = image.convert("L").resize((9, 8), Image.Resampling.LANCZOS, reducing_gap=2.0)
    values = grey.tobytes()
    bits = 0
    for row in range(8):
        for column in range(row * 9, row * 9 + 8):
            bits = bits << 1 | (values[column] < values[column + 1])
    return bits - (1 << 64) if bits >> 63 else bits


def distance(one: int, other: int) -> int:
    """How many of the 64 bits differ."""
    return ((one ^ other) & (1 << 64) - 1).bit_count()


def bands(value: int) -> tuple[int, int, int, int]:
    """The hash in four parts of 16 bits, the highest first; each 0 to 65535."""
    first, second, third, fourth = (value >> shift & 0xFFFF for shift in (48, 32, 16, 0))
    return first, second, third, fourth
