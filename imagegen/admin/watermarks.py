"""Watermarks: the list of them, and the form with a picture to judge one by."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import path, reverse
from django.utils.html import format_html

from imagegen.admin.base import ConsoleAdmin, Tally, number_from
from imagegen.admin.display import DASH, chip, two_lines
from imagegen.errors import ImagegenError, NotPermitted
from imagegen.imaging.proofs import SAMPLES
from imagegen.models import ImageOutput, WatermarkProfile
from imagegen.services import watermark_files, watermark_profiles
from imagegen.services.access import may, may_see_previews
from imagegen.services.watermarks import spec_of

LOOK = ("kind", "text", "position", "margin", "size", "opacity")


class PercentField(forms.FloatField):
    """A share, shown and typed as a percentage. Empty stays empty."""

    def __init__(self, *, low: float, high: float, **options: Any) -> None:
        widget = forms.NumberInput(attrs={"class": "vSmallNumber"})
        super().__init__(min_value=low, max_value=high, step_size=None, widget=widget, **options)
        self.widget.attrs.update({"step": "any", "inputmode": "decimal"})

    def to_python(self, value: Any) -> float | None:
        number = super().to_python(str(value).rstrip("% ") if value else value)
        return None if number is None else round(number / 100, 6)

    def prepare_value(self, value: Any) -> Any:
        """What was typed comes back as it was."""
        return f"{value * 100:g}" if isinstance(value, float) else value

    def run_validators(self, value: Any) -> None:
        """Said in the percentages that were typed."""
        super().run_validators(value if value is None else round(value * 100, 4))


class LookForm(forms.ModelForm):
    """How a watermark looks, without its name: all that a trial needs."""

    margin = PercentField(
        low=0, high=25, initial=0.03, help_text="Percent of the picture’s short side."
    )
    size = PercentField(
        low=1,
        high=100,
        required=False,
        help_text=(
            "Percent of the short side: the height of a text, the width of a logo. "
            "Empty: 3.5 for a text, 15 for a logo."
        ),
    )
    opacity = PercentField(
        low=5, high=100, required=False, help_text="Percent. Empty: 72, or 22 for a tiled one."
    )

    class Meta:
        model = WatermarkProfile
        fields = LOOK
        help_texts = {"text": "Such as © and a name, in Latin letters of any language."}

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if self.errors:
            return data
        if data["size"] is None:
            data["size"] = watermark_profiles.standard_size(data["kind"])
        if data["opacity"] is None:
            data["opacity"] = watermark_profiles.standard_opacity(data["position"])
        self._check(data)
        return data

    def _check(self, data: dict[str, Any]) -> None:
        """Ask the service, and say what it refuses where it can be changed."""
        look = WatermarkProfile(
            logo_path=self.instance.logo_path, **{name: data[name] for name in LOOK}
        )
        if stored := data.get("logo"):
            look.logo_path = stored.path
        try:
            watermark_profiles.check_profile(look)
        except ImagegenError as error:
            where = "logo" if data["kind"] == WatermarkProfile.Kind.LOGO else "text"
            self.add_error(where if where in self.fields else None, str(error))


class WatermarkForm(LookForm):
    """A watermark with its name, its logo and where it counts."""

    user: Any = None  # set by the admin
    logo = forms.FileField(
        required=False,
        widget=forms.FileInput(attrs={"accept": "image/png"}),
        help_text=(
            "A PNG with a clear ground, at most 2 MB. A logo of one colour becomes white or dark "
            "as its ground asks for; one of several keeps its colours."
        ),
    )

    class Meta(LookForm.Meta):
        fields = ("name", *LOOK, "is_default", "is_active")
        labels = {"is_default": "The site’s own"}
        help_texts = {
            **LookForm.Meta.help_texts,
            "is_default": "On every picture for which nothing else is chosen. There is only one.",
            "is_active": "Switched off, it counts as not chosen; its pictures show what they "
            "would without it.",
        }

    def clean_logo(self) -> watermark_files.StoredLogo | None:
        file = self.cleaned_data["logo"]
        if not file:
            return None
        try:
            return watermark_files.store_logo(file=file, user=self.user)
        except ImagegenError as error:
            raise forms.ValidationError(str(error)) from error

    def is_valid(self) -> bool:
        """The button that only shows a preview saves nothing."""
        return super().is_valid() and "_preview" not in self.data

    def _get_validation_exclusions(self) -> set[str]:
        # The service moves the mark of the site's own: another that has it is no mistake.
        return {*super()._get_validation_exclusions(), "is_default"}


@admin.register(WatermarkProfile)
class WatermarkProfileAdmin(ConsoleAdmin):
    """Watermarks. Which picture bears which is decided at the picture, its style, or here."""

    form = WatermarkForm
    list_display = ("proof", "name", "mark", "shown", "state")
    list_display_links = ("proof", "name")
    search_fields = ("name", "text")
    ordering = ("name",)
    actions = ("reapply_selected",)
    fieldsets = (
        (None, {"fields": ("name", "kind", "text", "logo")}),
        ("Look", {"fields": ("position", "margin", "size", "opacity")}),
        ("Where it counts", {"fields": ("is_default", "is_active")}),
    )
    change_form_template = "admin/imagegen/watermark.html"
    change_list_template = "admin/imagegen/change_list.html"
    empty_state = (
        "A watermark is a text or a logo over the pictures that readers see; the originals keep "
        "clean. Add one and tick “The site’s own” to have it on every picture."
    )

    class Media:
        js = ["imagegen/watermark.js", "imagegen/follow.js"]

    # --- Who may ------------------------------------------------------------------------

    def has_configure_permission(self, request: HttpRequest) -> bool:
        return may(request.user, "configure")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_configure_permission(request) and super().has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed = self.has_configure_permission(request)
        return allowed and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed = self.has_configure_permission(request)
        return allowed and super().has_delete_permission(request, obj)

    # --- Columns ------------------------------------------------------------------------

    def decorate(self, rows: list[WatermarkProfile]) -> None:
        for row, so_far in zip(rows, watermark_profiles.progress(*rows), strict=True):
            row.progress = so_far

    @admin.display(description="preview")
    def proof(self, profile: WatermarkProfile) -> str:
        return format_html(
            '<span class="fp-thumb"><img src="{}" alt="{}" width="640" height="426" '
            'loading="lazy" decoding="async"></span>',
            proof_address(look_of(profile), profile),
            f"A sample with {profile}",
        )

    @admin.display(description="mark")
    def mark(self, profile: WatermarkProfile) -> str:
        is_text = profile.kind == WatermarkProfile.Kind.TEXT
        what = f"“{profile.text}”" if is_text else "A logo"
        return two_lines(what, profile.get_position_display())

    @admin.display(description="shown on")
    def shown(self, profile: WatermarkProfile) -> str:
        return str(profile.progress) if profile.progress.places else DASH

    @admin.display(description="state")
    def state(self, profile: WatermarkProfile) -> str:
        if not profile.is_active:
            return chip("off", "switched off")
        return chip("good", "the site’s own") if profile.is_default else chip("wait", "on choice")

    # --- Changing -----------------------------------------------------------------------

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A new one begins with the site's name, so that there is something to see."""
        return {"text": f"© {settings.SITE_NAME}", **super().get_changeform_initial_data(request)}

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> type:
        form = super().get_form(request, obj, **kwargs)
        form.user = request.user
        return form

    def save_model(
        self, request: HttpRequest, obj: WatermarkProfile, form: WatermarkForm, change: bool
    ) -> None:
        if logo := form.cleaned_data["logo"]:
            obj.logo_path, obj.logo_sha256 = logo.path, logo.sha256
        watermark_profiles.save_profile(profile=obj, user=request.user)

    def delete_model(self, request: HttpRequest, obj: WatermarkProfile) -> None:
        watermark_profiles.remove_profile(profile=obj, user=request.user)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet) -> None:
        for profile in queryset:
            self.delete_model(request, profile)

    @admin.action(permissions=["configure"], description="Apply again to all of their pictures")
    def reapply_selected(self, request: HttpRequest, queryset: QuerySet) -> None:
        tally = Tally("watermark", "watermarks", "applied again")
        places = 0
        for profile in queryset:
            with tally.count():
                places += watermark_profiles.reapply(profile=profile, user=request.user).due
        tally.report(request, f"{places:,} places are looked through in the background.")

    # --- Pages --------------------------------------------------------------------------

    def get_urls(self) -> list:
        view = self.admin_site.admin_view(self.proof_view)
        return [path("proof/", view, name="imagegen_watermarkprofile_proof"), *super().get_urls()]

    def facts(self, request: HttpRequest, row: WatermarkProfile) -> dict[str, Any]:
        return {"progress": watermark_profiles.progress(row)[0]}

    def render_change_form(
        self, request: HttpRequest, context: dict, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Adds the picture, of what is typed now if that is what was asked for."""
        typed = request.POST if request.method == "POST" else request.GET
        form, original = context["adminform"].form, context.get("original")
        values = {name: form[name].value() for name in LOOK if name in form.fields}
        values = values or look_of(original or WatermarkProfile())
        context |= {
            "samples": [*SAMPLES],
            "sample": typed.get("sample") if typed.get("sample") in SAMPLES else "light",
            "on_image": number_from(typed.get("output")) or "",
            "proof_base": reverse("admin:imagegen_watermarkprofile_proof"),
        }
        more = {"sample": context["sample"], "output": context["on_image"]}
        context["proof_url"] = proof_address({**values, **more}, original)
        return super().render_change_form(request, context, *args, **kwargs)

    def proof_view(self, request: HttpRequest) -> HttpResponse:
        """A small picture with the mark that the address describes. Nothing is kept of it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        key = number_from(request.GET.get("profile"))
        profile = WatermarkProfile.objects.filter(pk=key).first()
        look = _without_empty(request.GET)
        if profile and "kind" not in look:  # from the page of somebody who may only look
            look = look_of(profile)
        form = LookForm(look, instance=profile)
        if not form.is_valid():
            field, errors = next(iter(form.errors.items()))
            return _sentence(errors[0], field)
        try:
            output = _output(request)
            sample = request.GET.get("sample") or "light"
            data = watermark_files.proof_of(
                spec=spec_of(form.instance), sample=sample, output=output
            )
        except NotPermitted as error:
            raise PermissionDenied(str(error)) from error
        except ImagegenError as error:
            return _sentence(str(error))
        headers = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}
        return HttpResponse(data, content_type="image/jpeg", headers=headers)


def _output(request: HttpRequest) -> ImageOutput | None:
    """The image that the proof is to be made on, if one is named and may be seen."""
    key = number_from(request.GET.get("output"))
    if not key:
        return None
    output = ImageOutput.objects.filter(pk=key).first()
    if output is None or not may_see_previews(request.user):
        raise ImagegenError(f"There is no image {key}.")
    return output


def _without_empty(values: QueryDict) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}


def _sentence(text: str, field: str = "") -> HttpResponse:
    """What is wrong, and the field at which the page says it."""
    headers = {"X-Field": field} if field else {}
    plain = "text/plain; charset=utf-8"
    return HttpResponse(text, status=422, content_type=plain, headers=headers)


def look_of(profile: WatermarkProfile) -> dict[str, Any]:
    """A watermark's look as its form would send it."""
    form = LookForm(instance=profile)
    return {name: form[name].value() for name in LOOK}


def proof_address(values: dict[str, Any], profile: WatermarkProfile | None = None) -> str:
    """Where the picture of such a look is; the logo is that of `profile`."""
    known = {name: value for name, value in values.items() if value not in (None, "")}
    if profile is not None:
        # The version keeps a browser from showing an older look.
        known |= {"profile": profile.pk, "v": profile.version}
    return f"{reverse('admin:imagegen_watermarkprofile_proof')}?{urlencode(known)}"
