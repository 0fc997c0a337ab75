from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from providers import admin
from providers.backends.stub import StubProvider
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


@pytest.mark.parametrize(("kind", "words"), [("openai", "none named"), ("stub", "none needed")])
def test_lack_of_a_secrets_name_is_told_as_what_it_is(console, kind, words):
    connection = make_connection(kind=kind)
    assert f">{words}<" in console.get(LIST).content.decode()
    assert (
        f">{words.capitalize()}<" in console.get(change("connection", connection)).content.decode()
    )


def test_new_provider_has_no_kind_before_one_is_chosen(console):
    text = console.get(reverse("admin:providers_connection_add")).text
    assert '<option value="" selected>' in text
    assert "OPENAI_API_KEY" in text and "None needed" not in text


def test_list_shows_the_label_with_the_short_name(console):
    make_connection(name="far", label="The far service")
    text = console.get(LIST).text
    assert 'The far service<br><span class="fp-quiet">far</span>' in text


@pytest.mark.parametrize(
    ("kind", "words"), [("stub", "sync_models far"), ("comfyui", "workflow/install/")]
)
def test_provider_without_models_is_told_where_to_get_them(console, kind, words):
    far = make_connection(kind=kind, base_url="http://far.example")
    text = console.get(change("connection", far)).text
    assert "has no models yet" in text and words in text
    make_model(far)
    assert "has no models yet" not in console.get(change("connection", far)).text


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
    assert "Studio: configured, reachable, authenticated. Never yet run" in text
    assert "Far: not configured." in text


def test_page_tells_what_is_known_without_asking(console):
    text = console.get(change("connection", make_connection())).content.decode()
    assert text.count("Not looked at yet.") == 3
    assert "Never yet run against the real service." in text


def test_verify_shows_four_levels_on_the_page_once(console):
    far = make_connection(options={"behaviour": "auth"})
    page = reverse("admin:providers_connection_verify", args=[far.pk])
    text = console.post(page, follow=True).content.decode()
    assert "Far: not authenticated. The secret is not accepted." in text
    assert text.count("fp-chip--good") == 2 and text.count("fp-chip--bad") == 1
    assert "Not looked at yet." in console.get(change("connection", far)).content.decode()


def test_verify_is_posted_by_those_who_may_change(console, client, reviewer):
    page = reverse("admin:providers_connection_verify", args=[make_connection().pk])
    assert console.get(page).status_code == 405
    client.force_login(reviewer)
    assert client.post(page).status_code == 403


def test_verify_of_what_is_gone_leads_back(console):
    page = reverse("admin:providers_connection_verify", args=[4711])
    assert console.post(page).status_code == 302


def test_service_that_charges_cannot_be_switched_on_without_a_cap(console, monkeypatch):
    monkeypatch.setattr(StubProvider, "charges", True)
    far = make_connection(enabled=False)
    text = console.post(change("connection", far), form(far)).content.decode()
    assert "Set the most that they may cost in a month" in text
    console.post(change("connection", far), form(far, monthly_cap="5"))
    far.refresh_from_db()
    assert far.enabled


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"enabled": False}, ">off<"),
        ({"secret_name": "FAR_KEY"}, "secret missing"),
        ({"paused_until": timezone.now() + timedelta(days=1)}, "paused until"),
        ({}, "on, not yet run"),
        ({"proven_at": timezone.now()}, ">on<"),
        ({"kind": "openai"}, ">no cap<"),
        ({"kind": "magic"}, "magic (not installed)"),
        ({"monthly_cap": 5}, "$5.00"),
        ({"monthly_cap": 0}, "nothing may be spent"),
    ],
)
def test_list_tells_the_state_in_words(console, fields, words):
    make_connection(**fields)
    assert words in console.get(LIST, {"q": "far"}).content.decode()


def test_broken_plugin_is_shown_with_its_reason(console, monkeypatch):
    monkeypatch.setattr(admin, "broken_plugins", lambda: {"bad": "bad-package: No module."})
    text = console.get(reverse("admin:providers_connection_plugins")).content.decode()
    assert "bad-package: No module." in text


def test_page_of_plugins_says_what_it_is_for_when_there_are_none(console, monkeypatch):
    monkeypatch.setattr(admin, "broken_plugins", dict)
    monkeypatch.setattr(admin, "kinds", lambda: {"studio": "Studio"})
    text = console.get(reverse("admin:providers_connection_plugins")).content.decode()
    assert "No plugins." in text


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
    assert all(price in text for price in ("free", "$0.04", "$0.01–0.20", "Cannot be read"))


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (200, "in 200 days, "),
        (9, "<strong>in 9 days</strong>, "),
        (1, "<strong>in 1 day</strong>, "),
        (-1, "shut down"),
    ],
)
def test_model_list_counts_the_days_that_are_left(console, days, words):
    end = timezone.localdate() + timedelta(days=days)
    make_model(make_connection(), shutdown_at=end, successor="newer")
    text = console.get(MODELS).content.decode()
    assert words in text and "newer" in text


@pytest.mark.parametrize(
    ("state", "names"), [("usable", "new ending"), ("ending", "ending"), ("ended", "ended")]
)
def test_models_are_filtered_by_state(console, state, names):
    far, today = make_connection(), timezone.localdate()
    make_model(far, "new")
    make_model(far, "ending", shutdown_at=today + timedelta(days=9))
    make_model(far, "ended", shutdown_at=today)
    rows = console.get(MODELS, {"state": state}).context["cl"].queryset
    assert {row.name for row in rows.filter(connection=far)} == set(names.split())


def test_model_page_tells_where_it_comes_from_and_that_it_was_edited(console):
    model = make_model(
        make_connection(), origin="catalogue", synced_hash="x", synced_at=timezone.now()
    )
    text = console.get(change("imagemodel", model)).content.decode()
    assert "From the project&#x27;s catalogue, " in text
    assert "It was edited since, so sync_models leaves it alone." in text


def test_model_page_tells_the_price_with_its_source_and_a_value_a_line(console):
    rule = {"kind": "per_image", "amount": "0.04", "date": "2026-11-21", "source": "https://x.y"}
    model = make_model(make_connection(), price_rule=rule)
    text = console.get(change("imagemodel", model)).content.decode()
    assert "$0.04 a picture. Read on 2026-11-21 at https://x.y" in text
    assert "\n  &quot;kind&quot;: &quot;per_image&quot;" in text  # one value a line, in any order


def test_amounts_are_shown_without_needless_zeros(console):
    far = make_connection(monthly_cap="20", assumed_price="0.04")
    far.refresh_from_db()
    text = console.get(change("connection", far)).content.decode()
    assert 'value="20"' in text and 'value="0.04"' in text


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
        "purpose": "image",
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
