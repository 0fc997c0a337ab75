"""Writing prompts: by the template, by hand, and what an accepted draft does."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from imagegen.errors import NotPermitted, Refused
from imagegen.models import PromptDraft
from imagegen.services import texts, writing
from imagegen.services.batches import GenerationOptions, plan_batch
from imagegen.tests.factories import hero_of, make_post

pytestmark = pytest.mark.django_db


@pytest.fixture
def slot():
    return make_post().slots.get(role="section", section_heading="Tools")


def sent(slot, **options):
    """The prompt that would be sent for a place."""
    return plan_batch(slots=[slot], options=GenerationOptions(**options)).items[0].composed


def test_template_writes_a_draft_from_the_sections_text(slot, editor):
    draft = writing.draft_by_template(slot=slot, user=editor)
    assert "A hammer, a string, patience." in draft.text
    assert (draft.origin, draft.created_by_name) == ("template", editor.username)


def test_template_leaves_style_and_format_to_be_added_later(slot, editor):
    draft = writing.draft_by_template(slot=slot, user=editor)
    composed = sent(slot)
    style = next(part.text for part in composed.parts if part.origin == "style")
    assert style in composed.text
    assert style not in draft.text


def test_edited_draft_remembers_what_it_came_from(slot, editor):
    first = writing.draft_by_hand(slot=slot, text="A hammer", user=editor)
    second = writing.draft_by_hand(slot=slot, text="A red hammer", user=editor, parent=first)
    assert (second.parent, second.origin) == (first, "hand")


def test_unchanged_text_is_no_new_draft(slot, editor):
    first = writing.draft_by_hand(slot=slot, text="A hammer", user=editor)
    assert writing.draft_by_hand(slot=slot, text=" A hammer ", user=editor, parent=first) == first


@pytest.mark.parametrize("text", ["", "  ", "x" * 4001])
def test_draft_that_cannot_be_kept_is_refused(slot, editor, text):
    with pytest.raises(Refused):
        writing.draft_by_hand(slot=slot, text=text, user=editor)


def test_accepted_draft_is_the_prompt_and_the_template_is_not_sent(slot, editor):
    draft = writing.draft_by_hand(slot=slot, text="A hammer on {stone}", user=editor)
    writing.accept_draft(draft=draft, user=editor)
    slot.refresh_from_db()
    composed = sent(slot)
    assert composed.text.startswith("A hammer on {stone}")
    assert "magazine article" not in composed.text


def test_style_and_negatives_are_added_to_an_accepted_draft(slot, editor):
    without = sent(slot)
    writing.accept_draft(
        draft=writing.draft_by_hand(slot=slot, text="A hammer", user=editor), user=editor
    )
    slot.refresh_from_db()
    origins = {part.origin for part in sent(slot).parts}
    assert {"hand", "style"} <= origins
    assert sent(slot).negative_text == without.negative_text


def test_words_of_a_model_are_shown_as_such(slot, editor):
    draft = PromptDraft.objects.create(slot=slot, origin="model", text="A hammer")
    writing.accept_draft(draft=draft, user=editor)
    slot.refresh_from_db()
    assert "draft" in {part.origin for part in sent(slot).parts}


def test_description_of_this_time_goes_before_the_accepted_draft(slot, editor):
    draft = writing.draft_by_hand(slot=slot, text="A lantern", user=editor)
    writing.accept_draft(draft=draft, user=editor)
    slot.refresh_from_db()
    text = sent(slot, description="A string").text
    assert "A string" in text
    assert "A lantern" not in text


def test_dropped_draft_gives_way_to_the_template(slot, editor):
    before = sent(slot).text
    draft = writing.draft_by_hand(slot=slot, text="A hammer", user=editor)
    writing.accept_draft(draft=draft, user=editor)
    writing.drop_draft(slot=slot, user=editor)
    slot.refresh_from_db()
    assert sent(slot).text == before


def test_draft_under_way_cannot_be_accepted(slot, editor):
    draft = PromptDraft.objects.create(slot=slot, origin="model")
    with pytest.raises(Refused, match="still being written"):
        writing.accept_draft(draft=draft, user=editor)


def test_stranger_may_not_write(slot, stranger):
    with pytest.raises(NotPermitted):
        writing.draft_by_hand(slot=slot, text="A hammer", user=stranger)


def test_without_a_text_model_the_reason_is_told():
    with pytest.raises(Refused, match="No text model is set up"):
        texts.find_text_model()


def test_place_without_a_section_is_refused(slot, editor):
    slot.section = None
    with pytest.raises(Refused, match="attach it first"):
        writing.draft_by_template(slot=slot, user=editor)


def test_page_writes_from_the_template(client, slot, editor):
    client.force_login(editor)
    page = client.post(
        f"/admin/imagegen/imageslot/{slot.pk}/write/", {"template": "1"}, follow=True
    )
    assert "A hammer, a string, patience." in page.content.decode()
    assert slot.drafts.get().origin == "template"


def test_page_accepts_what_was_edited(client, slot, editor):
    client.force_login(editor)
    address = f"/admin/imagegen/imageslot/{slot.pk}/write/"
    client.post(address, {"text": "A red hammer", "accept": "1"})
    slot.refresh_from_db()
    assert slot.draft.text == "A red hammer"


def test_page_keeps_the_input_that_it_refuses(client, slot, editor):
    client.force_login(editor)
    address = f"/admin/imagegen/imageslot/{slot.pk}/write/"
    page = client.post(address, {"text": "x" * 4001, "accept": "1"})
    assert "at most 4,000 are kept" in page.content.decode()
    assert "x" * 4001 in page.content.decode()


def test_page_is_closed_to_reviewers(client, slot, reviewer):
    client.force_login(reviewer)
    assert client.get(f"/admin/imagegen/imageslot/{slot.pk}/write/").status_code == 403


def test_page_of_a_hero_shows_an_empty_history(client, editor):
    client.force_login(editor)
    slot = hero_of(make_post())
    page = client.get(f"/admin/imagegen/imageslot/{slot.pk}/write/").content.decode()
    assert "There are no drafts yet." in page


def run(*words: str) -> str:
    out = StringIO()
    call_command("write_prompts", *words, stdout=out)
    return out.getvalue()


def test_command_writes_drafts_from_the_template():
    post = make_post()
    assert "3 prompts written, 0 failed." in run("--post", post.slug)
    assert PromptDraft.objects.filter(slot__post=post, origin="template").count() == 3


def test_command_accepts_on_request():
    post = make_post()
    run("--post", post.slug, "--slots", "hero", "--accept")
    assert hero_of(post).draft.origin == "template"


def test_command_shows_and_does_nothing_in_a_dry_run():
    post = make_post()
    assert "Nothing was written" in run("--post", post.slug, "--dry-run")
    assert not PromptDraft.objects.exists()


def test_command_names_the_missing_text_model():
    post = make_post()
    with pytest.raises(CommandError, match="No text model is set up"):
        run("--post", post.slug, "--model")
