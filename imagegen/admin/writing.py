"""The page on which a place's prompt is written, shown and edited before anything is drawn."""

import uuid
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from imagegen.admin.base import form_key, number_from, tell
from imagegen.admin.display import place_of_slot
from imagegen.admin.generation import DOOR
from imagegen.errors import ImagegenError
from imagegen.models import GenerationBatch, GenerationJob, ImageSlot, PromptDraft
from imagegen.services import slots, texts, writing
from imagegen.services.asking import find_batch
from imagegen.services.wording import cost_range
from imagegen.services.workers import worker_is_present
from providers.models import ImageModel

SHOWN_DRAFTS = 30


@dataclass(frozen=True)
class Writer:
    """A text model as the page offers it; `cost` is what this prompt would cost."""

    model: ImageModel
    cost: str


class WritingPages:
    """Adds the page "write" to the admin of places."""

    def write_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        """The drafts of one place: write, refine, edit, accept."""
        slot = self._slot(request, pk, self.has_generate_permission(request))
        if slot is None:
            return self.gone(request, pk)
        drafts = list(slot.drafts.select_related("job", "parent")[:SHOWN_DRAFTS])
        draft = _draft_shown(request, slot, drafts)
        writers, problem = _writers(slot)
        if request.method == "POST" and (answer := _act(request, slot, draft, writers)):
            return answer
        waiting = draft is not None and _is_open(draft)
        heading, _, text = slots.slot_text(slot).partition("\n")
        context = self.page_context(
            request,
            slot,
            f"The prompt of {place_of_slot(slot)}",
            slot=slot,
            draft=draft,
            drafts=drafts,
            waiting=waiting,
            no_worker=waiting and not worker_is_present(),
            text=request.POST.get("text", draft.text if draft else ""),
            change=request.POST.get("change", ""),
            writers=writers,
            chosen=_chosen_model(request, draft),
            problem=problem,
            heading=heading,
            place_text=text,
            key=form_key(request) or uuid.uuid4(),
        )
        return TemplateResponse(request, "admin/imagegen/write.html", context)


def _draft_shown(
    request: HttpRequest, slot: ImageSlot, drafts: list[PromptDraft]
) -> PromptDraft | None:
    """The draft that the address or the form names, else the accepted one, else the newest."""
    wanted = number_from(request.POST.get("draft") or request.GET.get("draft")) or slot.draft_id
    return next((row for row in drafts if row.pk == wanted), drafts[0] if drafts else None)


def _is_open(draft: PromptDraft) -> bool:
    """Whether a model is still at it."""
    return draft.job is not None and draft.job.state in GenerationJob.OPEN_STATES


def _writers(slot: ImageSlot) -> tuple[list[Writer], str]:
    """The text models with their cost here, and why there are none."""
    found, reason, house = [], "", writing.house_for([slot])
    for model in texts.text_models():
        try:
            plan = writing.plan_writing(slots=[slot], model=model, house=house)
        except ImagegenError as error:
            reason = str(error)
            continue
        if plan.items:
            found.append(Writer(model, cost_range(plan.low, plan.high)))
        else:
            reason = plan.problems[0].message
    return found, reason


def _chosen_model(request: HttpRequest, draft: PromptDraft | None) -> int | None:
    """The key of the model that was chosen just now, else of the one that wrote the draft."""
    if "writer" in request.POST:
        return number_from(request.POST["writer"])
    return draft.job.model_id if draft and draft.job else None


def _act(
    request: HttpRequest, slot: ImageSlot, draft: PromptDraft | None, writers: list[Writer]
) -> HttpResponse | None:
    """Do what the pressed button says; None if it was refused, so that the input stays."""
    here = reverse("admin:imagegen_imageslot_write", args=[slot.pk])
    if "template" in request.POST:
        made = tell(request, writing.draft_by_template, "The template wrote a draft.", slot=slot)
        return redirect(f"{here}?draft={made.pk}") if made else None
    if "model" in request.POST:
        return _ask_model(request, slot, draft, writers, here)
    if "drop" in request.POST:
        tell(request, writing.drop_draft, "The template and the brief count again.", slot=slot)
        return redirect(here)
    return _keep(request, slot, draft, here)


def _keep(
    request: HttpRequest, slot: ImageSlot, draft: PromptDraft | None, here: str
) -> HttpResponse | None:
    """Keep the text as a draft, and make it the prompt if that was asked."""
    kept = tell(
        request,
        writing.draft_by_hand,
        "The draft is kept.",
        slot=slot,
        text=request.POST.get("text", ""),
        parent=draft,
    )
    if kept is None:
        return None
    if "accept" not in request.POST:
        return redirect(f"{here}?draft={kept.pk}")
    if tell(request, writing.accept_draft, "It is the prompt of this place now.", draft=kept):
        return redirect(reverse("admin:imagegen_imageslot_change", args=[slot.pk]))
    return None


def _ask_model(
    request: HttpRequest,
    slot: ImageSlot,
    draft: PromptDraft | None,
    writers: list[Writer],
    here: str,
) -> HttpResponse | None:
    """Queue the call: anew, or as a change of the draft that is shown."""
    key = number_from(request.POST.get("writer"))
    writer = next((row for row in writers if row.model.pk == key), None)
    if writer is None:
        messages.error(request, "Choose a text model.")
        return None
    if request.POST.get(f"seen_{key}") != writer.cost:
        messages.warning(request, f"It costs {writer.cost} now. Press again to ask for it.")
        return None
    batch = find_batch(form_key(request))  # a second press asks for nothing more
    if batch is None:
        batch = tell(
            request,
            _queue,
            "The prompt is being written.",
            slot=slot,
            model=writer.model,
            change=request.POST.get("change", ""),
            text=request.POST.get("text", ""),
            parent=draft,
            key=form_key(request),
        )
    made = PromptDraft.objects.filter(job__batch=batch).first() if batch else None
    return redirect(f"{here}?draft={made.pk}") if made else None


def _queue(
    *,
    slot: ImageSlot,
    model: ImageModel,
    change: str,
    text: str,
    parent: PromptDraft | None,
    user: Any,
    key: str | None,
) -> GenerationBatch:
    """Ask the model; what was typed since is kept, and part of what should change."""
    refined = None
    if change.strip() and text.strip():
        refined = writing.draft_by_hand(slot=slot, text=text, user=user, parent=parent)
    plan = writing.plan_writing(slots=[slot], model=model, instruction=change, parent=refined)
    return writing.create_writing(
        plan=plan, user=user, door=DOOR, title=f"Prompt for {slot}", idempotency_key=key
    )
