"""Money: reserved in one conditional update before a call, settled after it."""

from decimal import Decimal

from django.db.models import F, Q

from imagegen.models import Attempt, GenerationBatch


def reserve(*, batch_id: int, amount: Decimal) -> bool:
    """Set `amount` aside under the batch's cap; False if the cap does not allow it.

    One statement looks and writes, so that any number of workers stay under the cap.
    """
    room = Q(cap__isnull=True) | Q(cap__gte=F("spent") + F("reserved") + amount)
    rows = GenerationBatch.objects.filter(room, pk=batch_id)
    return rows.update(reserved=F("reserved") + amount) == 1


def settle(*, attempt: Attempt, cost: Decimal | None) -> Decimal:
    """Turn an attempt's reservation into money spent and return what it cost.

    An unknown cost is booked at what was reserved, so that a cap is never passed in silence.
    A call that cost more than was reserved is booked in full; the cap then holds for the rest.
    """
    actual = attempt.reserved if cost is None else cost
    batch = GenerationBatch.objects.filter(pk=attempt.job.batch_id)
    raised = {}
    if actual > attempt.reserved:
        raised["cap"] = _cap_that_fits(attempt, actual)
    batch.update(reserved=F("reserved") - attempt.reserved, spent=F("spent") + actual, **raised)
    return actual


def _cap_that_fits(attempt: Attempt, actual: Decimal):
    """The cap, raised only as far as money already gone makes it: the truth beats the cap."""
    from django.db.models.functions import Greatest

    return Greatest(F("cap"), F("spent") + F("reserved") - attempt.reserved + actual)


def release(*, attempt: Attempt) -> None:
    """Give a reservation back: the call surely cost nothing."""
    GenerationBatch.objects.filter(pk=attempt.job.batch_id).update(
        reserved=F("reserved") - attempt.reserved
    )
