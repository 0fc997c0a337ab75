import json
import pickle

import pytest

from providers import errors

ALL = [
    (errors.ConfigurationError, False, "no"),
    (errors.InvalidRequest, False, "no"),
    (errors.AuthFailed, False, "no"),
    (errors.AccessDenied, False, "no"),
    (errors.ModelUnavailable, False, "no"),
    (errors.ContentRejected, False, "unknown"),
    (errors.QuotaExhausted, False, "no"),
    (errors.RateLimited, True, "no"),
    (errors.ProviderUnavailable, True, "no"),
    (errors.ProviderError, False, "unknown"),
    (errors.OutOfMemory, False, "no"),
    (errors.OutcomeUnknown, False, "unknown"),
    (errors.JobLost, False, "unknown"),
    (errors.InvalidResponse, False, "yes"),
    (errors.Cancelled, False, "unknown"),
]


@pytest.mark.parametrize(("kind", "retryable", "billed"), ALL)
def test_each_error_tells_whether_to_retry_and_whether_it_cost(kind, retryable, billed):
    assert (kind("x").retryable, kind("x").billed) == (retryable, billed)


def test_the_list_is_complete():
    assert {row[0] for row in ALL} == set(errors.ProviderProblem.__subclasses__())


def test_only_what_surely_cost_nothing_is_retried():
    assert all(billed == "no" for _, retryable, billed in ALL if retryable)


@pytest.mark.parametrize("kind", [row[0] for row in ALL])
def test_error_is_drawn_in_the_tree(kind):
    assert f" {kind.__name__} " in errors.__doc__


@pytest.mark.parametrize("kind", [row[0] for row in ALL])
def test_error_survives_json_and_pickle(kind):
    error = kind("No.", hint="h", code="c", request_id="r", billed="yes", retryable=False)
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert json.loads(json.dumps(again.to_dict())) == error.to_dict()


def test_adapter_may_know_better():
    error = errors.ContentRejected("No.", stage="output", categories=["x"], billed="yes")
    facts = error.to_dict()
    assert (facts["billed"], facts["stage"], facts["categories"]) == ("yes", "output", ["x"])


def test_time_to_wait_is_kept():
    assert errors.RateLimited("Slow.", retry_after=3.0).to_dict()["retry_after"] == 3.0


@pytest.mark.parametrize(
    ("told", "kept"), [(None, None), (float("nan"), None), (-5, 0.0), (9, 9.0), (1e300, 1e300)]
)
def test_waiting_time_is_one_that_can_be_waited(told, kept):
    assert errors.RateLimited("Too fast.", retry_after=told).retry_after == kept
