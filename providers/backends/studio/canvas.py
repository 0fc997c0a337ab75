"""What a family or a layout draws on: a size, a palette and a seeded source of chance."""

import hashlib
from dataclasses import dataclass

import numpy as np
from PIL import Image

from providers.backends.studio.colour import Palette


@dataclass(frozen=True)
class Art:
    """A finished pattern: an RGB image and the words for what is to be seen on it."""

    image: Image.Image
    subject: str


@dataclass(frozen=True)
class Canvas:
    """A blank of `width` x `height` pixels; `chance` is the only source of randomness."""

    width: int
    height: int
    palette: Palette
    chance: np.random.RandomState

    @property
    def unit(self) -> int:
        """The short side in pixels: what every measure of a pattern is relative to."""
        return min(self.width, self.height)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.width, self.height

    @property
    def aspect(self) -> float:
        """Width divided by height."""
        return self.width / self.height

    def between(self, low: float, high: float) -> float:
        """Return a number from low to high."""
        return float(self.chance.uniform(low, high))

    def one_of(self, choices):
        """Return one of the choices."""
        return choices[int(self.chance.randint(len(choices)))]

    def coin(self, share: float = 0.5) -> bool:
        """Return True in that share of cases."""
        return bool(self.chance.random_sample() < share)

    def part(self, width: int, height: int) -> "Canvas":
        """Return a canvas of another size that shares palette and chance."""
        return Canvas(width, height, self.palette, self.chance)


def seeded_chance(*facts: object) -> np.random.RandomState:
    """Return the source of chance that belongs to these facts (SHA-256 of them).

    RandomState and not a newer generator: its stream is promised never to change.
    """
    digest = hashlib.sha256("\x1f".join(str(f) for f in facts).encode("utf-8")).digest()
    return np.random.RandomState(np.frombuffer(digest, dtype="<u4"))
