"""System checks: what an operator is told about defaults and models."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from prompts.checks import check_prompts
from prompts.models import ImageSetting, PromptTemplate, RoleDefault
from prompts.tests.factories import make_example

pytestmark = pytest.mark.django_db


def told() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for message in check_prompts(None, databases=["default"]):
        found.setdefault(message.id, []).append(message.msg)
    return found


def hero_model():
    return ImageSetting.objects.get(slug="house-hero").model


def test_fresh_installation_has_nothing_to_tell():
    assert told() == {}


def test_nothing_is_asked_without_a_database(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert check_prompts(None) == []


def test_missing_default_is_told():
    RoleDefault.objects.filter(role="social").delete()
    assert told() == {"prompts.W001": ["The role Social card has no default example or setting."]}


def test_missing_default_template_is_told():
    PromptTemplate.objects.filter(role="hero").update(is_default=False)
    assert told() == {"prompts.W004": ["The role Hero has no default prompt template."]}


def test_default_with_a_disabled_model_is_told():
    model = hero_model()
    model.enabled = False
    model.save()
    (told_of_hero, *_) = told()["prompts.W002"]
    assert "The default for Hero (“House default, hero”) cannot be used. The model" in told_of_hero


def test_default_with_a_disabled_provider_is_told():
    connection = hero_model().connection
    connection.enabled = False
    connection.save()
    assert len(told()["prompts.W002"]) == 3


def test_default_without_a_model_is_told():
    ImageSetting.objects.filter(slug="house-hero").update(model=None)
    assert "It names no model." in told()["prompts.W002"][0]


def test_retired_model_is_told_with_its_successor():
    model = hero_model()
    model.shutdown_at, model.successor = date(2026, 1, 1), "patterns-2"
    model.save()
    messages = check_prompts(None, databases=["default"])
    assert {message.id for message in messages} == {"prompts.W002", "prompts.W003"}
    (ended,) = (message for message in messages if message.id == "prompts.W003")
    assert "was shut down on 2026-01-01" in ended.msg
    assert "Its successor is patterns-2." in ended.hint


def test_model_that_will_end_is_told_with_all_that_goes_with_it():
    model = hero_model()
    model.shutdown_at = timezone.localdate() + timedelta(days=9)
    model.save()
    make_example("Barn", model=model)
    (text,) = told()["prompts.W003"]
    assert "ends in 9 days" in text
    assert "setting “House default, hero”" in text
    assert "example “Barn”" in text
    assert "default for “Hero”" in text
    assert "default model of “Studio”" in text
