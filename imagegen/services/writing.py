"""Writing prompts: drafts of what a place's picture shows, before anything is drawn.

A draft comes from the template (offline, at once), from a text model (a job whose call is an
attempt under the same caps) or from a person who edits. Drafts are kept as a history. An
accepted one is the place's prompt: only style and format are added to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Unpack

from django.contrib.auth.models import AbstractBaseUser

from imagegen.errors import Refused
from imagegen.models import GenerationBatch, GenerationJob, ImageSlot, PromptDraft
from imagegen.services.access import require
from imagegen.services.asking import (
    Asking,
    Plan,
    check_usable,
    price_of_call,
    provider_of,
    queue_plan,
)
from imagegen.services.prompting import (
    GenerationOptions,
    House,
    post_values,
    slot_values,
    template_text,
)
from imagegen.services.slots import check_attached
from imagegen.services.texts import find_text_model, new_job
from prompts.writing import text_request
from providers.base import Provider
from providers.models import ImageModel
from providers.types import TextRequest

MAX_TEXT = 4000  # characters of a draft
MAX_INSTRUCTION = 500


@dataclass(frozen=True, kw_only=True)
class PlannedText:
    """One prompt as it would be asked for. Costs are in the site's currency."""

    slot: ImageSlot
    model: ImageModel
    request: TextRequest
    low: Decimal
    high: Decimal


@dataclass(kw_only=True)
class WritingPlan(Plan[PlannedText]):
    """Prompts that would be asked of the text model."""

    instruction: str = ""
    parent: PromptDraft | None = None
    nothing = "There is nothing to write."


# --- Drafts at once ---------------------------------------------------------------------


def draft_by_template(*, slot: ImageSlot, user: AbstractBaseUser | None) -> PromptDraft:
    """What the template makes of the place's text, without style and format. Offline, free."""
    require(user, "generate")
    check_attached(slot)
    direction = house_for([slot]).direction_for(slot)
    text = template_text(
        slot=slot, direction=direction, values=slot_values(slot, post_values(slot.post))
    )
    return _keep(slot=slot, text=text, origin=PromptDraft.Origin.TEMPLATE, user=user)


def draft_by_hand(
    *, slot: ImageSlot, text: str, user: AbstractBaseUser | None, parent: PromptDraft | None = None
) -> PromptDraft:
    """Keep what a person wrote; the parent itself if nothing was changed in it."""
    require(user, "generate")
    text = text.strip()
    if not text:
        raise Refused("Write what the picture shows.")
    if len(text) > MAX_TEXT:
        raise Refused(f"The prompt has {len(text):,} characters; at most {MAX_TEXT:,} are kept.")
    if parent is not None and parent.slot_id == slot.pk and parent.text == text:
        return parent
    return _keep(slot=slot, text=text, origin=PromptDraft.Origin.HAND, user=user, parent=parent)


def _keep(
    *,
    slot: ImageSlot,
    text: str,
    origin: str,
    user: AbstractBaseUser | None,
    parent: PromptDraft | None = None,
) -> PromptDraft:
    return PromptDraft.objects.create(
        slot=slot,
        text=text,
        origin=origin,
        parent=parent,
        created_by=user,
        created_by_name=user.get_username() if user else "",
    )


def accept_draft(*, draft: PromptDraft, user: AbstractBaseUser | None) -> PromptDraft:
    """Make a draft the prompt of its place. Nothing is drawn by that."""
    require(user, "generate")
    if not draft.text:
        raise Refused("This draft is still being written.")
    ImageSlot.objects.filter(pk=draft.slot_id).update(draft=draft)
    return draft


def drop_draft(*, slot: ImageSlot, user: AbstractBaseUser | None) -> None:
    """Go back to the template and the brief."""
    require(user, "generate")
    ImageSlot.objects.filter(pk=slot.pk).update(draft=None)
    slot.draft = None


# --- Drafts by a model ------------------------------------------------------------------


def plan_writing(
    *,
    slots: Sequence[ImageSlot],
    model: ImageModel | None = None,
    instruction: str = "",
    parent: PromptDraft | None = None,
    house: House | None = None,
) -> WritingPlan:
    """What asking `model` for a prompt for each of `slots` would take. Changes nothing.

    `house` (of `house_for`) lets several plans for the same places read the site's choices once.

    With `parent` the one place's draft is refined as `instruction` says. Raises Refused.
    """
    plan = WritingPlan(instruction=instruction.strip()[:MAX_INSTRUCTION], parent=parent)
    if parent is not None and not plan.instruction:
        raise Refused("Say what should change, such as: warmer, no people.")
    model = model or find_text_model()
    check_usable(model)
    provider = provider_of(model)
    house = house or house_for(slots)
    plan.add_each(slots, lambda slot: _planned(plan, slot, model, provider, house))
    return plan


def _planned(
    plan: WritingPlan, slot: ImageSlot, model: ImageModel, provider: Provider, house: House
) -> PlannedText:
    check_attached(slot)
    direction = house.direction_for(slot)
    request = text_request(
        model=model.name,
        values=slot_values(slot, post_values(slot.post)),
        role=slot.role,
        style=direction.style.fragment if direction.style else "",
        format=direction.format.fragment if direction.format else "",
        previous=plan.parent.text if plan.parent else "",
        change=plan.instruction,
        max_length=direction.model.capabilities_object().max_prompt_length,
    )
    low, high = price_of_call(provider, model, request)
    return PlannedText(slot=slot, model=model, request=request, low=low, high=high)


def create_writing(
    *, plan: WritingPlan, user: AbstractBaseUser | None, **asking: Unpack[Asking]
) -> GenerationBatch:
    """Queue what was planned: a job and an empty draft for each place.

    Raises Refused if nothing can be asked for, NotPermitted.
    """
    require(user, "generate")

    def write_jobs(batch: GenerationBatch) -> None:
        for position, item in enumerate(plan.items):
            _queue_text(batch, plan, position, item)

    return queue_plan(plan, write_jobs, user=user, kind=GenerationBatch.Kind.PROMPT, **asking)


def _queue_text(
    batch: GenerationBatch, plan: WritingPlan, position: int, item: PlannedText
) -> None:
    """The row of one wanted prompt and its draft, empty until it is written."""
    job = new_job(
        kind=GenerationJob.Kind.PROMPT,
        batch=batch,
        position=position,
        slot=item.slot,
        model=item.model,
        request=item.request,
        cost=(item.low, item.high),
        language=item.slot.post.language,
    )
    PromptDraft.objects.create(
        slot=item.slot,
        origin=PromptDraft.Origin.MODEL,
        parent=plan.parent,
        instruction=plan.instruction,
        job=job,
        model_name=item.model.name,
        created_by=batch.asked_by,
        created_by_name=batch.asked_by_name,
    )


def house_for(slots: Sequence[ImageSlot]) -> House:
    """The site's and the posts' choices for these places."""
    house = House(GenerationOptions())
    house.load_plans({slot.post_id for slot in slots if slot.post_id})
    return house
