"""Prompts written by a text model: a job, an attempt, a draft, and money under the same caps."""

from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command

from imagegen.errors import Refused
from imagegen.models import Attempt, ConnectionMonth, GenerationJob, PromptDraft
from imagegen.services import drafting, queue, writing
from imagegen.services.followups import settle_unknown
from imagegen.services.jobs import run_job
from imagegen.tests.factories import make_post
from providers.backends import openai_texts
from providers.models import Connection, ImageModel
from providers.tests.fakes.openai import KEY, FakeOpenAI

pytestmark = pytest.mark.django_db


@pytest.fixture
def service():
    with FakeOpenAI() as fake:
        yield fake


@pytest.fixture
def model(service, monkeypatch) -> ImageModel:
    monkeypatch.setenv("WRITER_KEY", KEY)
    connection = Connection.objects.create(
        name="writer",
        kind="openai",
        base_url=f"{service.url}/v1",
        private_network=True,
        secret_name="WRITER_KEY",  # noqa: S106 - the name of a variable
        monthly_cap=5,
        options={"read_timeout": 0.5, "deadline": 1.0},
    )
    return ImageModel.objects.create(
        connection=connection,
        name="gpt-5-mini",
        purpose="text",
        price_rule={"kind": "text_tokens", "input": "1", "output": "10"},
    )


@pytest.fixture
def slot(model):
    return make_post().slots.get(role="section", section_heading="Tools")


def ask(slot, user=None, **more):
    """Ask the model for a prompt; the job as it was queued."""
    plan = writing.plan_writing(slots=[slot], **more)
    return writing.create_writing(plan=plan, user=user, door="admin").jobs.get()


def work():
    """Do what is queued."""
    while job := queue.claim_job(owner="test"):
        run_job(job=job)


def written(slot, **more):
    job = ask(slot, **more)
    work()
    return PromptDraft.objects.get(job=job)


def test_model_writes_a_draft_from_the_sections_text(slot, service):
    draft = written(slot)
    assert (draft.text, draft.origin) == ("A lighthouse in fog", "model")
    assert "A hammer, a string, patience." in service.requests[-1].body.decode()


def test_call_is_an_attempt_that_says_what_was_sent(slot):
    attempt = Attempt.objects.get(job=written(slot).job)
    assert attempt.state == "stored"
    assert "A hammer, a string, patience." in str(attempt.sent)
    assert KEY not in str(attempt.sent)


def test_cost_is_booked_from_the_usage(slot):
    attempt = Attempt.objects.get(job=written(slot).job)
    assert attempt.cost == Decimal("0.00016")
    month = ConnectionMonth.objects.get()
    assert (month.spent, month.reserved) == (attempt.cost, 0)


def test_usage_that_cannot_be_is_booked_at_the_estimate(slot, monkeypatch):
    usage = {"input_tokens": 9 * 10**18, "output_tokens": 1}
    monkeypatch.setattr(openai_texts, "usage_of", lambda answer: usage)
    attempt = Attempt.objects.get(job=written(slot).job)
    assert attempt.cost == attempt.reserved


def test_written_prompt_proves_the_connection(slot, model):
    written(slot)
    model.connection.refresh_from_db()
    assert model.connection.proven_at is not None


def test_monthly_cap_holds_for_texts(slot, service, model):
    Connection.objects.update(monthly_cap=Decimal("0.000001"))
    job = ask(slot)
    work()
    job.refresh_from_db()
    assert (job.state, service.ledger) == ("failed", [])


def test_batch_cap_holds_for_texts(slot, service):
    plan = writing.plan_writing(slots=[slot])
    batch = writing.create_writing(plan=plan, user=None, door="command", cap=Decimal("0.000001"))
    work()
    assert batch.jobs.get().error["kind"] == "CapReached"


def test_refinement_keeps_the_history(slot, service):
    first = written(slot)
    service.written = {"prompt": "A warm lighthouse, nobody near"}
    second = written(slot, instruction="warmer, no people", parent=first)
    assert (second.parent, second.instruction) == (first, "warmer, no people")
    assert "A lighthouse in fog" in service.requests[-1].body.decode()


def test_refinement_without_a_wish_is_refused(slot):
    with pytest.raises(Refused, match="Say what should change"):
        writing.plan_writing(slots=[slot], parent=written(slot))


def test_nothing_is_drawn_by_writing(slot):
    written(slot)
    slot.refresh_from_db()
    assert (slot.draft, slot.outputs.count()) == (None, 0)


def test_cut_call_is_in_doubt_and_not_repeated(slot, service):
    service.faults("timeout")
    job = ask(slot)
    work()
    job.refresh_from_db()
    assert job.state == "unknown"
    assert len(service.requests) == 1


def test_doubtful_call_is_settled_by_a_person(slot, service, administrator):
    service.faults("timeout", "")
    job = ask(slot)
    work()
    job.refresh_from_db()
    settle_unknown(job=job, outcome="pay_again", user=administrator)
    work()
    assert PromptDraft.objects.get(job=job).text == "A lighthouse in fog"


def test_refusal_ends_the_job_as_refused(slot, service):
    service.faults("refusal")
    job = ask(slot)
    work()
    job.refresh_from_db()
    assert job.state == "refused"


def test_answer_without_a_prompt_is_paid_and_failed(slot, service):
    service.written = {"prompt": " \n "}
    job = ask(slot)
    work()
    attempt = Attempt.objects.get(job=job)
    assert (attempt.state, attempt.job.state) == ("charged", "failed")


def test_answer_that_was_kept_is_not_asked_for_again(slot, service, monkeypatch):
    def stop(**arguments):
        raise KeyboardInterrupt

    job = ask(slot)
    with monkeypatch.context() as patch:
        patch.setattr(drafting, "store", stop)
        with pytest.raises(KeyboardInterrupt):
            work()
    type(job).objects.filter(pk=job.pk).update(lease_until="2026-01-01T00:00Z")
    queue.release_expired_leases()
    work()
    assert PromptDraft.objects.get(job=job).text == "A lighthouse in fog"
    assert len(service.requests) == 1


def test_page_asks_the_model_at_the_price_that_was_seen(client, slot, editor, model):
    client.force_login(editor)
    address = f"/admin/imagegen/imageslot/{slot.pk}/write/"
    page = client.get(address)
    cost = page.context["writers"][0].cost
    fields = {"model": "1", "writer": model.pk, "change": ""}
    client.post(address, fields | {f"seen_{model.pk}": "nothing"})
    assert not slot.drafts.exists()
    client.post(address, fields | {f"seen_{model.pk}": cost})
    assert slot.drafts.get().job.state == "queued"


def test_page_refines_what_was_typed(client, slot, editor, model):
    client.force_login(editor)
    address = f"/admin/imagegen/imageslot/{slot.pk}/write/"
    cost = client.get(address).context["writers"][0].cost
    fields = {"model": "1", "writer": model.pk, f"seen_{model.pk}": cost}
    client.post(address, fields | {"text": "A red hammer", "change": "warmer"})
    asked = slot.drafts.get(origin="model")
    assert (asked.parent.text, asked.parent.origin) == ("A red hammer", "hand")


def test_second_press_keeps_nothing_twice(client, slot, editor, model):
    client.force_login(editor)
    address = f"/admin/imagegen/imageslot/{slot.pk}/write/"
    context = client.get(address).context
    fields = {"model": "1", "writer": model.pk, "key": context["key"]}
    fields |= {f"seen_{model.pk}": context["writers"][0].cost}
    for _ in range(2):
        client.post(address, fields | {"text": "A red hammer", "change": "warmer"})
    assert sorted(slot.drafts.values_list("origin", flat=True)) == ["hand", "model"]


def test_page_cancels_what_is_not_begun_and_offers_the_form_again(client, slot, editor):
    client.force_login(editor)
    job, address = ask(slot), f"/admin/imagegen/imageslot/{slot.pk}/write/"
    assert 'value="cancel"' in client.get(address).text
    form = {"action": "cancel", "_selected_action": job.batch_id, "index": 0, "next": address}
    page = client.post("/admin/imagegen/generationbatch/", form, follow=True)
    assert "Nothing was written" in page.text and 'name="accept"' in page.text


def test_call_that_has_begun_cannot_be_cancelled(client, slot, editor):
    client.force_login(editor)
    ask(slot)
    GenerationJob.objects.update(state="running", epoch=1, lease_until="2030-01-01T00:00:00Z")
    page = client.get(f"/admin/imagegen/imageslot/{slot.pk}/write/").text
    assert 'value="cancel"' not in page and "ends by itself" in page


def test_page_says_that_it_is_being_written(client, slot, editor):
    client.force_login(editor)
    ask(slot)
    page = client.get(f"/admin/imagegen/imageslot/{slot.pk}/write/").content.decode()
    assert "Being written" in page
    assert "No worker is running" in page


def test_job_and_attempt_pages_show_a_written_prompt(client, slot, administrator):
    job = written(slot).job
    client.force_login(administrator)
    for path in (f"generationjob/{job.pk}", f"attempt/{job.attempts.get().pk}"):
        page = client.get(f"/admin/imagegen/{path}/change/").content.decode()
        assert "A hammer, a string, patience." in page


@pytest.mark.django_db(transaction=True)
def test_command_lets_a_model_write_and_accepts(slot, model):
    out = StringIO()
    words = ("--post", slot.post.slug, "--slots", "section", "--model", "--accept")
    call_command("write_prompts", *words, stdout=out)
    assert "A lighthouse in fog" in out.getvalue()
    slot.refresh_from_db()
    assert slot.draft.origin == "model"


# --- The page ---------------------------------------------------------------------------


@pytest.fixture
def write_page(slot, client, editor):
    """The text of the page on which the place's prompt is written."""
    client.force_login(editor)
    return lambda: client.get(f"/admin/imagegen/imageslot/{slot.pk}/write/").content.decode()


def test_page_offers_the_model_first_that_wrote_the_draft(slot, model, write_page):
    other = ImageModel.objects.create(
        connection=model.connection, name="zeta", purpose="text", price_rule=model.price_rule
    )
    written(slot, model=other)
    assert f'<option value="{other.pk}" selected>' in write_page()


def test_page_says_why_no_draft_came_and_what_to_do(slot, service, write_page):
    service.faults("model_gone")
    draft = written(slot)
    page = write_page()
    assert draft.job.error["message"] in page
    assert "It may have been retired" in page


def test_page_links_the_job_that_is_under_way(slot, write_page):
    job = ask(slot)
    assert f"/admin/imagegen/generationjob/{job.pk}/change/" in write_page()


def test_page_reads_the_sites_choices_once_for_all_models(
    client, slot, editor, model, django_assert_max_num_queries
):
    for number in range(4):
        ImageModel.objects.create(
            connection=model.connection,
            name=f"writer-{number}",
            purpose="text",
            price_rule=model.price_rule,
        )
    client.force_login(editor)
    with django_assert_max_num_queries(40):
        page = client.get(f"/admin/imagegen/imageslot/{slot.pk}/write/")
    assert len(page.context["writers"]) == 5
