"""Whatever a provider tells can be stored."""

import json
from decimal import Decimal

import pytest

from providers import errors
from providers.keeping import keepable, plain_line
from providers.types import Result


@pytest.mark.parametrize(
    "cost", [Decimal("-5"), Decimal("NaN"), Decimal("Infinity"), Decimal("1e30"), float("nan"), ""]
)
def test_cost_that_is_none_counts_as_not_told(cost):
    assert Result(files=(), cost=cost).cost is None


@pytest.mark.parametrize("seed", [2**63, -(2**70), "7", 1.5, True])
def test_seed_that_no_column_holds_is_left_out(seed):
    assert Result(files=(), seed=seed).seed is None


def test_texts_are_cut_and_cleaned():
    result = Result(files=(), model="m" * 999, description="a\x00b\ud800", notes=("\x1bc",))
    assert (len(result.model), result.description, result.notes) == (200, "ab", ("c",))


def test_unknown_source_term_is_dropped():
    assert Result(files=(), digital_source_type='x"><script>').digital_source_type == ""


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ({"a\x00": float("nan")}, {"a": None}),
        ([10**400, 2**64, (1, "\udfff")], [None, float(2**64), [1, ""]]),
        (Decimal("0.10"), "0.10"),
    ],
)
def test_json_holds_nothing_that_a_database_refuses(value, kept):
    assert keepable(value) == kept


def test_nesting_ends_somewhere():
    deep: list = []
    for _ in range(5_000):
        deep = [deep]
    assert len(json.dumps(keepable(deep))) < 100


def test_stored_error_is_short_and_clean():
    told = errors.ContentRejected("x\x00" * 9000, categories=("\ud800",)).to_dict()
    assert len(told["message"]) == 1000
    assert told["categories"] == [""]


@pytest.mark.parametrize(
    "text", ["/home/ann/models/dream.safetensors", r"C:\Users\ann\x.ckpt", "~/sd/x.ckpt"]
)
def test_foreign_words_become_one_line_without_paths(text):
    assert plain_line(f"No file {text}, sorry\n  at line 3") == "No file (path), sorry at line 3"


def test_foreign_words_are_cut():
    assert plain_line("a" * 500) == "a" * 200


def test_fractions_and_alternatives_are_no_paths():
    assert plain_line("Step 3/20 and/or more") == "Step 3/20 and/or more"
