from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from providers.models import Connection, ImageModel
from providers.tests.factories import make_connection, make_model

pytestmark = pytest.mark.django_db
LIST = reverse("admin:providers_connection_changelist")
MODELS = reverse("admin:providers_imagemodel_changelist")


@pytest.fixture
def console(client, administrator):
    client.force_login(administrator)
    return client


def change(model, row):
    return reverse(f"admin:providers_{model}_change", args=[row.pk])


def form(connection, **values):
    """What the change form of a connection sends."""
    fields = ("name", "label", "kind", "base_url", "secret_name", "max_concurrent")
    return {
        **{name: getattr(connection, name) for name in fields},
        "options": "{}",
        "enabled": "on",
        "pause_reason": "",
        **values,
    }


def test_list_tells_state_but_no_secret(console, monkeypatch):
    monkeypatch.setenv("FAR_KEY", "s3cret-value")
    make_connection(secret_name="FAR_KEY")
    text = console.get(LIST).content.decode()
    assert ">FAR_KEY<" in text
    assert "s3cret-value" not in text


def test_change_page_shows_no_secret(console, monkeypatch):
    monkeypatch.setenv("FAR_KEY", "s3cret-value")
    text = console.get(
        change("connection", make_connection(secret_name="FAR_KEY"))
    ).content.decode()
    assert "Set in FAR_KEY" in text
    assert "s3cret-value" not in text


def test_missing_secret_is_told(console):
    make_connection(secret_name="FAR_KEY")
    assert ">FAR_KEY is missing<" in console.get(LIST).content.decode()


def test_new_base_url_removes_the_secrets_name_with_a_message(console):
    connection = make_connection(base_url="https://a.example", secret_name="FAR_KEY")
    data = form(connection, base_url="https://b.example")
    text = console.post(change("connection", connection), data, follow=True).content.decode()
    connection.refresh_from_db()
    assert (connection.base_url, connection.secret_name) == ("https://b.example", "")
    assert "was given for another address" in text


def test_wrong_value_is_shown_at_its_field(console):
    connection = make_connection()
    data = form(connection, base_url="ftp://a", secret_name="SECRET_KEY")
    text = console.post(change("connection", connection), data).content.decode()
    assert "must begin with http:// or https://" in text
    assert "belongs to the site itself" in text


@pytest.mark.parametrize(("exists", "offered"), [(False, False), (True, True)])
def test_kind_for_tests_is_offered_only_where_one_exists(console, exists, offered):
    if exists:
        make_connection()
    text = console.get(reverse("admin:providers_connection_add")).content.decode()
    assert ("Stub (tests)" in text) is offered
    assert "Studio (drawn here)" in text


def test_action_looks_whether_they_can_be_used(console):
    broken = make_connection(secret_name="FAR_KEY")
    chosen = [broken.pk, Connection.objects.get(name="studio").pk]
    data = {"action": "look_at", "_selected_action": chosen}
    text = console.post(LIST, data, follow=True).content.decode()
    assert "Studio: configured, reachable, authenticated." in text
    assert "Far: not configured." in text


def test_action_ends_a_pause(console):
    paused = make_connection(paused_until=timezone.now() + timedelta(hours=1))
    studio = Connection.objects.get(name="studio")
    data = {"action": "resume", "_selected_action": [paused.pk, studio.pk]}
    text = console.post(LIST, data, follow=True).content.decode()
    paused.refresh_from_db()
    assert paused.paused_until is None
    assert "1 resumed, 1 were not paused." in text


def test_stranger_sees_nothing(client, stranger):
    client.force_login(stranger)
    assert client.get(LIST).status_code == 403


def test_model_list_tells_prices_in_words(console):
    far = make_connection()
    make_model(far, "a", price_rule={"kind": "per_image", "amount": "0.04"})
    make_model(far, "b", price_rule={"kind": "per_image", "low": "0.01", "high": "0.2"})
    make_model(far, "c", price_rule={"kind": "per_moon"})
    text = console.get(MODELS).content.decode()
    assert all(price in text for price in ("free", "$0.04", "$0.01 to $0.20", "Cannot be read"))


def test_model_page_shows_what_it_takes_in_all(console):
    model = make_model(make_connection(), capabilities={"max_side": 777})
    text = console.get(change("imagemodel", model)).content.decode()
    assert "size: 16 to 777 pixels a side" in text


@pytest.mark.parametrize("capabilities", [{"wings": 2}, {"max_side": "big"}])
def test_model_page_bears_an_unreadable_row(console, capabilities):
    model = make_model(make_connection(), capabilities=capabilities)
    assert "cannot be read" in console.get(change("imagemodel", model)).content.decode()


def test_new_default_is_saved_through_the_service(console):
    far = make_connection()
    old, new = make_model(far, "old", is_default=True), make_model(far, "new")
    data = {
        "connection": far.pk,
        "name": "new",
        "is_default": "on",
        "enabled": "on",
        "capabilities": "{}",
        "price_rule": '{"kind": "free"}',
    }
    console.post(change("imagemodel", new), data)
    assert list(ImageModel.objects.filter(connection=far, is_default=True)) == [new]
    assert old.name == "old"


def test_lists_ask_few_queries(console, django_assert_max_num_queries):
    far = make_connection()
    for number in range(30):
        make_model(far, f"m{number}")
        make_connection(f"c{number}")
    for page in (LIST, MODELS):
        with django_assert_max_num_queries(10):
            console.get(page)
