"""Decisions about images: each guarded, recorded, and taken back without loss."""

import pytest
from django.core.files.base import ContentFile

from imagegen.errors import InvalidTransition, NotPermitted, Refused
from imagegen.models import GenerationBatch, ReviewEvent, SlotAlt
from imagegen.services import alts, review, slots
from imagegen.tests import pictures as made
from imagegen.tests.factories import hero_of, make_post
from imagegen.tests.rows import make_choice, make_output
from imagegen.tests.stored import in_this_process  # noqa: F401

pytestmark = pytest.mark.django_db


@pytest.fixture
def slot(db):
    return hero_of(make_post(published=True))


def shown(slot):
    slot.refresh_from_db()
    return slot.choice


def test_approved_image_is_the_choice(slot, editor):
    output = make_output(slot)
    review.approve_output(output=output, user=editor)
    assert shown(slot) == output
    assert (output.state, slot.is_stale) == ("approved", False)


def test_approval_is_written_down(slot, reviewer):
    review.approve_output(output=make_output(slot), user=reviewer, note="Fine")
    event = ReviewEvent.objects.get()
    assert (event.action, event.from_state, event.to_state) == ("approve", "candidate", "approved")
    assert (event.made_by_name, event.note, event.post_title) == ("bob", "Fine", slot.post_title)


def test_approval_makes_public_copies_due(slot):
    make_choice(slot)
    assert shown(slot) and slot.publication_due


def test_image_chosen_before_stays_approved(slot):
    first, second = make_choice(slot), make_choice(slot)
    first.refresh_from_db()
    assert (shown(slot), first.state) == (second, "approved")


def test_provider_description_becomes_the_alt_text(slot, editor):
    review.approve_output(output=make_output(slot), user=editor)
    alt = SlotAlt.objects.get()
    assert (alt.text, alt.source, alt.language) == ("A wall of stones", "generator", "en")
    assert alt.accepted_by == editor


def test_alt_text_that_was_not_seen_by_anybody_is_a_draft(slot):
    make_choice(slot)
    assert SlotAlt.objects.get().accepted_at is None


def test_own_alt_text_counts_as_written_by_a_person(slot, editor):
    review.approve_output(output=make_output(slot), user=editor, alt="Two  dry\nwalls")
    alt = SlotAlt.objects.get()
    assert (alt.text, alt.source) == ("Two dry walls", "human")


def test_decorative_picture_has_no_alt_text(slot, editor):
    review.approve_output(output=make_output(slot), user=editor, decorative=True)
    assert (SlotAlt.objects.get().text, SlotAlt.objects.get().decorative) == ("", True)


def test_alt_text_that_is_too_long_changes_nothing(slot):
    output = make_output(slot)
    with pytest.raises(Refused, match="501 characters; 500 fit"):
        review.approve_output(output=output, user=None, alt="x" * 501)
    output.refresh_from_db()
    assert output.state == "candidate"


def test_approving_again_keeps_the_alt_text_that_a_person_wrote(slot, editor):
    output = make_output(slot)
    review.approve_output(output=output, user=editor, alt="By hand")
    review.undo_review(output=output, user=editor)
    review.approve_output(output=output, user=editor)
    assert SlotAlt.objects.get().text == "By hand"


def test_image_for_a_place_that_is_not_wanted_is_approved_but_not_shown(slot):
    output = make_output(slot)
    slots.set_wanted(slot=slot, wanted=False, user=None)
    review.approve_output(output=output, user=None)
    assert (output.state, shown(slot)) == ("approved", None)
    assert slots.set_wanted(slot=slot, wanted=True, user=None).choice == output


def test_test_image_without_a_place_can_be_approved():
    assert review.approve_output(output=make_output(None), user=None).state == "approved"


def test_rejection_keeps_its_reason(slot, reviewer):
    output = make_output(slot)
    review.reject_output(output=output, user=reviewer, reason="text", note="Letters")
    assert (output.state, output.reject_reason) == ("rejected", "text")
    assert ReviewEvent.objects.get().reason == "text"


@pytest.mark.parametrize("reason", ["", "ugly"])
def test_rejection_needs_a_known_reason(slot, reason):
    with pytest.raises(Refused, match="Say why"):
        review.reject_output(output=make_output(slot), user=None, reason=reason)


def test_approved_image_is_taken_back_before_it_is_rejected(slot):
    output = make_choice(slot)
    with pytest.raises(InvalidTransition, match="Take the approval back first"):
        review.reject_output(output=output, user=None, reason="style")
    assert shown(slot) == output


def test_second_of_two_reviewers_is_told(slot):
    output = make_output(slot)
    late = type(output).objects.get(pk=output.pk)
    review.reject_output(output=output, user=None, reason="style")
    with pytest.raises(InvalidTransition, match="rejected now"):
        review.approve_output(output=late, user=None)


def test_undo_brings_the_choice_before_back(slot):
    first, second = make_choice(slot), make_choice(slot)
    review.undo_review(output=second, user=None)
    assert (shown(slot), second.state) == (first, "candidate")


def test_undo_leaves_nothing_when_the_choice_before_was_taken_back_too(slot):
    first, second = make_choice(slot), make_choice(slot)
    review.undo_review(output=first, user=None)
    review.undo_review(output=second, user=None)
    assert shown(slot) is None


def test_choice_that_comes_back_still_tells_that_the_text_changed(slot):
    make_choice(slot)
    slot.post.title = "Another title"
    slots.ensure_slots(post=slot.post)
    second = make_choice(slot)
    review.undo_review(output=second, user=None)
    assert shown(slot) and slot.is_stale


def test_undo_of_a_rejection_clears_its_reason(slot):
    output = make_output(slot)
    review.reject_output(output=output, user=None, reason="style")
    review.undo_review(output=output, user=None)
    assert (output.state, output.reject_reason) == ("candidate", "")


def test_undo_without_a_decision_is_refused(slot):
    with pytest.raises(InvalidTransition, match="no decision"):
        review.undo_review(output=make_output(slot), user=None)


def test_undo_is_an_event_of_its_own(slot):
    review.undo_review(output=make_choice(slot), user=None)
    assert list(ReviewEvent.objects.values_list("action", flat=True)) == ["undo", "approve"]


def test_earlier_image_can_be_chosen_again(slot):
    first = make_choice(slot)
    make_choice(slot)
    review.choose_output(output=first, user=None)
    assert shown(slot) == first


def test_candidate_cannot_be_chosen(slot):
    with pytest.raises(InvalidTransition, match="approve it first"):
        review.choose_output(output=make_output(slot), user=None)


def test_choice_cannot_be_chosen_twice(slot):
    with pytest.raises(InvalidTransition, match="already"):
        review.choose_output(output=make_choice(slot), user=None)


def test_comment_is_kept_with_its_person(slot, reviewer):
    review.comment_on(output=make_output(slot), user=reviewer, note=" Too dark ")
    event = ReviewEvent.objects.get()
    assert (event.action, event.note, event.slot) == ("comment", "Too dark", slot)


@pytest.mark.parametrize("note", ["\x00", "x" * 2001])
def test_comment_that_cannot_be_kept_is_refused(slot, note):
    with pytest.raises(Refused):
        review.comment_on(slot=slot, user=None, note=note)


def test_empty_comment_is_refused(slot):
    with pytest.raises(Refused, match="Write the comment"):
        review.comment_on(slot=slot, user=None, note="  ")


def test_alt_text_written_later_makes_copies_due(slot, editor):
    output = make_choice(slot)
    type(slot).objects.update(publication_due=False)
    alts.write_alt(output=output, user=editor, text="Better words")
    slot.refresh_from_db()
    assert (SlotAlt.objects.get().text, slot.publication_due) == ("Better words", True)


def test_empty_alt_text_is_refused_unless_decorative(slot):
    with pytest.raises(Refused, match="decorative"):
        alts.write_alt(output=make_output(slot), user=None, text="")


def test_alt_text_keeps_no_control_characters(slot):
    alt = alts.write_alt(output=make_output(slot), user=None, text="A\x00 tower\x1b\nat dusk")
    assert alt.text == "A tower at dusk"


def test_regenerating_queues_one_more(slot, editor):
    batch = review.regenerate_slot(slot=slot, user=editor, door="admin", note="Calmer")
    assert (batch.kind, batch.jobs.count()) == ("regenerate", 1)
    assert ReviewEvent.objects.get().note == "Calmer"


def test_regenerating_with_the_same_key_queues_once(slot):
    for _ in range(2):
        review.regenerate_slot(slot=slot, user=None, door="admin", idempotency_key="k")
    assert GenerationBatch.objects.count() == 1


def test_key_that_another_used_meanwhile_is_told_once(slot, monkeypatch):
    first = review.regenerate_slot(slot=slot, user=None, door="admin", idempotency_key="k")
    answers = iter([None, first])  # as long as the other has not committed, nothing is found
    monkeypatch.setattr("imagegen.services.asking.find_batch", lambda key: next(answers))
    review.regenerate_slot(slot=slot, user=None, door="admin", idempotency_key="k")
    assert ReviewEvent.objects.filter(action="regenerate").count() == 1


@pytest.mark.parametrize("role", ["hero", "social"])
def test_place_that_wants_no_picture_of_its_own_is_not_asked_for(role):
    slot = make_post().slots.get(role=role)
    if role == "hero":
        slot = slots.set_wanted(slot=slot, wanted=False, user=None)
    with pytest.raises(Refused):
        review.regenerate_slot(slot=slot, user=None, door="admin")


@pytest.mark.usefixtures("in_this_process")
def test_uploaded_picture_is_chosen_at_once(slot, editor):
    before = make_choice(slot)
    file = ContentFile(made.png(), name="mine.png")
    output = review.override_slot(slot=slot, user=editor, file=file, alt="My wall")
    assert (shown(slot), output.state, output.kind) == (output, "approved", "uploaded")
    assert ReviewEvent.objects.filter(action="override", previous_choice=before).exists()
    assert SlotAlt.objects.get(output=output).text == "My wall"


@pytest.mark.usefixtures("in_this_process")
def test_file_that_is_no_picture_changes_nothing(slot, editor):
    before = make_choice(slot)
    with pytest.raises(Refused):
        review.override_slot(slot=slot, user=editor, file=ContentFile(made.SVG, name="a.png"))
    assert shown(slot) == before
    assert slot.outputs.count() == 1


@pytest.mark.parametrize("person", ["stranger", "reviewer"])
def test_upload_and_generation_need_more_than_reviewing(slot, person, request):
    user = request.getfixturevalue(person)
    with pytest.raises(NotPermitted):
        review.override_slot(slot=slot, user=user, file=ContentFile(made.png()))
    with pytest.raises(NotPermitted):
        review.regenerate_slot(slot=slot, user=user, door="admin")


DECISIONS = {
    "approve": lambda output, user: review.approve_output(output=output, user=user),
    "reject": lambda output, user: review.reject_output(output=output, user=user, reason="text"),
    "undo": lambda output, user: review.undo_review(output=output, user=user),
    "choose": lambda output, user: review.choose_output(output=output, user=user),
    "comment": lambda output, user: review.comment_on(output=output, user=user, note="x"),
    "alt": lambda output, user: alts.write_alt(output=output, user=user, text="x"),
}


@pytest.mark.parametrize("decision", DECISIONS)
def test_stranger_decides_nothing(slot, stranger, decision):
    with pytest.raises(NotPermitted):
        DECISIONS[decision](make_output(slot), stranger)
    assert not ReviewEvent.objects.exists()
