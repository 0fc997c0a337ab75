"""Asking for images: what it would take, and the rows that ask for it."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction

from imagegen.errors import ImagegenError, Refused
from imagegen.models import (
    GenerationBatch,
    GenerationJob,
    IllustrationPlan,
    ImageSlot,
)
from imagegen.services.access import require
from imagegen.services.money import cap_wanted, lacks_cap
from imagegen.services.prompting import (
    GenerationOptions,
    House,
    Recipe,
    compose_prompt,
    post_values,
    slot_values,
)
from imagegen.services.tokens import send_tokens
from prompts.compose import ComposedPrompt
from prompts.models import ImagePrompt, ImageSetting, ImageStyle, Role
from providers.base import AnyRequest, Provider
from providers.errors import ProviderProblem
from providers.models import ImageModel
from providers.types import ImageRequest, Validation

__all__ = [
    "BatchPlan",
    "GenerationOptions",
    "PlannedJob",
    "Problem",
    "check_cap",
    "create_batch",
    "plan_batch",
]

SEEDS = 2**31
HIGHEST_CAP = 1_000_000  # what the columns of money can hold


@dataclass(frozen=True, kw_only=True)
class PlannedJob:
    """One picture as it would be asked for. Costs are in the site's currency."""

    slot: ImageSlot
    recipe: Recipe
    composed: ComposedPrompt
    asked: ImageRequest
    request: ImageRequest
    low: Decimal
    high: Decimal
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A place that cannot be illustrated as asked, and why."""

    slot: ImageSlot
    message: str


@dataclass
class BatchPlan:
    """What would be asked for, what it would cost, and what stands in the way."""

    options: GenerationOptions
    items: list[PlannedJob] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def low(self) -> Decimal:
        return sum((item.low for item in self.items), Decimal(0))

    @property
    def high(self) -> Decimal:
        return sum((item.high for item in self.items), Decimal(0))


class _Planner:
    """Plans many places, reading shared things once."""

    def __init__(self, options: GenerationOptions) -> None:
        self.house = House(options)
        self._values: dict[int, dict[str, str]] = {}
        self._providers: dict[int, Provider] = {}

    def plan(self, slot: ImageSlot) -> PlannedJob:
        """One picture, validated against the model and priced. Raises Refused."""
        if slot.post is None or (slot.role == Role.SECTION and slot.section is None):
            raise Refused("This place belongs to no post or section any more; attach it first.")
        recipe = self.house.recipe_for(slot)
        provider = self._provider(recipe.model)
        capabilities = provider.capabilities(recipe.model.name, recipe.model.capabilities)
        values = slot_values(slot, self._post_values(slot))
        composed = compose_prompt(
            slot=slot,
            recipe=recipe,
            values=values,
            capabilities=capabilities,
            description=self.house.options.description,
            as_written=self.house.options.as_written,
        )
        asked = build_request(
            slot=slot, recipe=recipe, composed=composed, capabilities=capabilities, values=values
        )
        validation = provider.validate(asked, capabilities)
        if not validation.ok:
            raise Refused(" ".join(issue.message for issue in validation.errors))
        low, high = price_of_call(provider, recipe.model, validation.request)
        return PlannedJob(
            slot=slot,
            recipe=recipe,
            composed=composed,
            asked=asked,
            request=validation.request,
            low=low,
            high=high,
            notes=recipe.notes + _notes(validation),
        )

    def _post_values(self, slot: ImageSlot) -> dict[str, str]:
        if slot.post_id not in self._values:
            self._values[slot.post_id] = post_values(slot.post)
        return self._values[slot.post_id]

    def _provider(self, model: ImageModel) -> Provider:
        check_usable(model)
        if model.connection_id not in self._providers:
            self._providers[model.connection_id] = provider_of(model)
        return self._providers[model.connection_id]


def check_usable(model: ImageModel) -> None:
    """Raise Refused with what is in the way of choosing this model now."""
    if not model.connection.enabled:
        raise Refused(f"The provider {model.connection.name} is switched off.")
    if not model.enabled:
        raise Refused(f"The model {model.name} of {model.connection.name} is switched off.")
    if model.is_retired:
        successor = f" Its successor is {model.successor}." if model.successor else ""
        raise Refused(f"The model {model.name} has been shut down.{successor}")
    if lacks_cap(model.connection):
        raise Refused(cap_wanted(model.connection))


def provider_of(model: ImageModel) -> Provider:
    """The adapter of a model's connection, ready to call. Raises Refused when it is not set up."""
    try:
        return model.connection.provider()
    except ProviderProblem as error:
        raise Refused(f"{model.connection.name}: {error.message}") from error


def _notes(validation: Validation) -> tuple[str, ...]:
    return tuple(issue.message for issue in validation.issues)


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


def build_request(
    *,
    slot: ImageSlot,
    recipe: Recipe,
    composed: ComposedPrompt,
    capabilities: Any,
    values: dict[str, str],
) -> ImageRequest:
    """The request as asked; what the setting names and the model lacks is refused later."""
    setting, own = recipe.setting, recipe.own_setting
    size = (setting.size if setting else None) or (
        (recipe.format.width, recipe.format.height) if recipe.format else None
    )
    if size is None:
        raise Refused("No size is set: choose a format or a width and height in the setting.")
    texts = _card_texts(slot, values) if capabilities.title else {}
    return ImageRequest(
        prompt=composed.text,
        negative_prompt=composed.negative_text,
        model=recipe.model.name,
        width=size[0],
        height=size[1],
        seed=_seed(slot, setting) if capabilities.seed else None,
        steps=own.steps if own else None,
        guidance_scale=own.guidance_scale if own else None,
        quality=own.quality if own else "",
        output_format=own.output_format if own else "",
        palette=recipe.style.palette if recipe.style and capabilities.palette else (),
        extra=dict(own.extra_settings) if own else {},
        **texts,
    )


def _card_texts(slot: ImageSlot, values: dict[str, str]) -> dict[str, str]:
    """The words that a typographic picture shows."""
    title = values.get("section.heading") or values["post.title"]
    kicker = values["post.title"] if slot.section_id else values["post.tags"].split(",")[0]
    return {"title": title, "kicker": kicker, "footer": settings.SITE_NAME}


def _seed(slot: ImageSlot, setting: ImageSetting | None) -> int:
    policy = setting.seed_policy if setting else ImageSetting.SeedPolicy.RANDOM
    if setting and policy == ImageSetting.SeedPolicy.FIXED and setting.seed is not None:
        return setting.seed
    if policy == ImageSetting.SeedPolicy.DERIVED:
        return int.from_bytes(hashlib.sha256(f"slot {slot.pk}".encode()).digest()[:4]) % SEEDS
    return secrets.randbelow(SEEDS)


def plan_batch(
    *, slots: Sequence[ImageSlot], options: GenerationOptions | None = None
) -> BatchPlan:
    """What asking for a picture for each of `slots` would take. Changes nothing."""
    plan = BatchPlan(options=options or GenerationOptions())
    planner = _Planner(plan.options)
    planner.house.load_plans({slot.post_id for slot in slots if slot.post_id})
    for slot in slots:
        try:
            plan.items.append(planner.plan(slot))
        except ImagegenError as error:
            plan.problems.append(Problem(slot=slot, message=str(error)))
        except ProviderProblem as error:
            plan.problems.append(Problem(slot=slot, message=f"{error} {error.hint}".strip()))
    return plan


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
    if known := find_batch(idempotency_key):
        return known
    if not plan.items:
        reason = plan.problems[0].message if plan.problems else "There is nothing to illustrate."
        raise Refused(reason)
    batch = GenerationBatch(
        kind=kind,
        door=door,
        title=title[:300],
        asked_by=user,
        asked_by_name=user.get_username() if user else "",
        idempotency_key=idempotency_key,
        approve=approve,
        cap=cap,
        estimate_low=plan.low,
        estimate_high=plan.high,
    )
    try:
        _queue_batch(batch, plan)
    except IntegrityError:
        if known := find_batch(idempotency_key):  # somebody asked the same at the same time
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


def _queue_batch(batch: GenerationBatch, plan: BatchPlan) -> None:
    """Write the batch with its jobs in one transaction, and send word of it after that."""
    with transaction.atomic():
        batch.save()
        _queue_jobs(batch, plan)
        _pin_styles(plan)
        send_tokens(len(plan.items))


def _queue_jobs(batch: GenerationBatch, plan: BatchPlan) -> None:
    GenerationJob.objects.bulk_create(
        [_job(batch, position, item) for position, item in enumerate(plan.items)],
        batch_size=200,
    )


def _job(batch: GenerationBatch, position: int, item: PlannedJob) -> GenerationJob:
    style, model = item.recipe.style, item.recipe.model
    return GenerationJob(
        batch=batch,
        position=position,
        slot=item.slot,
        role=item.slot.role,
        connection=model.connection,
        connection_name=model.connection.name,
        model=model,
        model_name=model.name,
        prompt=ImagePrompt.objects.store(item.composed),
        style_name=style.name if style else "",
        style_version=style.version if style else None,
        setting=item.recipe.setting,
        request=item.request.to_dict(),
        requested=item.asked.to_dict(),
        notes=list(item.notes),
        language=item.slot.post.language,
        estimate_low=item.low,
        estimate_high=item.high,
    )


def _pin_styles(plan: BatchPlan) -> None:
    """The first batch of a post pins the style it was drawn in, so that later ones match."""
    names = {item.recipe.style.name for item in plan.items if item.recipe.style}
    styles = {style.name: style for style in ImageStyle.objects.filter(name__in=names)}
    pinned: set[int] = set()
    for item in plan.items:
        style, post_id = item.recipe.style, item.slot.post_id
        if style is None or style.name not in styles or post_id in pinned:
            continue
        pinned.add(post_id)
        IllustrationPlan.objects.get_or_create(
            post_id=post_id,
            defaults={"style": styles[style.name], "style_version": style.version},
        )
