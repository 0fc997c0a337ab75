"""Settings in and out: what is made, changed, kept, refused; twice is as once."""

import json

import pytest

from prompts.models import ImagePromptExample, ImageSetting
from prompts.services import export_settings, import_settings
from prompts.tests.factories import make_model, make_setting, make_style

pytestmark = pytest.mark.django_db


def outcomes(data, **kwargs) -> list[str]:
    return [entry.outcome for entry in import_settings(data, **kwargs).entries]


def reason(data) -> str:
    (entry,) = import_settings(data).entries
    assert entry.outcome == "refused"
    return entry.reason


def test_line_becomes_a_setting():
    assert outcomes("Cinematic: 1024x576, steps: 30, cfg 7, sampler euler") == ["created"]
    setting = ImageSetting.objects.get(slug="cinematic")
    assert (setting.name, setting.size, setting.steps) == ("Cinematic", (1024, 576), 30)
    assert (setting.guidance_scale, setting.extra_settings) == (7.0, {"sampler": "euler"})


@pytest.mark.parametrize(
    "text",
    [
        "Cinematic: 1024x576, steps: 30, cfg 7, sampler euler",
        "1024x768, steps: 30, cfg 7.5, sampler euler",
        "a wall {old} [[x]]\nNegative prompt: blur\nSteps: 3, CFG scale: 7, Size: 64x64, Seed: 5",
        "gouache, 16:9, png, wobble",
        "雪: 640x480",
        "A: 640x480, note: " + "long " * 100,
    ],
)
def test_second_import_changes_nothing(text):
    first = import_settings(text)
    assert [entry.outcome for entry in first.entries] == ["created"]
    count = ImageSetting.objects.count()
    assert outcomes(text) == ["unchanged"]
    assert ImageSetting.objects.count() == count


def test_changed_value_updates_and_raises_the_version():
    import_settings("Cinematic: 1024x576, steps: 30, sampler euler")
    assert outcomes("cinematic: steps: 40, scheduler karras") == ["updated"]
    setting = ImageSetting.objects.get(slug="cinematic")
    assert (setting.name, setting.steps, setting.version) == ("Cinematic", 40, 2)
    assert setting.size == (1024, 576)
    assert setting.extra_settings == {"sampler": "euler", "scheduler": "karras"}


def test_dry_run_reports_and_keeps_nothing():
    assert outcomes("Cinematic: 1024x576", dry_run=True) == ["created"]
    assert not ImageSetting.objects.filter(slug="cinematic").exists()


def test_bad_entry_is_refused_whole_and_others_go_in():
    text = "A: 640x480, steps: 5\nB: 0x0, steps: 5\nC: 640x480, steps: abc\nD: 320x240"
    report = import_settings(text)
    assert [entry.outcome for entry in report.entries] == [
        "created",
        "refused",
        "refused",
        "created",
    ]
    assert "between 64 and 4096 pixels, not 0" in report.entries[1].reason
    assert (report.entries[2].where, report.count("refused")) == ("line 3", 2)
    kept = ImageSetting.objects.filter(slug__in="abcd").order_by("slug")
    assert [setting.slug for setting in kept] == ["a", "d"]


def test_refused_change_leaves_the_setting_as_it_was():
    import_settings("A: 640x480, steps: 5")
    assert "Steps must be" in reason("A: 320x240, steps: 100000")
    setting = ImageSetting.objects.get(slug="a")
    assert (setting.size, setting.steps, setting.version) == ((640, 480), 5, 1)


def test_links_by_name_slug_and_model():
    model = make_model()
    style = make_style("Ink wash", slug="ink-wash")
    assert outcomes("A: model: trial/painter, style: ink wash, format: Hero") == ["created"]
    setting = ImageSetting.objects.get(slug="a")
    assert (setting.model, setting.style, setting.format.slug) == (model, style, "hero")


@pytest.mark.parametrize("named", ["painter", "Trial/Painter"])
def test_model_by_its_own_name(named):
    model = make_model()
    import_settings(f"A: 64x64, model: {named}")
    assert ImageSetting.objects.get(slug="a").model == model


def test_model_by_its_provider():
    model = make_model(is_default=True)
    import_settings("A: 64x64, model: trial")
    assert ImageSetting.objects.get(slug="a").model == model


def test_free_text_keeps_an_unknown_model_as_extra():
    (entry,) = import_settings("A: steps: 3, model: sdxl").entries
    assert entry.extra == {"model": "sdxl"}
    assert entry.notes == ["there is no model “sdxl” here"]


def test_json_with_an_unknown_style_is_refused_with_a_hint():
    assert "there is no style “gouach”; did you mean “gouache”?" in reason('{"style": "gouach"}')


def test_values_that_the_model_does_not_take_are_refused():
    make_model(capabilities={"steps": False})
    assert "steps is not taken by painter" in reason("A: model: painter, steps: 30")


def test_ratio_chooses_the_only_format_that_has_it():
    import_settings("A: 9:16\nB: 3:2, steps 3")
    assert ImageSetting.objects.get(slug="a").format.slug == "story"
    assert ImageSetting.objects.get(slug="b").extra_settings == {"aspect_ratio": "3:2"}


def test_unknown_words_beside_settings_are_kept():
    (entry,) = import_settings("A: 640x480, gouache, wobble").entries
    setting = ImageSetting.objects.get(slug="a")
    assert setting.style.slug == "gouache"
    assert setting.extra_settings == {"unplaced": ["wobble"]}
    assert entry.notes == ["“wobble” names nothing here"]


def test_name_that_is_too_long_is_refused():
    assert "at most 100 characters" in reason([{"name": "x" * 101, "steps": 3}])


def test_line_without_a_setting_is_refused():
    assert reason("hello world") == "there is no setting in it"


def test_same_name_twice_in_a_file_is_refused():
    text = "A: 640x480\nA: 320x240"
    report = import_settings(text)
    assert report.entries[1].reason == "the name stands already in line 1"


def test_prompt_is_kept_as_an_example():
    text = "old {wall}\nSteps: 3, Size: 64x64, Seed: 5"
    (entry,) = import_settings(text).entries
    example = ImagePromptExample.objects.get(setting__name=entry.name)
    assert example.description == "old {{wall}}"
    example.full_clean()


def test_export_comes_back_unchanged():
    make_setting("Odd", width=640, height=480, seed=5, extra_settings={"sampler": "euler"})
    text = json.dumps({"settings": export_settings()})
    report = import_settings(text)
    assert {entry.outcome for entry in report.entries} == {"unchanged"}


def test_export_restores_what_was_changed_or_deleted():
    setting = make_setting("Odd", width=640, height=480)
    data = export_settings([setting])
    setting.delete()
    assert outcomes(data) == ["created"]
    ImageSetting.objects.filter(slug="odd").update(steps=9, extra_settings={"a": 1})
    assert outcomes(data) == ["updated"]
    restored = ImageSetting.objects.get(slug="odd")
    assert (restored.steps, restored.extra_settings) == (None, {})


def test_export_names_links_by_slug():
    (data,) = export_settings(ImageSetting.objects.filter(slug="house-hero"))
    assert (data["model"], data["style"], data["format"]) == ("studio/patterns", "gouache", "hero")


def test_too_many_entries_are_refused(monkeypatch):
    monkeypatch.setattr("prompts.services.exchange.MAX_ENTRIES", 1)
    with pytest.raises(ValueError, match="2 entries; at most 1"):
        import_settings("A: 64x64\nB: 64x64")
