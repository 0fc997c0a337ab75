"""What the kinds of price rules share: reading amounts, spans and tables by quality and size."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import Any, ClassVar, NamedTuple, Self

from providers.types import AnyRequest, Price

MILLIONTH = Decimal("0.000001")
HIGHEST = 1_000_000
WAYS = ("amount", "low", "by_quality", "by_size", "by_pixels")


class PriceRule(ABC):
    """A rule that has been read. `NAMES` are those that its kind may have in the catalogue."""

    NAMES: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    @abstractmethod
    def read(cls, rule: Mapping[str, Any]) -> Self:
        """The rule of a catalogue row; `ValueError` with a sentence."""

    @abstractmethod
    def price(self, request: AnyRequest) -> Price:
        """What this call will cost; `ValueError` when the rule is for another kind of call."""

    @abstractmethod
    def describe(self, money: Callable[[Decimal], str]) -> str:
        """In words; `money` writes an amount."""

    def cost(self, usage: Mapping[str, Any]) -> Decimal | None:
        """What a call cost by its usage; None when that does not tell."""
        return None


class Span(NamedTuple):
    """The least and the most that something may be."""

    low: Decimal
    high: Decimal

    @property
    def sure(self) -> bool:
        return self.low == self.high


def rounded_up(amount: Decimal) -> Decimal:
    """`amount` in whole millionths, never less than it is; `ValueError` if no column holds it."""
    if not amount < HIGHEST:
        raise ValueError(f"The price comes to {HIGHEST:,} or more.")
    return amount.quantize(MILLIONTH, rounding=ROUND_CEILING)


def read_number(value: Any, name: str) -> Decimal:
    """A figure of the rule, best written as text so that no cent is lost on the way."""
    try:
        amount = Decimal(value) if isinstance(value, str | int) else Decimal(repr(value))
    except InvalidOperation:
        amount = Decimal("NaN")
    if isinstance(value, bool) or not amount.is_finite() or amount < 0:
        raise ValueError(f'The {name} of the price rule must be a number such as "0.04".')
    return amount


def read_span(value: Any, name: str) -> Span:
    """One figure, or `{"low": …, "high": …}`."""
    if not isinstance(value, Mapping):
        amount = read_number(value, name)
        return Span(amount, amount)
    if set(value) != {"low", "high"}:
        raise ValueError(f"The {name} of the price rule must be a number, or low and high.")
    low, high = read_number(value["low"], name), read_number(value["high"], name)
    if low > high:
        raise ValueError("The low price is above the high one.")
    return Span(low, high)


def around(spans: Iterable[Span]) -> Span:
    """The span that holds all of `spans`."""
    known = list(spans)
    return Span(min(span.low for span in known), max(span.high for span in known))


@dataclass(frozen=True)
class Table:
    """Figures that may depend on a picture's quality and size, whole or branch by branch."""

    everywhere: Span | None = None
    by_quality: Mapping[str, "Table"] = field(default_factory=dict)
    by_size: Mapping[str, "Table"] = field(default_factory=dict)
    by_pixels: tuple[tuple[int, "Table"], ...] = ()

    def over_all(self) -> Span:
        """The least and the most of the whole table."""
        if self.everywhere is not None:
            return self.everywhere
        branches = (*self.by_quality.values(), *self.by_size.values())
        steps = (table for _, table in self.by_pixels)
        return around(table.over_all() for table in (*branches, *steps))

    def find(self, quality: str, width: int, height: int) -> Span:
        """The figure for one picture; what the table does not list may be any of its figures."""
        found = self.by_quality.get(quality) or self.by_size.get(f"{width}x{height}")
        for most, table in self.by_pixels:
            if width * height <= most:
                found = table
                break
        if found is not None:
            return found.find(quality, width, height)
        if self.by_quality:
            return around(each.find("", width, height) for each in self.by_quality.values())
        return self.over_all()


def read_table(node: Any, name: str) -> Table:
    """A figure, low and high, or a branching `{"by_quality": …}`, `by_size` or `by_pixels`.

    `by_pixels` is a list of `{"up_to": pixels, "amount": figure}` in rising order.
    """
    if not isinstance(node, Mapping) or set(node) == {"low", "high"}:
        return Table(everywhere=read_span(node, name))
    if len(node) != 1 or not set(node) <= {"by_quality", "by_size", "by_pixels"}:
        raise ValueError(
            f"The {name} of the price rule must be a number, low and high, "
            "or one of by_quality, by_size, by_pixels."
        )
    ((way, branches),) = node.items()
    if way == "by_pixels":
        return Table(by_pixels=_steps(branches, name))
    if not isinstance(branches, Mapping) or not branches:
        raise ValueError(f"{way} of the price rule must map names to amounts.")
    tables = {str(key): read_table(branches[key], name) for key in branches}
    return Table(by_quality=tables) if way == "by_quality" else Table(by_size=tables)


def _steps(steps: Any, name: str) -> tuple[tuple[int, Table], ...]:
    if not isinstance(steps, list) or not steps:
        raise ValueError("by_pixels of the price rule must be a list of up_to and amount.")
    found = []
    for step in steps:
        if not isinstance(step, Mapping) or set(step) != {"up_to", "amount"}:
            raise ValueError("Each step of by_pixels has an up_to and an amount.")
        found.append((read_count(step["up_to"], "up_to"), read_table(step["amount"], name)))
    if [most for most, _ in found] != sorted({most for most, _ in found}):
        raise ValueError("The steps of by_pixels must rise.")
    return tuple(found)


def read_count(value: Any, name: str) -> int:
    """A whole number of at least 0."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"The {name} of the price rule must be a whole number.")
    return value
