"""Caps: what is reserved and spent never passes them."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from django.db import connection

from imagegen.models import Attempt, GenerationBatch
from imagegen.services import money
from imagegen.tests.factories import hero_of, make_batch, make_post, make_stub, only_job


def batch_with(cap: str | None) -> GenerationBatch:
    return GenerationBatch.objects.create(kind="test", door="command", cap=cap)


@pytest.mark.django_db
@pytest.mark.parametrize(("cap", "granted"), [("0.10", 2), ("0.03", 0), ("0.05", 1), (None, 3)])
def test_reservations_end_at_the_cap(cap, granted):
    batch = batch_with(cap)
    answers = [money.reserve(batch_id=batch.pk, amount=Decimal("0.05")) for _ in range(3)]
    assert answers.count(True) == granted


@pytest.mark.django_db(transaction=True)
def test_cap_holds_when_many_reserve_at_once():
    batch = batch_with("1.00")

    def reserve(_: int) -> bool:
        try:
            return money.reserve(batch_id=batch.pk, amount=Decimal("0.07"))
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as pool:
        granted = sum(pool.map(reserve, range(40)))
    batch.refresh_from_db()
    assert (granted, batch.reserved) == (14, Decimal("0.98"))


@pytest.fixture
def attempt(db, tmp_path):
    batch = make_batch([hero_of(make_post())], make_stub(tmp_path, price="0.04"), cap="1")
    money.reserve(batch_id=batch.pk, amount=Decimal("0.04"))
    return Attempt.objects.create(
        job=only_job(batch), number=1, epoch=1, reserved=Decimal("0.04"), estimate=Decimal("0.04")
    )


def sums(attempt):
    batch = GenerationBatch.objects.get(pk=attempt.job.batch_id)
    return batch.reserved, batch.spent


def test_settled_cost_moves_from_reserved_to_spent(attempt):
    money.settle(attempt=attempt, cost=Decimal("0.03"))
    assert sums(attempt) == (0, Decimal("0.03"))


def test_unknown_cost_is_booked_as_reserved_never_as_nothing(attempt):
    money.settle(attempt=attempt, cost=None)
    assert sums(attempt) == (0, Decimal("0.04"))


def test_released_reservation_is_free_again(attempt):
    money.release(attempt=attempt)
    assert sums(attempt) == (0, 0)


def test_cost_above_the_cap_is_booked_in_full_and_the_cap_holds_after(attempt):
    money.settle(attempt=attempt, cost=Decimal("1.50"))
    assert sums(attempt) == (0, Decimal("1.50"))
    assert not money.reserve(batch_id=attempt.job.batch_id, amount=Decimal("0.01"))
