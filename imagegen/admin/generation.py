"""Asking for images from the lists: planned, shown before it costs anything, then queued."""

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from imagegen.admin.base import ConsoleAdmin, Tally, form_key
from imagegen.admin.display import link_to
from imagegen.errors import Refused
from imagegen.models import GenerationBatch, ImageSlot
from imagegen.services.batches import BatchPlan, create_batch, plan_batch
from imagegen.services.review import ask_again, check_askable
from imagegen.services.slots import slots_under_way
from imagegen.services.wording import cost_range
from imagegen.services.workers import worker_is_present

UNASKED = 20  # images that a person may queue with one press, if they are free
DOOR = GenerationBatch.Door.ADMIN


def cost_of(plan: BatchPlan) -> str:
    """What a plan costs, as every page writes it."""
    return cost_range(plan.low, plan.high)


def was_seen(request: HttpRequest, plan: BatchPlan) -> bool:
    """Whether the page that was sent had shown what the plan costs, and that it may fail."""
    doubt_seen = "seen_doubt" in request.POST or not plan.is_doubtful
    return request.POST.get("seen_cost") == cost_of(plan) and doubt_seen


def fetch_for_planning(slots: QuerySet) -> list[ImageSlot]:
    """The rows with what composing their prompts reads, in few statements."""
    rows = slots.select_related("section", "draft")
    return list(rows.prefetch_related("post__tags", "post__sections"))


def ask(
    model_admin: ConsoleAdmin,
    request: HttpRequest,
    *,
    slots: Sequence[ImageSlot],
    action: str,
    title: str,
    tally: Tally,
    again: bool = False,
) -> HttpResponse | None:
    """Queue one image for each place, or show a page that asks first.

    It asks when the images cost something, are many or will probably fail. The confirmed cost
    comes back with the form; if the plan has become dearer meanwhile, it asks again.
    """
    plan = plan_batch(slots=slots)
    for problem in plan.problems:
        tally.fail(str(problem))
    needs_asking = plan.high > 0 or len(plan.items) > UNASKED or plan.is_doubtful
    if plan.items and needs_asking and request.POST.get("confirmed") != cost_of(plan):
        return _confirmation(model_admin, request, plan, action, title, tally)
    if plan.items:
        batch = _queue(request, plan, title, again)
        tally.done += len(plan.items)
        tally.report(request, *_next_steps(batch))
    else:
        tally.report(request)
    return None


def _queue(request: HttpRequest, plan: BatchPlan, title: str, again: bool) -> GenerationBatch:
    """One batch; the form's key keeps a second press from queueing it twice."""
    key = form_key(request)
    if again:
        return ask_again(plan=plan, user=request.user, door=DOOR, title=title, idempotency_key=key)
    posts = {item.slot.post_id for item in plan.items}
    kind = GenerationBatch.Kind.POST if len(posts) == 1 else GenerationBatch.Kind.BACKFILL
    return create_batch(
        plan=plan, user=request.user, door=DOOR, kind=kind, title=title, idempotency_key=key
    )


def _next_steps(batch: GenerationBatch) -> Iterable[SafeString | str]:
    yield format_html("Follow them in {}.", link_to(batch, "their batch"))
    if not worker_is_present():
        yield "No worker is running: they wait until one is started with manage.py run_worker."


def _confirmation(
    model_admin: ConsoleAdmin,
    request: HttpRequest,
    plan: BatchPlan,
    action: str,
    title: str,
    tally: Tally,
) -> TemplateResponse:
    """What is about to be asked for, by post, with count and cost."""
    posts: dict[Any, list] = {}
    for item in plan.items:
        posts.setdefault(item.slot.post, []).append(item)
    context = model_admin.page_context(
        request,
        None,
        title,
        plan=plan,
        cost=cost_of(plan),
        posts=[(post, items, _cost_of_items(items)) for post, items in posts.items()],
        skipped=tally.skipped,
        action=action,
        key=uuid.uuid4(),
        keys=request.POST.getlist(admin.helpers.ACTION_CHECKBOX_NAME),
        across=request.POST.get("select_across", "0"),
    )
    return TemplateResponse(request, "admin/imagegen/confirm_generation.html", context)


def _cost_of_items(items: list) -> str:
    return cost_range(sum(item.low for item in items), sum(item.high for item in items))


def askable(slots: Iterable[ImageSlot], tally: Tally) -> list[ImageSlot]:
    """Those that may be asked for; the others are skipped with the reason."""
    ready = []
    for slot in slots:
        try:
            check_askable(slot)
        except Refused as error:
            tally.skip(str(error))
        else:
            ready.append(slot)
    return ready


def without_those_under_way(slots: Sequence[ImageSlot], tally: Tally) -> list[ImageSlot]:
    """Places that nobody has asked for just now."""
    busy = slots_under_way(slots)
    for slot in slots:
        if slot.pk in busy:
            tally.skip("An image is under way there already.")
    return [slot for slot in slots if slot.pk not in busy]


def regenerate_selected(
    model_admin: ConsoleAdmin, request: HttpRequest, outputs: QuerySet, *, action: str
) -> HttpResponse | None:
    """One more candidate for each place that the selected images belong to."""
    tally = Tally("image", "images", "asked for")
    for _ in range(outputs.filter(slot__isnull=True).count()):
        tally.skip("Some images belong to no place.")
    keys = outputs.filter(slot__isnull=False).order_by().values_list("slot", flat=True).distinct()
    slots = fetch_for_planning(ImageSlot.objects.filter(pk__in=list(keys)))
    return ask(
        model_admin,
        request,
        slots=askable(slots, tally),
        action=action,
        title="Regenerate images",
        tally=tally,
        again=True,
    )
