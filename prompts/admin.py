"""Styles, formats, templates, settings, examples and defaults in the admin."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminTextareaWidget
from django.db.models import Field, JSONField, QuerySet, TextField
from django.forms import Field as FormField
from django.http import HttpRequest
from django.template.defaultfilters import truncatechars
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from prompts.compose import ComposeError
from prompts.fields import FIELDS
from prompts.forms import ExampleForm, RoleDefaultForm, SettingForm, StyleForm
from prompts.models import (
    ImageFormat,
    ImagePrompt,
    ImagePromptExample,
    ImageSetting,
    ImageStyle,
    PromptTemplate,
    Role,
    RoleDefault,
    StyleVersion,
)
from prompts.pages import render_palette, render_prompt
from prompts.sample import Preview, preview_example, preview_template
from prompts.services import save_setting, save_style, save_template
from prompts.services.retirement import choosable_examples, choosable_settings
from providers.jsonfields import StrictJSONField


class PromptAdmin(admin.ModelAdmin):
    """With the sheet and script of the prompt view, and text fields of a fitting height."""

    formfield_overrides = {
        TextField: {"widget": AdminTextareaWidget(attrs={"rows": 4})},
        JSONField: {"form_class": StrictJSONField},
    }

    class Media:
        css = {"all": ["prompts/prompts.css"]}
        js = ["prompts/prompts.js"]


class UsersOfModelsAdmin(PromptAdmin):
    """Rows that lead to a model: their lists tell what ends, and where one is chosen only those
    are offered whose model can be used."""

    change_list_template = "admin/prompts/change_list.html"

    def choosable(self) -> QuerySet[Any] | None:
        """What may be chosen elsewhere; None: anything."""
        return None

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        choosable = self.choosable()
        if choosable is not None and is_autocomplete(request):
            queryset = queryset.filter(pk__in=choosable.values("pk"))
        return super().get_search_results(request, queryset, search_term)


def is_autocomplete(request: HttpRequest) -> bool:
    """Whether rows are looked for in order to choose one."""
    match = request.resolver_match
    return match is not None and match.url_name == "autocomplete"


class StyleVersionInline(admin.TabularInline):
    """Every state that the style has had, newest first."""

    model = StyleVersion
    fields = readonly_fields = ["version", "name", "colours", "fragment", "created_at"]
    extra = 0
    can_delete = False
    classes = ["collapse"]
    verbose_name_plural = "versions"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="palette")
    def colours(self, version: StyleVersion) -> SafeString:
        return render_palette(version.palette)


@admin.register(ImageStyle)
class ImageStyleAdmin(PromptAdmin):
    """Styles with their colours; saving raises the version when the look changed."""

    form = StyleForm
    list_display = ["name", "colours", "about", "version", "is_active"]
    list_filter = ["is_active"]
    search_fields = ["name", "slug", "description", "fragment"]
    prepopulated_fields = {"slug": ["name"]}
    readonly_fields = ["colours", "version", "updated_at"]
    inlines = [StyleVersionInline]
    fieldsets = [
        (None, {"fields": ["name", "slug", "description", "is_active"]}),
        ("Look", {"fields": ["fragment", "negative_fragment", "palette", "colours"]}),
        ("Version", {"fields": ["version", "updated_at"]}),
    ]

    def save_model(self, request: HttpRequest, obj: ImageStyle, form: Any, change: bool) -> None:
        save_style(style=obj)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ImageStyle], search_term: str
    ) -> tuple[QuerySet[ImageStyle], bool]:
        """Where a style is chosen, inactive ones are not offered."""
        if is_autocomplete(request):
            queryset = queryset.filter(is_active=True)
        return super().get_search_results(request, queryset, search_term)

    @admin.display(description="colours")
    def colours(self, style: ImageStyle) -> SafeString:
        return render_palette(style.palette)

    @admin.display(description="about")
    def about(self, style: ImageStyle) -> str:
        return truncatechars(style.description or style.fragment, 110)


@admin.register(ImageFormat)
class ImageFormatAdmin(PromptAdmin):
    """Formats with their size."""

    list_display = ["name", "usage", "aspect_ratio", "size", "description"]
    list_filter = ["usage"]
    search_fields = ["name", "slug", "description", "fragment"]
    prepopulated_fields = {"slug": ["name"]}

    @admin.display(description="size", ordering="width")
    def size(self, image_format: ImageFormat) -> str:
        return image_format.size_text


@admin.register(PromptTemplate)
class PromptTemplateAdmin(PromptAdmin):
    """Templates with the exact prompt that each makes of a sample post."""

    list_display = ["name", "role", "is_default", "description"]
    list_filter = ["role", "is_default"]
    search_fields = ["name", "slug", "description", "text"]
    prepopulated_fields = {"slug": ["name"]}
    readonly_fields = ["preview", "placeholders"]
    fieldsets = [
        (None, {"fields": ["name", "slug", "description", "role", "is_default"]}),
        ("Words", {"fields": ["text", "negative", "preview"]}),
        ("Placeholders", {"fields": ["placeholders"], "classes": ["collapse"]}),
    ]

    def save_model(
        self, request: HttpRequest, obj: PromptTemplate, form: Any, change: bool
    ) -> None:
        save_template(template=obj)

    def formfield_for_dbfield(
        self, db_field: Field, request: HttpRequest, **kwargs: Any
    ) -> FormField | None:
        """The template's own text gets the room that it needs."""
        if db_field.name == "text":
            kwargs["widget"] = AdminTextareaWidget(attrs={"rows": 12})
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    @admin.display(description="what a sample post becomes")
    def preview(self, template: PromptTemplate) -> SafeString | str:
        return _preview(template, preview_template)

    @admin.display(description="fields")
    def placeholders(self, template: PromptTemplate) -> SafeString:
        rows = format_html_join(
            "",
            "<tr><td><code>{}</code></td><td>{}</td><td>{}</td></tr>",
            ((field.placeholder, field.label, f"{field.limit:,}") for field in FIELDS.values()),
        )
        return format_html(
            '<table class="placeholders"><thead><tr><th>placeholder</th><th>stands for</th>'
            "<th>at most, characters</th></tr></thead><tbody>{}</tbody></table>",
            rows,
        )


@admin.register(ImageSetting)
class ImageSettingAdmin(UsersOfModelsAdmin):
    """Settings with one line each that says it all."""

    form = SettingForm
    list_display = ["name", "summary", "style", "template", "version"]
    list_select_related = ["model__connection", "style", "format", "template"]
    search_fields = ["name", "slug", "model__name", "style__name"]
    prepopulated_fields = {"slug": ["name"]}
    autocomplete_fields = ["model", "style", "format", "template"]
    readonly_fields = ["version", "updated_at"]
    fieldsets = [
        (None, {"fields": ["name", "slug"]}),
        ("Made with", {"fields": ["model", "style", "format", "template"]}),
        (
            "Parameters",
            {
                "fields": [
                    ("width", "height"),
                    ("steps", "guidance_scale"),
                    ("seed_policy", "seed"),
                    ("quality", "output_format"),
                    "extra_settings",
                ],
                "description": "What stays empty is left to the format or the model.",
            },
        ),
        ("Version", {"fields": ["version", "updated_at"]}),
    ]

    def choosable(self) -> QuerySet[Any]:
        return choosable_settings()

    def save_model(self, request: HttpRequest, obj: ImageSetting, form: Any, change: bool) -> None:
        save_setting(setting=obj)
        for note in obj.snaps_with(obj.model) if obj.model else []:
            messages.info(request, note)

    @admin.display(description="summary")
    def summary(self, setting: ImageSetting) -> str:
        return setting.summary


@admin.register(ImagePromptExample)
class ImagePromptExampleAdmin(UsersOfModelsAdmin):
    """The library of examples, each with the prompt it makes."""

    form = ExampleForm
    list_display = ["name", "subject", "style", "format", "what"]
    list_select_related = ["style", "format"]
    search_fields = ["name", "slug", "subject", "description", "style__name"]
    prepopulated_fields = {"slug": ["name"]}
    autocomplete_fields = ["model", "style", "format", "setting"]
    readonly_fields = ["preview"]
    fieldsets = [
        (None, {"fields": ["name", "slug", "subject", "description"]}),
        ("Made with", {"fields": ["style", "format", "model", "setting"]}),
        ("Prompt", {"fields": ["preview"]}),
    ]

    def choosable(self) -> QuerySet[Any]:
        return choosable_examples()

    @admin.display(description="what it shows")
    def what(self, example: ImagePromptExample) -> str:
        return truncatechars(example.description, 90)

    @admin.display(description="with a sample post")
    def preview(self, example: ImagePromptExample) -> SafeString | str:
        return _preview(example, preview_example)


@admin.register(RoleDefault)
class RoleDefaultAdmin(UsersOfModelsAdmin):
    """What the site uses for each role unless told otherwise; one row per role."""

    form = RoleDefaultForm
    list_display = ["role", "example", "setting", "summary"]
    list_select_related = ["example", "setting__model__connection", "setting__format"]
    autocomplete_fields = ["example", "setting"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        permitted = super().has_add_permission(request)
        return permitted and RoleDefault.objects.count() < len(Role)

    @admin.display(description="summary")
    def summary(self, default: RoleDefault) -> str:
        return default.setting.summary if default.setting else ""


@admin.register(ImagePrompt)
class ImagePromptAdmin(PromptAdmin):
    """Prompts as they were sent: to be read only."""

    list_display = ["beginning", "length", "created_at"]
    search_fields = ["text"]
    show_full_result_count = False
    fields = readonly_fields = ["view", "sha256", "created_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[ImagePrompt]:
        """The list leaves out what only the page of one prompt shows."""
        match = request.resolver_match
        listing = match is not None and str(match.url_name).endswith("_changelist")
        prompts = super().get_queryset(request)
        return prompts.defer("parts", "negative_text") if listing else prompts

    @admin.display(description="prompt")
    def beginning(self, prompt: ImagePrompt) -> str:
        return truncatechars(prompt.text, 140)

    @admin.display(description="characters")
    def length(self, prompt: ImagePrompt) -> int:
        return len(prompt.text)

    @admin.display(description="as sent")
    def view(self, prompt: ImagePrompt) -> SafeString:
        return render_prompt(prompt.composed)


def _preview(row: Any, compose_it: Callable[[Any], Preview]) -> SafeString | str:
    """The prompt view of a saved row, or the sentence that says why there is none."""
    if row.pk is None:
        return "Save once to see the exact prompt."
    try:
        preview = compose_it(row)
    except ComposeError as error:
        return format_html('<p class="errornote">{}</p>', error)
    return render_prompt(preview.prompt, preview.limit)
