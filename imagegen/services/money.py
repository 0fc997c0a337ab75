"""Money: reserved in one conditional update before a call, settled after it.

Sums are rounded to millionths in the database: SQLite calculates with floating point, where
0.12 - 0.04 - 0.04 - 0.04 is a little less than nothing.
"""

from decimal import Decimal
from typing import Any

from django.db.models import F, Q
from django.db.models.functions import Greatest, Round

from imagegen.models import Attempt, GenerationBatch


def reserve(*, batch_id: int, amount: Decimal) -> bool:
    """Set `amount` aside under the batch's cap; False if the cap does not allow it.

    One statement looks and writes, so that any number of workers stay under the cap.
    """
    room = Q(cap__isnull=True) | Q(cap__gte=exactly(F("spent") + F("reserved") + amount))
    rows = GenerationBatch.objects.filter(room, pk=batch_id)
    return rows.update(reserved=exactly(F("reserved") + amount)) == 1


def settle(*, attempt: Attempt, cost: Decimal | None) -> Decimal:
    """Turn an attempt's reservation into money spent and return what it cost.

    An unknown cost is booked at what was reserved, so that a cap is never passed in silence.
    A call that cost more than was reserved is booked in full; the cap then holds for the rest.
    """
    actual = attempt.reserved if cost is None else cost
    reserved = exactly(F("reserved") - attempt.reserved)
    changes: dict[str, Any] = {"reserved": reserved, "spent": exactly(F("spent") + actual)}
    if actual > attempt.reserved:
        # Money already gone beats the cap: it is raised just so far, and holds for the rest.
        booked = exactly(F("spent") + F("reserved") - attempt.reserved + actual)
        changes["cap"] = Greatest(F("cap"), booked)
    batch = GenerationBatch.objects.filter(pk=attempt.job.batch_id)
    uncapped = batch.filter(cap=None).update(**{**changes, "cap": None})
    if not uncapped:
        batch.update(**changes)
    return actual


def release(*, attempt: Attempt) -> None:
    """Give a reservation back: the call surely cost nothing."""
    GenerationBatch.objects.filter(pk=attempt.job.batch_id).update(
        reserved=exactly(F("reserved") - attempt.reserved)
    )


def exactly(sum_of_money: Any) -> Round:
    """A sum in the database, without the noise of floating point."""
    return Round(sum_of_money, precision=6)
