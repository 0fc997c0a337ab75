"""Price rules: dated data in the catalogue, never a number in code.

A rule is a dict with a `kind`; amounts are in the site's currency and written as text.

- `free`: own hardware. `unknown`, or an empty rule: nobody knows.
- `per_image`: `amount`, or `low` and `high`, or one of `by_quality`, `by_size`, `by_pixels`.
- `per_megapixel`: `amount` for each megapixel; `first`, if given, for the first one instead.
  `rounding` is `up` (each begun megapixel) or `none` (in proportion); without it a range.
  `megapixel` is 1,000,000 pixels unless said otherwise.
- `image_tokens`, `text_tokens`: see `token_prices.py`.

`reference` adds an amount for each reference picture to the second and third. Every rule may
have `date` (YYYY-MM-DD), `source`, `sources` of single figures, and `note`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Self

from providers.price_fields import (
    WAYS,
    PriceRule,
    Span,
    Table,
    read_count,
    read_span,
    read_table,
    rounded_up,
)
from providers.token_prices import NOTHING, ImageTokens, TextTokens
from providers.types import AnyRequest, ImageRequest, Price

ABOUT = {"kind", "date", "source", "sources", "note"}
ROUNDINGS = ("up", "none")


@dataclass(frozen=True)
class Free(PriceRule):
    """Nothing is charged."""

    @classmethod
    def read(cls, rule: Mapping[str, Any]) -> Self:
        return cls()

    def price(self, request: AnyRequest) -> Price:
        return Price("free", NOTHING, NOTHING, exact=True)

    def cost(self, usage: Mapping[str, Any]) -> Decimal | None:
        return NOTHING

    def describe(self, money: Callable[[Decimal], str]) -> str:
        return "free"


@dataclass(frozen=True)
class Unknown(PriceRule):
    """Nobody knows; never the same as nothing."""

    @classmethod
    def read(cls, rule: Mapping[str, Any]) -> Self:
        return cls()

    def price(self, request: AnyRequest) -> Price:
        return Price("unknown")

    def describe(self, money: Callable[[Decimal], str]) -> str:
        return "price unknown"


@dataclass(frozen=True)
class PerImage(PriceRule):
    """So much a picture, perhaps by its quality or size."""

    table: Table
    reference: Span

    NAMES = frozenset({*WAYS, "high", "reference"})

    @classmethod
    def read(cls, rule: Mapping[str, Any]) -> Self:
        ways = [way for way in WAYS if way in rule]
        if len(ways) != 1 or ("high" in rule) != ("low" in rule):
            raise ValueError(
                "A price per image needs an amount, or low and high, "
                "or one of by_quality, by_size, by_pixels."
            )
        node: Any = {ways[0]: rule[ways[0]]}
        if ways == ["amount"]:
            node = rule["amount"]
        elif ways == ["low"]:
            node = {"low": rule["low"], "high": rule["high"]}
        return cls(read_table(node, "amount"), _reference(rule))

    def price(self, request: AnyRequest) -> Price:
        wanted = _picture(request)
        span = self.table.find(wanted.quality, wanted.width, wanted.height)
        return _known(span, self.reference, wanted)

    def describe(self, money: Callable[[Decimal], str]) -> str:
        ends = _ends(self.table.over_all(), money)
        return f"{ends} a picture" + ("" if self.table.everywhere else ", by quality or size")


@dataclass(frozen=True)
class PerMegapixel(PriceRule):
    """So much for each megapixel, the first one perhaps at a price of its own."""

    first: Span
    further: Span
    rounding: str
    megapixel: int
    reference: Span

    NAMES = frozenset({"amount", "first", "rounding", "megapixel", "reference"})

    @classmethod
    def read(cls, rule: Mapping[str, Any]) -> Self:
        if "amount" not in rule:
            raise ValueError("A price per megapixel needs an amount.")
        if rule.get("rounding", "up") not in ROUNDINGS:
            raise ValueError(f"The rounding of the price rule is {' or '.join(ROUNDINGS)}.")
        megapixel = read_count(rule.get("megapixel", 1_000_000), "megapixel")
        if not megapixel:
            raise ValueError("A megapixel of the price rule must have pixels.")
        further = read_span(rule["amount"], "amount")
        first = read_span(rule["first"], "first") if "first" in rule else further
        return cls(first, further, rule.get("rounding", ""), megapixel, _reference(rule))

    def price(self, request: AnyRequest) -> Price:
        wanted = _picture(request)
        pixels = wanted.width * wanted.height
        exactly = Decimal(pixels) / self.megapixel
        begun = Decimal(-(-pixels // self.megapixel))
        least = begun if self.rounding == "up" else exactly
        most = exactly if self.rounding == "none" else begun
        span = Span(self._sum(least, 0), self._sum(most, 1))
        return _known(span, self.reference, wanted)

    def _sum(self, megapixels: Decimal, end: int) -> Decimal:
        """The first megapixel is paid whole where it has a price of its own."""
        if self.first == self.further:
            return megapixels * self.further[end]
        return self.first[end] + max(megapixels - 1, NOTHING) * self.further[end]

    def describe(self, money: Callable[[Decimal], str]) -> str:
        if self.first == self.further:
            return f"{_ends(self.further, money)} a megapixel"
        first, further = _ends(self.first, money), _ends(self.further, money)
        return f"{first} for the first megapixel, {further} for each further one"


KINDS: dict[str, type[PriceRule]] = {
    "free": Free,
    "unknown": Unknown,
    "per_image": PerImage,
    "per_megapixel": PerMegapixel,
    "image_tokens": ImageTokens,
    "text_tokens": TextTokens,
}


def parse_price_rule(rule: Mapping[str, Any]) -> PriceRule:
    """Read a rule of the catalogue; `ValueError` with a sentence when it is malformed."""
    kind = rule.get("kind", "unknown")
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f'Price kind "{kind}" is not one of {", ".join(KINDS)}.')
    if unknown := sorted(set(rule) - ABOUT - KINDS[kind].NAMES):
        raise ValueError(f"Unknown name in the price rule ({kind}): {', '.join(unknown)}.")
    _check_date(rule.get("date"))
    return KINDS[kind].read(rule)


def price_of(rule: Mapping[str, Any], request: AnyRequest) -> Price:
    """The price of this very call, rounded up to a millionth; `exact` only where it is sure.

    `ValueError` when the rule is malformed or for another kind of call.
    """
    return parse_price_rule(rule).price(request)


def cost_of_usage(rule: Mapping[str, Any], usage: Mapping[str, Any]) -> Decimal | None:
    """What a call cost by the usage that the service told, rounded up to a millionth.

    None where rule or usage do not tell: a finished call must not fail over its price.
    """
    try:
        return parse_price_rule(rule).cost(usage)
    except ValueError:
        return None


def describe_price(rule: Mapping[str, Any], money: Callable[[Decimal], str] = str) -> str:
    """The rule in words, such as "$0.04 a picture"; `money` writes an amount."""
    try:
        return parse_price_rule(rule).describe(money)
    except ValueError as error:
        return f"Cannot be read: {error}"


def _picture(request: AnyRequest) -> ImageRequest:
    if not isinstance(request, ImageRequest):
        raise ValueError("its price rule is for pictures, not for texts.")
    return request


def _known(span: Span, reference: Span, request: ImageRequest) -> Price:
    given = len(request.reference_images)
    low = rounded_up(span.low + given * reference.low)
    high = rounded_up(span.high + given * reference.high)
    return Price("known", low, high, exact=low == high)


def _reference(rule: Mapping[str, Any]) -> Span:
    return read_span(rule.get("reference", 0), "reference")


def _ends(span: Span, money: Callable[[Decimal], str]) -> str:
    return money(span.low) if span.sure else f"{money(span.low)} to {money(span.high)}"


def _check_date(value: Any) -> None:
    if value is None:
        return
    try:
        date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError("The date of the price rule must be written as YYYY-MM-DD.") from None
