"""Whatever stops the publishing, nothing is half served, and the next round completes it."""

import time
from types import SimpleNamespace

import pytest
from django.core.files.storage import storages

from blog.models import Post
from blog.services import publish_due_posts
from imagegen.errors import BeingMade
from imagegen.models import ImageOutput, PublicCopy, Rendition
from imagegen.services import copies, publishing, renditions, sweeper
from imagegen.tests.factories import hero_of, make_post
from imagegen.tests.published import HERO, live, public_files, public_post, publish
from imagegen.tests.stored import choose, in_this_process, put_output  # noqa: F401

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_this_process")]


@pytest.fixture
def post(db) -> Post:
    return public_post()


@pytest.fixture
def shown(post) -> Post:
    """The same with its public copies made."""
    publish(post)
    return post


class Stop(BaseException):
    """The process ends here: nothing that tidies up after errors may run for it."""


POINTS = ["ensure_renditions", "store_public", "_go_live", "_settle", "remove_retired"]


def stop(*args, **kwargs):
    raise Stop


def check_that_all_is_served_or_nothing(post: Post) -> None:
    """A place has its whole set or none of it, and every public file has a row."""
    assert {row.rpartition("-")[0] for row in live(post)} in ({"hero", "social"}, {"hero"}, set())
    assert "hero-avif" not in live(post) or "hero-jpg" in live(post)
    known = PublicCopy.objects.values_list("path", flat=True)
    assert {path.rpartition("/")[2] for path in known} >= set(public_files())


@pytest.mark.parametrize("point", POINTS)
def test_a_stop_anywhere_heals_with_the_next_round(post, monkeypatch, point):
    with monkeypatch.context() as patch:
        patch.setattr(publishing, point, stop)
        with pytest.raises(Stop):
            publish(post)
    check_that_all_is_served_or_nothing(post)
    publishing.publish_due()
    assert set(live(post)) == HERO
    publishing.remove_retired(publishing.Q())
    assert len(public_files()) == 3


@pytest.mark.parametrize("number", range(3))
def test_a_stop_after_each_file_leaves_nothing_half_served(post, monkeypatch, number):
    real, stored = publishing.store_public, []

    def store(copy):
        if len(stored) == number:
            raise Stop
        stored.append(copy)
        real(copy)

    with monkeypatch.context() as patch:
        patch.setattr(publishing, "store_public", store)
        with pytest.raises(Stop):
            publish(post)
    check_that_all_is_served_or_nothing(post)
    publishing.publish_due()
    publishing.remove_retired(publishing.Q())
    assert set(live(post)) == HERO and len(public_files()) == 3


@pytest.mark.parametrize("point", POINTS)
def test_a_stop_while_a_picture_is_replaced_keeps_one_whole_set(shown, monkeypatch, point):
    new = choose(hero_of(shown), seed=4)
    with monkeypatch.context() as patch:
        patch.setattr(publishing, point, stop)
        with pytest.raises(Stop):
            publish(shown)
    heroes = {row.output for name, row in live(shown).items() if name.startswith("hero")}
    assert len(heroes) == 1 and set(live(shown)) == HERO
    check_that_all_is_served_or_nothing(shown)
    publishing.publish_due()
    assert {row.output for row in live(shown).values()} == {new}


@pytest.mark.parametrize("point", ["lock_slots", "remove_retired"])
def test_a_stop_while_a_post_is_withdrawn_leaves_nothing_served(
    shown, monkeypatch, django_capture_on_commit_callbacks, point
):
    with monkeypatch.context() as patch:
        patch.setattr(publishing, point, stop)
        with pytest.raises(Stop), django_capture_on_commit_callbacks(execute=True):
            publishing.withdraw_post(post=shown)
    public = Post.objects.get(pk=shown.pk).status == Post.Status.PUBLISHED
    assert set(live(shown)) == (HERO if public else set())
    publishing.publish_due()
    publishing.remove_retired(publishing.Q())
    assert len(public_files()) == (3 if public else 0)


def test_place_whose_files_another_worker_makes_waits_without_a_complaint(post, monkeypatch):
    def busy(*args, **kwargs):
        raise BeingMade

    with monkeypatch.context() as patch:
        patch.setattr(publishing, "ensure_renditions", busy)
        assert publish(post).problems == []
    assert hero_of(post).publication_due and live(post) == {}
    publish(post)
    assert set(live(post)) == HERO


def test_sweeper_waits_for_no_other_maker(post, monkeypatch):
    for copy in copies.wanted_copies(post).values():
        Rendition.objects.create(
            output=copy.output, recipe=copy.recipe, recipe_hash=copy.recipe_hash
        )
    monkeypatch.setattr(renditions, "time", SimpleNamespace(sleep=stop, monotonic=time.monotonic))
    sweeper.publish_due_pictures()
    assert hero_of(post).publication_due


def test_lost_private_file_is_made_again_before_it_goes_public(shown):
    row = live(shown)["hero-jpg"]
    storages["originals"].delete(row.rendition.path)
    storages["published"].delete(row.path)
    assert publish(shown).made == 1
    assert storages["published"].exists(row.path)


def test_lost_public_file_is_made_again(shown):
    storages["published"].delete(live(shown)["hero-jpg"].path)
    assert publish(shown).made == 1
    assert len(public_files()) == 3


def test_choice_that_changes_while_copies_are_made_wins(post, monkeypatch):
    later: list[ImageOutput] = []
    real = renditions.ensure_renditions

    def ensure(output, recipes, **kwargs):
        if not later:
            later.append(choose(hero_of(post), seed=7))
        return real(output, recipes, **kwargs)

    monkeypatch.setattr(publishing, "ensure_renditions", ensure)
    publish(post)
    assert live(post)["hero-jpg"].output == later[0]
    assert len(public_files()) == 3


def test_withdrawal_while_a_copy_is_made_wins(post, monkeypatch):
    real = publishing.store_public

    def store(copy):
        real(copy)
        publishing.withdraw_post(post=Post.objects.get(pk=post.pk))
        monkeypatch.setattr(publishing, "store_public", real)

    monkeypatch.setattr(publishing, "store_public", store)
    publish(post)
    assert live(post) == {}
    assert public_files() == []


def test_damaged_original_is_not_published_and_stays_due(post):
    output = hero_of(post).choice
    with open(storages["originals"].path(output.path), "r+b") as file:
        file.write(b"\0")
    report = publish(post)
    assert "has changed" in report.problems[0]
    assert live(post) == {}
    assert hero_of(post).publication_due


def test_one_damaged_original_does_not_keep_others(post):
    storages["originals"].delete(hero_of(post).choice.path)
    choose(post.slots.filter(role="section").first(), seed=2)
    publish(post)
    assert set(live(post)) == {"section-avif", "section-jpg"}


def test_failing_post_rests_before_it_is_tried_again(post):
    storages["originals"].delete(hero_of(post).choice.path)
    publishing._failures.clear()
    assert [publishing.publish_due(), publishing.publish_due()] == [1, 0]
    publishing._failures.clear()


def test_post_that_fails_in_an_unforeseen_way_does_not_keep_others(post, monkeypatch):
    other = make_post(title="Another", published=True)
    choose(hero_of(other))
    real = publishing.ensure_renditions

    def ensure(output, recipes, **kwargs):
        if output.post_id == post.pk:
            raise RuntimeError("encoder")
        return real(output, recipes, **kwargs)

    monkeypatch.setattr(publishing, "ensure_renditions", ensure)
    monkeypatch.setattr(publishing, "_failures", {})
    assert publishing.publish_due() == 2
    assert set(live(other)) == HERO and hero_of(post).publication_due


def test_due_round_publishes_what_a_lost_message_left(post):
    assert publishing.publish_due() == 1
    assert publishing.publish_due() == 0


def test_due_round_leaves_time_for_the_sweepers_other_work(post, monkeypatch):
    choose(hero_of(make_post(title="Another", published=True)))
    monkeypatch.setattr(publishing, "ROUND_SECONDS", 0)
    assert [publishing.publish_due() for _ in range(3)] == [1, 1, 0]


def test_scheduled_post_gets_its_copies_when_its_time_comes(time_machine_now):
    post = make_post()
    choose(hero_of(post))
    publishing.schedule_post(post=post, at=time_machine_now(hours=1))
    publish_due_posts(now=time_machine_now(hours=2))
    publishing.publish_due()
    assert set(live(post)) == HERO


def test_files_of_a_scheduled_post_are_made_ahead_in_private(time_machine_now, monkeypatch):
    post = make_post()
    choose(hero_of(post))
    publishing.schedule_post(post=post, at=time_machine_now(hours=1))
    publishing.publish_due()
    assert Rendition.objects.exclude(made_at=None).count() == 3
    assert public_files() == [] and not PublicCopy.objects.exists()
    monkeypatch.setattr(renditions, "_render", stop)  # nothing is left to be made
    publish_due_posts(now=time_machine_now(hours=2))
    publishing.publish_due()
    assert set(live(post)) == HERO


def test_scheduled_post_with_a_damaged_picture_tells_so_beforehand(time_machine_now):
    post = make_post()
    storages["originals"].delete(choose(hero_of(post)).path)
    publishing.schedule_post(post=post, at=time_machine_now(hours=1))
    assert "missing" in publish(post).problems[0]


@pytest.fixture
def time_machine_now():
    from datetime import timedelta

    from django.utils import timezone

    return lambda **ahead: timezone.now() + timedelta(**ahead)
