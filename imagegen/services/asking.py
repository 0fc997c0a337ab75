"""What asking for anything shares, be it a picture, a prompt or an alt text: a plan with its price,
and the batch that queues it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import ClassVar, Generic, NotRequired, Protocol, TypedDict, TypeVar, Unpack

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction

from imagegen.errors import ImagegenError, Refused
from imagegen.models import GenerationBatch, ImageOutput, ImageSlot
from imagegen.services.money import cap_wanted, lacks_cap
from imagegen.services.tokens import send_tokens
from providers.base import AnyRequest, Provider
from providers.errors import ProviderProblem
from providers.models import ImageModel

HIGHEST_CAP = 1_000_000  # what the columns of money can hold


# --- The plan ---------------------------------------------------------------------------


class Priced(Protocol):
    """One call as it would be made. Costs are in the site's currency."""

    @property
    def low(self) -> Decimal: ...
    @property
    def high(self) -> Decimal: ...


Item = TypeVar("Item", bound=Priced)
Subject = TypeVar("Subject", ImageSlot, ImageOutput)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A place or an image for which nothing can be asked, and why."""

    subject: ImageSlot | ImageOutput
    message: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.message}"


@dataclass(kw_only=True)
class Plan(Generic[Item]):
    """What would be asked for, what it would cost, and what stands in the way."""

    items: list[Item] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    nothing: ClassVar[str] = "There is nothing to ask for."

    @property
    def low(self) -> Decimal:
        return sum((item.low for item in self.items), Decimal(0))

    @property
    def high(self) -> Decimal:
        return sum((item.high for item in self.items), Decimal(0))

    def add_each(self, subjects: Iterable[Subject], plan_one: Callable[[Subject], Item]) -> None:
        """Plan each of `subjects`; one that is refused becomes a problem."""
        for subject in subjects:
            try:
                self.items.append(plan_one(subject))
            except ImagegenError as error:
                self.problems.append(Problem(subject=subject, message=str(error)))
            except ProviderProblem as error:
                self.problems.append(Problem(subject=subject, message=error.in_full))

    def check_not_empty(self) -> None:
        """Raise Refused, with the first problem, if nothing can be asked for."""
        if not self.items:
            raise Refused(self.problems[0].message if self.problems else self.nothing)


def check_usable(model: ImageModel) -> None:
    """Raise Refused with what is in the way of choosing this model now."""
    if trouble := model.why_unusable:
        raise Refused(trouble)
    if lacks_cap(model.connection):
        raise Refused(cap_wanted(model.connection))


def provider_of(model: ImageModel) -> Provider:
    """The adapter of a model's connection, ready to call. Raises Refused when it is not set up."""
    try:
        return model.connection.provider()
    except ProviderProblem as error:
        raise Refused(f"{model.connection.name}: {error.message}") from error


def price_of_call(
    provider: Provider, model: ImageModel, request: AnyRequest
) -> tuple[Decimal, Decimal]:
    """Low and high cost; an unknown price counts as what somebody assumed, else refuses."""
    price = provider.estimate(request, model.price_rule)
    if price.low is not None and price.high is not None:
        return price.low, price.high
    assumed = model.connection.assumed_price
    if assumed is None:
        raise Refused(
            f"The price of {model.name} is unknown. Set an assumed price per call "
            f"for {model.connection.name} before it is used."
        )
    return assumed, assumed


# --- The batch --------------------------------------------------------------------------


class Asking(TypedDict):
    """How somebody asks: what every service that queues a batch takes beside its plan.

    `cap` is the most that the batch may cost. The same `idempotency_key` gives the same batch
    and queues nothing twice.
    """

    door: str
    title: NotRequired[str]
    cap: NotRequired[Decimal | None]
    idempotency_key: NotRequired[str | None]


def queue_plan(
    plan: Plan,
    write_jobs: Callable[[GenerationBatch], None],
    *,
    user: AbstractBaseUser | None,
    kind: str,
    approve: bool = False,
    **asking: Unpack[Asking],
) -> GenerationBatch:
    """Write the batch of a plan, its jobs by `write_jobs`, and wake workers once committed.

    `write_jobs` runs in the batch's own transaction, and not at all for a key that is known.
    Raises Refused if nothing can be asked for. The caller has checked the permission.
    """
    key = asking.get("idempotency_key")
    check_cap(asking.get("cap"))
    if known := find_batch(key):
        return known
    plan.check_not_empty()
    try:
        with transaction.atomic():
            batch = GenerationBatch.objects.create(
                kind=kind,
                asked_by=user,
                asked_by_name=user.get_username() if user else "",
                approve=approve,
                estimate_low=plan.low,
                estimate_high=plan.high,
                **{**asking, "title": asking.get("title", "")[:300]},
            )
            write_jobs(batch)
            send_tokens(len(plan.items))
    except IntegrityError:
        if known := find_batch(key):  # somebody asked the same at the same time
            return known
        raise
    return batch


def find_batch(idempotency_key: str | None) -> GenerationBatch | None:
    """The batch that was asked for with this key before; None without a key."""
    if not idempotency_key:
        return None
    return GenerationBatch.objects.filter(idempotency_key=idempotency_key).first()


def check_cap(cap: Decimal | None) -> None:
    """Raise Refused unless `cap` is None or an amount that can be kept."""
    if cap is not None and not (cap.is_finite() and 0 <= cap < HIGHEST_CAP):
        raise Refused(f"The highest cost must be zero or more, and below {HIGHEST_CAP:,}.")
