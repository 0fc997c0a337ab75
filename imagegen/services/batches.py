"""Asking for images: the rows that ask for what was planned."""

from typing import Unpack

from django.contrib.auth.models import AbstractBaseUser

from imagegen.models import GenerationBatch, GenerationJob, IllustrationPlan
from imagegen.services.access import require
from imagegen.services.asking import Asking, queue_plan
from imagegen.services.planning import BatchPlan, PlannedJob, plan_batch
from imagegen.services.prompting import GenerationOptions
from prompts.models import ImagePrompt, ImageStyle

__all__ = [
    "BatchPlan",
    "GenerationOptions",
    "PlannedJob",
    "create_batch",
    "plan_batch",
]


def create_batch(
    *,
    plan: BatchPlan,
    user: AbstractBaseUser | None,
    kind: str,
    approve: bool = False,
    **asking: Unpack[Asking],
) -> GenerationBatch:
    """Queue the pictures that were planned; `approve` takes what arrives unreviewed.

    Raises Refused if nothing can be asked for, NotPermitted.
    """
    require(user, "generate")
    if approve:
        require(user, "approve")
    return queue_plan(
        plan,
        lambda batch: write_jobs(batch, plan),
        user=user,
        kind=kind,
        approve=approve,
        **asking,
    )


def write_jobs(batch: GenerationBatch, plan: BatchPlan) -> None:
    """A job for each planned picture; the post's style is pinned with its first ones."""
    _queue_jobs(batch, plan)
    _pin_styles(plan)


def _queue_jobs(batch: GenerationBatch, plan: BatchPlan) -> None:
    GenerationJob.objects.bulk_create(
        [_job(batch, position, item) for position, item in enumerate(plan.items)],
        batch_size=200,
    )


def _job(batch: GenerationBatch, position: int, item: PlannedJob) -> GenerationJob:
    slot, style, model = item.slot, item.direction.style, item.direction.model
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
        setting=item.direction.setting,
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
    names = {item.direction.style.name for item in placed if item.direction.style}
    styles = {style.name: style for style in ImageStyle.objects.filter(name__in=names)}
    pinned: set[int] = set()
    for item in placed:
        style, post_id = item.direction.style, item.slot.post_id
        if style is None or style.name not in styles or post_id in pinned:
            continue
        pinned.add(post_id)
        IllustrationPlan.objects.get_or_create(
            post_id=post_id,
            defaults={"style": styles[style.name], "style_version": style.version},
        )
