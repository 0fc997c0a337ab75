from datetime import timedelta

import pytest
from django.utils import timezone

from providers import checks
from providers.tests.factories import make_connection, make_model

pytestmark = pytest.mark.django_db


def ids():
    messages = [
        *checks.check_connections(databases=["default"]),
        *checks.check_models(databases=["default"]),
    ]
    assert all(message.hint for message in messages)
    return [message.id for message in messages]


def test_fresh_site_has_nothing_to_complain_of():
    assert ids() == []


def test_missing_secret_is_a_warning():
    make_connection(secret_name="FAR_KEY")
    assert ids() == ["providers.W001"]


@pytest.mark.parametrize(
    "fields", [{"kind": "gone"}, {"base_url": "far"}, {"secret_name": "SECRET_KEY"}]
)
def test_connection_that_cannot_work_is_an_error(fields):
    make_connection(**fields)
    assert ids() == ["providers.E001"]


def test_disabled_connection_is_left_alone():
    make_connection(kind="gone", enabled=False)
    assert ids() == []


@pytest.mark.parametrize(("private", "expected"), [(False, ["providers.W002"]), (True, [])])
def test_secret_over_plain_http_is_a_warning(monkeypatch, private, expected):
    monkeypatch.setenv("FAR_KEY", "x")
    make_connection(base_url="http://a.example", secret_name="FAR_KEY", private_network=private)
    assert ids() == expected


def test_unreadable_catalogue_row_is_an_error():
    make_model(make_connection(), capabilities={"wings": 2})
    assert ids() == ["providers.E002"]


@pytest.mark.parametrize(
    ("days", "expected"),
    [(-1, ["providers.W003"]), (59, ["providers.W003"]), (61, []), (None, [])],
)
def test_end_of_a_model_is_told_in_time(days, expected):
    end = None if days is None else timezone.localdate() + timedelta(days=days)
    make_model(make_connection(), shutdown_at=end, successor="newer")
    assert ids() == expected


def test_end_names_days_and_successor():
    make_model(
        make_connection(), shutdown_at=timezone.localdate() + timedelta(days=9), successor="newer"
    )
    message = checks.check_models(databases=["default"])[0]
    assert "ends in 9 days" in message.msg
    assert "newer" in message.hint


def test_without_databases_nothing_is_read(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert checks.check_connections() == checks.check_models() == []


def test_broken_plugin_is_a_warning(monkeypatch):
    monkeypatch.setattr(checks, "broken_plugins", lambda: {"bad": "It cannot be loaded."})
    assert [message.id for message in checks.check_plugins()] == ["providers.W004"]
