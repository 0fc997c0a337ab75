"""How money is written, the same everywhere."""

from decimal import Decimal

from django.conf import settings

SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "CHF": "CHF "}


def _sign() -> str:
    return SIGNS.get(settings.CURRENCY, f"{settings.CURRENCY} ")


def money_text(amount: Decimal | None) -> str:
    """`$0.04` known, `free` for nothing, `price unknown` for None. Small sums keep digits."""
    if amount is None:
        return "price unknown"
    if amount == 0:
        return "free"
    return f"{_sign()}{_digits(amount)}"


def cost_range(low: Decimal | None, high: Decimal | None) -> str:
    """`$0.03–0.06` for an estimate; one figure where both ends are the same."""
    if low is None or high is None or low == high:
        return money_text(high if low is None else low)
    return f"{_sign()}{_digits(low)}–{_digits(high)}"


def _digits(amount: Decimal) -> str:
    """Two decimals; four for sums under ten hundredths that two would falsify."""
    rounded = amount.quantize(Decimal("0.01"))
    if rounded == amount or amount >= 1:
        return f"{rounded:f}"
    return f"{amount.quantize(Decimal('0.0001')).normalize():f}"
