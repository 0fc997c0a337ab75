"""Saving posts and moving them through their states."""

import pytest
from django.utils import timezone

from blog import hooks
from blog.errors import InvalidPost, WrongState
from blog.models import Post, Section, SlugHistory, Tag
from blog.services import (
    add_former_slugs,
    delete_post,
    publish_due_posts,
    publish_post,
    save_post,
    schedule_post,
    withdraw_post,
)
from blog.tests.factories import BODY, DAY, edited, in_hours, make_post, make_public_post

pytestmark = pytest.mark.django_db


@pytest.fixture
def told():
    """What the hooks were told: (event, heading or title)."""
    calls = []

    def listener(event):
        def note(**arguments):
            thing = arguments.get("section") or arguments.get("post")
            calls.append((event, str(thing)))

        return note

    listeners = {event: listener(event) for event in hooks.EVENTS}
    for event, function in listeners.items():
        hooks.register(event, function)
    yield calls
    for event, function in listeners.items():
        hooks.unregister(event, function)


def ids(post):
    return {section.heading: section.pk for section in post.sections.all()}


def test_saving_makes_sections_in_order():
    post = make_post()
    assert list(post.sections.values_list("position", "heading")) == [
        (0, "First things"), (1, "Second things"), (2, "Third things"),
    ]  # fmt: skip


def test_sections_keep_their_ids_when_a_section_is_put_in_front():
    post = make_post()
    before = ids(post)
    post = edited(post, body=BODY.replace("## First", "## Zeroth\n\nNew.\n\n## First"))
    assert {**ids(post), **before} == ids(post)
    assert post.sections.first().heading == "Zeroth"


def test_sections_keep_their_ids_when_renamed_and_edited():
    post = make_post()
    before = ids(post)["Second things"]
    body = BODY.replace("## Second things", "## The second thing").replace("climb", "scale")
    assert ids(edited(post, body=body))["The second thing"] == before


def test_removed_section_is_told_while_it_exists():
    post = make_post()
    there = []

    def look(section):
        there.append(Section.objects.filter(pk=section.pk).exists())

    with hooks.registered(hooks.SECTION_REMOVED, look):
        edited(post, body=BODY[: BODY.index("## Third")])
    assert there == [True]
    assert post.sections.count() == 2


def test_first_save_tells_of_each_section_then_of_the_post(told):
    make_post()
    assert [event for event, _ in told] == [hooks.SECTION_ADDED] * 3 + [hooks.POST_SAVED]


def test_only_the_changed_section_is_told(told):
    post = make_post()
    told.clear()
    edited(post, body=BODY.replace("apples", "pears"))
    assert told == [(hooks.SECTION_CHANGED, "First things"), (hooks.POST_SAVED, "A post")]


def test_moved_sections_are_no_change(told):
    post = make_post()
    told.clear()
    edited(post, body=BODY.replace("An introduction", "Another introduction") + "\n")
    assert [event for event, _ in told] == [hooks.POST_SAVED]


def test_failing_hook_undoes_the_change():
    post = make_post()

    def fail(**arguments):
        raise RuntimeError("no")

    with hooks.registered(hooks.POST_SAVED, fail), pytest.raises(RuntimeError):
        edited(post, title="Other")
    assert Post.objects.get().title == "A post"


def test_unknown_event_is_refused():
    with pytest.raises(ValueError, match="no event"):
        hooks.register("post_burnt", print)


def test_registering_twice_calls_once():
    calls = []
    with hooks.registered("post_saved", calls.append):
        hooks.register("post_saved", calls.append)
        assert hooks._functions["post_saved"].count(calls.append) == 1


def test_saving_without_a_change_is_no_edit():
    post = make_post()
    before = Post.objects.get().edited_at
    assert edited(post).edited_at == before


def test_edit_is_noted():
    post = make_post()
    save_post(post=post, by_import=True)
    assert Post.objects.get().edited_at is None
    assert edited(post, summary="New.").edited_at is not None


def test_changed_tags_are_an_edit():
    post = make_post(tags=["a"])
    save_post(post=post, by_import=True)
    save_post(post=post, tags=["a", "b"])
    assert Post.objects.get().edited_at is not None


def test_tags_with_the_same_slug_are_one():
    post = make_post(tags=["Stone Walls", "stone walls ", "C", "C++", "C#", ""])
    assert sorted(tag.slug for tag in post.tags.all()) == ["c", "c-plus-plus", "c-sharp",
                                                           "stone-walls"]  # fmt: skip
    assert Tag.objects.get(slug="stone-walls").name == "Stone Walls"


def test_slug_is_made_from_the_title_and_numbered():
    assert [make_post(title="Ten Years!").slug for _ in range(3)] == [
        "ten-years", "ten-years-2", "ten-years-3",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Über die Wälder", "über-die-wälder"),
        ("שלום עולם", "שלום-עולם"),
        ("1984", "post-1984"),
        ("Admin", "post-admin"),
        ("Version 1.10.2", "version-1-10-2"),
        ("🎈🎉", "post-b8b50d21"),
    ],
)
def test_any_title_gives_a_slug(title, slug):
    made = make_post(title=title).slug
    assert made == slug or (title == "🎈🎉" and made.startswith("post-"))


def test_long_title_gives_a_short_slug():
    assert len(make_post(title="word " * 99).slug) <= 80


@pytest.mark.parametrize("slug", ["2024", "admin", "a b", "a/b", "x" * 201, "٣٤"])
def test_slug_that_cannot_work_is_refused(slug):
    with pytest.raises(InvalidPost, match="slug"):
        make_post(slug=slug)


def test_slug_of_another_post_is_refused():
    make_post(slug="taken")
    with pytest.raises(InvalidPost, match="Another post has the slug"):
        make_post(slug="taken")


@pytest.mark.parametrize("title", ["", "  \n ", "x" * 501])
def test_title_that_cannot_be_kept_is_refused(title):
    with pytest.raises(InvalidPost, match="title"):
        make_post(title=title)


def test_former_slugs_are_remembered_and_given_up_again():
    post = make_post(slug="one")
    post = edited(edited(post, slug="two"), slug="three")
    assert set(SlugHistory.objects.values_list("slug", flat=True)) == {"one", "two"}
    edited(post, slug="one")
    assert set(SlugHistory.objects.values_list("slug", flat=True)) == {"two", "three"}


def test_new_post_takes_a_former_slug_over():
    edited(make_post(slug="one"), slug="two")
    make_post(slug="one")
    assert not SlugHistory.objects.exists()


def test_former_slugs_in_use_are_left_out():
    make_post(slug="other")
    post = make_post(slug="mine")
    assert add_former_slugs(post=post, slugs=["other", "mine", "old", "12"]) == 1
    assert SlugHistory.objects.get().slug == "old"


def test_new_post_is_a_draft_whatever_it_says():
    assert make_post(status=Post.Status.PUBLISHED).status == Post.Status.DRAFT


def test_stale_copy_does_not_change_the_status():
    post = make_post()
    stale = Post.objects.get()
    publish_post(post=post)
    save_post(post=stale)
    assert Post.objects.get().status == Post.Status.PUBLISHED


def test_publishing_tells_the_hooks_and_sets_the_date(told):
    post = make_post()
    told.clear()
    publish_post(post=post)
    assert told == [(hooks.POST_PUBLISHED, "A post")]
    assert (timezone.now() - Post.objects.get().published_at).total_seconds() < 60


def test_publishing_keeps_a_past_date():
    assert publish_post(post=make_post(published_at=DAY)).published_at == DAY


def test_publishing_twice_is_refused():
    with pytest.raises(WrongState, match="published now"):
        publish_post(post=make_public_post())


def test_publishing_for_the_future_is_refused():
    with pytest.raises(InvalidPost, match="schedule"):
        publish_post(post=make_post(), at=in_hours(1))


def test_withdrawn_post_can_be_published_again_with_its_date(told):
    post = withdraw_post(post=make_public_post())
    assert told[-1] == (hooks.POST_WITHDRAWN, "A post")
    assert publish_post(post=post).published_at == DAY


def test_withdrawing_a_draft_is_refused():
    with pytest.raises(WrongState, match="draft now"):
        withdraw_post(post=make_post())


def test_withdrawing_a_scheduled_post_makes_it_a_draft():
    post = schedule_post(post=make_post(), at=in_hours(1))
    assert withdraw_post(post=post).status == Post.Status.DRAFT


@pytest.mark.parametrize("hours", [None, -1])
def test_scheduling_needs_a_time_in_the_future(hours):
    with pytest.raises(InvalidPost):
        schedule_post(post=make_post(), at=hours and in_hours(hours))


def test_due_posts_are_published_at_their_time(told):
    soon, later = in_hours(1), in_hours(3)
    schedule_post(post=make_post(title="Soon"), at=soon)
    schedule_post(post=make_post(title="Later"), at=later)
    assert publish_due_posts(now=in_hours(2)) == 1
    assert Post.objects.get(title="Soon").published_at == soon
    assert told[-1] == (hooks.POST_PUBLISHED, "Soon")


def test_post_that_cannot_be_published_holds_up_no_other():
    for title, hours in (("Bad", 1), ("Good", 2)):
        schedule_post(post=make_post(title=title), at=in_hours(hours))

    def fail(post):
        if post.title == "Bad":
            raise RuntimeError("No.")

    with hooks.registered(hooks.POST_PUBLISHED, fail):
        assert publish_due_posts(now=in_hours(3)) == 1
    assert Post.objects.get(title="Bad").status == Post.Status.SCHEDULED


def test_published_post_keeps_its_date():
    assert edited(make_public_post(), published_at=None).published_at == DAY


def test_deleting_tells_of_withdrawal_and_sections(told):
    post = make_public_post()
    told.clear()
    delete_post(post=post)
    assert [event for event, _ in told] == [hooks.POST_WITHDRAWN] + [hooks.SECTION_REMOVED] * 3
    assert not Post.objects.exists()


def test_summary_falls_back_on_the_first_words():
    assert make_post().lead.startswith("An introduction of a few words. The first")


@pytest.mark.parametrize(
    ("count", "queries"), [(500, 25), pytest.param(2000, 40, marks=pytest.mark.exhaustive)]
)
def test_very_many_sections_are_saved_with_few_queries(
    count, queries, django_assert_max_num_queries
):
    body = "".join(f"## Part {n}\n\nText number {n}.\n\n" for n in range(count))
    post = make_post(body=body)
    with django_assert_max_num_queries(queries):
        edited(post, body="## New\n\nText.\n\n" + body)
    assert post.sections.count() == count + 1


@pytest.mark.parametrize(
    ("body", "sentence"),
    [("x\n" * 1_000_001, "2,000,000 are allowed"), ("a\n" + "*" * 50_001, "Line 2 of the text")],
)
def test_text_that_would_keep_a_server_busy_is_refused(body, sentence):
    with pytest.raises(InvalidPost, match=sentence):
        save_post(post=Post(title="Long", body=body))
