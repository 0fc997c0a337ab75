from decimal import Decimal

import pytest

from providers.prices import cost_of_usage, describe_price, parse_price_rule, price_of
from providers.token_prices import output_tokens
from providers.types import ImageRequest, Price, TextRequest

GPT_IMAGE_2 = {"low": 16, "medium": 48, "high": 96}
GPT_IMAGE_25 = {"low": 16, "medium": 24, "high": 48, "xhigh": 64, "max": 96}
SIZES = ("1024x1024", "1536x1024", "1920x1080", "2560x1440", "3840x2160")
# US dollars a picture, output alone, as resellers list them (seen 2026-11-21).
LISTED = {
    ("2", "low"): ("0.0059", "0.0047", "0.0044", "0.0062", "0.0111"),
    ("2", "medium"): ("0.0527", "0.0412", "0.0396", "0.0553", "0.1001"),
    ("2", "high"): ("0.2107", "0.1646", "0.1584", "0.2211", "0.4003"),
    ("2.5", "low"): ("0.0059", "0.0047", "0.0044", "0.0062", "0.0111"),
    ("2.5", "medium"): ("0.0132", "0.0103", "0.0103", "0.0143", "0.0260"),
    ("2.5", "high"): ("0.0527", "0.0412", "0.0396", "0.0553", "0.1001"),
    ("2.5", "xhigh"): ("0.0937", "0.0738", "0.0704", "0.0983", "0.1779"),
    ("2.5", "max"): ("0.2107", "0.1646", "0.1584", "0.2211", "0.4003"),
}
FACTORS = {"2": GPT_IMAGE_2, "2.5": GPT_IMAGE_25}
BY_TOKENS = {
    "kind": "image_tokens",
    "text_input": "5",
    "image_input": "8",
    "image_output": "30",
    "factors": GPT_IMAGE_2,
}
BY_WORDS = {"kind": "text_tokens", "input": "1", "output": "5", "cached_input": "0.1"}


def picture(width=1024, height=1024, **fields):
    return ImageRequest(prompt="A wall", model="m", width=width, height=height, **fields)


def question(**fields):
    fields = {"instructions": "Write.", "data": "A wall", "schema": {}, **fields}
    return TextRequest(model="m", **fields)


def ends(rule, request):
    price = price_of(rule, request)
    return price.low, price.high


# --- A picture at a price ---------------------------------------------------------------


def test_price_per_image_is_exact():
    price = price_of({"kind": "per_image", "amount": "0.04", "date": "2026-11-01"}, picture())
    assert price == Price("known", Decimal("0.04"), Decimal("0.04"), exact=True)


def test_range_is_not_exact():
    price = price_of({"kind": "per_image", "low": "0.01", "high": "0.17"}, picture())
    assert price == Price("known", Decimal("0.01"), Decimal("0.17"))


@pytest.mark.parametrize("request_", [picture(), question()])
def test_own_hardware_is_free(request_):
    price = price_of({"kind": "free"}, request_)
    assert price == Price("free", Decimal(0), Decimal(0), exact=True)


@pytest.mark.parametrize("rule", [{}, {"kind": "unknown"}])
def test_unknown_is_never_nothing(rule):
    assert price_of(rule, picture()) == Price("unknown")
    assert cost_of_usage(rule, {"input_tokens": 1, "output_tokens": 1}) is None


@pytest.mark.parametrize("amount", [0.04, 1, "1e-2"])
def test_numbers_lose_no_cent(amount):
    rule = {"kind": "per_image", "amount": amount}
    assert price_of(rule, picture()).low == Decimal(str(amount))


def test_amounts_are_rounded_up_to_a_millionth():
    assert price_of({"kind": "per_image", "amount": "0.0000001"}, picture()).low == Decimal(
        "0.000001"
    )


BY_QUALITY = {
    "kind": "per_image",
    "by_quality": {
        "low": {"by_size": {"1024x1024": "0.005", "1536x1024": "0.006"}},
        "high": {"by_size": {"1024x1024": "0.036", "1536x1024": "0.052"}},
    },
}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"quality": "low"}, ("0.005", "0.005")),
        ({"quality": "high", "width": 1536}, ("0.052", "0.052")),
        ({"quality": "auto"}, ("0.005", "0.036")),
        ({}, ("0.005", "0.036")),
        ({"quality": "low", "width": 800}, ("0.005", "0.006")),
    ],
)
def test_price_by_quality_and_size(fields, expected):
    assert ends(BY_QUALITY, picture(**fields)) == tuple(map(Decimal, expected))


@pytest.mark.parametrize(
    ("side", "expected"), [(1000, ("1", "1")), (1001, ("2", "2")), (3000, ("1", "2"))]
)
def test_price_by_pixels(side, expected):
    steps = [{"up_to": 1_000_000, "amount": "1"}, {"up_to": 4_000_000, "amount": "2"}]
    rule = {"kind": "per_image", "by_pixels": steps}
    assert ends(rule, picture(side, side)) == tuple(map(Decimal, expected))


def test_each_reference_costs_besides():
    rule = {"kind": "per_image", "amount": "0.04", "reference": {"low": "0.01", "high": "0.02"}}
    price = ends(rule, picture(reference_images=("a", "b")))
    assert price == (Decimal("0.06"), Decimal("0.08"))


@pytest.mark.parametrize(
    ("more", "side", "expected"),
    [
        ({"rounding": "up"}, 1000, ("0.03", "0.03")),
        ({"rounding": "up"}, 1001, ("0.045", "0.045")),
        ({"rounding": "none"}, 1200, ("0.0366", "0.0366")),
        ({}, 1200, ("0.0366", "0.045")),
        ({"rounding": "up", "megapixel": 1_048_576}, 1024, ("0.03", "0.03")),
        ({"rounding": "none"}, 500, ("0.03", "0.03")),
    ],
)
def test_price_by_megapixel(more, side, expected):
    rule = {"kind": "per_megapixel", "first": "0.03", "amount": "0.015", **more}
    assert ends(rule, picture(side, side)) == tuple(map(Decimal, expected))


def test_megapixels_without_a_first_price_are_in_proportion():
    rule = {"kind": "per_megapixel", "amount": "0.02", "rounding": "none"}
    assert price_of(rule, picture(500, 500)).high == Decimal("0.005")


# --- Tokens -----------------------------------------------------------------------------


@pytest.mark.parametrize(("generation", "quality"), LISTED)
def test_formula_gives_the_listed_prices(generation, quality):
    factor = FACTORS[generation][quality]
    found = [
        f"{output_tokens(factor, *map(int, size.split('x'))) * 30 / 1e6:.4f}" for size in SIZES
    ]
    assert tuple(found) == LISTED[generation, quality]


@pytest.mark.parametrize(
    ("width", "height", "tokens"),
    [(1024, 1024, 7024), (1536, 1024, 5488), (1024, 1536, 5488), (1792, 1024, 5063)],
)
def test_formula_gives_the_tokens_of_the_services_calculator(width, height, tokens):
    assert output_tokens(96, width, height) == tokens


def test_estimate_holds_the_picture_and_the_prompt():
    low, high = ends(BY_TOKENS, picture(quality="high"))
    assert Decimal("0.21072") < low < high < Decimal("0.2110")


@pytest.mark.parametrize("quality", ["", "auto", "standard"])
def test_unlisted_quality_is_anything_from_least_to_most(quality):
    low, high = ends(BY_TOKENS, picture(quality=quality))
    assert low < Decimal("0.006") and high > Decimal("0.21")


def test_multiplied_factor_is_a_range():
    rule = {**BY_TOKENS, "text_input": "0", "multipliers": {"low": {"low": "3", "high": "4"}}}
    low, high = ends(rule, picture(quality="low"))
    assert (low, high) == (Decimal("0.017640"), Decimal("0.02352"))


def test_table_of_tokens_stands_for_the_formula():
    rule = {key: value for key, value in BY_TOKENS.items() if key != "factors"}
    rule |= {"text_input": "0", "tokens": {"by_pixels": [{"up_to": 2_000_000, "amount": 1120}]}}
    assert ends(rule, picture()) == (Decimal("0.0336"), Decimal("0.0336"))


def test_references_and_thoughts_raise_the_upper_end_alone():
    rule = {**BY_TOKENS, "reference_tokens": 1000, "thinking_tokens": 100, "text_output": "10"}
    plain = ends(BY_TOKENS, picture(quality="low"))
    given = ends(rule, picture(quality="low", reference_images=("a", "b")))
    assert (given[0], given[1] - plain[1]) == (plain[0], Decimal("0.017"))


def test_longer_prompt_is_dearer_and_never_estimated_too_low():
    chinese = "石墙" * 500
    cheap, dear = picture(quality="low"), picture(quality="low")
    dear = ImageRequest.from_dict({**dear.to_dict(), "prompt": chinese})
    difference = price_of(BY_TOKENS, dear).high - price_of(BY_TOKENS, cheap).high
    assert difference >= Decimal(990) * 5 / 1_000_000


def test_text_is_priced_by_its_length_and_the_longest_answer():
    low, high = ends(BY_WORDS, question(data="x" * 3000, max_output_tokens=1000))
    assert Decimal("0.0004") < low < Decimal("0.0006")
    assert Decimal("0.006") < high < Decimal("0.0061")


@pytest.mark.parametrize(
    ("rule", "request_"),
    [
        (BY_WORDS, picture()),
        (BY_TOKENS, question()),
        ({"kind": "per_image", "amount": "1"}, question()),
        ({"kind": "per_megapixel", "amount": "1"}, question()),
    ],
)
def test_rule_for_the_other_kind_of_call_is_refused(rule, request_):
    with pytest.raises(ValueError, match="its price rule is for"):
        price_of(rule, request_)


# --- Usage ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        (
            {
                "input_tokens": 110,
                "input_tokens_details": {"text_tokens": 10, "image_tokens": 100},
                "output_tokens": 196,
            },
            "0.00673",
        ),
        ({"input_tokens": 10, "output_tokens": 196}, "0.00596"),
        (
            {
                "promptTokenCount": 10,
                "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 10}],
                "candidatesTokenCount": 196,
                "thoughtsTokenCount": 4,
            },
            "0.00597",
        ),
    ],
)
def test_picture_is_settled_from_its_usage(usage, cost):
    assert cost_of_usage({**BY_TOKENS, "text_output": "10"}, usage) == Decimal(cost)


@pytest.mark.parametrize(
    "usage",
    [
        {
            "input_tokens": 1000,
            "output_tokens": 100,
            "input_tokens_details": {"cached_tokens": 500},
        },
        {
            "prompt_tokens": 1000,
            "completion_tokens": 100,
            "prompt_tokens_details": {"cached_tokens": 500},
        },
    ],
)
def test_text_is_settled_from_its_usage(usage):
    assert cost_of_usage(BY_WORDS, usage) == Decimal("0.00105")


@pytest.mark.parametrize(
    "usage",
    [
        {},
        {"output_tokens": 5},
        {"input_tokens": 5},
        {"input_tokens": "5", "output_tokens": 5},
        # Gateways that do not count (LocalAI, LiteLLM) write noughts: not that it was free.
        {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        {"input_tokens": 9, "output_tokens": 0},
    ],
)
@pytest.mark.parametrize("rule", [BY_TOKENS, BY_WORDS, {"kind": "per_image", "amount": "1"}])
def test_usage_that_tells_nothing_settles_nothing(rule, usage):
    assert cost_of_usage(rule, usage) is None


def test_unreadable_rule_settles_nothing():
    assert cost_of_usage({"kind": "per_moon"}, {"input_tokens": 1, "output_tokens": 1}) is None


# --- Reading and describing -------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({"kind": "per_moon"}, "per_moon"),
        ({"kind": ["free"]}, "not one of"),
        ({"kind": "free", "amout": 1}, "amout"),
        ({"kind": "free", "amount": 1}, "amount"),
        ({"kind": "per_image"}, "needs an amount"),
        ({"kind": "per_image", "low": "1"}, "low and high"),
        ({"kind": "per_image", "low": "2", "high": "1"}, "above"),
        ({"kind": "per_image", "amount": "cheap"}, "number"),
        ({"kind": "per_image", "amount": "-1"}, "number"),
        ({"kind": "per_image", "amount": "NaN"}, "number"),
        ({"kind": "per_image", "amount": None}, "number"),
        ({"kind": "per_image", "amount": True}, "number"),
        ({"kind": "per_image", "amount": "1", "by_size": {}}, "needs an amount"),
        ({"kind": "per_image", "by_size": {}}, "by_size"),
        ({"kind": "per_image", "by_quality": {"low": {"by_moon": 1}}}, "by_quality"),
        ({"kind": "per_image", "by_pixels": []}, "by_pixels"),
        ({"kind": "per_image", "by_pixels": [{"up_to": 5}]}, "up_to and an amount"),
        ({"kind": "per_image", "by_pixels": [{"up_to": 5, "amount": 1}] * 2}, "rise"),
        ({"kind": "per_megapixel"}, "needs an amount"),
        ({"kind": "per_megapixel", "amount": "1", "rounding": "down"}, "rounding"),
        ({"kind": "per_megapixel", "amount": "1", "megapixel": 0}, "pixels"),
        ({"kind": "image_tokens", "text_input": 1, "image_input": 1}, "image_output"),
        ({**BY_TOKENS, "tokens": 5}, "either factors or tokens"),
        ({**BY_TOKENS, "factors": {}}, "factors"),
        ({**BY_TOKENS, "factors": {"low": 1.5}}, "whole number"),
        ({**BY_TOKENS, "multipliers": {"best": 2}}, "best"),
        ({"kind": "text_tokens", "input": 1}, "output"),
        ({"kind": "free", "date": "soon"}, "YYYY-MM-DD"),
        ({"kind": "free", "date": 20261101}, "YYYY-MM-DD"),
    ],
)
def test_malformed_rule_is_told_in_a_sentence(rule, text):
    with pytest.raises(ValueError, match=text):
        parse_price_rule(rule)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"kind": "free"}, "free"),
        ({}, "price unknown"),
        ({"kind": "per_image", "amount": "0.04"}, "$0.04 a picture"),
        ({"kind": "per_image", "low": "0.1", "high": "0.2"}, "$0.1 to $0.2 a picture"),
        (BY_QUALITY, "$0.005 to $0.052 a picture, by quality or size"),
        ({"kind": "per_megapixel", "amount": "0.02"}, "$0.02 a megapixel"),
        (
            {"kind": "per_megapixel", "first": "0.03", "amount": "0.01"},
            "$0.03 for the first megapixel, $0.01 for each further one",
        ),
        (BY_WORDS, "$1 in, $5 out for a million tokens"),
        ({"kind": "per_moon"}, 'Cannot be read: Price kind "per_moon"'),
    ],
)
def test_rule_is_described_in_words(rule, words):
    assert describe_price(rule, lambda amount: f"${amount}").startswith(words)


def test_price_by_tokens_is_described_by_an_example():
    words = describe_price(BY_TOKENS, lambda amount: f"${amount:.4f}")
    assert words.startswith("low $0.0059, medium $0.0527, high $0.2107 for 1024×1024")


@pytest.mark.parametrize("amount", ["1000000", "1e25", "1e400"])
def test_price_that_no_column_holds_is_refused(amount):
    with pytest.raises(ValueError, match="1,000,000 or more"):
        price_of({"kind": "per_image", "amount": amount}, picture())


def test_usage_that_comes_to_more_than_a_column_holds_settles_nothing():
    assert cost_of_usage(BY_WORDS, {"input_tokens": 9 * 10**18, "output_tokens": 1}) is None
