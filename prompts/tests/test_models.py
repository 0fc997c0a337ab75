"""Formats, templates, settings, defaults and stored prompts: what is refused, what is shared."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from prompts.compose import compose
from prompts.models import (
    ImageFormat,
    ImagePrompt,
    ImagePromptExample,
    ImageSetting,
    PromptTemplate,
    RoleDefault,
)
from prompts.services import save_setting, save_template
from prompts.tests.factories import make_model, make_setting, make_style

pytestmark = pytest.mark.django_db


def format_of(**fields) -> ImageFormat:
    values = {"aspect_ratio": "3:2", "width": 960, "height": 640, "usage": "hero", **fields}
    return ImageFormat(name="F", slug="f", **values)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"aspect_ratio": "wide"}, "wide is not an aspect ratio"),
        ({"aspect_ratio": "0:2"}, "is not an aspect ratio"),
        ({"aspect_ratio": "16:9"}, "960×640 is not 16:9"),
        ({"width": 63}, "between 64 and 4096 pixels, not 63"),
        ({"height": 5000}, "between 64 and 4096 pixels, not 5000"),
    ],
)
def test_format_is_checked_with_a_sentence(fields, says):
    with pytest.raises(ValidationError, match=says):
        format_of(**fields).full_clean()


def test_format_may_round_its_ratio():
    format_of(aspect_ratio="40:21", width=1200, height=630).full_clean()


def test_database_refuses_impossible_sides():
    with pytest.raises(IntegrityError), transaction.atomic():
        format_of(width=1).save()


def test_template_with_unknown_placeholder_is_refused():
    template = PromptTemplate(name="T", slug="t", role="hero", text="{post.titel}")
    with pytest.raises(ValidationError, match="Did you mean {post.title}"):
        save_template(template=template)


def test_new_default_template_replaces_the_one_before():
    old = PromptTemplate.objects.get(role="hero", is_default=True)
    new = PromptTemplate(name="T", slug="t", role="hero", text="{post.title}", is_default=True)
    save_template(template=new)
    old.refresh_from_db()
    assert not old.is_default
    assert PromptTemplate.objects.get(role="hero", is_default=True) == new


def test_example_with_broken_placeholder_is_refused():
    example = ImagePromptExample(name="E", slug="e", description="a { b")
    with pytest.raises(ValidationError, match="a single {"):
        example.full_clean()


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"width": 640}, "Give both width and height"),
        ({"width": 0, "height": 640}, "between 64 and 4096 pixels, not 0"),
        ({"steps": 0}, "Steps must be between 1 and 500, not 0"),
        ({"guidance_scale": -1.0}, "Guidance must be between 0 and 100"),
        ({"seed_policy": "fixed"}, "A fixed seed needs a number"),
        ({"extra_settings": ["a"]}, "Extra settings are an object"),
        ({"extra_settings": {"a": "\x00"}}, "control character"),
        ({"extra_settings": {"loras": [{"hfToken": "hf_0123456789abcdef"}]}}, "hfToken"),
        ({"extra_settings": {"": 1}}, "needs a plain name"),
    ],
)
def test_setting_is_checked_with_a_sentence(fields, says):
    with pytest.raises(ValidationError, match=says):
        make_setting(**fields)


def test_value_that_the_model_refuses_cannot_be_saved():
    model = make_model(capabilities={"steps": False, "extra": ["behaviour"]})
    setting = ImageSetting(name="S", slug="s", model=model, steps=30)
    setting.extra_settings = {"behaviour": "ok", "sampler": "euler"}
    with pytest.raises(ValidationError) as caught:
        save_setting(setting=setting)
    assert "steps is not taken by" in caught.value.message_dict["steps"][0]
    assert "sampler is not taken by" in caught.value.message_dict["extra_settings"][0]


def test_size_that_the_model_refuses_is_told_at_the_width():
    model = make_model(capabilities={"max_side": 512})
    problems = ImageSetting(name="S", slug="s", width=640, height=416).problems_with(model)
    assert problems["width"].startswith("Width 640 is not taken by")


def test_size_that_snaps_is_told_and_no_problem():
    model = make_model(capabilities={"multiple_of": 100})
    setting = ImageSetting(name="S", slug="s", width=640, height=416)
    assert setting.problems_with(model) == {}
    assert "640×416 becomes 600×400" in setting.snaps_with(model)[0]


def test_setting_version_rises_with_values_only():
    setting = make_setting(steps=20)
    setting.steps = 30
    save_setting(setting=setting)
    setting.name = "Other name"
    save_setting(setting=setting)
    setting.refresh_from_db()
    assert (setting.version, setting.name) == (2, "Other name")


def test_setting_summary_says_it_all():
    setting = ImageSetting.objects.get(slug="house-section")
    assert setting.summary == "Studio · patterns · 960×640 · seed random"


def test_model_in_use_is_protected():
    setting = ImageSetting.objects.get(slug="house-section")
    with pytest.raises(ProtectedError):
        setting.model.delete()


def test_deleted_style_leaves_its_settings():
    style = make_style()
    setting = make_setting(style=style)
    style.delete()
    setting.refresh_from_db()
    assert setting.style is None


def test_role_default_is_exactly_one_thing():
    default = RoleDefault.objects.get(role="hero")
    default.setting = None
    with pytest.raises(ValidationError, match="exactly one of them"):
        default.full_clean()
    with pytest.raises(IntegrityError), transaction.atomic():
        default.save()


def test_default_in_use_is_protected():
    with pytest.raises(ProtectedError):
        RoleDefault.objects.get(role="hero").setting.delete()


def test_equal_prompts_share_a_row():
    first = compose(template_text="A {post.title}", values={"post.title": "wall"})
    again = compose(template_text="A {post.title}", values={"post.title": "wall"})
    stored = ImagePrompt.objects.store(first)
    assert ImagePrompt.objects.store(again) == stored
    assert (stored.text, stored.composed) == ("A wall", first)


def test_same_words_of_another_origin_are_another_row():
    by_template = compose(template_text="A wall", values={})
    by_hand = compose(template_text="", values={}, description="A wall")
    store = ImagePrompt.objects.store
    assert store(by_template) != store(by_hand)


def test_stored_prompt_refuses_to_be_changed():
    prompt = ImagePrompt.objects.store(compose(template_text="A wall", values={}))
    prompt.text = "Another"
    with pytest.raises(TypeError, match="never changed"):
        prompt.save()
