"""Jobs that draw nothing share the queue, the ledger and every page with those that do."""

from types import SimpleNamespace

import pytest
from django.urls import reverse

from imagegen.models import Attempt, GenerationBatch, GenerationJob, ImageSlot, PromptDraft
from imagegen.services import calls, endings, engine, jobs, money
from imagegen.services.doctor import find_problems
from imagegen.services.looking import can_be_asked
from imagegen.services.overview import read_overview
from imagegen.services.selection import select_slots
from imagegen.states import transition
from imagegen.tests.factories import hero_of, make_post, make_stub
from providers.types import TextRequest

pytestmark = pytest.mark.django_db
State = Attempt.State


def make_writing(connection, slot=None, **fields) -> GenerationJob:
    """A queued job for a text; it has neither prompt nor setting."""
    batch = GenerationBatch.objects.create(kind=GenerationBatch.Kind.PROMPT, door="command")
    return GenerationJob.objects.create(
        kind=GenerationJob.Kind.PROMPT,
        batch=batch,
        position=0,
        slot=slot,
        role="hero",
        connection=connection,
        connection_name=connection.name,
        model_name="words-1",
        request={"model": "words-1"},
        estimate_low=0,
        estimate_high=0,
        **fields,
    )


def question_of(job):
    return TextRequest(instructions="", data="", schema={}, **job.request)


def obtain(job, attempt):
    calls.begin_call(attempt)
    transition(attempt, State.RECEIVED)
    return "A wall in snow."


def store(*, job, attempt, answer):
    endings.end_job(job=job, state=GenerationJob.State.STORED, error=None)
    cost = money.settle(attempt=attempt, cost=None)
    transition(attempt, State.STORED, cost=cost)


@pytest.fixture
def writing(tmp_path):
    return make_writing(make_stub(tmp_path), hero_of(make_post()))


def test_a_kind_brings_its_own_middle(writing, monkeypatch):
    work = SimpleNamespace(request_of=question_of, obtain=obtain, store=store)
    monkeypatch.setitem(jobs.WORK, GenerationJob.Kind.PROMPT, work)
    engine.work()
    writing.refresh_from_db()
    assert (writing.state, writing.attempts.get().state) == ("stored", State.STORED)


def test_unknown_kind_ends_without_a_call(writing, monkeypatch):
    monkeypatch.delitem(jobs.WORK, GenerationJob.Kind.PROMPT, raising=False)
    engine.work()
    writing.refresh_from_db()
    assert (writing.state, writing.error["kind"]) == ("failed", "UnknownKind")


@pytest.mark.parametrize("view", ["generationjob_changelist", "generationbatch_changelist"])
def test_lists_show_a_job_without_a_prompt(writing, client, administrator, view):
    client.force_login(administrator)
    assert client.get(reverse(f"admin:imagegen_{view}")).status_code == 200


@pytest.mark.parametrize("name", ["generationjob", "generationbatch"])
def test_pages_show_a_job_without_a_prompt(writing, client, administrator, name):
    client.force_login(administrator)
    pk = writing.pk if name == "generationjob" else writing.batch_id
    url = reverse(f"admin:imagegen_{name}_change", args=[pk])
    assert client.get(url).status_code == 200


@pytest.fixture
def job_page(writing, client, administrator):
    """The text of the job's page, as it is by then."""

    def read(**fields):
        GenerationJob.objects.filter(pk=writing.pk).update(**fields)
        client.force_login(administrator)
        url = reverse("admin:imagegen_generationjob_change", args=[writing.pk])
        return client.get(url).content.decode()

    return read


def test_page_shows_the_text_that_came(writing, job_page):
    slot = writing.slot
    draft = PromptDraft.objects.create(slot=slot, job=writing, origin="model", text="A lamp.")
    page = job_page(state="stored")
    link = reverse("admin:imagegen_imageslot_write", args=[slot.pk])
    assert "A lamp." in page
    assert f"{link}?draft={draft.pk}" in page


def test_page_of_a_refused_job_offers_another_prompt(job_page):
    assert "Write another prompt" in job_page(state="refused")


def test_page_of_a_doubtful_job_says_what_settling_does(job_page):
    assert "frees the money" in job_page(state="unknown")


def test_list_says_what_a_job_is_for_that_draws_nothing(writing, client, administrator):
    client.force_login(administrator)
    page = client.get(reverse("admin:imagegen_generationjob_changelist")).content.decode()
    assert "A prompt" in page
    assert "no style" not in page


def test_overview_counts_it(writing):
    assert read_overview().waiting == 1


def test_doctor_misses_no_image_of_a_written_prompt(writing):
    Attempt.objects.create(job=writing, number=1, epoch=1, state=State.STORED)
    assert not list(find_problems(["jobs", "calls"]))


def test_place_whose_prompt_is_being_written_still_lacks_its_picture(writing):
    assert writing.slot in ImageSlot.objects.missing()


def test_doubtful_text_is_not_looked_up(writing):
    attempt = Attempt.objects.create(
        job=writing, number=1, epoch=1, state=State.UNKNOWN, recovery="lookup"
    )
    assert not can_be_asked(attempt)


def test_failed_prompt_is_no_failed_picture(writing):
    GenerationJob.objects.update(state="failed")
    assert not select_slots(posts=[writing.slot.post], only_failed=True)
