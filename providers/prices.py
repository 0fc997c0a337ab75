"""Reading a price rule: dated data in the catalogue, never a number in code."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from providers.types import ImageRequest, Price, TextRequest

RULE_NAMES = {"kind", "amount", "low", "high", "date", "source"}


def parse_price_rule(rule: Mapping[str, Any]) -> Price:
    """The price of one picture by `rule`; `ValueError` with a sentence when it is malformed.

    `{"kind": "free"}` (own hardware), `{"kind": "unknown"}` or an empty rule, and
    `{"kind": "per_image", "amount": "0.04", "date": "2026-11-01", "source": "https://…"}`;
    instead of `amount`, `low` and `high` give a range. Amounts are in the site's currency.
    """
    if unknown := sorted(set(rule) - RULE_NAMES):
        raise ValueError(f"Unknown name in the price rule: {', '.join(unknown)}.")
    _check_date(rule.get("date"))
    kind = rule.get("kind", "unknown")
    if kind == "unknown":
        return Price("unknown")
    if kind == "free":
        return Price("free", Decimal(0), Decimal(0), exact=True)
    if kind != "per_image":
        raise ValueError(f'Price kind "{kind}" is not one of free, per_image, unknown.')
    if "amount" in rule:
        amount = _amount(rule, "amount")
        return Price("known", amount, amount, exact=True)
    low, high = _amount(rule, "low"), _amount(rule, "high")
    if low > high:
        raise ValueError("The low price is above the high one.")
    return Price("known", low, high)


def price_of(rule: Mapping[str, Any], request: ImageRequest | TextRequest) -> Price:
    """The price of this very call by `rule`; `ValueError` when the rule is malformed."""
    return parse_price_rule(rule)


def cost_of_usage(rule: Mapping[str, Any], usage: Mapping[str, Any]) -> Decimal | None:
    """What a call cost by the usage that the service told; None where that does not tell."""
    return None


def _amount(rule: Mapping[str, Any], name: str) -> Decimal:
    """A money amount of the rule, written as text so that no cent is lost on the way."""
    if name not in rule:
        raise ValueError("A price per image needs an amount, or low and high.")
    value = rule[name]
    try:
        amount = Decimal(value) if isinstance(value, str | int) else Decimal(repr(value))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        raise ValueError(f'The {name} of the price rule must be a number such as "0.04".')
    return amount


def _check_date(value: Any) -> None:
    if value is None:
        return
    try:
        date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError("The date of the price rule must be written as YYYY-MM-DD.") from None
