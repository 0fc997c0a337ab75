"""The page on which an image is cropped, focused, or changed by a provider."""

import uuid
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse

from imagegen.admin.base import form_key, refuse, tell
from imagegen.admin.display import link_to
from imagegen.admin.forms import left_out, unready_providers
from imagegen.admin.generation import DOOR, cost_of, was_seen
from imagegen.errors import ImagegenError
from imagegen.models import ImageOutput
from imagegen.services import edits
from imagegen.services.batches import BatchPlan
from providers.models import ImageModel

BUTTONS = ("focus", "crop", "repaint")


def _share(label: str) -> forms.FloatField:
    return forms.FloatField(
        label=label,
        min_value=0,
        max_value=100,
        widget=forms.NumberInput(attrs={"step": "any", "class": "fp-share"}),
    )


class FocusForm(forms.Form):
    """Where crops are made around, in percent."""

    x = _share("From the left, %")
    y = _share("From the top, %")


class RegionForm(forms.Form):
    """A part of the picture, in percent."""

    left = _share("Left, %")
    top = _share("Top, %")
    width = _share("Width, %")
    height = _share("Height, %")

    def region(self) -> list[float]:
        return [self.cleaned_data[name] / 100 for name in ("left", "top", "width", "height")]


class RepaintForm(forms.Form):
    """What a provider should change."""

    instruction = forms.CharField(
        label="What should be different",
        max_length=edits.MAX_INSTRUCTION,
        widget=forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"}),
        error_messages={"required": "Say what should be different."},
    )
    model = forms.ModelChoiceField(ImageModel.objects.none(), empty_label=None)
    inside = forms.BooleanField(
        required=False,
        label="Only inside the part chosen above",
        help_text="Where the model takes a mask.",
    )


class EditingPages:
    """Adds the page "edit" to the admin of images."""

    def edit_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        """One picture, its focal point and a part of it; each form has its own button."""
        if not (self.has_override_permission(request) or self.has_approve_permission(request)):
            raise PermissionDenied
        output = self.get_object_or_none(request, pk)
        if output is None:
            return self.gone(request, pk)
        page = EditPage(self, request, output)
        return page.act() or page.show()


class EditPage:
    """One showing of the page: what was pressed, and what is shown again if it was refused."""

    def __init__(self, model_admin: Any, request: HttpRequest, output: ImageOutput) -> None:
        self.admin, self.request, self.output = model_admin, request, output
        pressed = request.POST if request.method == "POST" else None
        self.pressed = next((name for name in BUTTONS if pressed and name in pressed), "")
        self.focus = FocusForm(
            pressed if self.pressed == "focus" else None,
            initial={"x": round(output.focal_x * 100, 1), "y": round(output.focal_y * 100, 1)},
        )
        whole = {"left": 0, "top": 0, "width": 100, "height": 100}
        self.region = RegionForm(
            pressed if self.pressed in ("crop", "repaint") else None, initial=whole
        )
        models = edits.editing_models() if model_admin.has_generate_permission(request) else []
        unready = unready_providers({row.connection_id for row in models})
        self.left_out = left_out(unready)
        self.models = [row for row in models if row.connection_id not in unready]
        drawn_by = output.attempt.job.model_id if output.attempt else None
        self.repaint = RepaintForm(
            pressed if self.pressed == "repaint" else None, initial={"model": drawn_by}
        )
        self.repaint.fields["model"].help_text = self.left_out
        keys = [model.pk for model in self.models]
        self.repaint.fields["model"].queryset = ImageModel.objects.filter(
            pk__in=keys
        ).select_related("connection")
        self.plan: BatchPlan | None = None

    def act(self) -> HttpResponse | None:
        """Do what was pressed; None if it was refused or nothing was pressed."""
        match self.pressed:
            case "focus" if self.focus.is_valid():
                return self._focus()
            case "crop" if self.region.is_valid():
                return self._crop()
            case "repaint" if self.repaint.is_valid() and self.region.is_valid():
                return self._repaint()
        return None

    def _own_page(self) -> HttpResponse:
        return redirect(self.admin._own_page(self.output))

    def _focus(self) -> HttpResponse | None:
        point = {name: value / 100 for name, value in self.focus.cleaned_data.items()}
        done = tell(
            self.request,
            edits.set_focus,
            "The focal point is set.",
            form=self.focus,
            output=self.output,
            **point,
        )
        return self._own_page() if done else None

    def _crop(self) -> HttpResponse | None:
        made = tell(
            self.request,
            edits.crop_output,
            "The part is a new image; it waits for review.",
            form=self.region,
            output=self.output,
            region=self.region.region(),
        )
        return redirect(self.admin._own_page(made)) if made else None

    def _repaint(self) -> HttpResponse | None:
        """Ask at the price that was seen; a first press shows it."""
        words = self.repaint.cleaned_data
        region = self.region.region() if words["inside"] else None
        try:
            self.plan = edits.plan_edit(
                output=self.output,
                model=words["model"],
                instruction=words["instruction"],
                region=region,
            )
        except ImagegenError as error:
            refuse(self.repaint, error)
            return None
        if not was_seen(self.request, self.plan):
            return None
        batch = tell(
            self.request,
            edits.create_edit,
            "The edit is asked for; what comes waits for review.",
            form=self.repaint,
            plan=self.plan,
            door=DOOR,
            idempotency_key=form_key(self.request),
        )
        return self._own_page() if batch else None

    def show(self) -> HttpResponse:
        context = self.admin.page_context(
            self.request,
            self.output,
            f"Edit image #{self.output.pk}",
            output=self.output,
            focus_form=self.focus,
            region_form=self.region,
            repaint_form=self.repaint if self.models else None,
            left_out=self.left_out,
            plan=self.plan,
            cost=cost_of(self.plan) if self.plan else "",
            key=form_key(self.request) or uuid.uuid4(),
            may_crop=self.admin.has_override_permission(self.request),
            may_focus=self.admin.has_approve_permission(self.request),
            parent=link_to(self.output.parent) if self.output.parent else "",
        )
        return TemplateResponse(self.request, "admin/imagegen/edit.html", context)
