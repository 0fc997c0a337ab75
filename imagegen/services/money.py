"""Money: reserved by conditional updates before a call, settled after it.

Each call counts twice: in its batch and in its connection's month (by UTC). A cap is looked at
and written against in one statement, so that any number of workers stay under it. Rows are
always locked in the same order: the batch, then the month.

Sums are rounded to millionths in the database: SQLite calculates with floating point, where
0.12 - 0.04 - 0.04 - 0.04 is a little less than nothing.
"""

from contextlib import suppress
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Q, Value
from django.db.models.functions import Greatest, Round
from django.db.models.lookups import LessThanOrEqual
from django.utils import timezone

from imagegen.models import Attempt, ConnectionMonth, GenerationBatch, GenerationJob
from providers.errors import ConfigurationError
from providers.models import Connection
from providers.registry import get_provider_class


class NoRoom(Exception):
    """Nothing may be set aside for a call. `kind` names the reason for programs."""

    def __init__(self, kind: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.kind, self.message, self.hint = kind, message, hint


def set_aside(*, job: GenerationJob, month: ConnectionMonth | None, amount: Decimal) -> None:
    """Reserve `amount` under the cap of the job's batch and that of its connection's month.

    Raises NoRoom; the caller's transaction then takes back what one of the two had granted.
    """
    if job.model is not None and (gone := job.model.why_gone):
        raise NoRoom(
            "ModelUnavailable", f"{gone} Nothing was sent.", "Ask again with another model."
        )
    if not reserve(batch_id=job.batch_id, amount=amount):
        raise NoRoom(
            "CapReached",
            "The batch has reached its cap, so nothing was sent.",
            "Ask for it again under a higher cap.",
        )
    if month is None:
        return
    if month.connection is not None and lacks_cap(month.connection):
        raise NoRoom("NoMonthlyCap", cap_wanted(month.connection), "")
    if not reserve_month(month=month, amount=amount):
        raise NoRoom(
            "MonthlyCapReached",
            f"The provider {month.connection_name} has reached its cap for "
            f"{month.month:%B}, so nothing was sent.",
            "Raise its monthly cap and try again, or wait for the next month.",
        )


def reserve(*, batch_id: int, amount: Decimal) -> bool:
    """Set `amount` aside under the batch's cap; False if the cap does not allow it."""
    room = Q(cap__isnull=True) | Q(cap__gte=exactly(F("spent") + F("reserved") + amount))
    rows = GenerationBatch.objects.filter(room, pk=batch_id)
    return rows.update(reserved=exactly(F("reserved") + amount)) == 1


def open_month(connection: Connection) -> ConnectionMonth:
    """The row of this month, with the cap as it is now. Its first call makes it.

    A provider that was removed and added again goes on with the month of its account, so the
    row keeps up with a secret that was renamed. To be called before the transaction that
    reserves.
    """
    month = timezone.now().date().replace(day=1)
    names = {"connection_name": connection.name, "account": connection.account}
    rows = ConnectionMonth.objects.select_related("connection")
    row = rows.filter(connection=connection, month=month).first()
    if row is None:
        _take_up_month(connection, month, names)
        row, _ = rows.get_or_create(connection=connection, month=month, defaults=names)
    elif any(getattr(row, name) != value for name, value in names.items()):
        rows.filter(pk=row.pk).update(**names)
        row.refresh_from_db(fields=names)
    return row


def _take_up_month(connection: Connection, month: date, names: dict[str, str]) -> None:
    """Give the connection the dearest month that a removed one of its account has left."""
    left = ConnectionMonth.objects.filter(connection=None, month=month, account=connection.account)
    dearest = left.order_by(-(F("spent") + F("reserved")), "pk").first()
    if dearest is None:
        return
    # Somebody else may be faster: their row is then the month.
    with suppress(IntegrityError), transaction.atomic():
        left.filter(pk=dearest.pk).update(connection=connection, **names)


def reserve_month(*, month: ConnectionMonth, amount: Decimal) -> bool:
    """Set `amount` aside in the month; False if the connection's cap does not allow it.

    What costs nothing needs no room: it goes on where a cap has been passed.
    """
    if not amount:
        return True
    rows = ConnectionMonth.objects.filter(pk=month.pk)
    cap = month.connection.monthly_cap if month.connection else None
    if cap is not None:
        wanted = exactly(F("spent") + F("reserved") + amount)
        rows = rows.filter(LessThanOrEqual(wanted, Value(cap)))
    return rows.update(reserved=exactly(F("reserved") + amount)) == 1


def lacks_cap(connection: Connection) -> bool:
    """Whether the connection's kind charges and nobody has said what a month may cost."""
    try:
        charges = get_provider_class(connection.kind).charges
    except ConfigurationError:  # the call itself tells what is wrong with the kind
        return False
    return charges and connection.monthly_cap is None


def cap_wanted(connection: Connection) -> str:
    """The sentence for a connection that lacks its cap."""
    return (
        f"The provider {connection.name} charges for its calls and has no monthly cap. "
        "Set one in the admin before it is used."
    )


def settle(*, attempt: Attempt, cost: Decimal | None) -> Decimal:
    """Turn an attempt's reservation into money spent and return what it cost.

    An unknown cost is booked at what was reserved, so that a cap is never passed in silence.
    A call that cost more than was reserved is booked in full; the caps then hold for the rest.
    """
    actual = attempt.reserved if cost is None else cost
    reserved = exactly(F("reserved") - attempt.reserved)
    changes: dict[str, Any] = {"reserved": reserved, "spent": exactly(F("spent") + actual)}
    in_month = dict(changes)
    if actual > attempt.reserved:
        # Money already gone beats the cap: it is raised just so far, and holds for the rest.
        booked = exactly(F("spent") + F("reserved") - attempt.reserved + actual)
        changes["cap"] = Greatest(F("cap"), booked)
    batch = GenerationBatch.objects.filter(pk=attempt.job.batch_id)
    uncapped = batch.filter(cap=None).update(**{**changes, "cap": None})
    if not uncapped:
        batch.update(**changes)
    if actual or attempt.reserved:
        _book_month(attempt, in_month)
    return actual


def release(*, attempt: Attempt) -> None:
    """Give a reservation back: the call surely cost nothing."""
    changes = {"reserved": exactly(F("reserved") - attempt.reserved)}
    GenerationBatch.objects.filter(pk=attempt.job.batch_id).update(**changes)
    if attempt.reserved:
        _book_month(attempt, changes)


def _book_month(attempt: Attempt, changes: dict[str, Any]) -> None:
    """The same in the month in which the call was reserved."""
    if attempt.month_id is not None:
        ConnectionMonth.objects.filter(pk=attempt.month_id).update(**changes)


def exactly(sum_of_money: Any) -> Round:
    """A sum in the database, without the noise of floating point."""
    return Round(sum_of_money, precision=6)
