"""Prices by tokens: pictures by OpenAI's formula or a table, texts by their length."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Self

from providers.price_fields import (
    PriceRule,
    Span,
    Table,
    around,
    read_count,
    read_number,
    read_span,
    read_table,
    rounded_up,
)
from providers.types import AnyRequest, ImageRequest, Price, TextRequest
from providers.usage import Tokens, read_tokens

MILLION = 1_000_000
ONE = Span(Decimal(1), Decimal(1))
NOTHING = Decimal(0)


def output_tokens(factor: int, width: int, height: int) -> int:
    """Tokens of one GPT Image 2 or 2.5 picture, `factor` standing for its quality.

    Worked out by users of the service and equal to its calculator (seen 2026-11-21).
    """
    long, short = max(width, height), min(width, height)
    scaled = (2 * factor * short + long) // (2 * long)  # factor * short / long, halves up
    return -(-factor * scaled * (2_000_000 + width * height) // 4_000_000)


def text_tokens(text: str) -> Span:
    """How many tokens a text may be: English has 4 to 5 bytes a token, others fewer."""
    size = len(text.encode("utf-8", "surrogatepass"))
    return Span(Decimal(size // 6), Decimal(-(-size // 3) + 20))


@dataclass(frozen=True, kw_only=True)
class ImageTokens(PriceRule):
    """A picture by its tokens; rates are for a million.

    Either `factors` by quality for OpenAI's formula, each perhaps with a span of `multipliers`
    where the formula is not known to hold, or a table of `tokens`. The estimate adds the prompt,
    `reference_tokens` for each picture given, and up to `thinking_tokens` of text.
    """

    text_input: Decimal
    image_input: Decimal
    image_output: Decimal
    text_output: Decimal
    factors: Mapping[str, int] = field(default_factory=dict)
    multipliers: Mapping[str, Span] = field(default_factory=dict)
    tokens: Table | None = None
    reference_tokens: int = 0
    thinking_tokens: int = 0

    NAMES = frozenset(
        {
            "text_input",
            "image_input",
            "image_output",
            "text_output",
            "factors",
            "multipliers",
            "tokens",
            "reference_tokens",
            "thinking_tokens",
        }
    )

    @classmethod
    def read(cls, rule: Mapping[str, Any]) -> Self:
        for name in ("text_input", "image_input", "image_output"):
            if name not in rule:
                raise ValueError(f"A price by image tokens needs {name}, for a million tokens.")
        if ("factors" in rule) == ("tokens" in rule):
            raise ValueError("A price by image tokens needs either factors or tokens.")
        factors = _mapping(rule, "factors", read_count)
        multipliers = _mapping(rule, "multipliers", read_span)
        if unknown := sorted(set(multipliers) - set(factors)):
            raise ValueError(f"Multipliers without a factor: {', '.join(unknown)}.")
        image_output = read_number(rule["image_output"], "image_output")
        return cls(
            text_input=read_number(rule["text_input"], "text_input"),
            image_input=read_number(rule["image_input"], "image_input"),
            image_output=image_output,
            text_output=read_number(rule.get("text_output", str(image_output)), "text_output"),
            factors=factors,
            multipliers=multipliers,
            tokens=read_table(rule["tokens"], "tokens") if "tokens" in rule else None,
            reference_tokens=read_count(rule.get("reference_tokens", 0), "reference_tokens"),
            thinking_tokens=read_count(rule.get("thinking_tokens", 0), "thinking_tokens"),
        )

    def price(self, request: AnyRequest) -> Price:
        if not isinstance(request, ImageRequest):
            raise ValueError("its price rule is for pictures, not for texts.")
        made = self.drawn(request.quality, request.width, request.height)
        prompt = text_tokens(request.prompt + request.negative_prompt)
        given = len(request.reference_images) + bool(request.mask)
        low = made.low * self.image_output + prompt.low * self.text_input
        high = (
            made.high * self.image_output
            + prompt.high * self.text_input
            + given * self.reference_tokens * self.image_input
            + self.thinking_tokens * self.text_output
        )
        return Price("known", rounded_up(low / MILLION), rounded_up(high / MILLION))

    def drawn(self, quality: str, width: int, height: int) -> Span:
        """Tokens of the picture itself; an unlisted quality, such as auto, may be any."""
        if self.tokens is not None:
            return self.tokens.find(quality, width, height)
        if quality not in self.factors:
            return around(self.drawn(each, width, height) for each in self.factors)
        tokens = output_tokens(self.factors[quality], width, height)
        times = self.multipliers.get(quality, ONE)
        return Span(tokens * times.low, tokens * times.high)

    def cost(self, usage: Mapping[str, Any]) -> Decimal | None:
        told = read_tokens(usage)
        if not told.total_out or told.total_in is None:
            return None
        words = min(told.text_out or 0, told.total_out)
        made = (told.total_out - words) * self.image_output + words * self.text_output
        return rounded_up((self._given(told, told.total_in) + made) / MILLION)

    def _given(self, told: Tokens, total: int) -> Decimal:
        """Price of what was sent; where its kinds are not told apart, the dearer one counts."""
        if told.image_in is not None:
            pictures = min(told.image_in, total)
        elif told.text_in is not None:
            pictures = total - min(told.text_in, total)
        else:
            return total * max(self.text_input, self.image_input)
        return pictures * self.image_input + (total - pictures) * self.text_input

    def describe(self, money: Callable[[Decimal], str]) -> str:
        parts = []
        for quality in self.factors or {"": 0}:
            made = self.drawn(quality, 1024, 1024)
            ends = sorted({rounded_up(end * self.image_output / MILLION) for end in made})
            parts.append(f"{quality} {' to '.join(map(money, ends))}".strip())
        return (
            f"{', '.join(parts)} for 1024×1024 and the prompt besides; "
            f"{money(self.image_output)} for a million tokens"
        )


@dataclass(frozen=True, kw_only=True)
class TextTokens(PriceRule):
    """A text by its tokens; rates are for a million."""

    input: Decimal
    output: Decimal
    cached_input: Decimal
    image_tokens: int = 0

    NAMES = frozenset({"input", "output", "cached_input", "image_tokens"})

    @classmethod
    def read(cls, rule: Mapping[str, Any]) -> Self:
        for name in ("input", "output"):
            if name not in rule:
                raise ValueError(f"A price by text tokens needs {name}, for a million tokens.")
        given = read_number(rule["input"], "input")
        return cls(
            input=given,
            output=read_number(rule["output"], "output"),
            cached_input=read_number(rule.get("cached_input", str(given)), "cached_input"),
            image_tokens=read_count(rule.get("image_tokens", 0), "image_tokens"),
        )

    def price(self, request: AnyRequest) -> Price:
        if not isinstance(request, TextRequest):
            raise ValueError("its price rule is for texts, not for pictures.")
        asked = text_tokens(f"{request.instructions}{request.data}{dict(request.schema)}")
        images = len(request.images) * self.image_tokens
        low = asked.low * self.input
        high = (asked.high + images) * self.input + request.max_output_tokens * self.output
        return Price("known", rounded_up(low / MILLION), rounded_up(high / MILLION))

    def cost(self, usage: Mapping[str, Any]) -> Decimal | None:
        told = read_tokens(usage)
        if not told.total_out or told.total_in is None:
            return None
        cached = min(told.cached_in, told.total_in)
        given = (told.total_in - cached) * self.input + cached * self.cached_input
        return rounded_up((given + told.total_out * self.output) / MILLION)

    def describe(self, money: Callable[[Decimal], str]) -> str:
        return f"{money(self.input)} in, {money(self.output)} out for a million tokens"


def _mapping(rule: Mapping[str, Any], name: str, read: Callable[[Any, str], Any]) -> dict[str, Any]:
    """A mapping of qualities to figures; empty without it."""
    given = rule.get(name, {})
    if not isinstance(given, Mapping) or (name in rule and not given):
        raise ValueError(f"The {name} of the price rule must map qualities to numbers.")
    return {str(key): read(given[key], name) for key in given}
