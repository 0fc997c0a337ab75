"""Styles: versions rise with the look, and a pinned one can be read again."""

import pytest
from django.core.exceptions import ValidationError

from prompts.models import StyleVersion, UnknownVersion
from prompts.services import save_style
from prompts.tests.factories import make_style

pytestmark = pytest.mark.django_db


def test_new_style_is_version_1_and_kept():
    style = make_style(palette=["#ffffff", "#888888", "#000000"])
    assert style.version == 1
    assert style.at(1).palette == ("#ffffff", "#888888", "#000000")
    assert StyleVersion.objects.get(style=style).version == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "Ink two"),
        ("fragment", "brush drawing"),
        ("negative_fragment", "colour"),
        ("palette", ["#ffffff", "#888888", "#000001"]),
    ],
)
def test_change_of_the_look_raises_the_version(field, value):
    style = make_style()
    setattr(style, field, value)
    save_style(style=style)
    style.refresh_from_db()
    assert style.version == 2
    assert getattr(style, field) == value


def test_change_of_the_description_keeps_the_version():
    style = make_style()
    style.description = "For quiet posts"
    save_style(style=style)
    style.refresh_from_db()
    assert (style.version, style.description) == (1, "For quiet posts")


def test_saving_without_a_change_writes_nothing():
    style = make_style()
    before = style.updated_at
    save_style(style=style)
    style.refresh_from_db()
    assert (style.version, style.updated_at) == (1, before)


def test_pinned_version_stays_readable():
    style = make_style(fragment="old words")
    style.fragment = "new words"
    save_style(style=style)
    assert style.at(1).fragment == "old words"
    assert style.at(2) == style.at() == style.state
    assert style.at(1).version == 1


def test_version_that_never_was_is_named():
    with pytest.raises(UnknownVersion, match="“Ink” has no version 7; its newest is 1"):
        make_style().at(7)


@pytest.mark.parametrize(
    ("palette", "says"),
    [
        (["red", "#000000", "#ffffff"], "'red' is not a colour"),
        (["#12345g"] * 3, "is not a colour"),
        (["#000000"], "has 3 to 8 colours; this one has 1"),
        ("#000000", "A palette is a list"),
    ],
)
def test_palette_is_checked(palette, says):
    with pytest.raises(ValidationError, match=says):
        make_style(palette=palette)
