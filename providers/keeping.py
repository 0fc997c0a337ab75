"""What came from a provider, made fit for any database and file: plain JSON without surprises.

A picture that has been paid for must not be lost because a fact beside it cannot be stored.
"""

import math
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

LONGEST_TEXT = 20_000  # characters of one text
DEEPEST = 20  # levels
HIGHEST_COST = 10_000  # of one call; a hundred times as much is all that a sum can hold
LARGEST_SEED = 2**63 - 1
# NUL and halves of character pairs, which PostgreSQL and UTF-8 do not know, and control
# characters other than tab and line ends.
_unkeepable = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_path = re.compile(r"(?<!\w)(?:[A-Za-z]:\\|\\\\|~?/)[^\s'\",;:()\[\]]+")


def keepable_text(value: Any, limit: int = LONGEST_TEXT) -> str:
    """`value` as text of at most `limit` characters; nothing for None."""
    return "" if value is None else _unkeepable.sub("", str(value)[:limit])


def one_line(text: str, limit: int = 200) -> str:
    """Somebody else's text as one short line, without characters that cannot be shown."""
    plain = "".join(char if char.isprintable() else " " for char in text[: 10 * limit])
    return " ".join(plain.split())[:limit]


def plain_line(text: str, limit: int = 200) -> str:
    """What somebody else's program says, as one short line without the paths of its machine."""
    return one_line(_path.sub("(path)", text[: 10 * limit]), limit)


def keepable(value: Any, depth: int = 0) -> Any:
    """`value` as JSON: mappings as dicts, sequences as lists, what JSON lacks as text or None."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) <= LARGEST_SEED else float(value) if abs(value) < 1e300 else None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if depth >= DEEPEST:
        return None
    if isinstance(value, Mapping):
        return {keepable_text(key): keepable(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [keepable(item, depth + 1) for item in value]
    return keepable_text(value)


def in_snakes(name: str) -> str:
    """A name such as numImages or Num-Images as num_images."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().replace("-", "_")


def names_in(value: Any) -> Iterator[str]:
    """Every name in a JSON value, at any depth, `in_snakes`."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield in_snakes(str(name))
            yield from names_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from names_in(item)


def keepable_cost(cost: Any) -> Decimal | None:
    """A cost that money can be counted with; None, which is "not told", for anything else."""
    try:
        amount = Decimal(cost) if isinstance(cost, int | str | Decimal) else Decimal(repr(cost))
    except ArithmeticError:
        return None
    return amount if amount.is_finite() and 0 <= amount < HIGHEST_COST else None


def keepable_seed(seed: Any) -> int | None:
    """A seed that a column can hold, else None."""
    fits = isinstance(seed, int) and not isinstance(seed, bool) and abs(seed) <= LARGEST_SEED
    return seed if fits else None
