"""What may be chosen, and what the console tells of models that end."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone

from prompts.forms import ExampleForm, RoleDefaultForm, SettingForm
from prompts.models import ImageSetting, RoleDefault
from prompts.services import save_setting
from prompts.services.retirement import (
    choosable_examples,
    choosable_models,
    choosable_settings,
    ending_models,
    note_about,
)
from prompts.tests.factories import make_example, make_model, make_setting
from providers.models import Connection, ImageModel

pytestmark = pytest.mark.django_db
INDEX = reverse("admin:index")


def days_from_now(days):
    return timezone.localdate() + timedelta(days=days)


@pytest.fixture
def gone():
    """A model that was shut down, with a setting from before."""
    model = make_model("gone", label="Gone")
    make_setting("Old", model=model)
    model.shutdown_at, model.successor = days_from_now(-2), "newer"
    model.save()
    return model


@pytest.fixture
def console(client, administrator):
    client.force_login(administrator)
    return client


# --- What ends --------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "told"), [(-5, True), (0, True), (60, True), (61, False)])
def test_end_is_told_within_two_months(days, told):
    model = make_model("painter")
    make_setting(model=model)
    ImageModel.objects.filter(pk=model.pk).update(shutdown_at=days_from_now(days))
    assert bool(ending_models()) is told


def test_end_of_the_writer_in_the_environment_is_told(settings):
    end = days_from_now(9)
    model = make_model("writer", purpose="text", shutdown_at=end, successor="newer")
    settings.PROMPT_WRITER_MODEL = f"{model.connection.name}:writer"
    (ending,) = ending_models()
    assert ending.uses[0].name.startswith("PROMPT_WRITER_MODEL")
    assert ending.advice == "Its successor is newer."


def test_model_that_nothing_uses_is_not_told():
    make_model("painter", shutdown_at=days_from_now(-1))
    assert ending_models() == []


def test_default_is_named_through_its_example(gone):
    example = make_example(setting=ImageSetting.objects.get(name="Old"))
    RoleDefault.objects.filter(role="hero").update(example=example, setting=None)
    (ending,) = ending_models()
    assert [use.name for use in ending.uses] == ["setting “Old”", "default for “Hero”"]


def test_most_urgent_comes_first(gone):
    soon = make_model("soon", shutdown_at=days_from_now(3))
    make_setting("Soon", model=soon)
    assert [ending.model for ending in ending_models()] == [gone, soon]


@pytest.mark.parametrize(
    ("days", "words"),
    [(9, "ends in 9 days, on"), (1, "ends in 1 day, on"), (0, "was shut down on")],
)
def test_sentence_counts_the_days(gone, days, words):
    ImageModel.objects.filter(pk=gone.pk).update(shutdown_at=days_from_now(days))
    assert words in ending_models()[0].sentence


def test_nothing_ending_takes_one_statement(django_assert_num_queries):
    with django_assert_num_queries(1):
        assert ending_models() == []


# --- What may be chosen -----------------------------------------------------------------


def test_only_usable_models_that_draw_are_offered(gone):
    make_model("writer", purpose="text")
    make_model("off", enabled=False)
    painter = make_model("painter")
    Connection.objects.filter(name="studio").update(enabled=False)
    assert list(choosable_models()) == [painter]
    assert gone in choosable_models(gone.pk)


def test_settings_and_examples_of_a_gone_model_are_not_offered(gone):
    old = ImageSetting.objects.get(name="Old")
    free, by_setting = make_setting("Free"), make_example("A", setting=old)
    by_model, none = make_example("B", model=gone), make_example("C", setting=free)
    settings, examples = choosable_settings(), choosable_examples()
    assert free in settings and old not in settings
    assert none in examples and not {by_setting, by_model} & set(examples)


@pytest.mark.parametrize(
    ("form", "field"),
    [(SettingForm, "model"), (ExampleForm, "model"), (ExampleForm, "setting")],
)
def test_form_refuses_what_is_gone(gone, form, field):
    chosen = gone.pk if field == "model" else ImageSetting.objects.get(name="Old").pk
    data = {"name": "N", "slug": "n", "seed_policy": "random", "description": "A wall"}
    errors = form(data | {field: chosen}).errors[field]
    assert "cannot be chosen" in errors[0]


def test_role_default_refuses_what_is_gone(gone):
    data = {"role": "hero", "setting": ImageSetting.objects.get(name="Old").pk}
    assert "cannot be chosen" in RoleDefaultForm(data).errors["setting"][0]


def test_present_model_stays_with_a_sentence(gone):
    form = SettingForm(instance=ImageSetting.objects.get(name="Old"))
    assert gone in form.fields["model"].queryset
    assert "was shut down on" in form.fields["model"].help_text
    assert "Its successor is newer." in form.fields["model"].help_text


def test_setting_with_a_gone_model_can_still_be_renamed(gone):
    setting = ImageSetting.objects.get(name="Old")
    setting.name = "Older"
    save_setting(setting=setting)
    assert ImageSetting.objects.get(name="Older").model == gone


def test_service_refuses_a_gone_model(gone):
    with pytest.raises(ValidationError, match="was shut down on .* Its successor is newer"):
        save_setting(setting=ImageSetting(name="N", slug="n", model=gone))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, ""),
        ({"enabled": False}, "switched off"),
        ({"purpose": "text"}, "writes texts"),
        ({"shutdown_at": timezone.localdate() + timedelta(days=1)}, "ends in 1 day,"),
    ],
)
def test_note_beside_a_model(fields, words):
    note = note_about(make_model("painter", **fields))
    assert words in note and bool(note) is bool(words)


@pytest.mark.parametrize("of", ["imagesetting", "roledefault"])
def test_search_for_a_choice_offers_what_can_be_used(console, gone, of):
    field = {"imagesetting": "model", "roledefault": "setting"}[of]
    query = {"app_label": "prompts", "model_name": of, "field_name": field, "term": ""}
    answer = console.get(reverse("admin:autocomplete"), query).json()
    names = " ".join(row["text"] for row in answer["results"])
    assert names and "Gone" not in names and "Old" not in names


# --- Notices ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "page",
    ["index", "prompts_imagesetting_changelist", "prompts_imagepromptexample_changelist"],
)
def test_pages_tell_what_ends(console, gone, page):
    text = console.get(reverse(f"admin:{page}")).content.decode()
    assert "The model Gone (trial) was shut down on" in text
    assert "setting “Old”</a>" in text
    assert "manage.py migrate_model trial:gone trial:newer" in text


def test_long_lists_of_uses_are_counted(console, gone):
    for number in range(8):
        make_example(f"E{number}", model=gone)
    assert "and 3 more" in console.get(INDEX).content.decode()


def test_nothing_is_told_where_nothing_ends(console):
    assert "Still used by" not in console.get(INDEX).content.decode()


def test_who_may_not_see_settings_is_told_nothing(client, stranger, gone):
    client.force_login(stranger)
    assert "Still used by" not in client.get(INDEX).content.decode()
