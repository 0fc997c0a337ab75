"""Places: what each shows, its candidates, and what can be done about it."""

import uuid
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, F, OuterRef, Prefetch, QuerySet, Subquery, TextField
from django.db.models import prefetch_related_objects as prefetch
from django.forms import Textarea
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse

from imagegen.admin.attaching import AttachingPages
from imagegen.admin.base import (
    ConsoleAdmin,
    PeriodFilter,
    RoleFilter,
    Tally,
    form_key,
    go_back,
    not_posted,
    one_picture_each,
    pictures_of,
    tell,
)
from imagegen.admin.display import (
    DASH,
    in_a_column,
    label_providers,
    place_of_slot,
    slot_chip,
    thumbnail,
    two_lines,
)
from imagegen.admin.forms import CommentForm, RegenerateForm, UploadForm
from imagegen.admin.generation import (
    DOOR,
    ask,
    askable,
    cost_of,
    fetch_for_planning,
    was_seen,
    without_those_under_way,
)
from imagegen.admin.prompts import prompt_limit_of
from imagegen.admin.writing import WritingPages
from imagegen.errors import ImagegenError, NotPermitted
from imagegen.models import GenerationJob, ImageOutput, ImageSlot
from imagegen.services import review, slots
from imagegen.services.batches import GenerationOptions, plan_batch
from prompts.pages import render_prompt

SHOWN_CARDS = 24


class SlotStateFilter(admin.SimpleListFilter):
    """States of a place that a person looks for; each asks the database only when chosen."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list:
        return [
            ("missing", "Missing: nothing there"),
            ("review", "To review"),
            ("chosen", "Chosen"),
            ("stale", "Text changed since"),
            ("not_wanted", "Not wanted"),
            ("detached", "Detached"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        waiting = ImageOutput.objects.filter(state=ImageOutput.State.CANDIDATE, slot__isnull=False)
        chosen = queryset.filter(wanted=True, choice__isnull=False)
        match self.value():
            case "missing":
                return queryset.filter(pk__in=ImageSlot.objects.missing().values("pk"))
            case "review":
                return queryset.filter(wanted=True, pk__in=waiting.values("slot"))
            case "chosen":
                return chosen.filter(chosen_text_hash=F("text_hash"))
            case "stale":
                return chosen.exclude(chosen_text_hash=F("text_hash"))
            case "not_wanted":
                return queryset.filter(wanted=False)
            case "detached":
                return queryset.filter(pk__in=ImageSlot.objects.detached().values("pk"))
        return queryset


@admin.register(ImageSlot)
class ImageSlotAdmin(WritingPages, AttachingPages, ConsoleAdmin):
    """Places for pictures. They follow the posts; their wishes and pictures are decided here."""

    list_display = ("picture", "where", "state_chip", "waiting", "brief_start")
    list_display_links = ("picture", "where")
    list_filter = (SlotStateFilter, RoleFilter, PeriodFilter)
    list_select_related = ("choice",)
    search_fields = ("post_title", "section_heading")
    search_help_text = "Words of the post’s title or the section’s heading."
    ordering = ("-post_id", "pk")
    actions = ("generate", "want", "do_not_want")
    fields = ("brief", "caption")
    formfield_overrides = {
        TextField: {"widget": Textarea(attrs={"rows": 3, "class": "vLargeTextField"})}
    }
    change_form_template = "admin/imagegen/slot.html"
    page_related = ("post", "section", "choice", "draft")
    change_list_template = "admin/imagegen/change_list.html"
    empty_state = (
        "A place is where a post can show a picture: its hero, its social card and each of its "
        "sections. Places come by themselves with the first post."
    )

    class Media:
        css = {"all": ["prompts/prompts.css"]}
        js = ["prompts/prompts.js"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup in ("post__id", "post__id__exact") or super().lookup_allowed(
            lookup, value, request
        )

    def get_ordering(self, request: HttpRequest) -> tuple:
        """Within one post in reading order; the whole table by its own index."""
        if request.GET.get("post__id") or request.GET.get("post__id__exact"):
            return ("role", "section__position", "pk")
        return self.ordering

    def decorate(self, rows: list[ImageSlot]) -> None:
        """How many candidates wait, the newest of them, and the open jobs."""
        candidates = ImageOutput.objects.filter(state=ImageOutput.State.CANDIDATE)
        waiting = candidates.filter(slot=OuterRef("slot")).order_by().values("slot")
        newest = one_picture_each(
            ImageSlot.objects.filter(pk__in=[slot.pk for slot in rows]),
            candidates.filter(slot=OuterRef("pk")).order_by("-pk"),
        ).annotate(waiting=Subquery(waiting.annotate(n=Count("pk")).values("n")))
        by_slot = {image.slot_id: image for image in newest}
        open_jobs = GenerationJob.objects.filter(kind="image", state__in=GenerationJob.OPEN_STATES)
        prefetch(rows, Prefetch("jobs", open_jobs, to_attr="under_way"))
        for slot in rows:
            slot.newest_candidate = by_slot.get(slot.pk)
            slot.candidates = slot.newest_candidate.waiting if slot.newest_candidate else 0

    def save_model(self, request: HttpRequest, obj: ImageSlot, form: Any, change: bool) -> None:
        """Writes only what the form shows: a worker may change the rest meanwhile."""
        obj.save(update_fields=form.changed_data or ["brief"])

    # --- Columns ------------------------------------------------------------------------

    @admin.display(description="picture")
    def picture(self, slot: ImageSlot) -> str:
        return thumbnail(slot.choice or slot.newest_candidate)

    @admin.display(description="place and post")
    def where(self, slot: ImageSlot) -> str:
        return two_lines(
            in_a_column(place_of_slot(slot)), in_a_column(slot.post_title or "No post")
        )

    @admin.display(description="state")
    def state_chip(self, slot: ImageSlot) -> str:
        return slot_chip(slot)

    @admin.display(description="to review")
    def waiting(self, slot: ImageSlot) -> str:
        return str(slot.candidates) if slot.candidates else DASH

    @admin.display(description="brief")
    def brief_start(self, slot: ImageSlot) -> str:
        return slot.brief[:80] or DASH

    # --- Actions ------------------------------------------------------------------------

    @admin.action(permissions=["generate"], description="Generate an image for selected places")
    def generate(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        tally = Tally("image", "images", "asked for")
        rows = askable(fetch_for_planning(queryset), tally)
        return ask(
            self,
            request,
            slots=without_those_under_way(rows, tally),
            action="generate",
            title="Generate images for places",
            tally=tally,
        )

    @admin.action(permissions=["generate"], description="Want a picture for selected places")
    def want(self, request: HttpRequest, queryset: QuerySet) -> None:
        self._set_wanted(request, queryset, True)

    @admin.action(permissions=["generate"], description="Want no picture for selected places")
    def do_not_want(self, request: HttpRequest, queryset: QuerySet) -> None:
        self._set_wanted(request, queryset, False)

    def _set_wanted(self, request: HttpRequest, queryset: QuerySet, wanted: bool) -> None:
        tally = Tally("place", "places", "wanted" if wanted else "not wanted now")
        for slot in queryset:
            if slot.wanted == wanted:
                tally.skip()
                continue
            with tally.count():
                slots.set_wanted(slot=slot, wanted=wanted, user=request.user)
        tally.report(request)

    # --- Pages --------------------------------------------------------------------------

    def get_urls(self) -> list:
        pages = {
            "regenerate": self.regenerate_view,
            "upload": self.upload_view,
            "want": self.want_view,
            "keep": self.keep_view,
            "attach": self.attach_view,
            "comment": self.comment_view,
            "write": self.write_view,
        }
        own = [
            path(
                f"<path:pk>/{name}/",
                self.admin_site.admin_view(view),
                name=f"imagegen_imageslot_{name}",
            )
            for name, view in pages.items()
        ]
        return own + super().get_urls()

    def facts(self, request: HttpRequest, row: ImageSlot) -> dict[str, Any]:
        slot = row
        self.decorate([slot])
        outputs = list(pictures_of(slot).select_related("slot")[: SHOWN_CARDS + 1])
        is_crowded = len(outputs) > SHOWN_CARDS
        outputs = outputs[:SHOWN_CARDS]
        label_providers([*outputs, *slot.under_way])
        text = slots.slot_text(slot)
        return {
            "slot": slot,
            "is_detached": ImageSlot.objects.detached().filter(pk=slot.pk).exists(),
            "outputs": outputs,
            "in_all": slot.outputs.count() if is_crowded else 0,
            "alts": slot.alts.select_related("output", "accepted_by").filter(
                output=slot.choice_id or 0
            ),
            "heading": text.partition("\n")[0],
            "text": text.partition("\n")[2],
            "events": slot.events.select_related("output")[:50],
            "failed_jobs": slot.jobs.filter(
                state__in=("failed", "refused", "unknown", "cancelled")
            )[:5],
            "comment_form": CommentForm(),
            "may_approve": self.has_approve_permission(request),
            "may_generate": self.has_generate_permission(request),
            "may_override": self.has_override_permission(request),
        }

    def _slot(self, request: HttpRequest, pk: str, allowed: bool) -> ImageSlot | None:
        """The place of an own page, for those who hold the permission; 403 for others."""
        if not allowed:
            raise PermissionDenied
        return self.get_object_or_none(request, pk)

    def _own_page(self, slot: ImageSlot) -> str:
        return reverse("admin:imagegen_imageslot_change", args=[slot.pk])

    def regenerate_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        """One more candidate: choose how, see what it costs and what will be sent, ask."""
        slot = self._slot(request, pk, self.has_generate_permission(request))
        if slot is None:
            return self.gone(request, pk)
        described = "" if slot.draft_id else slot.brief
        form = RegenerateForm(request.POST or None, initial={"description": described})
        item = problem = None
        if not form.is_bound or form.is_valid():
            options = form.options() if form.is_bound else GenerationOptions()
            plan = plan_batch(slots=[slot], options=options)
            item = plan.items[0] if plan.items else None
            problem = plan.problems[0].message if plan.problems else None
            asked = "ask" in request.POST and was_seen(request, plan)
            if item and asked and self._ask_again(request, slot, form):
                return go_back(request, self._own_page(slot))
        context = self.page_context(
            request,
            slot,
            f"{'Another' if slot.outputs.exists() else 'A'} picture for {place_of_slot(slot)}",
            form=form,
            item=item,
            problem=problem,
            cost=cost_of(plan) if item else "",
            prompt=render_prompt(item.composed, prompt_limit_of(item.direction.model))
            if item
            else "",
            changed="ask" in request.POST and item is not None,
            key=form_key(request) or uuid.uuid4(),
        )
        return TemplateResponse(request, "admin/imagegen/regenerate.html", context)

    def _ask_again(self, request: HttpRequest, slot: ImageSlot, form: RegenerateForm) -> Any:
        return tell(
            request,
            review.regenerate_slot,
            f"One more picture is asked for “{slot}”.",
            slot=slot,
            form=form,
            door=DOOR,
            note=form.cleaned_data["note"],
            options=form.options(),
            idempotency_key=form_key(request),
        )

    def upload_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        """An own picture instead of a drawn one. It is approved and shown at once."""
        slot = self._slot(request, pk, self.has_override_permission(request))
        if slot is None:
            return self.gone(request, pk)
        form = UploadForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid() and self._upload(request, slot, form):
            return go_back(request, self._own_page(slot))
        context = self.page_context(
            request, slot, f"Upload a picture for {place_of_slot(slot)}", form=form, slot=slot
        )
        return TemplateResponse(request, "admin/imagegen/upload.html", context)

    def _upload(self, request: HttpRequest, slot: ImageSlot, form: UploadForm) -> bool:
        """Store and choose it; what is wrong with the file is said at the file's field."""
        try:
            review.override_slot(slot=slot, user=request.user, **form.cleaned_data)
        except NotPermitted as error:
            raise PermissionDenied(str(error)) from error
        except ImagegenError as error:
            form.add_error("file", str(error))
            return False
        messages.success(request, f"The picture is uploaded and chosen for “{slot}”.")
        return True

    def _act(
        self,
        request: HttpRequest,
        pk: str,
        allowed: bool,
        service: Any,
        success: str,
        **arguments: Any,
    ) -> HttpResponse:
        """Carry out one act that was posted, and go back to where it was asked for."""
        slot = self._slot(request, pk, allowed)
        if slot is None:
            return self.gone(request, pk)
        if request.method != "POST":
            return not_posted()
        tell(request, service, success.format(slot=slot), slot=slot, **arguments)
        return go_back(request, self._own_page(slot))

    def want_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        wish = request.POST.get("wish", "")
        return self._act(
            request,
            pk,
            self.has_generate_permission(request),
            slots.set_wanted,
            "“{slot}” is " + ("not wanted now." if wish == "none" else "wanted now."),
            wanted=wish != "none",
            own_social=wish == "own",
        )

    def keep_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        allowed = self.has_approve_permission(request)
        return self._act(request, pk, allowed, review.keep_choice, "The picture is kept.")

    def comment_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        allowed = self.has_approve_permission(request)
        note = request.POST.get("note", "")
        return self._act(request, pk, allowed, review.comment_on, "Comment saved.", note=note)
