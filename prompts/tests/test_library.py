"""The starter library: complete, usable, installed once, never over somebody's work."""

import pytest

from prompts.apps import install_after_migration
from prompts.models import (
    ImageFormat,
    ImagePromptExample,
    ImageSetting,
    ImageStyle,
    LibraryEntry,
    PromptTemplate,
    Role,
    RoleDefault,
    StyleVersion,
)
from prompts.sample import preview_example, preview_template
from prompts.services import install_library, library, save_style

pytestmark = pytest.mark.django_db


def renewed(monkeypatch, file: str, slug: str, **changes) -> dict[str, int]:
    """Installs the library with one item of it changed."""
    items = [dict(item) for item in library.read_library(file)]
    next(item for item in items if item["slug"] == slug).update(changes)
    read = library.read_library
    monkeypatch.setattr(library, "read_library", lambda f: items if f == file else read(f))
    return install_library()


def test_library_is_there_after_migration():
    assert ImageStyle.objects.count() >= 12
    assert ImageFormat.objects.count() >= 7
    assert ImagePromptExample.objects.count() >= 14
    assert {row.role for row in RoleDefault.objects.all()} == set(Role.values)
    assert StyleVersion.objects.count() == ImageStyle.objects.count()


def test_every_row_passes_its_own_checks():
    for model in (ImageStyle, ImageFormat, PromptTemplate, ImageSetting, ImagePromptExample):
        for row in model.objects.all():
            row.full_clean()


def test_every_link_of_the_library_was_found():
    assert not ImagePromptExample.objects.filter(style=None).exists()
    assert not ImagePromptExample.objects.filter(format=None).exists()
    assert ImageSetting.objects.filter(model__connection__name="studio").count() >= 3


@pytest.mark.parametrize("role", Role.values)
def test_every_role_has_a_default_template_and_model(role):
    assert PromptTemplate.objects.filter(role=role, is_default=True).count() == 1
    assert RoleDefault.objects.get(role=role).setting.model.connection.name == "studio"


def luminance(colour: str) -> float:
    channels = [value / 255 for value in bytes.fromhex(colour[1:])]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_palettes_are_five_colours_on_which_titles_can_be_read():
    for style in ImageStyle.objects.all():
        light = sorted(map(luminance, style.palette))
        assert len(light) == 5
        assert (light[-1] + 0.05) / (light[0] + 0.05) > 11, style


def test_library_has_light_and_dark_grounds():
    grounds = [luminance(style.palette[0]) for style in ImageStyle.objects.all()]
    assert sum(ground < 0.05 for ground in grounds) >= 4
    assert sum(ground > 0.7 for ground in grounds) >= 8


def test_templates_and_examples_make_a_prompt():
    for template in PromptTemplate.objects.all():
        composed = preview_template(template).prompt
        assert ".." not in composed.text and "  " not in composed.text, template
    for example in ImagePromptExample.objects.all():
        assert preview_example(example).prompt.text.count(example.style.fragment) == 1


def test_without_its_tables_nothing_is_installed(monkeypatch):
    monkeypatch.setattr("prompts.checks.tables_exist", lambda using: False)
    monkeypatch.setattr("prompts.services.install_library", lambda: pytest.fail("installed"))
    install_after_migration(using="default")


def test_installing_again_changes_nothing():
    assert install_library() == {"created": 0, "renewed": 0}


def test_deleted_item_is_not_made_again():
    ImageStyle.objects.get(slug="linocut").delete()
    install_library()
    assert not ImageStyle.objects.filter(slug="linocut").exists()


def test_edited_item_is_not_overwritten(monkeypatch):
    style = ImageStyle.objects.get(slug="linocut")
    style.fragment = "our own words"
    save_style(style=style)
    assert renewed(monkeypatch, "styles", "linocut", fragment="new words")["renewed"] == 0
    style.refresh_from_db()
    assert style.fragment == "our own words"


def test_untouched_item_is_renewed_as_a_new_version(monkeypatch):
    assert renewed(monkeypatch, "styles", "linocut", fragment="new words")["renewed"] == 1
    style = ImageStyle.objects.get(slug="linocut")
    assert (style.fragment, style.version) == ("new words", 2)


def test_own_row_under_the_same_name_is_left_alone():
    LibraryEntry.objects.filter(kind="style", slug="linocut").delete()
    ImageStyle.objects.filter(slug="linocut").update(slug="ours", fragment="ours")
    install_library()
    assert ImageStyle.objects.filter(name="Linocut").get().fragment == "ours"
    assert LibraryEntry.objects.filter(kind="style", slug="linocut").exists()


def test_new_default_template_yields_to_the_one_that_is_there():
    hero = PromptTemplate.objects.get(slug="hero")
    LibraryEntry.objects.filter(kind="template", slug="hero").delete()
    hero.slug, hero.name = "ours", "Ours"
    hero.save()
    install_library()
    assert not PromptTemplate.objects.get(slug="hero").is_default


def test_default_whose_setting_is_gone_is_not_made():
    LibraryEntry.objects.filter(kind="role_default").delete()
    RoleDefault.objects.all().delete()
    ImageSetting.objects.filter(slug="house-hero").delete()
    assert install_library()["created"] == 2
