"""What may happen to a file of any of the four formats: cut, flipped, with a tail, odd sizes."""

from functools import cache

import numpy as np
from PIL import Image

from imagegen.imaging.sniffing import EXTENSIONS
from imagegen.tests import pictures as made
from imagegen.tests.corpus.cases import GOOD, Corpus, Taken

SHARES = (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99)
TAILS = {
    "a ZIP": made.zipped,
    "a script": lambda: b"<script>alert(1)</script>",
    "PHP": lambda: b"<?php system($_GET[0]); ?>",
    "a second picture": lambda: made.encoded(made.scene(seed=2), "PNG"),
    "5 MB of noise": lambda: np.random.default_rng(5).bytes(5_000_000),
}


@cache
def good(format: str) -> bytes:
    return made.encoded(made.scene(), format)


def add_damage(corpus: Corpus, format: str) -> None:
    for share in SHARES:
        corpus.add(
            f"{format} cut at {share:.0%}",
            lambda share=share: good(format)[: int(len(good(format)) * share)],
            ".",
        )
    for missing in (1, 2, 12, 20):
        corpus.add(
            f"{format} without its last {missing} bytes",
            lambda missing=missing: good(format)[:-missing],
            ".",
        )
    for share in (0.03, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95):
        corpus.add(
            f"{format} with a bit turned at {share:.0%}",
            lambda share=share: made.flipped(good(format), share),
        )
    for seed in (1, 2, 3):
        corpus.add(f"{format} with noise in it, {seed}", lambda seed=seed: noisy(format, seed))
    corpus.add(f"{format} with a hole of zeros", lambda: holed(format))


def noisy(format: str, seed: int, count: int = 40) -> bytes:
    """The file with some of its bytes replaced."""
    rng = np.random.default_rng(seed)
    data = bytearray(good(format))
    for place in rng.integers(12, len(data), count):
        data[place] = rng.integers(0, 256)
    return bytes(data)


def holed(format: str) -> bytes:
    data = good(format)
    third = len(data) // 3
    return data[:third] + bytes(third) + data[2 * third :]


def add_tails(corpus: Corpus, format: str) -> None:
    for name, tail in TAILS.items():
        corpus.add(
            f"{format} with {name} behind it",
            lambda tail=tail: good(format) + tail(),
            GOOD,
            upload="after the end",
        )
    outcome = GOOD if format == "JPEG" else "after the end"
    corpus.add(f"{format} twice", lambda: good(format) * 2, GOOD, upload=outcome)
    for length in (1, 7, 4096):
        zeros = Taken() if format == "JPEG" else "after the end"
        corpus.add(
            f"{format} with {length} zeros behind it",
            lambda length=length: good(format) + bytes(length),
            GOOD,
            upload=zeros,
        )


def flat(format: str, size: tuple[int, int], mode: str = "RGB", **options) -> bytes:
    return made.encoded(Image.new(mode, size, 90 if mode == "L" else (90, 90, 90)), format)


def add_sizes(corpus: Corpus, format: str) -> None:
    sizes: dict[tuple[int, int], tuple] = {
        (1, 1): ("1 x 1 pixels",),
        (63, 64): ("63 x 64 pixels",),
        (64, 64): (Taken(size=(64, 64), colour=None),),
        (97, 65): (Taken(size=(97, 65), colour=None),),
        (101, 67): (Taken(size=(101, 67), colour=None),),
        (640, 160): (Taken(size=(640, 160), colour=None),),
        (641, 160): (Taken(size=(641, 160), colour=None), "4 times the short one"),
        (8192, 64): (Taken(size=(8192, 64), colour=None), "4 times the short one"),
        (64, 8192): (Taken(size=(64, 8192), colour=None), "4 times the short one"),
        (8193, 64): ("64 to 8192",),
        (16383, 1): ("16383 x 1 pixels",),
    }
    if format != "WEBP":
        sizes |= {(30000, 1): ("30000 x 1 pixels",), (1, 30000): ("1 x 30000 pixels",)}
    for size, (received, *upload) in sizes.items():
        corpus.add(
            f"{format} of {size[0]} by {size[1]}",
            lambda size=size: flat(format, size),
            received,
            upload=upload[0] if upload else False,
        )


def add_mutations(corpus: Corpus, format: str, count: int = 500) -> None:
    """Many more damaged files; all of them take half a minute."""
    for seed in range(100, 100 + count):
        corpus.add(f"{format} mutated, {seed}", lambda seed=seed: noisy(format, seed, seed % 9 + 1))


def add_all(corpus: Corpus) -> None:
    for format in EXTENSIONS:
        corpus.add(f"{format} as it should be", lambda format=format: good(format), GOOD)
        add_damage(corpus, format)
        add_tails(corpus, format)
        add_sizes(corpus, format)
