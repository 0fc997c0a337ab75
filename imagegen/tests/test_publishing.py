"""Public copies follow what is approved; a stop anywhere is made good by the next round."""

import hashlib

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from PIL import Image

from blog.models import Post
from blog.services import delete_post
from imagegen.errors import Refused
from imagegen.imaging.xmp import find_source_type
from imagegen.models import ImageOutput, ImageSlot, PublicCopy, Rendition, SlotAlt, WatermarkProfile
from imagegen.services import due, publishing, review, slots
from imagegen.services.copies import wanted_copies
from imagegen.services.recipes import wants_title
from imagegen.tests import pictures as made
from imagegen.tests.factories import hero_of, make_post
from imagegen.tests.published import HERO, live, public_files, public_post, publish
from imagegen.tests.rows import make_choice
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


def test_hero_brings_its_copy_and_the_social_card(post):
    assert publish(post).made == 3
    assert set(live(post)) == HERO
    assert len(public_files()) == 3


def test_section_picture_gets_its_copy(shown):
    choose(shown.slots.filter(role="section").first(), seed=2)
    publish(shown)
    assert set(live(shown)) == HERO | {"section-avif", "section-jpg"}


@pytest.mark.parametrize("which", ["hero-avif", "hero-jpg", "social-jpg"])
def test_copy_is_named_by_its_content_and_marked(shown, which):
    row = live(shown)[which]
    extension = which.partition("-")[2]
    assert row.path == f"pictures/{row.sha256[:2]}/{row.sha256[:32]}.{extension}"
    with storages["published"].open(row.path) as file:
        marked = Image.open(file).info["xmp"]
    assert find_source_type(marked) == "trainedAlgorithmicMedia"
    assert b"A wall of stones" in marked


def test_copies_are_made_once_and_kept_in_private(shown, django_capture_on_commit_callbacks):
    before = list(Rendition.objects.values_list("pk", "made_at"))
    with django_capture_on_commit_callbacks(execute=True):
        publishing.withdraw_post(post=shown)
    publishing.publish_post(post=shown)
    assert publish(shown).made == 3
    assert list(Rendition.objects.values_list("pk", "made_at")) == before


def test_second_round_does_nothing(shown):
    before = live(shown)["hero-jpg"].pk
    report = publish(shown)
    assert (report.made, report.removed) == (0, 0)
    assert live(shown)["hero-jpg"].pk == before
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


def test_new_choice_replaces_the_copies(shown):
    choose(hero_of(shown), seed=5)
    assert live(shown)  # the old ones stay until the new ones are there
    publish(shown)
    assert {row.output for row in live(shown).values()} == {hero_of(shown).choice}
    assert len(public_files()) == 3


def test_smaller_picture_leaves_no_sizes_of_the_larger_one(post):
    choose(hero_of(post), data=made.png(1, (400, 300)))
    publish(post)
    assert len(PublicCopy.objects.live().filter(purpose="web")) == 4
    choose(hero_of(post), seed=2)
    publish(post)
    assert {row.variant for row in PublicCopy.objects.live()} == {"120.avif", "120.jpg"}
    assert len(public_files()) == 3


def test_equal_bytes_of_another_image_replace_the_copies(shown):
    twin = choose(hero_of(shown))
    publish(shown)
    assert {row.output for row in live(shown).values()} == {twin}
    assert len(public_files()) == 3


def test_place_that_lacks_a_copy_is_due_again(shown):
    storages["published"].delete(live(shown)["social-jpg"].path)
    storages["originals"].delete(hero_of(shown).choice.path)
    Rendition.objects.all().update(path="renditions/gone.jpg")
    publish(shown)
    assert shown.slots.get(role="social").publication_due


def test_new_alt_text_changes_no_file(shown):
    slot = hero_of(shown)
    SlotAlt.objects.create(slot=slot, output=slot.choice, language="de", text="Mauer im Schnee")
    due.mark_due(slots=[slot])
    assert publish(shown).made == 0


def test_changed_facts_make_new_copies_and_remove_the_old(shown):
    ImageOutput.objects.update(digital_source_type="digitalCapture")
    assert publish(shown).made == 3
    copy = storages["published"].open(live(shown)["hero-jpg"].path).read()
    assert find_source_type(copy) == "digitalCapture"
    assert len(public_files()) == 3


def test_moved_focal_point_cuts_the_card_anew_and_leaves_the_rest(shown):
    ImageOutput.objects.update(focal_y=0.9)
    publish(shown)
    before = live(shown)
    ImageOutput.objects.update(focal_y=0.1)
    assert publish(shown).made == 1
    assert live(shown)["hero-jpg"] == before["hero-jpg"]
    assert live(shown)["social-jpg"].path != before["social-jpg"].path


@pytest.fixture
def large(shown) -> Post:
    """The same with a picture that is large enough to be marked."""
    choose(hero_of(shown), data=made.png(1, (320, 200)))
    publish(shown)
    return shown


def test_watermark_marks_all_copies_and_goes_without_a_trace(large):
    before = {name: row.path for name, row in live(large).items()}
    profile = WatermarkProfile.objects.create(name="©", slug="c", text="© Field", is_default=True)
    assert publish(large).made == 3
    marked = {name: row.path for name, row in live(large).items()}
    assert set(marked.values()).isdisjoint(before.values()) and set(marked) == set(before)
    profile.delete()
    publish(large)
    assert {name: row.path for name, row in live(large).items()} == before
    assert len(public_files()) == 3


def test_logo_is_set_over_the_copies(large):
    logo = made.encoded(Image.new("RGBA", (64, 64), (255, 0, 0, 128)))
    storages["originals"].save("logos/a.png", ContentFile(logo))
    WatermarkProfile.objects.create(
        name="Logo", slug="logo", kind="logo", logo_path="logos/a.png", size=0.5, is_default=True,
        logo_sha256=hashlib.sha256(logo).hexdigest(),
    )  # fmt: skip
    before = live(large)["hero-jpg"].path
    assert publish(large).problems == []
    assert live(large)["hero-jpg"].path != before


def test_switch_of_formats_adds_and_takes_away(shown, settings):
    settings.PICTURE_WEBP = True
    assert publish(shown).made == 1
    assert set(live(shown)) == HERO | {"hero-webp"}
    settings.PICTURE_WEBP = False
    assert publish(shown).removed == 1
    assert len(public_files()) == 3


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
    assert live(shown)["social-jpg"].output == own


def test_text_card_by_setting(shown, settings):
    settings.SOCIAL_CARD = "text"
    assert publish(shown).made == 1
    row = live(shown)["social-jpg"]
    assert (row.width, row.height) == (1200, 630)


def test_text_card_has_the_apostrophe_that_readers_see(settings):
    settings.SOCIAL_CARD = "text"
    post = make_post(title="Nine O'Clock", published=True)
    make_choice(hero_of(post))
    cards = [copy for copy in wanted_copies(post).values() if copy.recipe.get("card")]
    assert [copy.recipe["card"]["title"] for copy in cards] == ["Nine O’Clock"]


@pytest.mark.parametrize(("width", "titled"), [(1199, True), (1200, False)])
def test_text_card_stands_in_for_a_hero_too_small_for_a_card(settings, width, titled):
    settings.SOCIAL_CARD = "auto"
    assert wants_title(ImageOutput(width=width, height=1000)) is titled


def test_withdrawing_removes_the_copies_in_the_same_act(shown, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        publishing.withdraw_post(post=shown)
        assert live(shown) == {}
    assert public_files() == []
    assert not PublicCopy.objects.exists()


def test_published_again_after_withdrawal(shown, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        publishing.withdraw_post(post=shown)
    publishing.publish_post(post=shown)
    publish(shown)
    assert len(public_files()) == 3


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
    assert "section-jpg" not in live(shown)
    assert len(public_files()) == 3


def test_one_file_serves_two_posts_and_stays_for_the_other():
    posts = [make_post(title="Same", published=True, slug=slug) for slug in ("one", "two")]
    for post in posts:
        choose(hero_of(post))
        publish(post)
    publishing.withdraw_post(post=posts[0])
    publish(posts[0])
    assert len(public_files()) == 3
    assert storages["published"].exists(live(posts[1])["hero-jpg"].path)


# --- The gate and the messages ----------------------------------------------------------


def test_gate_warns_about_a_missing_hero():
    warnings = publishing.publish_post(post=make_post())
    assert warnings == ["“A winter of walls” has no approved hero picture."]


def test_gate_blocks_where_the_site_says_so(settings):
    settings.PUBLISH_GATE = "block"
    post = make_post()
    with pytest.raises(Refused, match="not wanted"):
        publishing.publish_post(post=post)
    assert Post.objects.get(pk=post.pk).status == Post.Status.DRAFT


def test_gate_is_silent_with_an_approved_hero(settings):
    settings.PUBLISH_GATE = "block"
    post = make_post()
    choose(hero_of(post))
    assert publishing.publish_post(post=post) == []


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
