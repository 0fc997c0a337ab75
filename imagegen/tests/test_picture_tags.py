"""Pictures on pages."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.template import Context
from django.template.loader import render_to_string

from imagegen.models import ImageOutput, ImageSlot, SlotAlt
from imagegen.services import alts, publishing
from imagegen.services.srcsets import File
from imagegen.templatetags import pictures as tags
from imagegen.tests import pictures as made
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


# --- The element ------------------------------------------------------------------------


def picture(widths=(320, 640, 1536), formats=("AVIF", "JPEG"), **fields) -> tags.Picture:
    files = tuple(
        File(url=f"/m/{width}.{format.lower()}", width=width, format=format)
        for width in widths
        for format in formats
    )
    columns = {
        "url": f"/m/{widths[-1]}.jpeg", "width": 1536, "height": 1024, "alt": 'A "wall"',
        "caption": "", "told": None, "schema": {}, "colour": "#808080", "files": files,
    } | fields  # fmt: skip
    return tags.Picture(**columns)


def element(shown: tags.Picture, **words) -> str:
    return render_to_string("imagegen/_picture.html", tags.picture_element(shown, **words))


def test_browser_may_choose_avif_before_jpeg_in_each_width():
    html = element(picture(), role="hero")
    assert (
        '<source type="image/avif" srcset="/m/320.avif 320w, /m/640.avif 640w, /m/1536.avif 1536w"'
    ) in html
    assert 'srcset="/m/320.jpeg 320w, /m/640.jpeg 640w, /m/1536.jpeg 1536w"' in html
    assert html.index("<source") < html.index("<img")


def test_webp_stands_between_avif_and_jpeg():
    html = element(picture(formats=("WEBP", "JPEG", "AVIF")))
    places = [html.index(name) for name in ("image/avif", "image/webp", "<img")]
    assert places == sorted(places)


def test_card_is_offered_small_files_only():
    html = element(picture(), role="card")
    assert "640w" in html and "1536w" not in html


def test_picture_that_is_larger_than_a_card_is_offered_all_the_same():
    assert "1200w" in element(picture(widths=(1200,)), role="card")


def test_sizes_follow_the_shape_of_the_picture():
    assert "84vh * 1.500)" in element(picture(), role="hero")


def test_place_is_kept_and_coloured_while_the_picture_loads():
    html = element(picture(placeholder="data:image/webp;base64,AA=="))
    assert 'width="1536" height="1024"' in html
    assert "background-color: #808080; background-image: url(data:image/webp;base64,AA==)" in html


def test_alt_text_is_escaped():
    assert 'alt="A &quot;wall&quot;"' in element(picture())


@pytest.mark.parametrize("role", ["hero", "lead"])
def test_what_a_reader_waits_for_loads_first(role):
    html = element(picture(), role=role)
    assert 'fetchpriority="high"' in html and "lazy" not in html


@pytest.mark.parametrize("role", ["section", "card"])
def test_the_others_load_when_they_come_near(role):
    html = element(picture(), role=role)
    assert 'loading="lazy"' in html and "fetchpriority" not in html


def test_first_card_of_a_list_without_a_hero_loads_at_once():
    assert 'fetchpriority="high"' in element(picture(), role="card", first=True)


def test_preview_of_a_draft_is_a_plain_picture():
    html = element(picture(files=()))
    assert "<picture>" not in html and "srcset" not in html and 'src="/m/1536.jpeg"' in html


def test_no_picture_leaves_no_trace():
    assert element(None).strip() == ""


def test_page_knows_every_file_of_a_place(post):
    hero = of(post).hero
    assert {file.format for file in hero.files} == {"AVIF", "JPEG"}
    assert hero.url.endswith(".jpg") and hero.placeholder.startswith("data:image/webp")


def test_widest_jpeg_stands_for_the_picture():
    post = make_post(published=True)
    choose(hero_of(post), data=made.png(1, (400, 300)))
    publishing.publish_pictures(post_id=post.pk)
    hero = of(post).hero
    assert (hero.width, hero.height, len(hero.files)) == (400, 300, 4)


def test_other_shapes_of_the_hero_are_there_for_a_theme(post, settings):
    settings.HERO_CROPS = ["square"]
    publishing.publish_pictures(post_id=post.pk)
    pictures = of(post)
    assert (pictures.crops["square"].width, pictures.crops["square"].height) == (80, 80)
    assert pictures.hero.width == 120
