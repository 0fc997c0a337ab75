"""Which watermark a picture is shown with, and what changing it brings about."""

import pytest
from django_tasks import default_task_backend

from imagegen.errors import InvalidTransition, NotPermitted, Refused
from imagegen.models import ImageOutput, ImageSlot, ReviewEvent, StyleTreatment, WatermarkProfile
from imagegen.services import publishing, watermark_files, watermark_profiles
from imagegen.services.watermark_profiles import (
    following_watermarks,
    progress,
    publish_part,
    reapply,
    remove_profile,
    save_profile,
)
from imagegen.services.watermarks import (
    choice_before,
    profile_for,
    read_treatments,
    set_watermark,
    undo_watermark,
    watermark_for,
)
from imagegen.tasks import publish_archive_task
from imagegen.tests.factories import hero_of, make_post
from imagegen.tests.rows import make_choice, make_output
from prompts.models import ImageStyle

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_this_process")]
Watermarking = ImageOutput.Watermarking


@pytest.fixture
def in_this_process(monkeypatch):
    """Child functions run here: the pool has tests of its own."""
    monkeypatch.setattr(
        watermark_files, "run_in_child", lambda function, *args, timeout: function(*args)
    )


def make_profile(name="House", **fields) -> WatermarkProfile:
    columns = {"name": name, "text": "© The house", **fields}
    return save_profile(profile=WatermarkProfile(**columns), user=None)


def treat(name="Ink", **fields) -> StyleTreatment:
    style, _ = ImageStyle.objects.get_or_create(
        name=name, defaults={"slug": name.lower(), "fragment": "in ink"}
    )
    with following_watermarks():
        return StyleTreatment.objects.create(style=style, **fields)


def shown_on(output: ImageOutput) -> WatermarkProfile | None:
    output.refresh_from_db()
    return profile_for(output, read_treatments())


@pytest.fixture
def shown():
    """An approved hero of a published post, nothing due."""
    output = make_choice(hero_of(make_post(published=True)), style_name="Ink")
    settle()
    return output


def settle() -> None:
    ImageSlot.objects.update(publication_due=False)


def due() -> set[int]:
    """Images whose places are to be published anew."""
    return set(
        ImageSlot.objects.filter(publication_due=True, choice__isnull=False).values_list(
            "choice", flat=True
        )
    )


# --- Which one counts -------------------------------------------------------------------


def test_without_any_watermark_nothing_is_marked(shown):
    assert watermark_for(shown, read_treatments()) is None


def test_site_marks_what_nobody_chose_otherwise(shown):
    assert shown_on(shown) is None
    house = make_profile(is_default=True)
    assert shown_on(shown) == house


def test_uploads_bear_the_mark_of_the_site_too():
    house = make_profile(is_default=True)
    assert shown_on(make_output(None, kind="uploaded")) == house


def test_style_goes_before_the_site(shown):
    make_profile(is_default=True)
    quiet = make_profile("Quiet")
    treat(watermark=quiet)
    assert shown_on(shown) == quiet


def test_style_may_want_none(shown):
    make_profile(is_default=True)
    treat(without_watermark=True)
    assert shown_on(shown) is None


def test_style_counts_by_the_name_it_had_then(shown):
    quiet = make_profile("Quiet")
    style = treat(watermark=quiet).style
    style.versions.create(version=1, name="Ink", fragment="in ink")
    ImageStyle.objects.filter(pk=style.pk).update(name="Ink and wash", version=2)
    assert shown_on(shown) == quiet


def test_own_choice_goes_before_the_style(shown):
    treat(without_watermark=True)
    house = make_profile()
    set_watermark(outputs=[shown], watermarking=Watermarking.PROFILE, profile=house, user=None)
    assert shown_on(shown) == house


def test_watermark_switched_off_counts_as_not_chosen(shown):
    house, quiet = make_profile(is_default=True), make_profile("Quiet")
    set_watermark(outputs=[shown], watermarking=Watermarking.PROFILE, profile=quiet, user=None)
    quiet.is_active = False
    save_profile(profile=quiet, user=None)
    assert shown_on(shown) == house


def test_spec_says_all_that_the_look_depends_on(shown):
    make_profile(is_default=True, position="tiled", opacity=0.25)
    assert watermark_for(shown, read_treatments()) == {
        "slug": "house",
        "version": 1,
        "kind": "text",
        "text": "© The house",
        "logo_sha256": "",
        "logo_path": "",
        "position": "tiled",
        "margin": 0.03,
        "size": 0.035,
        "opacity": 0.25,
    }


def test_many_pictures_are_resolved_without_further_queries(shown, django_assert_num_queries):
    make_profile(is_default=True)
    treat(label="always")
    with django_assert_num_queries(3):
        treatments = read_treatments()
        watermark_for(shown, treatments)


# --- One picture or many ----------------------------------------------------------------


def test_set_and_undone_again(shown, editor):
    house = make_profile(is_default=True)
    set_watermark(outputs=[shown], watermarking=Watermarking.NONE, user=editor)
    assert shown_on(shown) is None
    undo_watermark(output=shown, user=editor)
    assert shown_on(shown) == house


def test_undo_brings_back_the_very_watermark(shown):
    quiet = make_profile("Quiet")
    set_watermark(outputs=[shown], watermarking=Watermarking.PROFILE, profile=quiet, user=None)
    set_watermark(outputs=[shown], watermarking=Watermarking.NONE, user=None)
    assert choice_before(shown) == ("profile", quiet)
    undo_watermark(output=shown, user=None)
    assert shown_on(shown) == quiet


def test_nothing_to_undo_is_said(shown):
    with pytest.raises(InvalidTransition, match="no change"):
        undo_watermark(output=shown, user=None)


def test_place_is_due_and_the_change_is_in_the_books(shown, editor):
    set_watermark(outputs=[shown], watermarking=Watermarking.NONE, user=editor)
    event = ReviewEvent.objects.get(action="watermark")
    assert due() == {shown.pk}
    assert (event.made_by, event.from_state, event.to_state) == (editor, "inherit", "none")
    assert event.note == "what the style or the site says → none"


def test_same_choice_again_changes_nothing(shown):
    answer = set_watermark(outputs=[shown], watermarking=Watermarking.INHERIT, user=None)
    assert (answer.changed, answer.unchanged) == (0, 1)
    assert not due()
    assert not ReviewEvent.objects.filter(action="watermark").exists()


def test_many_are_counted(shown):
    other = make_output(None, watermarking="none")
    answer = set_watermark(outputs=[shown, other], watermarking=Watermarking.NONE, user=None)
    assert (answer.changed, answer.unchanged) == (1, 1)


def test_many_are_set_in_few_statements(django_assert_max_num_queries):
    outputs = [make_output(None) for _ in range(20)]
    with django_assert_max_num_queries(20 + 12):  # each has its line in the books
        set_watermark(outputs=outputs, watermarking=Watermarking.NONE, user=None)


def test_watermark_switched_off_cannot_be_chosen(shown):
    off = make_profile(is_active=False)
    with pytest.raises(Refused, match="switched off"):
        set_watermark(outputs=[shown], watermarking=Watermarking.PROFILE, profile=off, user=None)


def test_choosing_needs_a_watermark(shown):
    with pytest.raises(Refused, match="which watermark"):
        set_watermark(outputs=[shown], watermarking=Watermarking.PROFILE, user=None)


def test_strangers_may_not_set_it(shown, stranger):
    with pytest.raises(NotPermitted):
        set_watermark(outputs=[shown], watermarking=Watermarking.NONE, user=stranger)


# --- Watermarks themselves --------------------------------------------------------------


def test_first_site_watermark_makes_the_archive_due(shown):
    make_profile(is_default=True)
    assert due() == {shown.pk}


def test_watermark_that_nobody_shows_makes_nothing_due(shown):
    make_profile()
    assert not due()


@pytest.mark.parametrize(
    ("name", "slug"),
    [("House!", "house-2"), ("©", "watermark"), ("None", "none-2"), ("Inherit", "inherit-2")],
)
def test_each_watermark_gets_a_word_of_its_own(name, slug):
    make_profile("House")
    assert make_profile(name).slug == slug


def test_changed_look_raises_the_version_and_makes_due(shown):
    house = make_profile(is_default=True)
    settle()
    house.opacity = 0.5
    save_profile(profile=house, user=None)
    assert house.version == 2
    assert due() == {shown.pk}


def test_new_name_changes_no_picture(shown):
    house = make_profile(is_default=True)
    settle()
    house.name = "The house"
    save_profile(profile=house, user=None)
    assert house.version == 1
    assert not due()


def test_only_pictures_that_show_it_are_due(shown):
    house = make_profile(is_default=True)
    set_watermark(outputs=[shown], watermarking=Watermarking.NONE, user=None)
    settle()
    house.text = "© Another"
    save_profile(profile=house, user=None)
    assert not due()


def test_new_site_watermark_takes_the_place_of_the_old(shown):
    house = make_profile(is_default=True)
    other = make_profile("Other", is_default=True)
    house.refresh_from_db()
    assert not house.is_default
    assert shown_on(shown) == other


def test_treatment_of_a_style_makes_its_pictures_due(shown):
    make_profile(is_default=True)
    settle()
    treat("Chalk", without_watermark=True)
    assert not due()
    treat("Ink", without_watermark=True)
    assert due() == {shown.pk}


def test_removed_watermark_leaves_its_pictures_to_the_site(shown):
    house, quiet = make_profile(is_default=True), make_profile("Quiet")
    set_watermark(outputs=[shown], watermarking=Watermarking.PROFILE, profile=quiet, user=None)
    settle()
    remove_profile(profile=quiet, user=None)
    assert shown_on(shown) == house
    assert shown.watermarking == Watermarking.INHERIT
    assert due() == {shown.pk}


def test_undo_after_removal_means_the_site(shown):
    quiet = make_profile("Quiet")
    set_watermark(outputs=[shown], watermarking=Watermarking.PROFILE, profile=quiet, user=None)
    set_watermark(outputs=[shown], watermarking=Watermarking.NONE, user=None)
    remove_profile(profile=quiet, user=None)
    assert choice_before(shown) == ("inherit", None)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"text": " "}, "Write the text"),
        ({"text": "© 本 Ж"}, "Latin letters only, not “本Ж”"),
        ({"kind": "logo"}, "Choose a file"),
        ({"margin": 0.3}, "margin must be 0 to 0.25"),
        ({"opacity": 0.0}, "opacity must be 0.05 to 1"),
    ],
)
def test_impossible_watermark_is_refused(fields, words):
    with pytest.raises(Refused, match=words):
        make_profile(**fields)


def test_editors_may_not_change_watermarks(editor):
    with pytest.raises(NotPermitted):
        save_profile(profile=WatermarkProfile(name="Mine", text="me"), user=editor)


def test_archive_is_done_anew_with_progress(shown):
    house = make_profile(is_default=True)
    settle()
    assert [str(each) for each in progress(house)] == ["1 place"]
    assert reapply(profile=house, user=None).due == 1
    assert [str(each) for each in progress(house)] == ["1 place, 1 to be published anew"]
    settle()
    assert progress(house)[0].done == 1


def test_progress_of_several_is_read_together(shown, django_assert_num_queries):
    house, quiet = make_profile(is_default=True), make_profile("Quiet")
    with django_assert_num_queries(3):
        assert [each.places for each in progress(house, quiet)] == [1, 0]


@pytest.fixture
def archive(monkeypatch):
    """Three posts with a hero each, which are too many for a task each."""
    monkeypatch.setattr(watermark_profiles, "FEW_POSTS", 2)
    outputs = [make_choice(hero_of(make_post(f"Post {n}", published=True))) for n in range(3)]
    settle()
    return outputs


def sent() -> list[tuple[str, list]]:
    """The tasks in the queue, with what they were given."""
    results = default_task_backend.results
    return [(result.task.name, list(result.args)) for result in results]


def test_large_archive_gets_a_few_tasks(archive, settings, django_capture_on_commit_callbacks):
    settings.WORKER_THREADS = 3
    default_task_backend.clear()
    with django_capture_on_commit_callbacks(execute=True):
        make_profile(is_default=True)
    assert len(due()) == 3
    assert sent() == [("publish_archive_task", [0, 2]), ("publish_archive_task", [1, 2])]


@pytest.fixture
def published(monkeypatch):
    """The posts that are published, by what stands in for publishing."""
    seen = []
    monkeypatch.setattr(publishing, "publish_pictures", lambda *, post_id: seen.append(post_id))
    return seen


def test_parts_share_the_archive(archive, published):
    make_profile(is_default=True)
    parts = []
    for part in range(2):
        assert publish_part(part=part, parts=2) is None
        parts.append({*published})
    posts = {output.post_id for output in archive}
    assert parts[0] and parts[0] < posts
    assert sorted(published) == sorted(posts)


def test_part_lets_others_pass_and_goes_on_where_it_was(archive, published):
    make_profile(is_default=True)
    last = publish_part(part=0, parts=1, seconds=0)
    assert last == archive[0].post_id
    assert publish_part(part=0, parts=1, after=last) is None
    assert published == [output.post_id for output in archive]


def test_task_of_a_part_sends_the_next(archive, published, monkeypatch):
    make_profile(is_default=True)
    monkeypatch.setattr(watermark_profiles.time, "monotonic", iter([0.0, 30.0]).__next__)
    default_task_backend.clear()
    publish_archive_task.func(0, 1)
    assert sent() == [("publish_archive_task", [0, 1, archive[0].post_id])]


def test_large_archive_is_marked_in_few_statements(django_assert_max_num_queries):
    post = make_post()
    slot = hero_of(post)
    output = make_choice(slot)
    ImageSlot.objects.bulk_create(
        ImageSlot(post=post, role="section", choice=output) for _ in range(1200)
    )
    with django_assert_max_num_queries(60):
        make_profile(is_default=True)
    assert ImageSlot.objects.filter(publication_due=True, choice=output).count() == 1201
