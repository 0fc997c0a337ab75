"""Actions of the lists: what they do, what they count, what they ask first."""

import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.messages import get_messages
from django.urls import reverse
from django.utils import timezone

from imagegen.models import GenerationBatch, GenerationJob, ImageOutput, ImageSlot, ReviewEvent
from imagegen.services import review
from imagegen.tests.factories import hero_of, make_batch, make_post, make_stub
from imagegen.tests.rows import make_attempt, make_choice, make_output
from prompts.models import ImageSetting, RoleDefault

pytestmark = pytest.mark.django_db

POSTS = reverse("admin:blog_post_changelist")
SLOTS = reverse("admin:imagegen_imageslot_changelist")
OUTPUTS = reverse("admin:imagegen_imageoutput_changelist")
JOBS = reverse("admin:imagegen_generationjob_changelist")
BATCHES = reverse("admin:imagegen_generationbatch_changelist")


@pytest.fixture
def console(client, editor):
    client.force_login(editor)
    return client


def act(client, url, action, rows, **more):
    """Send an action for the selected rows."""
    keys = [row.pk for row in rows]
    return client.post(url, {"action": action, "_selected_action": keys, "index": 0, **more})


def said(answer) -> str:
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


@pytest.fixture
def paid(tmp_path):
    """Pictures cost $0.04 each by default."""
    model = make_stub(tmp_path, price="0.04", name="dear").models.get()
    setting = ImageSetting.objects.create(
        name="Dear", slug="dear", model=model, width=640, height=416
    )
    RoleDefault.objects.update(example=None, setting=setting)


def test_missing_images_are_queued_and_counted(console):
    answer = act(console, POSTS, "generate_missing", [make_post()])
    assert "3 images asked for, 0 skipped, 0 failed." in said(answer)
    assert GenerationJob.objects.filter(state="queued").count() == 3


def test_batch_tells_who_asked_through_which_door(console, editor):
    act(console, POSTS, "generate_missing", [make_post()])
    batch = GenerationBatch.objects.get()
    assert (batch.asked_by, batch.door, batch.kind) == (editor, "admin", "post")


def test_message_says_when_no_worker_is_running(console):
    assert "No worker is running" in said(act(console, POSTS, "generate_missing", [make_post()]))


def test_post_that_lacks_nothing_is_skipped(console):
    post = make_post()
    act(console, POSTS, "generate_missing", [post])
    answer = act(console, POSTS, "generate_missing", [post])
    assert "0 images asked for, 1 skipped" in said(answer)


def test_images_for_all_sections_leave_the_hero_alone(console):
    post = make_post()
    make_choice(post.slots.get(section__heading="Tools"))
    act(console, POSTS, "generate_sections", [post])
    assert set(GenerationJob.objects.values_list("role", flat=True)) == {"section"}
    assert GenerationJob.objects.count() == 2


def test_costly_images_are_shown_before_they_are_asked_for(console, paid):
    answer = act(console, POSTS, "generate_missing", [make_post()])
    assert "Ask for 3 images · $0.12" in answer.content.decode()
    assert not GenerationBatch.objects.exists()


def test_confirmed_images_are_queued_once(console, paid):
    post = make_post()
    page = act(console, POSTS, "generate_missing", [post]).content.decode()
    key = re.search(r'name="key" value="([^"]+)"', page)[1]
    for _ in range(2):
        act(console, POSTS, "generate_sections", [post], confirmed="$0.08", key=key)
    assert GenerationJob.objects.count() == 2


def test_price_that_has_changed_is_asked_again(console, paid):
    answer = act(console, POSTS, "generate_missing", [make_post()], confirmed="$0.03")
    assert "$0.12" in answer.content.decode()
    assert not GenerationBatch.objects.exists()


def test_many_free_images_are_asked_first(console):
    body = "".join(f"## Part {n}\n\nText {n}.\n\n" for n in range(25))
    answer = act(console, POSTS, "generate_missing", [make_post(body=body)])
    assert "Ask for 26 images · free" in answer.content.decode()


def test_place_that_cannot_be_illustrated_is_counted_as_failed(console):
    RoleDefault.objects.filter(role="hero").delete()
    answer = act(console, POSTS, "generate_missing", [make_post()])
    assert "2 images asked for, 0 skipped, 1 failed." in said(answer)


def test_posts_are_published_with_a_warning_of_the_gate(console):
    post = make_post()
    answer = act(console, POSTS, "publish_posts", [post])
    post.refresh_from_db()
    assert post.is_public
    assert "1 post published" in said(answer) and "no approved hero" in said(answer)


def test_history_of_a_post_tells_who_published_it(console, editor):
    act(console, POSTS, "publish_posts", [make_post()])
    entry = LogEntry.objects.get()
    assert (entry.user, entry.get_change_message()) == (editor, "Published.")


def test_post_that_is_public_already_is_skipped(console):
    answer = act(console, POSTS, "publish_posts", [make_post(published=True)])
    assert "0 posts published, 1 skipped, 0 failed." in said(answer)


def test_gate_that_blocks_publishes_nothing(console, settings):
    settings.PUBLISH_GATE = "block"
    post = make_post()
    answer = act(console, POSTS, "publish_posts", [post])
    post.refresh_from_db()
    assert (post.status, "0 posts published, 0 skipped, 1 failed" in said(answer)) == (
        "draft",
        True,
    )


def test_posts_are_withdrawn(console):
    post = make_post(published=True)
    act(console, POSTS, "withdraw_posts", [post])
    post.refresh_from_db()
    assert post.status == "withdrawn"


def test_images_are_approved_and_those_decided_skipped(console):
    slot = hero_of(make_post())
    rows = [make_output(slot), make_choice(slot)]
    answer = act(console, OUTPUTS, "approve_selected", rows)
    assert "1 image approved, 1 skipped, 0 failed." in said(answer)


def test_rejecting_asks_for_the_reason(console):
    output = make_output(hero_of(make_post()))
    answer = act(console, OUTPUTS, "reject_selected", [output])
    assert "Why is this image rejected?" in answer.content.decode()
    output.refresh_from_db()
    assert output.state == "candidate"


def test_rejecting_keeps_what_was_typed_when_the_reason_is_missing(console):
    output = make_output(hero_of(make_post()))
    more = {"rejecting": 1, "note": "Too many hands"}
    page = act(console, OUTPUTS, "reject_selected", [output], **more).content.decode()
    assert "Choose a reason." in page and "Too many hands" in page


def test_images_are_rejected_for_a_reason(console):
    slot = hero_of(make_post())
    rows = [make_output(slot), make_output(slot)]
    answer = act(console, OUTPUTS, "reject_selected", rows, rejecting=1, reason="anatomy")
    assert "2 images rejected" in said(answer)
    assert set(ImageOutput.objects.values_list("reject_reason", flat=True)) == {"anatomy"}


def test_decisions_are_taken_back(console):
    slot = hero_of(make_post())
    answer = act(console, OUTPUTS, "undo_selected", [make_choice(slot), make_output(slot)])
    assert "1 decision taken back, 1 skipped" in said(answer)


def test_regenerating_images_asks_once_for_each_place(console):
    slot = hero_of(make_post())
    rows = [make_output(slot), make_output(slot), make_output(None)]
    answer = act(console, OUTPUTS, "regenerate", rows)
    assert "1 image asked for, 1 skipped" in said(answer)
    assert ReviewEvent.objects.filter(action="regenerate", slot=slot).count() == 1


def test_images_are_generated_for_places(console):
    post = make_post()
    answer = act(console, SLOTS, "generate", ImageSlot.objects.filter(post=post))
    assert "3 images asked for, 1 skipped" in said(answer)


def test_place_that_is_being_drawn_is_not_asked_for_again(console, tmp_path):
    slot = hero_of(make_post())
    make_batch([slot], make_stub(tmp_path))
    assert "0 images asked for, 1 skipped" in said(act(console, SLOTS, "generate", [slot]))


def test_places_are_wanted_and_not_wanted(console):
    slot = hero_of(make_post())
    assert "1 place not wanted now" in said(act(console, SLOTS, "do_not_want", [slot]))
    assert "0 places not wanted now, 1 skipped" in said(act(console, SLOTS, "do_not_want", [slot]))
    assert "1 place wanted" in said(act(console, SLOTS, "want", [slot]))


def test_failed_jobs_are_tried_again(console, tmp_path):
    batch = make_batch([hero_of(make_post())], make_stub(tmp_path))
    batch.jobs.update(state="failed")
    assert "1 job queued again" in said(act(console, JOBS, "retry", batch.jobs.all()))
    assert "1 skipped" in said(act(console, JOBS, "retry", batch.jobs.all()))


def test_failed_jobs_of_a_batch_are_tried_again(console, tmp_path):
    batch = make_batch([hero_of(make_post())], make_stub(tmp_path))
    batch.jobs.update(state="failed")
    assert "1 job queued again" in said(act(console, BATCHES, "retry", [batch]))


def test_batch_is_cancelled_as_far_as_it_has_not_begun(console, tmp_path):
    batch = make_batch(list(make_post().slots.filter(role="section")), make_stub(tmp_path))
    assert "2 jobs cancelled" in said(act(console, BATCHES, "cancel", [batch]))


def test_one_job_is_cancelled_and_the_rest_of_its_batch_goes_on(console, tmp_path):
    batch = make_batch(list(make_post().slots.filter(role="section")), make_stub(tmp_path))
    assert "1 job cancelled" in said(act(console, JOBS, "cancel", [batch.jobs.first()]))
    assert {*batch.jobs.values_list("state", flat=True)} == {"cancelled", "queued"}


def test_job_that_has_begun_is_not_cancelled(console, tmp_path):
    batch = make_batch([hero_of(make_post())], make_stub(tmp_path))
    make_attempt(batch.jobs.get(), state="submitted")
    assert "1 skipped" in said(act(console, JOBS, "cancel", batch.jobs.all()))


@pytest.mark.parametrize(
    ("action", "state"), [("settle_not_charged", "failed"), ("settle_pay_again", "queued")]
)
def test_doubtful_calls_are_settled_by_an_administrator(
    client, administrator, tmp_path, action, state
):
    job = make_batch([hero_of(make_post())], make_stub(tmp_path)).jobs.get()
    GenerationJob.objects.update(state="unknown")
    make_attempt(job, state="unknown")
    client.force_login(administrator)
    act(client, JOBS, action, [job])
    job.refresh_from_db()
    assert job.state == state


@pytest.mark.parametrize("page", ["/admin/imagegen/generationjob/7/change/", ""])
def test_button_of_a_page_leads_back_to_it_and_not_to_the_list(client, editor, tmp_path, page):
    job = make_batch([hero_of(make_post())], make_stub(tmp_path)).jobs.get()
    GenerationJob.objects.update(state="failed")
    client.force_login(editor)
    answer = act(client, JOBS, "retry", [job], next=page)
    assert answer.url == (page or JOBS)


FORGED = [
    ("reviewer", POSTS, "generate_missing"),
    ("reviewer", POSTS, "generate_sections"),
    ("reviewer", POSTS, "publish_posts"),
    ("reviewer", POSTS, "withdraw_posts"),
    ("reviewer", SLOTS, "generate"),
    ("reviewer", SLOTS, "do_not_want"),
    ("reviewer", OUTPUTS, "regenerate"),
    ("reviewer", JOBS, "retry"),
    ("reviewer", JOBS, "cancel"),
    ("reviewer", BATCHES, "cancel"),
    ("editor", JOBS, "settle_not_charged"),
    ("editor", JOBS, "settle_pay_again"),
    ("looker", OUTPUTS, "approve_selected"),
    ("looker", OUTPUTS, "reject_selected"),
    ("looker", OUTPUTS, "undo_selected"),
]


@pytest.fixture
def looker(make_user):
    """Staff who may look at everything and decide nothing."""
    from django.contrib.auth.models import Permission

    user = make_user("erik")
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    return user


@pytest.fixture
def everything(tmp_path):
    """One row of each kind, by the address of its list."""
    slot = hero_of(make_post())
    batch = make_batch([slot], make_stub(tmp_path))
    return {
        POSTS: [slot.post],
        SLOTS: [slot],
        OUTPUTS: [make_output(slot)],
        JOBS: [batch.jobs.get()],
        BATCHES: [batch],
    }


def states() -> list:
    return [
        *ImageOutput.objects.values_list("state"),
        *GenerationJob.objects.values_list("state"),
        *ImageSlot.objects.values_list("wanted", "post__status"),
    ]


@pytest.mark.parametrize(("person", "url", "action"), FORGED)
def test_forged_action_changes_nothing(person, url, action, client, request, everything):
    client.force_login(request.getfixturevalue(person))
    before = states()
    act(client, url, action, everything[url], rejecting=1, reason="text", confirmed="free")
    assert states() == before
    assert not ReviewEvent.objects.exists()


@pytest.mark.parametrize(("person", "url", "action"), FORGED)
def test_action_that_is_not_permitted_is_not_offered(
    person, url, action, client, request, everything
):
    client.force_login(request.getfixturevalue(person))
    assert f'value="{action}"' not in client.get(url).content.decode()


@pytest.mark.parametrize("url", [POSTS, SLOTS, OUTPUTS, JOBS, BATCHES])
def test_stranger_sees_no_list(url, client, stranger):
    client.force_login(stranger)
    assert client.get(url).status_code == 403


def test_reviewer_approves_in_the_list(client, reviewer):
    client.force_login(reviewer)
    slot = hero_of(make_post())
    act(client, OUTPUTS, "approve_selected", [make_output(slot)])
    assert review.ImageOutput.objects.get().state == "approved"


def test_scheduling_takes_the_time_that_was_entered(console):
    post = make_post(scheduled_for=timezone.now() + timedelta(hours=1))
    answer = act(console, POSTS, "schedule_posts", [post, make_post(title="Timeless")])
    assert "1 post scheduled, 0 skipped, 1 failed." in said(answer)
