"""The console's own pages: one image, one place, one job, and the forms between."""

import re
from html import unescape
from urllib.parse import urljoin

import pytest
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from blog.services import save_post
from imagegen.models import (
    GenerationJob,
    IllustrationPlan,
    ImageOutput,
    ImageSlot,
    ReviewEvent,
    SlotAlt,
    WorkerProcess,
)
from imagegen.services import workers
from imagegen.tests import pictures as made
from imagegen.tests.factories import hero_of, make_batch, make_post, make_stub
from imagegen.tests.rows import make_attempt, make_choice, make_output
from imagegen.tests.stored import in_this_process  # noqa: F401
from prompts.models import ImageSetting, ImageStyle, RoleDefault

pytestmark = pytest.mark.django_db


def page(row, name: str = "change") -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{name}", args=[row.pk])


def said(answer) -> str:
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def text_of(client, row) -> str:
    answer = client.get(page(row))
    assert answer.status_code == 200
    return answer.content.decode()


# --- Looking --------------------------------------------------------------------------------


@pytest.fixture
def job(slot, tmp_path):
    return make_batch([slot], make_stub(tmp_path)).jobs.get()


def test_image_page_shows_prompt_parameters_and_lineage(console, job):
    attempt = make_attempt(job)
    output = make_output(
        job.slot, attempt=attempt, prompt=job.prompt, parameters={"sampler": "euler"}, seed=81231
    )
    text = text_of(console, output)
    assert "origin-post" in text and "sampler" in text and "81231" in text
    assert page(job) in text and page(job.batch) in text and page(attempt) in text


def test_page_of_an_unknown_image_leads_back(console):
    url = reverse("admin:imagegen_imageoutput_change", args=[999])
    assert console.get(url).status_code == 302


@pytest.mark.parametrize("key", ["x", "9" * 40, "1'--"])
def test_odd_key_is_no_error(console, key):
    for model in ("imageoutput", "imageslot", "generationjob", "generationbatch", "attempt"):
        url = reverse(f"admin:imagegen_{model}_change", args=[key])
        assert console.get(url).status_code == 302


def test_place_page_shows_text_and_candidates(console):
    slot = make_post().slots.get(section__heading="Tools")
    make_output(slot)
    text = text_of(console, slot)
    assert "A hammer, a string, patience." in text and "Approve" in text


def test_every_link_and_button_of_a_page_leads_somewhere(console, slot, job):
    make_choice(slot)
    output = make_output(slot, attempt=make_attempt(job))
    targets = {
        urljoin(page(row), unescape(url))
        for row in (slot, output, slot.post, job, job.batch)
        for url in re.findall(r'(?:href|action)="(?!/static/)([^"#?]+)', text_of(console, row))
    }
    for target in targets:
        if "logout" not in target and "/admin/r/" not in target:
            # 302 is how the admin answers to an address that it does not know.
            answer = console.get(target, follow=target.startswith("/pictures/"))
            assert answer.status_code in (200, 403, 404, 405), target


@pytest.mark.parametrize("target", ["javascript:alert(1)", "//evil.example/"])
def test_cancel_leads_to_no_foreign_address(console, slot, target):
    for url in (page(slot, "upload"), page(slot, "regenerate")):
        assert target not in console.get(url, {"next": target}).content.decode()


def test_job_page_tells_what_went_wrong_and_offers_another_try(console, job):
    error = {"message": "The provider is asleep.", "hint": "Wake it."}
    GenerationJob.objects.update(state="failed", error=error)
    text = text_of(console, job)
    assert "The provider is asleep." in text and "Try again" in text


def test_doubtful_job_is_settled_by_those_who_may_spend(console, client, administrator, job):
    GenerationJob.objects.update(state="unknown")
    assert "It was not charged" not in text_of(console, job)
    client.force_login(administrator)
    assert "It was not charged" in text_of(client, job)


def test_batch_and_attempt_pages_open(console, job):
    assert "0 of 1" in text_of(console, job.batch)
    assert "nothing" in text_of(console, make_attempt(job))


def test_post_page_shows_its_places(console, slot):
    make_choice(slot)
    text = text_of(console, slot.post)
    assert "1 of 3 places filled" in text and "Why no mortar" in text


def test_nothing_typed_by_people_becomes_markup(console):
    slot = hero_of(make_post(title="<script>alert(1)</script>"))
    output = make_output(slot, prompt_text="<b>x</b>", description="<i>y</i>")
    for row in (slot, output, slot.post):
        text = text_of(console, row)
        assert "<script>alert(1)" not in text and "<i>y</i>" not in text


def test_first_page_says_that_no_worker_runs_and_what_waits(console, slot):
    make_output(slot)
    text = console.get(reverse("admin:index")).content.decode()
    assert "No worker is running." in text
    assert "<b>1</b><span>to review</span>" in text


def test_first_page_is_quiet_while_a_worker_reports(console):
    workers.beat(owner="w", threads=4)
    assert "No worker is running" not in console.get(reverse("admin:index")).content.decode()


def test_first_page_tells_when_the_last_worker_reported(console):
    workers.beat(owner="w", threads=4)
    WorkerProcess.objects.update(seen_at="2026-01-01T00:00:00Z")
    text = console.get(reverse("admin:index")).content.decode()
    assert "the last one reported" in text


def test_first_page_tells_a_stranger_nothing(client, stranger):
    client.force_login(stranger)
    assert "to review" not in client.get(reverse("admin:index")).content.decode()


# --- Deciding -------------------------------------------------------------------------------


def test_image_is_approved_with_its_alt_text(console, slot):
    output = make_output(slot)
    console.post(page(output, "approve"), {"alt": "Two walls", "note": "At last"})
    output.refresh_from_db()
    assert (output.state, SlotAlt.objects.get().text) == ("approved", "Two walls")


def test_quick_approval_from_a_card_takes_the_draft(console, slot):
    answer = console.post(page(make_output(slot), "approve"), {"next": page(slot)})
    assert answer.url == page(slot)
    assert SlotAlt.objects.get().text == "A wall of stones"


def test_too_long_alt_text_comes_back_to_be_shortened(console, slot):
    output = make_output(slot)
    answer = console.post(page(output, "approve"), {"alt": "x" * 501})
    assert "at most 500 characters" in answer.content.decode()
    assert "x" * 501 in answer.content.decode()
    output.refresh_from_db()
    assert output.state == "candidate"


def test_rejection_page_asks_for_the_reason(console, slot):
    output = make_output(slot)
    answer = console.post(page(output, "reject"), {"note": "Hands"})
    assert "Choose a reason." in answer.content.decode() and "Hands" in answer.content.decode()
    console.post(page(output, "reject"), {"reason": "anatomy", "note": "Hands"})
    assert ImageOutput.objects.get().reject_reason == "anatomy"


def test_undo_choose_alt_and_comment_by_their_buttons(console, slot):
    first = make_choice(slot)
    make_choice(slot)
    console.post(page(first, "choose"))
    console.post(page(first, "alt"), {"alt": "Other words"})
    console.post(page(first, "comment"), {"note": "Good"})
    console.post(page(first, "undo"))
    actions = set(ReviewEvent.objects.filter(output=first).values_list("action", flat=True))
    assert actions == {"approve", "choose", "comment", "undo"}


def test_decision_that_comes_too_late_is_told(console, slot):
    answer = console.post(page(make_choice(slot), "approve"))
    assert "is approved now" in said(answer)


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:x"])
def test_way_back_stays_on_the_site(console, slot, target):
    output = make_output(slot)
    assert console.post(page(output, "approve"), {"next": target}).url == page(output)


@pytest.mark.parametrize("name", ["approve", "undo", "choose", "comment"])
def test_looking_at_an_address_decides_nothing(console, slot, name):
    assert console.get(page(make_output(slot), name)).status_code == 405
    assert ImageOutput.objects.get().state == "candidate"


# --- Places ---------------------------------------------------------------------------------


def test_brief_and_caption_are_edited_and_nothing_else(console, slot):
    console.post(page(slot), {"brief": "A fog", "caption": "Fog", "wanted": "", "choice": 7})
    slot.refresh_from_db()
    assert (slot.brief, slot.caption, slot.wanted, slot.choice) == ("A fog", "Fog", True, None)


def test_regenerate_page_shows_what_will_be_sent(console, slot):
    text = console.get(page(slot, "regenerate")).content.decode()
    assert "A winter of walls" in text and "Ask for one more · free" in text


def test_one_more_is_asked_for(console, slot):
    style = ImageStyle.objects.first()
    data = {"ask": 1, "seen_cost": "free", "style": style.pk, "description": "Fog"}
    console.post(page(slot, "regenerate"), data)
    job = GenerationJob.objects.get()
    assert (job.style_name, "Fog" in job.prompt.text) == (style.name, True)


def test_dearer_choice_is_shown_before_it_is_asked_for(console, slot, tmp_path):
    dear = make_stub(tmp_path, price="0.04", name="dear")
    data = {"ask": 1, "seen_cost": "free", "connection": dear.pk, "description": "Fog"}
    text = console.post(page(slot, "regenerate"), data).content.decode()
    assert "What you chose costs $0.04" in text and "Fog" in text
    assert not GenerationJob.objects.exists()


def test_what_stands_in_the_way_is_told_on_the_page(console, slot):
    ImageSetting.objects.filter(roledefault__role="hero").update(model=None)
    RoleDefault.objects.filter(role="hero").delete()
    text = console.get(page(slot, "regenerate")).content.decode()
    assert "errornote" in text and "Ask for one more" not in text


@pytest.mark.usefixtures("in_this_process")
def test_own_picture_is_uploaded_and_chosen(console, slot):
    data = {"file": SimpleUploadedFile("a.png", made.png()), "alt": "Mine"}
    console.post(page(slot, "upload"), data)
    slot.refresh_from_db()
    assert (slot.choice.kind, slot.choice.description) == ("uploaded", "Mine")


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize(
    ("data", "sentence"),
    [(made.SVG, "SVG"), (b"", "The file is empty"), (None, "Choose a picture")],
)
def test_wrong_upload_is_told_at_the_file_and_keeps_the_words(console, slot, data, sentence):
    fields = {"alt": "Kept words"}
    if data is not None:
        fields["file"] = SimpleUploadedFile("a.png", data)
    text = console.post(page(slot, "upload"), fields).content.decode()
    assert sentence in text and "Kept words" in text
    assert not ImageOutput.objects.exists()


def test_card_gets_a_picture_of_its_own_and_goes_back(console):
    card = make_post().slots.get(role="social")
    console.post(page(card, "want"), {"wish": "own"})
    card.refresh_from_db()
    assert not card.from_hero
    console.post(page(card, "want"), {"wish": "want"})
    card.refresh_from_db()
    assert card.from_hero


@pytest.fixture
def detached(db):
    post = make_post()
    slot = post.slots.get(section__heading="Tools")
    make_choice(slot)
    post.body = post.body.partition("## Tools")[0]
    save_post(post=post)
    slot.refresh_from_db()
    return slot


def test_detached_place_is_attached_to_a_section_that_was_found(console, detached):
    target = make_post(title="Another post").sections.first()
    found = console.get(page(detached, "attach"), {"q": "another"}).content.decode()
    assert f"?post={target.post_id}" in found
    console.post(page(detached, "attach"), {"section": target.pk})
    detached.refresh_from_db()
    assert detached.section == target


def test_attaching_needs_a_section(console, detached):
    answer = console.post(page(detached, "attach"), {"section": "x"})
    assert "Choose a section." in answer.content.decode()


# --- Plans ----------------------------------------------------------------------------------


def plan_data(post, **fields) -> dict:
    empty = {"choices-TOTAL_FORMS": 0, "choices-INITIAL_FORMS": 0}
    return {"post": post.pk, **empty, **fields}


def test_plan_pins_the_present_version_of_its_style(console):
    style = ImageStyle.objects.first()
    url = reverse("admin:imagegen_illustrationplan_add")
    console.post(url, plan_data(make_post(), style=style.pk))
    assert IllustrationPlan.objects.get().style_version == style.version


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [({"style_version": 1}, "A version needs a style"), ({"style_version": 99}, "no version 99")],
)
def test_plan_refuses_a_version_that_is_not_there(console, fields, sentence):
    if fields["style_version"] == 99:
        fields = {**fields, "style": ImageStyle.objects.first().pk}
    url = reverse("admin:imagegen_illustrationplan_add")
    answer = console.post(url, plan_data(make_post(), **fields))
    assert sentence in answer.content.decode()


def test_plan_choice_is_an_example_or_a_setting(console):
    fields = {"choices-TOTAL_FORMS": 1, "choices-0-role": "hero"}
    url = reverse("admin:imagegen_illustrationplan_add")
    answer = console.post(url, plan_data(make_post(), **fields))
    assert "exactly one of them" in answer.content.decode()


def test_automatic_plan_asks_for_missing_images_after_a_change(
    django_capture_on_commit_callbacks,
):
    post = make_post()
    IllustrationPlan.objects.create(post=post, automatic=True)
    with django_capture_on_commit_callbacks(execute=True):
        save_post(post=post)
    assert GenerationJob.objects.filter(batch__door="automatic").count() == 3


# --- Who may ----------------------------------------------------------------------------------

OUTPUT_PAGES = ["approve", "reject", "undo", "choose", "alt", "comment"]
SLOT_PAGES = ["regenerate", "upload", "want", "keep", "attach", "comment"]
REVIEWER_MAY_NOT = ["regenerate", "upload", "want"]


@pytest.mark.parametrize("method", ["get", "post"])
def test_stranger_reaches_no_page(client, stranger, slot, method):
    client.force_login(stranger)
    output = make_output(slot)
    rows = [(output, name) for name in ["change", *OUTPUT_PAGES]]
    rows += [(slot, name) for name in ["change", *SLOT_PAGES]]
    codes = {getattr(client, method)(page(row, name)).status_code for row, name in rows}
    assert codes == {403}


@pytest.mark.parametrize("name", REVIEWER_MAY_NOT)
@pytest.mark.parametrize("method", ["get", "post"])
def test_reviewer_reaches_no_page_that_generates(client, reviewer, slot, name, method):
    client.force_login(reviewer)
    assert getattr(client, method)(page(slot, name)).status_code == 403


def test_reviewer_is_not_offered_what_is_not_permitted(client, reviewer, slot):
    client.force_login(reviewer)
    make_output(slot)
    text = text_of(client, slot)
    assert "Approve" in text
    assert "Generate…" not in text and "Upload instead" not in text


def test_reviewer_changes_no_brief(client, reviewer, slot):
    client.force_login(reviewer)
    assert client.post(page(slot), {"brief": "x"}).status_code == 403


def test_visitor_is_sent_to_the_login(client, slot):
    answer = client.post(page(make_output(slot), "approve"))
    assert answer.status_code == 302 and "login" in answer.url


@pytest.mark.parametrize("name", ["imageoutput", "generationjob", "generationbatch", "attempt"])
def test_nobody_adds_facts_by_hand(client, administrator, name):
    client.force_login(administrator)
    assert client.get(reverse(f"admin:imagegen_{name}_add")).status_code == 403


def test_nobody_deletes_facts_by_hand(client, administrator, slot):
    client.force_login(administrator)
    for row in (slot, make_output(slot)):
        assert client.post(page(row, "delete"), {"post": "yes"}).status_code == 403
    assert ImageSlot.objects.filter(pk=slot.pk).exists()
