from datetime import UTC, datetime

import pytest

from providers.health import check_connection, feature_rows, feature_table
from providers.models import Connection, ImageModel
from providers.types import Capabilities


def levels(connection):
    return [(answer.ok, answer.message) for answer in check_connection(connection)]


def test_unproven_connection_says_so_after_all_else_is_well():
    *others, proven = levels(Connection(name="far", kind="stub"))
    assert [ok for ok, _ in others] == [True, True, True]
    assert proven == (None, "Never yet run against the real service.")


def test_proven_connection_tells_when():
    when = datetime(2026, 11, 20, 14, 2, tzinfo=UTC)
    *_, (ok, message) = levels(Connection(name="far", kind="stub", proven_at=when))
    assert ok and "20 Nov 2026, 14:02" in message


def test_what_was_proven_once_is_told_after_a_failure_too():
    far = Connection(
        name="far",
        kind="stub",
        options={"behaviour": "auth"},
        proven_at=datetime(2026, 11, 20, tzinfo=UTC),
    )
    assert [ok for ok, _ in levels(far)] == [True, True, False, True]


def test_after_a_failure_the_service_is_asked_no_more():
    answers = levels(Connection(name="far", kind="stub", secret_name="FAR_KEY"))
    assert answers[0][0] is False and "FAR_KEY" in answers[0][1]
    assert answers[1:3] == [(None, "Not looked at.")] * 2


@pytest.mark.parametrize(
    ("fields", "what", "words"),
    [
        ({}, "size", "64 to 4096 pixels a side"),
        ({"sizes": ("1x1", "2x1")}, "size", "1x1, 2x1"),
        (
            {"multiple_of": 16, "max_ratio": 3, "min_pixels": 655_360, "max_pixels": 8_294_400},
            "size",
            "64 to 4096 pixels a side, in steps of 16, at most 3:1, 655,360 to 8,294,400 in all",
        ),
        ({"max_pixels": 4_000_000}, "size", "64 to 4096 pixels a side, at most 4,000,000 in all"),
        ({"min_pixels": 4_000}, "size", "64 to 4096 pixels a side, at least 4,000 in all"),
        ({"seed": True}, "seed", "yes"),
        ({"seed": True, "max_seed": 4_294_967_295}, "seed", "0 to 4,294,967,295"),
        ({"mask": True}, "mask", "yes"),
        ({"extra": ("*",)}, "own options", "any"),
        (
            {"extra": ("moderation", "family"), "choices": {"moderation": ("auto", "low")}},
            "own options",
            "moderation (auto, low), family",
        ),
    ],
)
def test_features_are_told_in_words(fields, what, words):
    assert dict(feature_rows(Capabilities(**fields)))[what] == words


def test_model_for_texts_has_a_column_of_its_own():
    far = Connection(name="far", kind="stub")
    models = [ImageModel(connection=far, name="a", purpose=use) for use in ("image", "text")]
    table = dict(feature_table(models))
    assert table["size"][1] == "writes texts" and table["seed"] == ["yes", "-"]
