"""Pictures on pages."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.template import Context

from imagegen.models import ImageOutput, ImageSlot, SlotAlt
from imagegen.services import alts, publishing
from imagegen.templatetags import pictures as tags
from imagegen.tests.factories import hero_of, make_post
from imagegen.tests.stored import choose, in_this_process, put_output  # noqa: F401

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_this_process")]


@pytest.fixture
def post():
    """A public post with a hero and a section's picture."""
    post = make_post(published=True)
    choose(hero_of(post))
    choose(post.slots.filter(role="section").first(), seed=3)
    publishing.publish_pictures(post_id=post.pk)
    return post


def of(post, user=None) -> tags.PostPictures:
    return tags.post_pictures(Context({"user": user or AnonymousUser()}), post)


def test_public_post_shows_its_pictures_by_place(post):
    pictures = of(post)
    first, second = post.sections.all()
    assert pictures.hero.url.startswith("/media/pictures/")
    assert (pictures.hero.width, pictures.hero.height) == (120, 80)
    assert pictures.social and tags.section_picture(pictures, first)
    assert tags.section_picture(pictures, second) is None


def test_all_pictures_of_a_page_take_one_query_and_the_words_another(
    post, django_assert_num_queries
):
    with django_assert_num_queries(2):
        of(post)


def test_pictures_without_ai_need_no_words(post, django_assert_num_queries):
    ImageOutput.objects.update(ai_content="none")
    with django_assert_num_queries(1):
        of(post)


def test_picture_carries_alt_caption_and_label(post):
    ImageSlot.objects.filter(pk=hero_of(post).pk).update(caption="By the pond")
    hero = of(post).hero
    assert (hero.alt, hero.caption) == ("A wall of stones", "By the pond")
    assert (hero.told.shown, hero.told.label) == (True, "AI-generated")
    assert hero.colour.startswith("#")


@pytest.mark.parametrize(
    ("term", "label"),
    [("algorithmicMedia", ""), ("compositeWithTrainedAlgorithmicMedia", "Edited with AI")],
)
def test_label_follows_the_source(term, label):
    post = make_post(published=True)
    choose(hero_of(post), digital_source_type=term)
    publishing.publish_pictures(post_id=post.pk)
    assert of(post).hero.told.label == label


def test_social_card_has_the_alt_text_of_the_hero(post):
    assert of(post).social.alt == "A wall of stones"


def test_decorative_picture_has_an_empty_alt(post):
    alts.write_alt(output=hero_of(post).choice, user=None, text="", decorative=True)
    assert of(post).hero.alt == ""


def test_alt_of_the_posts_language_comes_first(post):
    slot = hero_of(post)
    SlotAlt.objects.create(slot=slot, output=slot.choice, language="de", text="Eine Mauer")
    assert of(post).hero.alt == "A wall of stones"
    post.language = "de"
    post.save(update_fields=["language"])
    assert of(post).hero.alt == "Eine Mauer"


def test_candidate_leaves_no_trace():
    post = make_post(published=True)
    put_output(hero_of(post))
    assert of(post) == tags.PostPictures()


def test_draft_shows_pictures_to_those_who_may_see_them(reviewer, stranger):
    post = make_post()
    output = choose(hero_of(post))
    assert of(post, reviewer).hero.url == f"/pictures/{output.uuid}/preview/"
    assert of(post, stranger).hero is None
    assert of(post).hero is None


def test_draft_takes_as_many_queries(reviewer, django_assert_num_queries):
    post = make_post()
    choose(hero_of(post))
    reviewer.has_perm("imagegen.approve")
    with django_assert_num_queries(2):
        of(post, reviewer)


def test_cards_of_a_list_take_two_queries(post, django_assert_num_queries):
    others = [make_post(title="Bare", published=True), make_post(title="Draft")]
    choose(hero_of(others[1]), seed=4)
    with django_assert_num_queries(2):
        heroes = tags.card_pictures([post, *others])
    assert tags.picture_for(heroes, post).width == 120
    assert [tags.picture_for(heroes, other) for other in others] == [None, None]


def test_only_the_hero_loads_first():
    assert tags.picture_figure(None, role="hero")["is_first"]
    assert not tags.picture_figure(None, role="section")["is_first"]


def test_first_card_of_a_list_without_a_hero_loads_at_once():
    assert tags.picture_figure(None, role="card", first=True)["is_first"]
    assert not tags.picture_figure(None, role="card")["is_first"]
