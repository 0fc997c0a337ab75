from decimal import Decimal

import pytest

from providers.prices import parse_price_rule
from providers.types import Price


def test_price_per_image_is_exact():
    price = parse_price_rule({"kind": "per_image", "amount": "0.04", "date": "2026-11-01"})
    assert price == Price("known", Decimal("0.04"), Decimal("0.04"), exact=True)


def test_range_is_not_exact():
    price = parse_price_rule({"kind": "per_image", "low": "0.01", "high": "0.17"})
    assert price == Price("known", Decimal("0.01"), Decimal("0.17"))


def test_own_hardware_is_free():
    assert parse_price_rule({"kind": "free"}) == Price("free", Decimal(0), Decimal(0), exact=True)


@pytest.mark.parametrize("rule", [{}, {"kind": "unknown"}])
def test_unknown_is_never_nothing(rule):
    assert parse_price_rule(rule) == Price("unknown")


@pytest.mark.parametrize("amount", [0.04, 1, "1e-2"])
def test_numbers_lose_no_cent(amount):
    assert parse_price_rule({"kind": "per_image", "amount": amount}).low == Decimal(str(amount))


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({"kind": "per_moon"}, "per_moon"),
        ({"kind": "free", "amout": 1}, "amout"),
        ({"kind": "per_image"}, "needs an amount"),
        ({"kind": "per_image", "low": "1"}, "low and high"),
        ({"kind": "per_image", "low": "2", "high": "1"}, "above"),
        ({"kind": "per_image", "amount": "cheap"}, "number"),
        ({"kind": "per_image", "amount": "-1"}, "number"),
        ({"kind": "per_image", "amount": "NaN"}, "number"),
        ({"kind": "per_image", "amount": None}, "number"),
        ({"kind": "free", "date": "soon"}, "YYYY-MM-DD"),
        ({"kind": "free", "date": 20261101}, "YYYY-MM-DD"),
    ],
)
def test_malformed_rule_is_told_in_a_sentence(rule, text):
    with pytest.raises(ValueError, match=text):
        parse_price_rule(rule)
