from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from providers import services
from providers.backends.stub import StubProvider
from providers.models import Connection, ImageModel
from providers.tests.factories import make_connection, make_model

pytestmark = pytest.mark.django_db


def studio():
    return Connection.objects.get(name="studio")


def test_studio_is_there_after_migration():
    models = {model.name: model.is_default for model in studio().models.all()}
    assert (studio().kind, studio().enabled, studio().max_concurrent) == ("studio", True, 0)
    assert models == {"patterns": True, "covers": False}


def test_studio_is_free():
    rules = {str(model.price_rule) for model in studio().models.all()}
    assert rules == {"{'kind': 'free'}"}


def test_installing_again_changes_nothing_that_was_changed():
    Connection.objects.filter(name="studio").update(enabled=False, max_concurrent=3, label="Mine")
    ImageModel.objects.filter(name="patterns").update(is_default=False, label="Dots")
    ImageModel.objects.filter(name="covers").update(is_default=True)
    before = (list(Connection.objects.values()), list(ImageModel.objects.values()))
    services.install_embedded_connections()
    assert (list(Connection.objects.values()), list(ImageModel.objects.values())) == before


def test_installing_after_a_loss_keeps_the_other_default():
    ImageModel.objects.filter(name="patterns").update(name="renamed", is_default=False)
    ImageModel.objects.filter(name="covers").update(is_default=True)
    services.install_embedded_connections()
    assert ImageModel.objects.get(is_default=True, connection=studio()).name == "covers"


@pytest.mark.parametrize(
    "change", [{"base_url": "https://evil.example"}, {"kind": "studio"}, {"base_url": ""}]
)
def test_secret_does_not_follow_to_another_address(change):
    connection = make_connection(base_url="https://a.example", secret_name="FAR_KEY")
    for field, value in change.items():
        setattr(connection, field, value)
    notes = services.save_connection(connection=connection)
    connection.refresh_from_db()
    assert connection.secret_name == ""
    assert "FAR_KEY" in notes[0]


def test_secret_named_together_with_a_new_address_is_not_bound_to_it():
    connection = make_connection(base_url="https://a.example", secret_name="FAR_KEY")
    connection.base_url, connection.secret_name = "https://b.example", "OTHER_KEY"
    services.save_connection(connection=connection)
    assert connection.secret_name == ""


@pytest.mark.parametrize("how", [{}, {"update_fields": ["base_url"]}])
def test_secret_does_not_follow_by_any_other_door(how):
    connection = make_connection(base_url="https://a.example", secret_name="FAR_KEY")
    connection.base_url = "https://evil.example"
    connection.save(**how)
    connection.refresh_from_db()
    assert (connection.base_url, connection.secret_name) == ("https://evil.example", "")


@pytest.mark.parametrize("base_url", ["https://a.example", "https://a.example/"])
def test_secret_stays_while_the_address_stays(base_url):
    connection = make_connection(base_url="https://a.example", secret_name="FAR_KEY")
    connection.base_url, connection.label = base_url, "Far"
    assert services.save_connection(connection=connection) == []
    connection.refresh_from_db()
    assert (connection.secret_name, connection.label) == ("FAR_KEY", "Far")


def test_other_hosts_are_another_address():
    hosts = {"hosts": ["http://a"]}
    connection = make_connection(kind="comfyui", options=hosts, secret_name="FAR_KEY")
    connection.options = {"hosts": ["http://a", "http://b"]}
    services.save_connection(connection=connection)
    assert connection.secret_name == ""


def test_other_options_are_no_other_address():
    connection = make_connection(options={"deadline": 5}, secret_name="FAR_KEY")
    connection.options = {"deadline": 6}
    assert services.save_connection(connection=connection) == []


@pytest.mark.parametrize(
    ("change", "kept"),
    [({"base_url": "https://b.example"}, False), ({"kind": "studio"}, False), ({}, True)],
)
def test_what_was_proven_holds_for_its_address_alone(change, kept):
    connection = make_connection(proven_at=timezone.now())
    for field, value in change.items():
        setattr(connection, field, value)
    services.save_connection(connection=connection)
    connection.refresh_from_db()
    assert (connection.proven_at is not None) is kept


def test_success_while_a_form_was_open_is_not_lost():
    connection = make_connection()
    services.note_success(connection_id=connection.pk)
    services.save_connection(connection=connection)
    connection.refresh_from_db()
    assert connection.proven_at is not None


def test_service_that_charges_stays_off_without_a_cap(monkeypatch):
    monkeypatch.setattr(StubProvider, "charges", True)
    connection = Connection(name="new", kind="stub")
    with pytest.raises(ValidationError, match="may cost in a month"):
        services.save_connection(connection=connection)
    connection.monthly_cap = 5
    services.save_connection(connection=connection)
    assert connection.pk


@pytest.mark.parametrize(("minutes", "marked"), [(None, True), (59, False), (61, True)])
def test_success_is_noted_once_an_hour(minutes, marked):
    before = None if minutes is None else timezone.now() - timedelta(minutes=minutes)
    connection = make_connection(proven_at=before)
    services.note_success(connection_id=connection.pk)
    connection.refresh_from_db()
    assert (connection.proven_at != before) is marked


def test_noting_a_success_takes_one_statement(django_assert_num_queries):
    connection = make_connection()
    with django_assert_num_queries(1):
        services.note_success(connection_id=connection.pk)


def test_new_connection_keeps_its_secret_name():
    connection = Connection(name="new", kind="stub", base_url="https://a", secret_name="FAR_KEY")
    services.save_connection(connection=connection)
    assert Connection.objects.get(name="new").secret_name == "FAR_KEY"


def test_new_default_takes_the_place_of_the_old_one():
    connection = make_connection()
    old = make_model(connection, "old", is_default=True)
    services.save_model(model=ImageModel(connection=connection, name="new", is_default=True))
    old.refresh_from_db()
    assert not old.is_default


def test_pictures_and_texts_have_a_default_each():
    connection = make_connection()
    old = make_model(connection, "old", is_default=True)
    new = ImageModel(connection=connection, name="new", purpose="text", is_default=True)
    services.save_model(model=new)
    old.refresh_from_db()
    assert old.is_default


def test_longer_pause_is_left_as_it_is():
    connection = make_connection(paused_until=timezone.now() + timedelta(hours=1))
    until = timezone.now() + timedelta(minutes=5)
    services.pause_connection(connection=connection, until=until, reason="Too fast")
    assert connection.paused_until > until and not connection.pause_reason


def test_pause_and_resume():
    connection = make_connection()
    until = timezone.now() + timedelta(minutes=5)
    services.pause_connection(connection=connection, until=until, reason="No credit")
    assert (connection.is_paused, connection.pause_reason) == (True, "No credit")
    services.resume_connection(connection=connection)
    assert (connection.is_paused, connection.pause_reason) == (False, "")
