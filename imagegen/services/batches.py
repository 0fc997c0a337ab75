"""Asking for images: the rows that ask for what was planned."""

from collections.abc import Callable
from decimal import Decimal

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction

from imagegen.errors import Refused
from imagegen.models import GenerationBatch, GenerationJob, IllustrationPlan
from imagegen.services.access import require
from imagegen.services.planning import BatchPlan, PlannedJob, Problem, plan_batch
from imagegen.services.prompting import GenerationOptions
from imagegen.services.tokens import send_tokens
from prompts.models import ImagePrompt, ImageStyle

__all__ = [
    "BatchPlan",
    "GenerationOptions",
    "PlannedJob",
    "Problem",
    "check_cap",
    "create_batch",
    "plan_batch",
]

HIGHEST_CAP = 1_000_000  # what the columns of money can hold


def create_batch(
    *,
    plan: BatchPlan,
    user: AbstractBaseUser | None,
    door: str,
    kind: str,
    title: str = "",
    cap: Decimal | None = None,
    approve: bool = False,
    idempotency_key: str | None = None,
) -> GenerationBatch:
    """Queue what was planned, and wake workers once it is committed.

    The same idempotency key gives the same batch and queues nothing twice. Raises Refused if
    nothing can be asked for, NotPermitted.
    """
    require(user, "generate")
    if approve:
        require(user, "approve")
    check_cap(cap)

    def queue() -> GenerationBatch:
        if not plan.items:
            nothing = "There is nothing to illustrate."
            raise Refused(plan.problems[0].message if plan.problems else nothing)
        batch = new_batch(
            kind=kind,
            door=door,
            title=title,
            user=user,
            cap=cap,
            idempotency_key=idempotency_key,
            estimate=(plan.low, plan.high),
            approve=approve,
        )
        _queue_jobs(batch, plan)
        _pin_styles(plan)
        send_tokens(len(plan.items))
        return batch

    return ask_once(idempotency_key, queue)


def ask_once(idempotency_key: str | None, queue: Callable[[], GenerationBatch]) -> GenerationBatch:
    """The batch that was asked for with this key before, else what `queue` writes in one go."""
    if known := find_batch(idempotency_key):
        return known
    try:
        with transaction.atomic():
            return queue()
    except IntegrityError:
        if known := find_batch(idempotency_key):  # somebody asked the same at the same time
            return known
        raise


def new_batch(
    *,
    kind: str,
    door: str,
    title: str,
    user: AbstractBaseUser | None,
    cap: Decimal | None,
    idempotency_key: str | None,
    estimate: tuple[Decimal, Decimal],
    approve: bool = False,
) -> GenerationBatch:
    """The row of an act of asking; `estimate` is the low and high cost of all its jobs."""
    return GenerationBatch.objects.create(
        kind=kind,
        door=door,
        title=title[:300],
        asked_by=user,
        asked_by_name=user.get_username() if user else "",
        idempotency_key=idempotency_key,
        approve=approve,
        cap=cap,
        estimate_low=estimate[0],
        estimate_high=estimate[1],
    )


def find_batch(idempotency_key: str | None) -> GenerationBatch | None:
    """The batch that was asked for with this key before; None without a key."""
    if not idempotency_key:
        return None
    return GenerationBatch.objects.filter(idempotency_key=idempotency_key).first()


def check_cap(cap: Decimal | None) -> None:
    """Raise Refused unless `cap` is None or an amount that can be kept."""
    if cap is not None and not (cap.is_finite() and 0 <= cap < HIGHEST_CAP):
        raise Refused(f"The highest cost must be zero or more, and below {HIGHEST_CAP:,}.")


def _queue_jobs(batch: GenerationBatch, plan: BatchPlan) -> None:
    GenerationJob.objects.bulk_create(
        [_job(batch, position, item) for position, item in enumerate(plan.items)],
        batch_size=200,
    )


def _job(batch: GenerationBatch, position: int, item: PlannedJob) -> GenerationJob:
    slot, style, model = item.slot, item.recipe.style, item.recipe.model
    return GenerationJob(
        batch=batch,
        position=position,
        slot=slot,
        role=slot.role if slot else "",
        connection=model.connection,
        connection_name=model.connection.name,
        model=model,
        model_name=model.name,
        prompt=ImagePrompt.objects.store(item.composed),
        parent=item.parent,
        style_name=style.name if style else "",
        style_version=style.version if style else None,
        setting=item.recipe.setting,
        request=item.request.to_dict(),
        requested=item.asked.to_dict(),
        notes=list(item.notes),
        language=slot.post.language if slot else "",
        estimate_low=item.low,
        estimate_high=item.high,
    )


def _pin_styles(plan: BatchPlan) -> None:
    """The first batch of a post pins the style it was drawn in, so that later ones match."""
    placed = [item for item in plan.items if item.slot is not None]
    names = {item.recipe.style.name for item in placed if item.recipe.style}
    styles = {style.name: style for style in ImageStyle.objects.filter(name__in=names)}
    pinned: set[int] = set()
    for item in placed:
        style, post_id = item.recipe.style, item.slot.post_id
        if style is None or style.name not in styles or post_id in pinned:
            continue
        pinned.add(post_id)
        IllustrationPlan.objects.get_or_create(
            post_id=post_id,
            defaults={"style": styles[style.name], "style_version": style.version},
        )
