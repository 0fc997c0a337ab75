"""Images: the list to review, and the page of one with everything known about it."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse

from imagegen.admin.base import (
    PeriodFilter,
    ProviderFilter,
    ReadOnlyAdmin,
    RoleFilter,
    StyleFilter,
    Tally,
    go_back,
    not_posted,
    pictures_of,
    tell,
)
from imagegen.admin.describing import DescribingPages
from imagegen.admin.disclosure import DisclosurePages
from imagegen.admin.display import (
    OUTPUT_SHAPES,
    chip,
    in_a_column,
    label_providers,
    output_cost,
    place_of_output,
    provider_name,
    short_time,
    style_text,
    thumbnail,
    two_lines,
)
from imagegen.admin.editing import EditingPages
from imagegen.admin.forms import AltForm, ApproveForm, CommentForm, RejectForm, answer_of
from imagegen.admin.generation import regenerate_selected
from imagegen.admin.hints import HintFilter, hint_chip
from imagegen.admin.prompts import pretty, prompt_limit
from imagegen.admin.watermarking import WatermarkingPages
from imagegen.models import ImageOutput, SlotAlt
from imagegen.services import alike, alts, edits, review
from prompts.pages import render_prompt

State = ImageOutput.State


@admin.register(ImageOutput)
class ImageOutputAdmin(
    DisclosurePages, DescribingPages, EditingPages, WatermarkingPages, ReadOnlyAdmin
):
    """Stored originals. Reviewing happens here, in the list or on the page of one."""

    list_display = ("picture", "name", "state_chip", "where", "made_with", "price")
    list_display_links = ("picture", "name")
    list_filter = (
        "state",
        HintFilter,
        RoleFilter,
        "kind",
        ProviderFilter,
        StyleFilter,
        PeriodFilter,
    )
    list_select_related = ("slot",)
    search_fields = ("prompt_text", "post_title")
    search_help_text = "Words of the prompt or of the post’s title."
    actions = (
        "approve_selected",
        "reject_selected",
        "regenerate",
        "undo_selected",
        "describe",
        "watermark_selected",
    )
    change_form_template = "admin/imagegen/output.html"
    page_related = (
        "slot__post",
        "attempt__job__batch",
        "attempt__job__model__connection",
        "prompt",
    )
    change_list_template = "admin/imagegen/change_list.html"
    empty_state = (
        "Every picture that was drawn or uploaded is listed here, with its review state. "
        "Choose posts in the list of posts and ask for their missing images to begin."
    )

    class Media:
        css = {"all": ["prompts/prompts.css"]}
        js = ["prompts/prompts.js", "imagegen/follow.js"]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup == "slot__id" or super().lookup_allowed(lookup, value, request)

    def decorate(self, rows: list[ImageOutput]) -> None:
        label_providers(rows)

    # --- Columns ------------------------------------------------------------------------

    @admin.display(description="picture")
    def picture(self, output: ImageOutput) -> str:
        return thumbnail(output)

    @admin.display(description="image")
    def name(self, output: ImageOutput) -> str:
        return two_lines(f"#{output.pk}", short_time(output.created_at))

    @admin.display(description="state")
    def state_chip(self, output: ImageOutput) -> str:
        word = output.get_state_display().lower()
        state = chip(OUTPUT_SHAPES[output.state], word)
        if output.reject_reason:
            return two_lines(state, output.get_reject_reason_display())
        return two_lines(state, hint_chip(output)) if output.hints else state

    @admin.display(description="post and place")
    def where(self, output: ImageOutput) -> str:
        return two_lines(
            in_a_column(output.post_title or "No post"), in_a_column(place_of_output(output))
        )

    @admin.display(description="made with")
    def made_with(self, output: ImageOutput) -> str:
        if output.kind == ImageOutput.Kind.UPLOADED:
            return "uploaded"
        return two_lines(provider_name(output), style_text(output))

    @admin.display(description="cost")
    def price(self, output: ImageOutput) -> str:
        return output_cost(output)

    # --- Actions ------------------------------------------------------------------------

    @admin.action(permissions=["approve"], description="Approve selected images")
    def approve_selected(self, request: HttpRequest, queryset: QuerySet) -> None:
        tally = Tally("image", "images", "approved")
        for output in queryset:
            with tally.count():
                review.approve_output(output=output, user=request.user)
        tally.report(request)

    @admin.action(permissions=["approve"], description="Reject selected images…")
    def reject_selected(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        """Asks for the reason on a page of its own, then rejects."""
        form = RejectForm(request.POST if "rejecting" in request.POST else None)
        if not form.is_valid():
            context = self.page_context(
                request,
                None,
                "Reject images",
                form=form,
                outputs=queryset[:100],
                count=queryset.count(),
                action="reject_selected",
                keys=request.POST.getlist(admin.helpers.ACTION_CHECKBOX_NAME),
                across=request.POST.get("select_across", "0"),
            )
            return TemplateResponse(request, "admin/imagegen/reject.html", context)
        tally = Tally("image", "images", "rejected")
        for output in queryset:
            with tally.count():
                review.reject_output(output=output, user=request.user, **form.cleaned_data)
        tally.report(request)
        return None

    @admin.action(permissions=["generate"], description="Regenerate: one more for each place")
    def regenerate(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        return regenerate_selected(self, request, queryset, action="regenerate")

    @admin.action(permissions=["approve"], description="Take decisions back (undo)")
    def undo_selected(self, request: HttpRequest, queryset: QuerySet) -> None:
        tally = Tally("decision", "decisions", "taken back")
        for output in queryset:
            with tally.count():
                review.undo_review(output=output, user=request.user)
        tally.report(request)

    # --- Pages --------------------------------------------------------------------------

    def get_urls(self) -> list:
        pages = {
            "approve": self.approve_view,
            "reject": self.reject_view,
            "undo": self.undo_view,
            "choose": self.choose_view,
            "alt": self.alt_view,
            "comment": self.comment_view,
            "describe": self.describe_view,
            "edit": self.edit_view,
            "disclose": self.disclose_view,
        }
        own = [
            path(
                f"<path:pk>/{name}/",
                self.admin_site.admin_view(view),
                name=f"imagegen_imageoutput_{name}",
            )
            for name, view in pages.items()
        ]
        return own + super().get_urls()

    def facts(self, request: HttpRequest, row: ImageOutput) -> dict[str, Any]:
        output, slot = row, row.slot
        job = output.attempt.job if output.attempt else None
        alt = self._alt(output)
        words, decorative = alts.first_words(output, slot)
        return {
            "output": output,
            "slot": slot,
            "job": job,
            "prompt": render_prompt(output.prompt.composed, prompt_limit(job))
            if output.prompt
            else "",
            "parameters": pretty(output.parameters),
            "alike": alike.alike(output),
            "is_choice": bool(slot and slot.choice_id == output.pk),
            "alt": alt,
            "approve_form": ApproveForm(
                initial={
                    "alt": words,
                    "decorative": decorative,
                    "could_be_real": answer_of(output),
                }
            ),
            "alt_form": AltForm(
                initial={"alt": alt.text, "decorative": alt.decorative}
                if alt
                else {"alt": words, "decorative": decorative}
            ),
            "comment_form": CommentForm(auto_id="id_comment_%s"),
            "events": output.events.select_related("previous_choice"),
            "siblings": pictures_of(slot).exclude(pk=output.pk)[:12] if slot else [],
            "lineage": edits.lineage(output),
            "may_edit": self.has_approve_permission(request)
            or self.has_override_permission(request),
            "may_approve": self.has_approve_permission(request),
            "may_generate": self.has_generate_permission(request),
            **self.describe_facts(request, output),
            **self.watermark_facts(request, output),
            **self.disclosure_facts(request, output),
        }

    def _alt(self, output: ImageOutput) -> SlotAlt | None:
        if output.slot is None:
            return None
        language = alts.alt_language(output.slot)
        return output.slot_alts.filter(slot=output.slot, language=language).first()

    def _output(self, request: HttpRequest, pk: str) -> ImageOutput | None:
        """The image of an own page, for those who may review; 403 for others."""
        if not self.has_approve_permission(request):
            raise PermissionDenied
        return self.get_object_or_none(request, pk)

    def _own_page(self, output: ImageOutput) -> str:
        return reverse("admin:imagegen_imageoutput_change", args=[output.pk])

    def _decide(
        self, request: HttpRequest, pk: str, service: Any, success: str, **more: Any
    ) -> HttpResponse:
        """Carry out one decision that was posted, and go back to where it was made."""
        output = self._output(request, pk)
        if output is None:
            return self.gone(request, pk)
        if request.method != "POST":
            return not_posted()
        tell(request, service, success.format(output=output.pk), output=output, **more)
        return go_back(request, self._own_page(output))

    def _decide_by(
        self, request: HttpRequest, pk: str, service: Any, success: str, form: Form, name: str
    ) -> HttpResponse:
        """Carry out what a form of the image's page says; refused, the page keeps the input."""
        output = self._output(request, pk)
        if output is None:
            return self.gone(request, pk)
        if request.method != "POST":
            return not_posted()
        words = form.cleaned_data if form.is_valid() else {}
        done = success.format(output=output.pk)
        if not form.errors and tell(request, service, done, form=form, output=output, **words):
            return go_back(request, self._own_page(output))
        request.method = "GET"  # the page is shown again, nothing is saved
        return self.change_view(request, pk, "", {name: form})

    def approve_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        service, done = review.approve_output, "Image #{output} approved."
        # A list's quick button sends no words: then the draft of the alt text stands.
        if not ApproveForm.base_fields.keys() & request.POST.keys():
            return self._decide(request, pk, service, done)
        return self._decide_by(
            request, pk, service, done, ApproveForm(request.POST), "approve_form"
        )

    def alt_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        def write(alt: str, **more: Any) -> SlotAlt:
            return alts.write_alt(text=alt, **more)

        done = "Alt text of image #{output} saved."
        return self._decide_by(request, pk, write, done, AltForm(request.POST), "alt_form")

    def undo_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        return self._decide(
            request, pk, review.undo_review, "Decision about image #{output} taken back."
        )

    def choose_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        return self._decide(
            request, pk, review.choose_output, "Image #{output} is the choice of its place now."
        )

    def comment_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        form = CommentForm(request.POST, auto_id="id_comment_%s")
        return self._decide_by(
            request, pk, review.comment_on, "Comment saved.", form, "comment_form"
        )

    def reject_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        """The reason of one rejection."""
        output = self._output(request, pk)
        if output is None:
            return self.gone(request, pk)
        form = RejectForm(request.POST or None)
        done = f"Image #{output.pk} rejected."
        if form.is_valid() and tell(
            request, review.reject_output, done, form=form, output=output, **form.cleaned_data
        ):
            return go_back(request, self._own_page(output))
        context = self.page_context(
            request, output, f"Reject image #{output.pk}", form=form, outputs=[output], count=1
        )
        return TemplateResponse(request, "admin/imagegen/reject.html", context)
