"""Moving from one model to another: sizes, qualities, what is left out, and the command."""

from datetime import date, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from prompts.models import ImageFormat, ImageSetting
from prompts.services.migrating import (
    CannotMigrate,
    UnknownModel,
    find_model,
    migrate_model,
    nearest_quality,
)
from prompts.tests.factories import make_example, make_model, make_setting
from providers.models import Connection, ImageModel

pytestmark = pytest.mark.django_db
GPT = ("auto", "low", "medium", "high")


@pytest.fixture
def old():
    return make_model("old", capabilities={"qualities": ["standard", "hd"]})


@pytest.fixture
def new():
    return make_model(
        "new",
        capabilities={
            "qualities": list(GPT),
            "multiple_of": 16,
            "max_side": 2048,
            "min_pixels": 655_360,
            "max_ratio": 3,
            "seed": False,
            "steps": False,
            "extra": ["behaviour"],
        },
    )


def moved(old, new, **fields):
    """A setting of the old model after the move, and what was told of it."""
    setting = make_setting(model=old, **fields)
    (move,) = migrate_model(old=old, new=new)
    setting.refresh_from_db()
    return setting, move


@pytest.mark.parametrize(
    ("quality", "offered", "nearest"),
    [
        ("standard", GPT, "medium"),
        ("hd", GPT, "high"),
        ("max", GPT, "high"),
        ("xhigh", GPT, "high"),
        ("low", ("standard", "hd"), "standard"),
        ("high", ("standard", "hd"), "hd"),
        ("medium", ("low", "high"), "high"),
        ("curious", GPT, ""),
        ("high", ("auto",), ""),
        ("high", (), ""),
    ],
)
def test_quality_becomes_the_nearest(quality, offered, nearest):
    assert nearest_quality(quality, offered) == nearest


def test_setting_gets_the_model_and_a_new_version(old, new):
    setting, move = moved(old, new, quality="hd")
    assert (setting.model, setting.quality, setting.version) == (new, "high", 2)
    assert move.changes == ["model old → new", "quality hd → high"]


@pytest.mark.parametrize(
    ("size", "fitting"),
    [
        ((1024, 1024), (1024, 1024)),
        ((1001, 1001), (1008, 1008)),
        ((4000, 2000), (2048, 1024)),
        ((512, 512), (816, 816)),
    ],
)
def test_size_becomes_what_the_model_draws(old, new, size, fitting):
    setting, move = moved(old, new, width=size[0], height=size[1])
    assert setting.size == fitting
    assert any(change.startswith("size ") for change in move.changes) is (size != fitting)
    assert move.problems == []


def test_shape_that_is_not_drawn_is_left_out_and_told(old, new):
    setting, move = moved(old, new, width=2048, height=512)
    assert setting.size is None
    assert "The size was left out." in move.problems[0]


def test_size_of_a_format_stays_the_formats(old, new):
    row = ImageFormat.objects.create(name="Odd", slug="odd", usage="hero", width=1000, height=900)
    setting, move = moved(old, new, format=row)
    assert (setting.width, setting.size) == (None, (1000, 900))
    assert "size 1000×900 → 992×896 when it is drawn" in move.changes[1]


def test_what_is_not_taken_is_left_out_and_told(old, new):
    setting, move = moved(
        old,
        new,
        steps=30,
        seed=5,
        seed_policy="fixed",
        extra_settings={"behaviour": "ok", "delay": 1},
    )
    assert (setting.steps, setting.seed, setting.seed_policy) == (None, None, "random")
    assert setting.extra_settings == {"behaviour": "ok"}
    assert [problem.split()[0] for problem in move.problems] == ["steps", "seed", "own"]


def test_option_that_is_one_of_the_choices_as_text_is_kept(old):
    capabilities = {"extra": ["behaviour"], "choices": {"behaviour": ["1", "2"]}}
    new = make_model("new", capabilities=capabilities)
    setting, _ = moved(old, new, extra_settings={"behaviour": 1, "delay": 1})
    assert setting.extra_settings == {"behaviour": 1}


def test_quality_that_compares_with_none_is_left_out_and_told(old, new):
    old.capabilities = {"qualities": ["curious"]}
    old.save()
    setting, move = moved(old, new, quality="curious")
    assert setting.quality == ""
    assert move.problems == ["quality curious is not taken: left out."]


def test_examples_and_the_providers_default_go_along(old, new):
    example = make_example(model=old)
    ImageModel.objects.filter(pk=old.pk).update(is_default=True)
    old.refresh_from_db()
    moves = migrate_model(old=old, new=new)
    example.refresh_from_db(), new.refresh_from_db()
    assert (example.model, new.is_default) == (new, True)
    assert [move.what for move in moves] == ["example", "default of"]


def test_dry_run_tells_the_same_and_changes_nothing(old, new):
    setting = make_setting(model=old, quality="hd")
    (move,) = migrate_model(old=old, new=new, dry_run=True)
    setting.refresh_from_db()
    assert (setting.model, setting.quality, setting.version) == (old, "hd", 1)
    assert "quality hd → high" in move.changes


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"shutdown_at": date(2020, 1, 1), "successor": "newer"}, "Its successor is newer"),
        ({"purpose": "text"}, "both must draw"),
        ({"capabilities": {"wings": 2}}, "wings"),
    ],
)
def test_model_that_cannot_stand_for_it_is_refused(old, new, fields, reason):
    for name, value in fields.items():
        setattr(new, name, value)
    with pytest.raises(CannotMigrate, match=reason):
        migrate_model(old=old, new=new)


def test_model_cannot_stand_for_itself(old):
    with pytest.raises(CannotMigrate, match="already"):
        migrate_model(old=old, new=old)


def test_model_is_found_by_name_or_with_its_provider(old):
    other = Connection.objects.create(name="other", kind="stub")
    twin = ImageModel.objects.create(connection=other, name="old")
    colon = ImageModel.objects.create(connection=other, name="a/b:1")
    assert find_model("other:old") == twin
    assert find_model("trial:old") == old
    assert find_model("a/b:1") == find_model("other:a/b:1") == colon


def test_ambiguous_and_unknown_names_are_told_with_the_known_ones(old):
    other = Connection.objects.create(name="other", kind="stub")
    ImageModel.objects.create(connection=other, name="old")
    with pytest.raises(UnknownModel, match="Several models are called old. Known: other:old, tr"):
        find_model("old")
    with pytest.raises(UnknownModel, match="no model called x. Known: .*studio:patterns"):
        find_model("x")


def test_command_prints_each_change(old, new, capsys):
    make_setting(model=old, quality="hd")
    call_command("migrate_model", "old", "trial:new")
    assert capsys.readouterr().out.splitlines() == [
        "setting “Plain”: model old → new; quality hd → high",
        "1 moved from old (trial) to new (trial).",
    ]


def test_command_ends_with_1_where_somebody_must_look(old, new, capsys):
    make_setting(model=old, steps=30)
    with pytest.raises(SystemExit) as caught:
        call_command("migrate_model", "old", "new", "--dry-run")
    assert caught.value.code == 1
    assert "steps 30 is not taken" in capsys.readouterr().err
    assert ImageSetting.objects.get(name="Plain").model == old


@pytest.mark.parametrize("names", [("gone", "new"), ("old", "old")])
def test_command_ends_with_2_where_nothing_was_moved(old, new, names):
    with pytest.raises(CommandError) as caught:
        call_command("migrate_model", *names)
    assert caught.value.returncode == 2


def test_command_says_that_the_new_model_is_off(old, new, capsys):
    ImageModel.objects.filter(pk=new.pk).update(
        enabled=False, shutdown_at=timezone.localdate() + timedelta(days=100)
    )
    call_command("migrate_model", "old", "new")
    assert "new (trial) is switched off" in capsys.readouterr().err
