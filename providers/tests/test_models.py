from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils import timezone

from providers.backends.stub import StubProvider
from providers.errors import ConfigurationError
from providers.models import Connection, ImageModel
from providers.tests.factories import make_connection, make_model


def connection(**fields):
    return Connection(**{"name": "far", "kind": "stub", **fields})


def test_config_carries_limits_apart_from_the_adapters_options():
    config = connection(options={"deadline": 9, "max_bytes": 100, "delay": 1}).config()
    assert (config.deadline, config.max_bytes, config.options) == (9, 100, {"delay": 1})


def test_secret_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv("FAR_KEY", " s3cret\n")
    assert connection(secret_name="FAR_KEY").config().secret == "s3cret"


def test_secret_may_come_from_a_file(monkeypatch, tmp_path):
    (tmp_path / "key").write_text("s3cret\n")
    monkeypatch.setenv("FAR_KEY_FILE", str(tmp_path / "key"))
    assert connection(secret_name="FAR_KEY").config().secret == "s3cret"


def test_missing_secret_names_the_variable():
    with pytest.raises(ConfigurationError) as caught:
        connection(secret_name="FAR_KEY").provider()
    assert "FAR_KEY" in caught.value.hint


def test_unreadable_secret_file_names_the_variable_not_the_path(monkeypatch):
    monkeypatch.setenv("FAR_KEY_FILE", "/no/such/file")
    with pytest.raises(ConfigurationError) as caught:
        connection(secret_name="FAR_KEY").config()
    assert "FAR_KEY_FILE" in caught.value.hint
    assert "/no/such" not in str(caught.value.to_dict())


def test_a_secret_of_the_site_is_not_read_for_a_row_that_nobody_checked(monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "the site's own")
    with pytest.raises(ConfigurationError, match="has no secret"):
        connection(secret_name="SECRET_KEY").config()


def test_a_file_of_several_lines_is_no_secret(monkeypatch, tmp_path):
    (tmp_path / "env").write_text("SECRET_KEY=1\nDATABASE_URL=2\n")
    monkeypatch.setenv("MY_FILE", str(tmp_path / "env"))
    with pytest.raises(ConfigurationError) as caught:
        connection(secret_name="MY").config()
    assert "more than one line" in caught.value.hint


def test_questions_without_a_call_need_no_secret():
    assert isinstance(connection(secret_name="FAR_KEY").adapter(), StubProvider)


def test_connection_without_a_secret_name_needs_none():
    assert connection().config().secret == ""


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kind", "magic"),
        ("base_url", "api.example.com"),
        ("base_url", "https://u:p@api.example.com"),
        ("base_url", "https://api.example.com/v1?key=sk-1"),
        ("base_url", "https://api.example.com/v1#sk-1"),
        ("secret_name", "sk-123abc"),
        ("secret_name", "r8_Ab12Cd34"),
        ("secret_name", "SECRET_KEY"),
        ("secret_name", "DATABASE_URL"),
        ("secret_name", "AWS_SECRET_ACCESS_KEY"),
        ("secret_name", "C2PA_PRIVATE_KEY"),
        ("secret_name", "ENV"),
        ("secret_name", "secret_key_file"),
        ("options", []),
        ("options", {"deadline": 0}),
        ("options", {"read_timeout": "long"}),
        ("options", {"max_bytes": True}),
        ("options", {"max_bytes": 1.5}),
        ("options", {"no_such_option": 1}),
        ("options", {"API_key": "sk-1"}),
        ("options", {"headers": {"X-Api-Key": "sk-1"}}),
        ("options", {"access_token": "sk-1"}),
        ("options", {"clientSecret": "sk-1"}),
        ("options", {"extra_body": [{"api_key": "sk-1"}]}),
    ],
)
def test_wrong_value_is_refused_at_its_field(field, value):
    with pytest.raises(ValidationError) as caught:
        connection(**{field: value}).clean()
    assert list(caught.value.message_dict) == [field]


def test_names_that_only_look_like_secrets_are_taken():
    options = {"extra_body": {"max_output_tokens": 5, "monkey": "see"}}
    connection(kind="openai_compatible", options=options, enabled=False).clean()


@pytest.mark.django_db
def test_permitted_leaves_out_disabled_and_paused_ones():
    now = timezone.now()
    make_connection("on")
    make_connection("off", enabled=False)
    make_connection("paused", paused_until=now + timedelta(minutes=1))
    make_connection("over", paused_until=now - timedelta(minutes=1))
    permitted = Connection.objects.permitted().exclude(name="studio")
    assert {each.name for each in permitted} == {"on", "over"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "fields", [{"requests_per_minute": 0}, {"images_per_minute": 0}, {"assumed_price": -1}]
)
def test_impossible_limit_is_refused_by_the_database(fields):
    with pytest.raises(IntegrityError):
        make_connection(**fields)


# --- Catalogue --------------------------------------------------------------------------


@pytest.mark.django_db
def test_model_is_there_once_per_connection():
    first = make_connection()
    make_model(first)
    with pytest.raises(IntegrityError):
        make_model(first)


@pytest.mark.django_db
def test_connection_has_one_default_model():
    first = make_connection()
    make_model(first, "a", is_default=True)
    with pytest.raises(IntegrityError):
        make_model(first, "b", is_default=True)


def test_row_lies_over_the_adapters_capabilities():
    model = ImageModel(connection=connection(), name="any", capabilities={"max_side": 100})
    capabilities = model.capabilities_object()
    assert (capabilities.max_side, capabilities.seed) == (100, True)


def test_row_that_cannot_be_read_is_a_configuration_error():
    model = ImageModel(connection=connection(), name="any", capabilities={"wings": 2})
    with pytest.raises(ConfigurationError, match="wings"):
        model.capabilities_object()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("capabilities", {"wings": 2}),
        ("capabilities", []),
        ("price_rule", {"kind": "per_moon"}),
        ("price_rule", "0.04"),
    ],
)
def test_row_that_cannot_be_read_is_refused_at_its_field(field, value):
    with pytest.raises(ValidationError) as caught:
        ImageModel(name="any", **{field: value}).clean()
    assert list(caught.value.message_dict) == [field]


@pytest.mark.parametrize(("days", "retired"), [(-1, True), (0, True), (1, False), (None, False)])
def test_model_is_retired_from_its_last_day_on(days, retired):
    today = timezone.localdate()
    end = None if days is None else today + timedelta(days=days)
    assert ImageModel(shutdown_at=end).is_retired is retired


@pytest.mark.parametrize("days", [-3, 0, 9, None])
def test_days_left_are_counted_from_today(days):
    end = None if days is None else timezone.localdate() + timedelta(days=days)
    assert ImageModel(shutdown_at=end).days_left == days


@pytest.mark.parametrize(
    ("fields", "problem"),
    [({}, True), ({"enabled": False}, False), ({"monthly_cap": 0}, False)],
)
def test_service_that_charges_needs_a_cap_to_be_on(monkeypatch, fields, problem):
    monkeypatch.setattr(StubProvider, "charges", True)
    try:
        connection(**fields).clean()
    except ValidationError as error:
        assert problem and list(error.message_dict) == ["monthly_cap"]
    else:
        assert not problem


@pytest.mark.django_db
def test_usable_leaves_out_disabled_and_retired_ones():
    on, off = make_connection("on"), make_connection("off", enabled=False)
    make_model(on, "good")
    make_model(on, "disabled", enabled=False)
    make_model(on, "retired", shutdown_at=timezone.localdate())
    make_model(off, "unreachable")
    names = ImageModel.objects.usable().exclude(connection__name="studio")
    assert [model.name for model in names] == ["good"]
