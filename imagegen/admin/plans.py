"""How each post is illustrated, where that differs from the site's defaults."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from imagegen.admin.base import ConsoleAdmin, Tally
from imagegen.admin.display import DASH, chip
from imagegen.errors import Refused
from imagegen.models import IllustrationPlan, PlanChoice
from imagegen.services import plans
from prompts.models import UnknownVersion


class PlanForm(forms.ModelForm):
    """A plan; the version of a style must be one that it had."""

    class Meta:
        model = IllustrationPlan
        fields = ("post", "style", "style_version", "automatic", "reference")
        help_texts = {
            "style": "Empty: as the site says for each role.",
            "style_version": "Empty: pinned to the style’s present version.",
            "reference": "An approved image, passed on to models that take one.",
        }

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        style, version = data.get("style"), data.get("style_version")
        if version is not None and style is None:
            self.add_error("style_version", "A version needs a style: choose one.")
        elif style is not None and version is not None:
            try:
                style.at(version)
            except UnknownVersion as error:
                self.add_error("style_version", str(error))
        return data


class ChoiceFormSet(forms.BaseInlineFormSet):
    """Choices for roles; each is an example or a setting, one per role."""

    def clean(self) -> None:
        super().clean()
        for form in self.forms:
            data = getattr(form, "cleaned_data", None)
            if not data or data.get("DELETE") or not form.has_changed():
                continue
            if bool(data.get("example")) == bool(data.get("setting")):
                form.add_error(None, "Choose an example or a setting, exactly one of them.")


class PlanChoiceInline(admin.TabularInline):
    model = PlanChoice
    formset = ChoiceFormSet
    extra = 0
    max_num = 3
    autocomplete_fields = ("example", "setting")


@admin.register(IllustrationPlan)
class IllustrationPlanAdmin(ConsoleAdmin):
    """Plans of posts. What is left empty follows the site's default for the role."""

    form = PlanForm
    list_display = ("post", "style_text", "choices_text", "automatic_text")
    list_filter = ("automatic",)
    list_select_related = ("post", "style")
    search_fields = ("post__title", "style__name")
    search_help_text = "Words of the post’s title, or a style."
    autocomplete_fields = ("style",)
    raw_id_fields = ("post", "reference")
    inlines = (PlanChoiceInline,)
    actions = ("renew_style",)
    change_list_template = "admin/imagegen/change_list.html"
    empty_state = (
        "A plan pins how one post is illustrated: its style, and an example or setting for each "
        "role. The first images of a post make one by themselves."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        plans_ = super().get_queryset(request).defer("post__body")
        return plans_.prefetch_related("choices__example", "choices__setting")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple:
        return ("post",) if obj else ()

    def save_model(
        self, request: HttpRequest, obj: IllustrationPlan, form: PlanForm, change: bool
    ) -> None:
        plans.save_plan(plan=obj)

    @admin.display(description="style")
    def style_text(self, plan: IllustrationPlan) -> str:
        if plan.style is None:
            return "as the site says"
        newer = "" if plan.style_version == plan.style.version else ", newer there"
        return f"{plan.style} v{plan.style_version}{newer}"

    @admin.display(description="choices")
    def choices_text(self, plan: IllustrationPlan) -> str:
        return "; ".join(str(choice) for choice in plan.choices.all()) or DASH

    @admin.display(description="automatic")
    def automatic_text(self, plan: IllustrationPlan) -> str:
        return chip("work", "automatic") if plan.automatic else DASH

    @admin.action(permissions=["change"], description="Pin the newest version of the style")
    def renew_style(self, request: HttpRequest, queryset: QuerySet) -> None:
        tally = Tally("plan", "plans", "pinned to the newest version")
        for plan in queryset:
            with tally.count():
                if not plans.renew_style(plan=plan):
                    raise Refused(f"“{plan.post}” has the newest version of its style already.")
        tally.report(request)
