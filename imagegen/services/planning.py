"""What asking for pictures would take: each request composed, validated and priced."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from django.conf import settings

from blog.markdown import typographic
from imagegen.errors import Refused
from imagegen.models import ImageOutput, ImageSlot
from imagegen.services.asking import Plan, check_usable, price_of_call, provider_of
from imagegen.services.prompting import (
    ArtDirection,
    GenerationOptions,
    House,
    compose_prompt,
    post_values,
    slot_values,
)
from imagegen.services.references import with_reference
from imagegen.services.slots import check_attached
from prompts.compose import ComposedPrompt
from prompts.models import ImageSetting
from providers.base import Provider
from providers.models import ImageModel
from providers.types import Capabilities, ImageRequest, Validation

SEEDS = 2**31


@dataclass(frozen=True, kw_only=True)
class PlannedJob:
    """One picture as it would be asked for; a trial has no slot, an edit has a parent. Costs
    are in the site's currency."""

    slot: ImageSlot | None
    direction: ArtDirection
    composed: ComposedPrompt
    asked: ImageRequest
    request: ImageRequest
    low: Decimal
    high: Decimal
    notes: tuple[str, ...]
    parent: ImageOutput | None = None


@dataclass(kw_only=True)
class BatchPlan(Plan[PlannedJob]):
    """Pictures that would be asked for."""

    options: GenerationOptions
    nothing = "There is nothing to illustrate."

    @property
    def notes(self) -> list[str]:
        """What there is to say of its pictures, each sentence once."""
        return list(dict.fromkeys(note for item in self.items for note in item.notes))

    @property
    def is_doubtful(self) -> bool:
        """Whether a call of it will fail, as far as is known."""
        return any(item.direction.model.why_doubtful for item in self.items)


class Planner:
    """Plans many pictures, reading shared things once."""

    def __init__(self, options: GenerationOptions) -> None:
        self.house = House(options)
        self._values: dict[int, dict[str, str]] = {}
        self._providers: dict[int, Provider] = {}

    def plan(self, slot: ImageSlot) -> PlannedJob:
        """The picture of a place, validated against the model and priced. Raises Refused."""
        check_attached(slot)
        direction = self.house.direction_for(slot)
        capabilities = self.capabilities(direction.model)
        values = slot_values(slot, self._post_values(slot))
        composed = compose_prompt(
            slot=slot,
            direction=direction,
            values=values,
            capabilities=capabilities,
            description=self.house.options.description,
            as_written=self.house.options.as_written,
        )
        asked = build_request(
            slot=slot,
            direction=direction,
            composed=composed,
            capabilities=capabilities,
            values=values,
        )
        asked, notes = with_reference(asked, self.house.plans.get(slot.post_id), capabilities)
        item = self.price(direction=direction, composed=composed, asked=asked, slot=slot)
        return replace(item, notes=notes + _seed_note(direction, capabilities) + item.notes)

    def price(
        self,
        *,
        direction: ArtDirection,
        composed: ComposedPrompt,
        asked: ImageRequest,
        slot: ImageSlot | None = None,
    ) -> PlannedJob:
        """A request as it may be sent, and what that costs. Raises Refused."""
        provider = self._provider(direction.model)
        validation = provider.validate(asked, self.capabilities(direction.model))
        if not validation.ok:
            raise Refused(" ".join(issue.message for issue in validation.errors))
        low, high = price_of_call(provider, direction.model, validation.request)
        return PlannedJob(
            slot=slot,
            direction=direction,
            composed=composed,
            asked=asked,
            request=validation.request,
            low=low,
            high=high,
            notes=_doubt(direction.model) + direction.notes + _notes(validation),
        )

    def capabilities(self, model: ImageModel) -> Capabilities:
        """What the model takes. Raises Refused if it cannot be used now."""
        return self._provider(model).capabilities(model.name, model.capabilities)

    def _post_values(self, slot: ImageSlot) -> dict[str, str]:
        if slot.post_id not in self._values:
            self._values[slot.post_id] = post_values(slot.post)
        return self._values[slot.post_id]

    def _provider(self, model: ImageModel) -> Provider:
        check_usable(model)
        if model.connection_id not in self._providers:
            self._providers[model.connection_id] = provider_of(model)
        return self._providers[model.connection_id]


def _doubt(model: ImageModel) -> tuple[str, ...]:
    """What was found when the server was last asked; it may have been mended since."""
    doubt = model.why_doubtful
    return (f"{doubt} If that has been mended, check the workflow again.",) if doubt else ()


def _notes(validation: Validation) -> tuple[str, ...]:
    return tuple(issue.message for issue in validation.issues)


def build_request(
    *,
    slot: ImageSlot,
    direction: ArtDirection,
    composed: ComposedPrompt,
    capabilities: Capabilities,
    values: dict[str, str],
) -> ImageRequest:
    """The request as asked; what the setting names and the model lacks is refused later."""
    setting, own = direction.setting, direction.own_setting
    size = (setting.size if setting else None) or (
        (direction.format.width, direction.format.height) if direction.format else None
    )
    if size is None:
        raise Refused("No size is set: choose a format or a width and height in the setting.")
    texts = _card_texts(slot, values) if capabilities.title else {}
    return ImageRequest(
        prompt=composed.text,
        negative_prompt=composed.negative_text,
        model=direction.model.name,
        width=size[0],
        height=size[1],
        seed=_seed(slot, setting, capabilities),
        steps=own.steps if own else None,
        guidance_scale=own.guidance_scale if own else None,
        quality=own.quality if own else "",
        output_format=own.output_format if own else "",
        palette=direction.style.palette if direction.style and capabilities.palette else (),
        extra=dict(own.extra_settings) if own else {},
        **texts,
    )


def _card_texts(slot: ImageSlot, values: dict[str, str]) -> dict[str, Any]:
    """The words that a typographic picture shows."""
    title = values.get("section.heading") or values["post.title"]
    kicker = values["post.title"] if slot.section_id else values["post.tags"].split(",")[0]
    language = slot.post.language
    return {
        "title": typographic(title, language),
        "kicker": typographic(kicker, language),
        "footer": settings.SITE_NAME,
    }


def _seed(slot: ImageSlot, setting: ImageSetting | None, capabilities: Capabilities) -> int | None:
    """The seed that the setting's policy gives, where the model takes one."""
    if not capabilities.seed:
        return None
    policy = setting.seed_policy if setting else ImageSetting.SeedPolicy.RANDOM
    if setting and policy == ImageSetting.SeedPolicy.FIXED and setting.seed is not None:
        return setting.seed
    if policy == ImageSetting.SeedPolicy.DERIVED:
        number = int.from_bytes(hashlib.sha256(f"slot {slot.pk}".encode()).digest()[:4])
        return number % seeds_of(capabilities)
    return secrets.randbelow(seeds_of(capabilities))


def _seed_note(direction: ArtDirection, capabilities: Capabilities) -> tuple[str, ...]:
    """What to say where the fixed seed of a setting cannot be sent."""
    setting = direction.setting
    fixed = setting is not None and setting.seed_policy == ImageSetting.SeedPolicy.FIXED
    if capabilities.seed or setting is None or not fixed:
        return ()
    return (f"The seed {setting.seed} is not taken by {direction.model.name}: not sent.",)


def seeds_of(capabilities: Capabilities) -> int:
    """How many seeds there are to choose from, counted from 0."""
    highest = capabilities.max_seed
    return SEEDS if highest is None else min(SEEDS, highest + 1)


def plan_batch(
    *, slots: Sequence[ImageSlot], options: GenerationOptions | None = None
) -> BatchPlan:
    """What asking for a picture for each of `slots` would take. Changes nothing."""
    plan = BatchPlan(options=options or GenerationOptions())
    planner = Planner(plan.options)
    planner.house.load_plans({slot.post_id for slot in slots if slot.post_id})
    plan.add_each(slots, planner.plan)
    return plan
