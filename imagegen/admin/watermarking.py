"""Watermarks on the pages of images: which one each bears, for one or many."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path

from imagegen.admin.base import Tally, go_back, not_posted, number_from, tell
from imagegen.admin.watermarks import look_of, proof_address
from imagegen.models import ImageOutput, StyleTreatment, WatermarkProfile
from imagegen.services import watermarks
from imagegen.services.watermark_profiles import following_watermarks
from imagegen.services.watermarks import Watermarking

SHOWN = 100  # pictures on the page that asks


class WatermarkChoiceForm(forms.Form):
    """With which watermark readers see images."""

    watermark = forms.ChoiceField(
        widget=forms.RadioSelect,
        error_messages={"required": "Choose one.", "invalid_choice": "Choose one."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = [(str(row.pk), str(row)) for row in WatermarkProfile.objects.filter(is_active=True)]
        self.fields["watermark"].choices = [
            (Watermarking.INHERIT, Watermarking.INHERIT.label),
            (Watermarking.NONE, Watermarking.NONE.label),
            *own,
        ]

    def choice(self) -> dict[str, Any]:
        """The valid input as the service takes it."""
        word = self.cleaned_data["watermark"]
        if word in (Watermarking.INHERIT, Watermarking.NONE):
            return {"watermarking": word, "profile": None}
        profile = WatermarkProfile.objects.filter(pk=number_from(word)).first()
        return {"watermarking": Watermarking.PROFILE, "profile": profile}


class TreatmentForm(forms.ModelForm):
    """What a style's pictures get; a watermark and none cannot both be."""

    class Meta:
        model = StyleTreatment
        fields = ("style", "label", "watermark", "without_watermark")
        labels = {"without_watermark": "No watermark"}
        help_texts = {
            "watermark": "Empty: as the site says. An image may still choose otherwise.",
            "without_watermark": "Its pictures bear none, whatever the site says.",
        }

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("watermark") and data.get("without_watermark"):
            self.add_error("without_watermark", "Choose a watermark or none, not both.")
        return data


class TreatmentWatermarks:
    """Saves and deletes treatments of styles so that their pictures follow."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        with following_watermarks():
            super().save_model(request, obj, form, change)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        with following_watermarks():
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet) -> None:
        with following_watermarks():
            super().delete_queryset(request, queryset)


class WatermarkingPages:
    """Adds to the admin of images the action of the list and the part of an image's page."""

    @admin.action(permissions=["approve"], description="Watermark selected images…")
    def watermark_selected(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        """Asks for the watermark on a page of its own, then sets it."""
        form = WatermarkChoiceForm(request.POST if "watermarking" in request.POST else None)
        if not form.is_valid():
            context = self.page_context(
                request,
                None,
                "Watermark images",
                form=form,
                outputs=queryset[:SHOWN],
                count=queryset.count(),
                action="watermark_selected",
                keys=request.POST.getlist(admin.helpers.ACTION_CHECKBOX_NAME),
                across=request.POST.get("select_across", "0"),
            )
            return TemplateResponse(request, "admin/imagegen/watermark_choice.html", context)
        tally = Tally("image", "images", "changed")
        with tally.count():
            answer = watermarks.set_watermark(outputs=queryset, user=request.user, **form.choice())
            tally.done += answer.changed - 1
            if answer.unchanged:
                tally.skip("Some are set so already.")
                tally.skipped += answer.unchanged - 1
        tally.report(request)
        return None

    def get_urls(self) -> list:
        pages = {"watermark": self.watermark_view, "unwatermark": self.unwatermark_view}
        own = [
            path(
                f"<path:pk>/{name}/",
                self.admin_site.admin_view(view),
                name=f"imagegen_imageoutput_{name}",
            )
            for name, view in pages.items()
        ]
        return own + super().get_urls()

    def watermark_facts(self, request: HttpRequest, output: ImageOutput) -> dict[str, Any]:
        """What `_output_watermark.html` needs."""
        treatments = watermarks.read_treatments()
        profile = watermarks.profile_for(output, treatments)
        is_own = output.watermarking == Watermarking.PROFILE and output.watermark_id
        chosen = output.watermark_id if is_own else output.watermarking
        before = watermarks.choice_before(output)
        proof = ""
        if profile is not None and output.preview_path:
            proof = proof_address({**look_of(profile), "output": output.pk}, profile)
        return {
            "watermark": profile,
            "watermark_decided": watermarks.decided_by(output, treatments),
            "watermark_proof": proof,
            "watermark_form": WatermarkChoiceForm(initial={"watermark": chosen}),
            "watermark_before": before and watermarks.in_words(*before),
        }

    def watermark_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Set the watermark of one image."""
        output = self._output(request, pk)
        if output is None:
            return self.gone(request, pk)
        if request.method != "POST":
            return not_posted()
        form = WatermarkChoiceForm(request.POST)
        if form.is_valid():
            self._tell_set(request, output, form.choice())
        else:
            messages.error(request, "Choose one of the watermarks.")
        return go_back(request, self._own_page(output))

    def _tell_set(self, request: HttpRequest, output: ImageOutput, choice: dict[str, Any]) -> None:
        words = watermarks.in_words(**choice)
        done = f"Watermark of image #{output.pk}: {words}."
        tell(request, watermarks.set_watermark, done, outputs=[output], **choice)

    def unwatermark_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Set it back to what it was before the last change."""
        return self._decide(
            request, pk, watermarks.undo_watermark, "Watermark of image #{output} set back."
        )
