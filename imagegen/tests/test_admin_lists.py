"""Lists of the console: few queries whatever the rows, and what an editor finds in them."""

import pytest
from django.contrib import admin as django_admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import resolve, reverse
from django.utils import timezone

from imagegen.admin.base import AtLeast, IdsFirstPaginator
from imagegen.models import (
    ConnectionMonth,
    DisclosureText,
    GenerationBatch,
    GenerationJob,
    ImageOutput,
    StyleTreatment,
    WatermarkProfile,
    WorkerProcess,
)
from imagegen.services import review
from imagegen.services.batches import create_batch, plan_batch
from imagegen.services.selection import select_slots
from imagegen.tests.factories import hero_of, make_post
from imagegen.tests.rows import make_attempt, make_choice, make_output
from prompts.models import ImageStyle
from providers.models import Connection

pytestmark = pytest.mark.django_db

LISTS = {
    "post": "admin:blog_post_changelist",
    "slot": "admin:imagegen_imageslot_changelist",
    "output": "admin:imagegen_imageoutput_changelist",
    "job": "admin:imagegen_generationjob_changelist",
    "batch": "admin:imagegen_generationbatch_changelist",
    "attempt": "admin:imagegen_attempt_changelist",
    "plan": "admin:imagegen_illustrationplan_changelist",
    "event": "admin:imagegen_reviewevent_changelist",
}
SMALL_LISTS = {
    "month": "admin:imagegen_connectionmonth_changelist",
    "worker": "admin:imagegen_workerprocess_changelist",
    "words": "admin:imagegen_disclosuretext_changelist",
    "treatment": "admin:imagegen_styletreatment_changelist",
    "watermark": "admin:imagegen_watermarkprofile_changelist",
}


def fill(posts: int) -> None:
    """Posts with a chosen hero, a candidate for each section, a batch, jobs and attempts."""
    for number in range(posts):
        post = make_post(title=f"Post {number}", author_name="Ann")
        make_choice(hero_of(post))
        batch = create_batch(
            plan=plan_batch(slots=select_slots(posts=[post], only_missing=True)),
            user=None,
            door="admin",
            kind="post",
            title=post.title,
        )
        for job in batch.jobs.select_related("slot__post"):
            attempt = make_attempt(job)
            make_output(job.slot, attempt=attempt, prompt_text=job.prompt.text)


@pytest.fixture
def console(client, editor):
    """The admin as an editor sees it: permissions are read from groups, so queries count."""
    client.force_login(editor)
    return client


def model_admin_of(name: str) -> django_admin.ModelAdmin:
    view = resolve(reverse(LISTS[name])).func
    return view.model_admin


def queries_of_each_list(console) -> dict[str, int]:
    counts = {}
    for name, url in LISTS.items():
        with CaptureQueriesContext(connection) as queries:
            assert console.get(reverse(url)).status_code == 200
        counts[name] = len(queries)
    return counts


def test_each_list_takes_at_most_ten_queries_whatever_the_rows(console, monkeypatch):
    for name in LISTS:
        monkeypatch.setattr(model_admin_of(name), "list_per_page", 8)
    fill(2)
    few = queries_of_each_list(console)
    fill(8)
    many = queries_of_each_list(console)
    assert {name: count for name, count in many.items() if count > 10} == {}
    # Beyond one page the keys are read first.
    assert {name: many[name] - few[name] for name in LISTS if many[name] - few[name] > 1} == {}


def fill_small(numbers: range) -> None:
    """A row for each number in every small list, each with relations of its own."""
    for number in numbers:
        name = f"row-{number}"
        months = ConnectionMonth.objects
        far = Connection.objects.create(name=name, kind="stub")
        months.create(connection=far, connection_name=name, account=name, month="2026-11-01")
        WorkerProcess.objects.create(name=name, host="h", pid=1, threads=1, seen_at=timezone.now())
        DisclosureText.objects.create(language=name, ai_content="generated", label="AI")
        mark = WatermarkProfile.objects.create(name=name, slug=name, text="Wall")
        style = ImageStyle.objects.create(name=name, slug=name)
        StyleTreatment.objects.create(style=style, watermark=mark)


@pytest.mark.parametrize("name", SMALL_LISTS)
def test_small_list_takes_the_same_queries_whatever_the_rows(name, console):
    url = reverse(SMALL_LISTS[name])
    fill_small(range(2))
    with CaptureQueriesContext(connection) as few:
        assert "row-" in console.get(url).text
    fill_small(range(2, 12))
    with CaptureQueriesContext(connection) as many:
        assert "row-11" in console.get(url).text
    assert len(many) == len(few) <= 10


@pytest.mark.parametrize("name", LISTS)
def test_empty_list_says_what_it_is_for(name, console):
    answer = console.get(reverse(LISTS[name])).content.decode()
    assert "fp-empty" in answer and "yet." in answer


def test_search_without_hits_offers_all(console):
    make_output(hero_of(make_post()))
    answer = console.get(reverse(LISTS["output"]), {"q": "nowhere"}).content.decode()
    assert "Nothing fits." in answer


def titles(answer) -> set:
    return {output.post_title for output in answer.context["cl"].result_list}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"state__exact": "candidate"}, {"A", "B"}),
        ({"state__exact": "approved"}, {"C"}),
        ({"connection_name": "stub"}, {"B"}),
        ({"style_name": "Gouache"}, {"A"}),
        ({"since": "day"}, {"A", "B", "C"}),
        ({"role": "section"}, set()),
        ({"kind__exact": "uploaded"}, {"C"}),
        ({"q": "lighthouse"}, {"A"}),
        ({"q": "B"}, {"B"}),
    ],
)
def test_images_are_found_by(query, found, console):
    a, b, c = (hero_of(make_post(title=title)) for title in "ABC")
    make_output(a, style_name="Gouache", style_version=1, prompt_text="A lighthouse at dusk")
    make_output(b, connection_name="stub")
    make_choice(c, kind="uploaded", connection_name="")
    assert titles(console.get(reverse(LISTS["output"]), query)) == found


def test_old_images_are_outside_the_last_day(console):
    output = make_output(hero_of(make_post()))
    ImageOutput.objects.filter(pk=output.pk).update(created_at="2020-01-01T00:00:00Z")
    assert titles(console.get(reverse(LISTS["output"]), {"since": "day"})) == set()


@pytest.mark.parametrize(
    ("state", "count"),
    [("missing", 2), ("review", 0), ("chosen", 1), ("stale", 0), ("not_wanted", 0)],
)
def test_places_are_found_by_state(state, count, console):
    make_choice(hero_of(make_post()))
    answer = console.get(reverse(LISTS["slot"]), {"state": state})
    assert len(answer.context["cl"].result_list) == count


def test_places_of_a_post_come_in_reading_order(console):
    post = make_post()
    make_post(title="Another")
    answer = console.get(reverse(LISTS["slot"]), {"post__id": post.pk})
    headings = [slot.section_heading for slot in answer.context["cl"].result_list]
    assert headings == ["", "Why no mortar", "Tools", ""]


def test_thumbnail_has_a_size_and_words_and_waits_until_it_is_near(console):
    make_output(hero_of(make_post()))
    answer = console.get(reverse(LISTS["output"])).content.decode()
    assert 'alt="A wall of stones" width="60" height="40" loading="lazy"' in answer


def test_post_list_tells_what_is_filled_and_what_waits(console):
    post = make_post()
    make_choice(hero_of(post))
    make_output(post.slots.get(section__heading="Tools"))
    answer = console.get(reverse(LISTS["post"])).content.decode()
    assert "1 of 3</a>" in answer and "1 to review" in answer


def test_state_is_told_in_words_and_by_a_shape(console):
    output = make_output(hero_of(make_post()))
    review.reject_output(output=output, user=None, reason="text")
    answer = console.get(reverse(LISTS["output"])).content.decode()
    assert '<span class="fp-chip fp-chip--bad">rejected</span>' in answer
    assert "garbled text" in answer


def test_job_that_draws_tells_how_far_it_is(console):
    fill(1)
    GenerationJob.objects.update(
        state="running", progress=0.4, epoch=1, lease_until="2030-01-01T00:00:00Z"
    )
    assert "drawing 40 %" in console.get(reverse(LISTS["job"])).content.decode()


def test_batch_tells_how_many_are_stored_and_what_is_in_doubt(console):
    fill(1)
    first = GenerationJob.objects.order_by("pk").first()
    GenerationJob.objects.update(state="stored")
    GenerationJob.objects.filter(pk=first.pk).update(state="unknown")
    answer = console.get(reverse(LISTS["batch"])).content.decode()
    assert "fp-chip--doubt" in answer and "1 of 2, 1 unknown" in answer


def test_costs_are_written_the_same_way(console):
    slot = hero_of(make_post())
    for cost in ("0.04", "0", None):
        make_output(slot, cost=cost)
    answer = console.get(reverse(LISTS["output"])).content.decode()
    assert [text in answer for text in ("$0.04", "free", "price unknown")] == [True] * 3


def test_jobs_can_be_listed_for_one_batch(console):
    fill(2)
    batch = GenerationBatch.objects.first()
    answer = console.get(reverse(LISTS["job"]), {"batch__id": batch.pk})
    assert len(answer.context["cl"].result_list) == 2


def test_count_under_a_filter_stops_counting(monkeypatch):
    slot = hero_of(make_post())
    for _ in range(4):
        make_output(slot)
    monkeypatch.setattr("imagegen.admin.base.COUNTED", 2)
    paginator = IdsFirstPaginator(ImageOutput.objects.filter(state="candidate").order_by("pk"), 2)
    assert (paginator.count, str(paginator.count)) == (3, "2+")
    assert isinstance(paginator.count, AtLeast)


def test_page_keeps_the_order_of_the_list():
    slot = hero_of(make_post())
    keys = [make_output(slot).pk for _ in range(5)]
    page = IdsFirstPaginator(ImageOutput.objects.order_by("-pk"), 2).page(2)
    assert [output.pk for output in page.object_list] == [keys[2], keys[1]]


@pytest.mark.parametrize("name", ["output", "job", "attempt"])
def test_lists_call_a_provider_by_its_label(name, console):
    fill(1)
    Connection.objects.filter(name="studio").update(label="The drawing room")
    assert "The drawing room · " in console.get(reverse(LISTS[name])).text


@pytest.mark.parametrize("name", ["output", "job", "batch", "attempt", "event"])
def test_lists_write_times_the_same_way(name, console):
    fill(1)
    model = model_admin_of(name).model
    model.objects.update(created_at="2026-03-09T14:05:00Z")
    assert "9 Mar 2026, 14:05" in console.get(reverse(LISTS[name])).content.decode()


def test_lists_have_no_date_hierarchy_and_no_filter_over_a_growing_table(console):
    for model, model_admin in django_admin.site._registry.items():
        if model._meta.app_label in ("imagegen", "blog"):
            assert not model_admin.date_hierarchy
            fields = [name for name in model_admin.list_filter if isinstance(name, str)]
            assert not [n for n in fields if model._meta.get_field(n).is_relation]


def test_first_page_tells_what_was_refused_apart_from_failures(console):
    fill(1)
    first = GenerationJob.objects.order_by("pk").first()
    GenerationJob.objects.filter(pk=first.pk).update(state="refused")
    text = console.get(reverse("admin:index")).text
    assert "<b>1</b><span>refused</span>" in text and "<b>0</b><span>failed</span>" in text


def test_console_has_the_icon_of_the_blog(client):
    assert 'rel="icon"' in client.get(reverse("admin:login")).text
