"""What OpenAI and gateways say when they fail, as people reported it, and what it becomes here."""

import json

import pytest

from providers import errors
from providers.answers import HttpAnswer
from providers.backends.openai_errors import Told, cleaned, problem, waiting_time
from providers.tests.fakes import recorded

KINDS = ("openai", "openai_compatible")
FAILURES = [(kind, name) for kind in KINDS for name in recorded.problems(kind)]


def told(status=400, headers=None, **error):
    body = json.dumps({"error": error}).encode()
    return problem(HttpAnswer(status, headers or {}, body), "mine")


@pytest.mark.parametrize(("kind", "name"), FAILURES)
def test_recorded_error_becomes_one_of_ours(kind, name):
    found = problem(recorded.http(kind, name), "mine")
    recorded.check(kind, name, found)
    assert recorded.answers(kind)[name]["says"] in found.message


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "9"}, 9.0),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_waiting_time_is_read_from_headers(headers, seconds):
    assert waiting_time(headers) == seconds


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("Please try again in 12s.", 12),
        ("Please try again in 250ms.", 0.25),
        ("Please try again in 6m0s.", 360),
        ("Please try again in 1m12.5s.", 72.5),
        ("Please try again in 1h2m3s", 3723),
        ("try again after 30 seconds", 30),
        ("try again in 2 minutes", 120),
    ],
)
def test_waiting_time_is_added_up_from_words(words, seconds):
    assert waiting_time({}, words) == seconds


def test_waiting_time_is_read_whatever_the_code():
    found = told(429, {"retry-after-ms": "500"}, code="429", type="throttling_error")
    assert (type(found), found.retry_after) == (errors.RateLimited, 0.5)


@pytest.mark.parametrize("words", ["try again in .s", "try again in 1.2.3s", "try again later"])
def test_waiting_time_without_sense_is_none(words):
    assert waiting_time({}, words) is None


@pytest.mark.parametrize("status", [200, 400, 403, 429, 500, 503])
def test_code_counts_more_than_the_status(status):
    assert type(told(status, code="insufficient_quota")) is errors.QuotaExhausted
    assert type(told(status, code="model_not_found")) is errors.ModelUnavailable


def test_refused_prompt_is_free():
    details = {"moderation_stage": "input", "categories": []}
    found = told(code="moderation_blocked", moderation_details=details)
    assert (found.billed, found.stage, found.retryable) == ("no", "input", False)


def test_verification_is_told_to_the_operator():
    found = told(403, message="Your organization must be verified.", code=None)
    assert "https://platform.openai.com/settings/organization/general" in found.hint


def test_parameter_is_named():
    found = told(code="invalid_value", message="Invalid value: 'ultra'.", param="quality")
    assert found.message.endswith("Invalid value: 'ultra'. (quality)")


def test_parts_of_keys_and_files_are_not_repeated():
    message = f"Bad key sk-proj-abcdef123456; got {'QUJD' * 100}"
    text = str(told(400, message=message).to_dict()) + str(told(418, message=message).to_dict())
    assert "abcdef" not in text and "QUJDQUJD" not in text


@pytest.mark.parametrize(
    "body", [None, 7, "x", [], {}, {"error": None}, {"error": {}}, {"error": ""}, {"error": 7}]
)
def test_answer_without_an_error_tells_none(body):
    assert Told.read(body) is None


def test_error_without_a_wrapper_is_read():
    told = Told.read({"object": "error", "message": "Too many", "code": 400})
    assert (told.message, told.code) == ("Too many", "400")


@pytest.mark.parametrize(
    "error", [{"code": [1], "message": {"a": 1}}, {"moderation_details": 7}, {"type": None}]
)
def test_errors_of_any_shape_are_read(error):
    assert isinstance(told(400, **error), errors.InvalidRequest)


def test_long_words_are_cut():
    assert len(cleaned("word " * 1000)) <= 400
