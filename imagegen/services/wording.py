"""How money, times and counts are written, the same everywhere."""

from decimal import Decimal

from providers.money import cost_range, money_text

__all__ = ["bytes_text", "cost_range", "count_text", "duration_text", "money_text", "plain_amount"]


def count_text(count: int, noun: str) -> str:
    """So many of something: `1 place`, `1,200 places`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def plain_amount(amount: Decimal) -> str:
    """An amount for other programs: `0.12`, never an exponent or trailing zeros."""
    text = f"{amount.quantize(Decimal('0.000001')):f}".rstrip("0").rstrip(".")
    return text or "0"


def duration_text(seconds: float) -> str:
    """`45 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def bytes_text(count: int) -> str:
    """A size for people: 812 bytes, 4.2 kB, 31.0 MB."""
    if count < 1000:
        return f"{count} bytes"
    size = float(count)
    for unit in ("kB", "MB", "GB", "TB"):
        size /= 1000
        if size < 999.95 or unit == "TB":
            break
    return f"{size:.1f} {unit}"
