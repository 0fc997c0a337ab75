from datetime import UTC, datetime

import pytest

from providers import errors
from providers.answers import HttpAnswer, problem_for, retry_after

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("Sat, 21 Nov 2026 12:00:30 GMT", 30.0),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0.0),
        ("Sat, 21 Nov 2026 12:00:30 -0000", 30.0),
        ("soon", None),
        ("-5", None),
        ("", None),
        ("²", None),
        ("9" * 400, 999999999.0),
        ("Sat, 99 Nov 2026 12:00:30 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_date(text, seconds):
    assert retry_after({"retry-after": text}, NOON) == seconds


@pytest.mark.parametrize(
    ("status", "kind", "billed"),
    [
        (103, errors.OutcomeUnknown, "unknown"),
        (302, errors.ConfigurationError, "no"),
        (400, errors.InvalidRequest, "no"),
        (401, errors.AuthFailed, "no"),
        (402, errors.QuotaExhausted, "no"),
        (403, errors.AccessDenied, "no"),
        (404, errors.ModelUnavailable, "no"),
        (408, errors.OutcomeUnknown, "unknown"),
        (409, errors.OutcomeUnknown, "unknown"),
        (410, errors.ModelUnavailable, "no"),
        (422, errors.InvalidRequest, "no"),
        (429, errors.RateLimited, "no"),
        (500, errors.OutcomeUnknown, "unknown"),
        (503, errors.OutcomeUnknown, "unknown"),
        (524, errors.OutcomeUnknown, "unknown"),
    ],
)
def test_status_without_a_known_code_is_read_with_care(status, kind, billed):
    problem = problem_for(HttpAnswer(status, {}, b""), "far")
    assert (type(problem), problem.billed, problem.code) == (kind, billed, str(status))


def test_rate_limit_keeps_the_time_to_wait():
    assert problem_for(HttpAnswer(429, {"retry-after": "9"}, b""), "far").retry_after == 9.0


def test_problem_keeps_the_request_id():
    answer = HttpAnswer(500, {"x-request-id": "r-1"}, b"oops")
    problem = problem_for(answer, "far")
    assert (problem.request_id, problem.hint) == ("r-1", "HTTP 500: oops")


def test_excerpt_is_one_plain_short_line():
    answer = HttpAnswer(500, {}, b"<b>a</b>\n\x00\x1b[31m  b\xff" + b"c" * 5000)
    assert answer.excerpt(40).startswith("<b>a</b> [31m b")
    assert len(answer.excerpt()) == 200


def test_broken_json_is_an_invalid_response():
    with pytest.raises(errors.InvalidResponse):
        HttpAnswer(200, {}, b"<html>").json()


def test_json_without_end_is_an_invalid_response():
    with pytest.raises(errors.InvalidResponse):
        HttpAnswer(200, {}, b"[" * 100_000).json()


def test_json_of_very_many_values_is_not_read():
    with pytest.raises(errors.InvalidResponse):
        HttpAnswer(200, {}, b"[" + b"{}," * 1_000_001 + b"0]").json()


def test_rate_headers_are_picked_out():
    headers = {"x-ratelimit-remaining": "3", "retry-after": "1", "date": "now"}
    assert set(HttpAnswer(200, headers).rate) == {"x-ratelimit-remaining", "retry-after"}
