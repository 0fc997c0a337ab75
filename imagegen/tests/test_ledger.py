"""What an attempt keeps of its call: prompt, parameters, price, usage; on the pages too."""

from decimal import Decimal

import pytest
from django.urls import reverse

from imagegen.models import Attempt, GenerationJob, ImageOutput
from imagegen.services import engine
from imagegen.services.sink import AttemptSink
from imagegen.tests.factories import hero_of, make_batch, make_post, make_stub, only_job
from providers.backends.stub import StubProvider
from providers.models import Connection, ImageModel
from providers.types import Handle

pytestmark = pytest.mark.django_db


@pytest.fixture
def ask(tmp_path):
    """One hero, asked of a stub that behaves so and worked on; returns its attempt."""

    def run(behaviour="ok", *, price="0.04", **options) -> Attempt:
        stub = make_stub(tmp_path, price=price, behaviour=behaviour, **options)
        batch = make_batch([hero_of(make_post())], stub)
        engine.work()
        return only_job(batch).attempts.get()

    return run


@pytest.fixture
def page(client, administrator):
    """The admin page of a row, as text."""

    def read(row) -> str:
        client.force_login(administrator)
        name = row._meta.model_name
        url = reverse(f"admin:imagegen_{name}_change", args=[row.pk])
        return client.get(url).content.decode()

    return read


def test_price_at_the_time_of_the_call_is_kept(ask):
    attempt = ask()
    ImageModel.objects.update(price_rule={"kind": "free"})
    attempt.refresh_from_db()
    assert attempt.price_rule == {"kind": "per_image", "amount": "0.04"}


def test_cost_follows_from_usage_where_the_provider_names_none(ask, monkeypatch):
    seen = []

    def settle(self, usage, price_rule):
        seen.append(price_rule)
        return Decimal("0.031")

    monkeypatch.setattr(StubProvider, "settle", settle)
    attempt = ask()
    assert (attempt.cost, seen) == (Decimal("0.031"), [attempt.price_rule])
    assert ImageOutput.objects.get().cost == Decimal("0.031")


def test_cost_that_the_provider_names_wins(ask, monkeypatch):
    monkeypatch.setattr(StubProvider, "settle", lambda *args: Decimal("0.031"))
    assert ask(cost="0.05").cost == Decimal("0.05")


def test_cost_in_dollars_is_not_booked_where_other_money_counts(ask, settings):
    settings.CURRENCY = "EUR"
    assert ask(cost="0.05").cost == Decimal("0.04")


def test_cost_that_cannot_be_read_is_booked_as_reserved(ask, monkeypatch):
    def settle(self, usage, price_rule):
        raise ValueError("no such quality")

    monkeypatch.setattr(StubProvider, "settle", settle)
    assert ask().cost == Decimal("0.04")


def test_answer_without_a_picture_costs_by_its_usage_too(ask, monkeypatch):
    monkeypatch.setattr(StubProvider, "settle", lambda *args: Decimal("0.031"))
    attempt = ask("not_an_image")
    assert (attempt.state, attempt.cost) == (Attempt.State.CHARGED, Decimal("0.031"))


def test_assumed_price_of_nothing_is_no_known_price(tmp_path):
    stub = make_stub(tmp_path, price="0.04", behaviour="cut_after")
    ImageModel.objects.filter(connection=stub).update(price_rule={})
    Connection.objects.filter(pk=stub.pk).update(assumed_price=0)
    stub.refresh_from_db()
    job = only_job(make_batch([hero_of(make_post())], stub))
    engine.work()
    job.refresh_from_db()
    assert job.state == GenerationJob.State.UNKNOWN


def test_what_goes_out_is_kept_before_the_answer(ask):
    attempt = ask("auth")
    AttemptSink(attempt).sending({"size": "64x64", "file": {"sha256": "ab", "bytes": 3}})
    attempt.refresh_from_db()
    assert attempt.sent["size"] == "64x64"


@pytest.mark.parametrize(
    ("word", "news"),
    [("sending", {"n": 1}), ("handle", Handle({"id": "x"})), ("progress", 0.5)],
)
def test_no_connection_is_held_while_the_provider_works(ask, monkeypatch, word, news):
    let_go = []
    monkeypatch.setattr("imagegen.services.sink.let_go_of_database", lambda: let_go.append(word))
    attempt = ask("auth")
    Attempt.objects.update(state=Attempt.State.SUBMITTED)
    attempt.refresh_from_db()
    let_go.clear()
    getattr(AttemptSink(attempt), word)(news)
    assert let_go == [word]


def test_limits_that_the_provider_tells_are_kept(ask):
    attempt = ask("auth")
    AttemptSink(attempt).headers(200, "req-1", {"x-ratelimit-remaining": "7"})
    attempt.refresh_from_db()
    assert attempt.result == {"rate": {"x-ratelimit-remaining": "7"}}


def test_request_id_is_known_to_those_who_go_on_with_the_attempt(ask):
    attempt = ask("auth")
    AttemptSink(attempt).headers(200, "req-1", {})
    assert (attempt.status_code, attempt.request_id) == (200, "req-1")


@pytest.mark.parametrize("behaviour", ["ok", "auth", "refuse", "cut_after"])
def test_pages_show_prompt_and_parameters_however_it_ended(ask, page, behaviour):
    attempt = ask(behaviour)
    AttemptSink(attempt).sending({"steps": 4711, "size": "64x48"})
    for row in (attempt, attempt.job):
        text = page(row)
        assert "4711" in text and "64×48 sent" in text
        assert attempt.job.prompt.text[:20] in text.replace("</span>", "")


def test_pages_show_usage_handle_price_and_its_date(ask, page):
    attempt = ask()
    Attempt.objects.update(
        result={"usage": {"output_tokens": 1056}},
        handle={"id": "queue-77"},
        price_rule={"kind": "per_image", "amount": "0.04", "date": "2026-11-01"},
    )
    for row in (attempt, attempt.job):
        text = page(row)
        assert all(word in text for word in ("1056", "queue-77", "$0.04 a picture", "1 Nov 2026"))


def test_page_without_parameters_shows_the_request_as_prepared(ask, page):
    attempt = ask("auth")
    Attempt.objects.update(sent=None)
    assert "Request as prepared" in page(attempt)


def test_page_tells_which_month_is_charged(ask, page):
    attempt = ask()
    assert f"{attempt.month.month:%B %Y}" in page(attempt)


def test_page_of_a_waiting_job_tells_that_its_provider_rests(ask, page):
    job = ask("rate_limit", retry_after=120).job
    assert "rests until" in page(job)


def test_progress_that_is_no_number_is_not_written(ask):
    attempt = ask("auth")
    GenerationJob.objects.update(progress=0.5)
    AttemptSink(attempt).progress(float("nan"))
    attempt.job.refresh_from_db()
    assert attempt.job.progress == 0.5
