"""A connection's month: what is reserved and spent in it never passes its cap."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from imagegen.models import Attempt, ConnectionMonth, GenerationJob
from imagegen.services import engine, money
from imagegen.services.batches import GenerationOptions, plan_batch
from imagegen.services.followups import retry_job, settle_unknown
from imagegen.tests.factories import hero_of, make_batch, make_post, make_stub, only_job
from providers.backends.stub import StubProvider
from providers.models import Connection

JobState = GenerationJob.State


def month_of(stub) -> tuple[Decimal, Decimal]:
    row = ConnectionMonth.objects.get(connection=stub)
    return row.reserved, row.spent


@pytest.fixture
def ask(db, tmp_path):
    """Queues one hero with a stub under a monthly cap, lets the engine work."""

    def run(behaviour="ok", *, price="0.04", cap=None, **options):
        stub = make_stub(tmp_path, price=price, behaviour=behaviour, **options)
        Connection.objects.filter(pk=stub.pk).update(monthly_cap=cap)
        batch = make_batch([hero_of(make_post())], stub)
        engine.work()
        return only_job(batch)

    return run


@pytest.mark.parametrize(
    ("behaviour", "reserved", "spent"),
    [
        ("ok", "0", "0.04"),
        ("refuse", "0", "0"),
        ("empty", "0", "0.04"),
        ("auth", "0", "0"),
        ("cut_after", "0.04", "0"),
    ],
)
def test_month_is_booked_as_its_batch(ask, behaviour, reserved, spent):
    job = ask(behaviour)
    assert month_of(job.connection) == (Decimal(reserved), Decimal(spent))


def test_dearer_answer_is_booked_in_full(ask):
    assert month_of(ask(cost="0.09", cap="0.05").connection) == (0, Decimal("0.09"))


def test_reached_cap_sends_nothing_and_says_so(ask):
    job = ask(cap="0.03")
    month = f"{timezone.now():%B}"
    assert (job.state, job.error["kind"], job.attempts.count()) == (
        JobState.FAILED,
        "MonthlyCapReached",
        0,
    )
    assert f"The provider stub has reached its cap for {month}" in job.error["message"]


def test_batch_gets_back_what_the_month_refused(ask):
    batch = ask(cap="0.03").batch
    batch.refresh_from_db()
    assert (batch.reserved, batch.spent) == (0, 0)


def test_raised_cap_lets_the_job_be_tried_again(ask):
    job = ask(cap="0.03")
    Connection.objects.update(monthly_cap="0.04")
    retry_job(job=job, user=None)
    engine.work()
    job.refresh_from_db()
    assert job.state == JobState.STORED


def test_free_calls_go_on_under_a_cap_of_nothing(ask):
    assert ask(price=None, cap="0").state == JobState.STORED


def test_doubt_that_is_settled_frees_the_month(ask):
    job = ask("cut_after")
    settle_unknown(job=job, outcome="not_charged", user=None)
    assert month_of(job.connection) == (0, 0)


def test_call_is_settled_in_the_month_that_it_was_reserved_in(ask):
    job = ask("cut_after")
    ConnectionMonth.objects.update(month=date(2026, 1, 1))
    settle_unknown(job=job, outcome="pay_again", user=None)
    assert ConnectionMonth.objects.get(month=date(2026, 1, 1)).spent == Decimal("0.04")


@pytest.mark.django_db
def test_month_is_counted_in_utc(tmp_path, monkeypatch, settings):
    settings.TIME_ZONE = "Pacific/Auckland"
    last_hour = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)
    monkeypatch.setattr(timezone, "now", lambda: last_hour)
    assert money.open_month(make_stub(tmp_path)).month == date(2026, 11, 1)


@pytest.mark.django_db
def test_new_month_begins_with_its_whole_cap(tmp_path):
    stub = make_stub(tmp_path)
    Connection.objects.update(monthly_cap="0.05")
    old = money.open_month(stub)
    ConnectionMonth.objects.update(month=date(2026, 1, 1), spent="0.05")
    new = money.open_month(stub)
    assert new.pk != old.pk and money.reserve_month(month=new, amount=Decimal("0.05"))


def add_again(stub, **changes):
    """Removes a provider after half of its cap was spent, and adds one with these changes."""
    money.open_month(stub)
    ConnectionMonth.objects.update(spent="0.05", connection_name=stub.name)
    same = {name: getattr(stub, name) for name in ("kind", "base_url", "secret_name")}
    stub.delete()
    return Connection.objects.create(name="again", monthly_cap="0.10", **{**same, **changes})


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("before", "changes", "spent"),
    [
        ({"secret_name": "FAR_KEY"}, {}, "0.05"),
        ({"secret_name": "FAR_KEY"}, {"base_url": "https://api.example/v1"}, "0.05"),
        ({"secret_name": "FAR_KEY"}, {"secret_name": "OTHER_KEY"}, "0"),
        ({"base_url": "https://a.example"}, {}, "0.05"),
        ({"base_url": "https://a.example"}, {"base_url": "https://b.example"}, "0"),
        ({}, {}, "0.05"),
    ],
)
def test_provider_that_is_removed_and_added_again_goes_on_with_its_month(
    tmp_path, before, changes, spent
):
    stub = make_stub(tmp_path)
    for name, value in before.items():
        setattr(stub, name, value)
    month = money.open_month(add_again(stub, **changes))
    assert (month.spent, month.connection_name) == (Decimal(spent), "again")


@pytest.mark.django_db
def test_of_several_removed_months_each_is_taken_up_once_the_dearest_first():
    first = timezone.now().date().replace(day=1)
    for spent in ("0.02", "0.07"):
        ConnectionMonth.objects.create(month=first, account="KEY", spent=spent)
    new = [Connection.objects.create(name=n, kind="stub", secret_name="KEY") for n in "abc"]
    assert [str(money.open_month(each).spent) for each in new] == ["0.070000", "0.020000", "0"]


@pytest.mark.django_db
def test_month_that_was_taken_up_holds_the_cap(tmp_path):
    month = money.open_month(add_again(make_stub(tmp_path)))
    assert not money.reserve_month(month=month, amount=Decimal("0.06"))


@pytest.mark.django_db
def test_month_goes_with_a_secret_that_was_renamed_in_it(tmp_path):
    stub = make_stub(tmp_path)
    money.open_month(stub)
    stub.secret_name = "NEW_KEY"
    assert money.open_month(add_again(stub)).spent == Decimal("0.05")


@pytest.mark.django_db
def test_month_of_a_provider_that_is_still_there_is_its_own(tmp_path):
    first = money.open_month(make_stub(tmp_path))
    other = Connection.objects.create(name="other", kind="stub")
    assert money.open_month(other).pk != first.pk


@pytest.mark.django_db
def test_removed_providers_month_of_before_is_not_taken_up(tmp_path):
    again = add_again(make_stub(tmp_path))
    ConnectionMonth.objects.update(month=date(2026, 1, 1))
    assert money.open_month(again).spent == 0


@pytest.mark.django_db(transaction=True)
def test_cap_of_a_month_holds_when_many_reserve_at_once(tmp_path):
    stub = make_stub(tmp_path)
    Connection.objects.update(monthly_cap="1.00")

    def reserve(_: int) -> bool:
        try:
            return money.reserve_month(month=money.open_month(stub), amount=Decimal("0.07"))
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as pool:
        granted = sum(pool.map(reserve, range(40)))
    assert (granted, month_of(stub)) == (14, (Decimal("0.98"), 0))


@pytest.fixture
def charging_stub(db, tmp_path, monkeypatch):
    monkeypatch.setattr(StubProvider, "charges", True)
    return make_stub(tmp_path, price="0.04")


def test_charging_provider_without_a_cap_is_refused_before_asking(charging_stub):
    plan = plan_batch(
        slots=[hero_of(make_post())], options=GenerationOptions(connection=charging_stub)
    )
    assert "has no monthly cap" in plan.problems[0].message


def test_cap_that_was_removed_stops_what_is_queued(charging_stub):
    Connection.objects.update(monthly_cap="1")
    charging_stub.refresh_from_db()
    job = only_job(make_batch([hero_of(make_post())], charging_stub))
    Connection.objects.update(monthly_cap=None)
    engine.work()
    job.refresh_from_db()
    assert (job.error["kind"], Attempt.objects.count()) == ("NoMonthlyCap", 0)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "told"),
    [({"enabled": False}, "switched off"), ({"shutdown_at": date(2026, 1, 1)}, "shut down")],
)
def test_model_that_has_gone_since_it_was_asked_for_is_not_called(tmp_path, change, told):
    stub = make_stub(tmp_path, price="0.04")
    batch = make_batch([hero_of(make_post())], stub)
    stub.models.update(**change)
    engine.work()
    job = only_job(batch)
    assert (job.error["kind"], Attempt.objects.count()) == ("ModelUnavailable", 0)
    assert told in job.error["message"]


def test_list_leads_to_the_calls_of_a_month(ask, client, administrator):
    attempt = ask().attempts.get()
    client.force_login(administrator)
    url = reverse("admin:imagegen_attempt_changelist")
    this, other = attempt.month_id, attempt.month_id + 1
    assert f"#{attempt.pk}" in client.get(f"{url}?month={this}").content.decode()
    assert f"#{attempt.pk}" not in client.get(f"{url}?month={other}").content.decode()


def test_list_shows_spent_reserved_and_what_is_left(ask, client, administrator):
    ask(cap="0.10")
    client.force_login(administrator)
    page = client.get(reverse("admin:imagegen_connectionmonth_changelist")).content.decode()
    assert all(text in page for text in ("$0.04", "$0.10", "$0.06"))


def asked_before_the_price(tmp_path, *, before, after, behaviour="ok", cap="1"):
    """A job that was asked for at one price and begun at another."""
    stub = make_stub(tmp_path, price=before, behaviour=behaviour)
    Connection.objects.filter(pk=stub.pk).update(monthly_cap=cap)
    batch = make_batch([hero_of(make_post())], stub)
    stub.models.update(price_rule={"kind": "per_image", "amount": after})
    engine.work()
    return only_job(batch)


def test_price_that_rose_meanwhile_counts_under_the_cap(db, tmp_path):
    job = asked_before_the_price(tmp_path, before="0.04", after="5")
    assert (job.error["kind"], job.attempts.count()) == ("MonthlyCapReached", 0)


def test_price_that_fell_meanwhile_is_reserved_as_it_was_shown(db, tmp_path):
    job = asked_before_the_price(tmp_path, before="0.04", after="0.01")
    assert job.attempts.get().reserved == Decimal("0.04")


def test_doubtful_call_that_was_free_when_asked_for_is_not_repeated(db, tmp_path):
    job = asked_before_the_price(tmp_path, before=None, after="0.5", behaviour="cut_after")
    assert (job.state, job.attempts.get().state) == (JobState.UNKNOWN, Attempt.State.UNKNOWN)
