"""Public copies follow what is approved; a stop anywhere is made good by the next round."""

import os

import pytest
from django.core.files.storage import storages
from PIL import Image

from blog.models import Post
from blog.services import delete_post, publish_due_posts
from imagegen.errors import Refused
from imagegen.imaging.xmp import find_source_type
from imagegen.models import ImageOutput, ImageSlot, PublicCopy
from imagegen.services import alts, copies, publishing, review, slots
from imagegen.tests.factories import hero_of, make_post
from imagegen.tests.stored import choose, in_this_process, put_output  # noqa: F401

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_this_process")]


def publish(post: Post) -> publishing.PublishReport:
    return publishing.publish_pictures(post_id=post.pk)


def public_files() -> list[str]:
    root = storages["published"].location
    return sorted(name for _, _, names in os.walk(root) for name in names)


def live(post: Post) -> dict[str, PublicCopy]:
    return {
        f"{row.slot.role}-{row.purpose}": row
        for row in PublicCopy.objects.live().filter(slot__post=post).select_related("slot")
    }


@pytest.fixture
def post(db) -> Post:
    """A public post whose hero is chosen."""
    post = make_post(published=True)
    choose(hero_of(post))
    return post


@pytest.fixture
def shown(post) -> Post:
    """The same with its public copies made."""
    publish(post)
    return post


def test_hero_brings_its_copy_and_the_social_card(post):
    assert publish(post).made == 2
    assert set(live(post)) == {"hero-web", "social-social"}
    assert len(public_files()) == 2


def test_section_picture_gets_its_copy(shown):
    choose(shown.slots.filter(role="section").first(), seed=2)
    publish(shown)
    assert set(live(shown)) == {"hero-web", "social-social", "section-web"}


def test_copy_is_named_by_its_content_and_marked(shown):
    row = live(shown)["hero-web"]
    assert row.path == f"pictures/{row.sha256[:2]}/{row.sha256[:32]}.jpg"
    copy = Image.open(storages["published"].path(row.path))
    assert find_source_type(copy.info["xmp"]) == "trainedAlgorithmicMedia"
    assert b"A wall of stones" in copy.info["xmp"]


def test_second_round_does_nothing(shown):
    before = live(shown)["hero-web"].pk
    report = publish(shown)
    assert (report.made, report.removed) == (0, 0)
    assert live(shown)["hero-web"].pk == before
    assert not ImageSlot.objects.filter(publication_due=True).exists()


def test_draft_has_no_copies():
    post = make_post()
    choose(hero_of(post))
    assert publish(post).made == 0
    assert public_files() == []


def test_candidate_is_not_published():
    post = make_post(published=True)
    put_output(hero_of(post))
    assert publish(post).made == 0


def test_new_choice_replaces_the_copy(shown):
    choose(hero_of(shown), seed=5)
    assert live(shown)  # the old one stays until the new one is there
    publish(shown)
    assert live(shown)["hero-web"].output == hero_of(shown).choice
    assert len(public_files()) == 2


def test_equal_bytes_of_another_image_replace_the_copy(shown):
    twin = choose(hero_of(shown))
    publish(shown)
    assert live(shown)["hero-web"].output == twin
    assert len(public_files()) == 2


def test_place_that_lacks_its_copy_is_due_again(shown, monkeypatch):
    storages["published"].delete(live(shown)["social-social"].path)
    storages["originals"].delete(hero_of(shown).choice.path)
    publish(shown)
    assert shown.slots.get(role="social").publication_due


def test_new_alt_text_makes_a_new_copy(shown):
    alts.write_alt(output=hero_of(shown).choice, user=None, text="Dry stone in snow")
    publish(shown)
    copy = storages["published"].open(live(shown)["hero-web"].path).read()
    assert b"Dry stone in snow" in copy


def test_undone_approval_is_not_served_from_then_on(shown):
    review.undo_review(output=hero_of(shown).choice, user=None)
    assert live(shown) == {}
    publish(shown)
    assert public_files() == []


def test_unwanted_place_loses_its_copy(shown):
    slots.set_wanted(slot=hero_of(shown), wanted=False, user=None)
    publish(shown)
    assert public_files() == []


def test_social_card_with_a_picture_of_its_own(shown):
    own = choose(shown.slots.get(role="social"), seed=9)
    publish(shown)
    assert live(shown)["social-social"].output == own


def test_text_card_by_setting(shown, settings):
    settings.SOCIAL_CARD = "text"
    assert publish(shown).made == 1
    row = live(shown)["social-social"]
    assert (row.width, row.height) == (1200, 630)


def test_withdrawing_removes_the_copies_in_the_same_act(shown, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        publishing.withdraw_post(post=shown, user=None)
        assert live(shown) == {}
    assert public_files() == []
    assert not PublicCopy.objects.exists()


def test_published_again_after_withdrawal(shown, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        publishing.withdraw_post(post=shown, user=None)
    publishing.publish_post(post=shown, user=None)
    publish(shown)
    assert len(public_files()) == 2


def test_deleted_post_takes_its_copies_along(shown):
    delete_post(post=shown)
    publishing.publish_due()
    assert public_files() == []
    assert ImageOutput.objects.exists()


def test_section_that_goes_takes_its_copy_along(shown):
    slot = shown.slots.filter(role="section").first()
    choose(slot, seed=2)
    publish(shown)
    slots.detach_slot(section=slot.section)
    publish(shown)
    assert "section-web" not in live(shown)
    assert len(public_files()) == 2


def test_one_file_serves_two_posts_and_stays_for_the_other():
    posts = [make_post(title="Same", published=True, slug=slug) for slug in ("one", "two")]
    for post in posts:
        choose(hero_of(post))
        publish(post)
    publishing.withdraw_post(post=posts[0], user=None)
    publish(posts[0])
    assert len(public_files()) == 2
    assert storages["published"].exists(live(posts[1])["hero-web"].path)


# --- Stops and faults -------------------------------------------------------------------


class Stop(Exception):
    """The process ends here."""


@pytest.mark.parametrize("point", ["store_public", "_go_live", "_settle", "remove_retired"])
def test_a_stop_anywhere_heals_with_the_next_round(post, monkeypatch, point):
    def stop(*args, **kwargs):
        raise Stop

    with monkeypatch.context() as patch:
        patch.setattr(publishing, point, stop)
        with pytest.raises(Stop):
            publish(post)
    publishing.publish_due()
    assert set(live(post)) == {"hero-web", "social-social"}
    publishing.remove_retired(publishing.Q())
    assert len(public_files()) == 2


def test_lost_public_file_is_made_again(shown):
    storages["published"].delete(live(shown)["hero-web"].path)
    assert publish(shown).made == 1
    assert len(public_files()) == 2


def test_choice_that_changes_while_a_copy_is_made_wins(post, monkeypatch):
    later: list[ImageOutput] = []
    real = copies.make_copy

    def make(wanted, *, store):
        if not later:
            later.append(choose(hero_of(post), seed=7))
        real(wanted, store=store)

    monkeypatch.setattr(publishing, "make_copy", make)
    publish(post)
    assert live(post)["hero-web"].output == later[0]
    assert len(public_files()) == 2


def test_withdrawal_while_a_copy_is_made_wins(post, monkeypatch):
    real = publishing.store_public

    def store(copy):
        real(copy)
        publishing.withdraw_post(post=Post.objects.get(pk=post.pk), user=None)
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
    assert set(live(post)) == {"section-web"}


def test_failing_post_rests_before_it_is_tried_again(post):
    storages["originals"].delete(hero_of(post).choice.path)
    publishing._failures.clear()
    assert [publishing.publish_due(), publishing.publish_due()] == [1, 0]
    publishing._failures.clear()


def test_due_round_publishes_what_a_lost_message_left(post):
    assert publishing.publish_due() == 1
    assert publishing.publish_due() == 0


def test_scheduled_post_gets_its_copies_when_its_time_comes(time_machine_now):
    post = make_post()
    choose(hero_of(post))
    publishing.schedule_post(post=post, user=None, at=time_machine_now(hours=1))
    publish_due_posts(now=time_machine_now(hours=2))
    publishing.publish_due()
    assert set(live(post)) == {"hero-web", "social-social"}


@pytest.fixture
def time_machine_now():
    from datetime import timedelta

    from django.utils import timezone

    return lambda **ahead: timezone.now() + timedelta(**ahead)


# --- The gate and the messages ----------------------------------------------------------


def test_gate_warns_about_a_missing_hero():
    warnings = publishing.publish_post(post=make_post(), user=None)
    assert warnings == ["“A winter of walls” has no approved hero picture."]


def test_gate_blocks_where_the_site_says_so(settings):
    settings.PUBLISH_GATE = "block"
    post = make_post()
    with pytest.raises(Refused, match="not wanted"):
        publishing.publish_post(post=post, user=None)
    assert Post.objects.get(pk=post.pk).status == Post.Status.DRAFT


def test_gate_is_silent_with_an_approved_hero(settings):
    settings.PUBLISH_GATE = "block"
    post = make_post()
    choose(hero_of(post))
    assert publishing.publish_post(post=post, user=None) == []


def test_many_approvals_of_a_post_send_one_message(django_capture_on_commit_callbacks):
    post = make_post(published=True)
    ImageSlot.objects.update(publication_due=False)
    with django_capture_on_commit_callbacks() as callbacks:
        for slot in post.slots.filter(role="section"):
            choose(slot)
    assert len(callbacks) == 1


def test_round_takes_few_queries(shown, django_assert_max_num_queries):
    with django_assert_max_num_queries(20):
        publish(shown)
