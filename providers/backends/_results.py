"""What adapters tell of a result in the same words, and the seed of a call."""

import hashlib
from collections.abc import Sequence


def seed_of_key(key: str) -> int:
    """A seed of 32 bits that belongs to this key: the same call draws the same picture."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big")


def count_notes(name: str, files: Sequence[object]) -> tuple[str, ...]:
    """What an editor should know about the number of pictures; one is asked for."""
    return (f"{name} made {len(files)} pictures instead of one.",) if len(files) > 1 else ()


def size_notes(asked: tuple[int, int], drawn: tuple[int, int]) -> tuple[str, ...]:
    """What an editor should know about the size in pixels, where it is not the one asked for."""
    if drawn == asked:
        return ()
    return (f"Drawn with {drawn[0]}×{drawn[1]} pixels; {asked[0]}×{asked[1]} were asked for.",)
