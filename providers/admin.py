"""Connections and the catalogue in the admin. No page shows a secret."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Field, JSONField, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from providers import services, workflow_admin  # noqa: F401 - workflows register themselves
from providers.credentials import MissingSecret, has_secret, read_secret
from providers.errors import ProviderProblem
from providers.health import check_connection, feature_rows
from providers.jsonfields import StrictJSONField
from providers.models import Connection, ImageModel
from providers.money import money_text
from providers.prices import describe_price
from providers.registry import kinds

HIDDEN_KINDS = {"stub"}
SHORT_JSON: "dict[type[Field[Any, Any]], dict[str, Any]]" = {
    JSONField: {
        "form_class": StrictJSONField,
        "widget": forms.Textarea(attrs={"rows": 3, "cols": 80}),
    }
}


def kind_choices(current: str = "") -> list[tuple[str, str]]:
    """Kinds to choose from; those for tests only where one is in use already."""
    hidden = HIDDEN_KINDS - {current}
    if hidden:
        hidden -= set(Connection.objects.filter(kind__in=hidden).values_list("kind", flat=True))
    return [(name, label) for name, label in sorted(kinds().items()) if name not in hidden]


class ConnectionForm(forms.ModelForm):
    kind = forms.ChoiceField(help_text=Connection._meta.get_field("kind").help_text)

    class Meta:
        model = Connection
        fields = "__all__"  # noqa: DJ007 - the admin's fieldsets choose

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if isinstance(field := self.fields.get("kind"), forms.ChoiceField):
            field.choices = kind_choices(self.instance.kind)


@admin.register(Connection)
class ConnectionAdmin(admin.ModelAdmin):
    form = ConnectionForm
    list_display = ("name", "label", "kind", "enabled", "key", "pause", "calls", "base_url")
    formfield_overrides = SHORT_JSON
    list_filter = ("enabled",)
    search_fields = ("name", "label", "base_url")
    readonly_fields = ("secret", "created_at", "updated_at")
    actions = ("look_at", "resume")
    fieldsets = (
        (None, {"fields": ("name", "label", "kind", "enabled")}),
        (
            "Where it is",
            {"fields": ("base_url", "private_network", "secret_name", "secret", "options")},
        ),
        (
            "Limits",
            {"fields": ("max_concurrent", "requests_per_minute", "images_per_minute")},
        ),
        ("Pause", {"fields": ("paused_until", "pause_reason")}),
        ("Money", {"fields": ("assumed_price",)}),
        ("Facts", {"fields": ("created_at", "updated_at")}),
    )

    def save_model(self, request: HttpRequest, obj: Connection, form: Any, change: bool) -> None:
        for note in services.save_connection(connection=obj):
            messages.warning(request, note)

    @admin.display(description="secret")
    def secret(self, obj: Connection) -> str:
        """Whether there is one; never what it is."""
        if not obj.secret_name:
            return "None needed"
        try:
            read_secret(obj.secret_name)
        except MissingSecret as error:
            return f"Missing. {error}"
        return f"Set in {obj.secret_name}"

    @admin.display(description="secret", ordering="secret_name", empty_value="none needed")
    def key(self, obj: Connection) -> str:
        """The name of the secret, in few words."""
        return obj.secret_name if has_secret(obj.secret_name) else f"{obj.secret_name} is missing"

    @admin.display(description="paused until", ordering="paused_until")
    def pause(self, obj: Connection) -> Any:
        return obj.paused_until if obj.is_paused else None

    @admin.display(description="calls at once", ordering="max_concurrent")
    def calls(self, obj: Connection) -> str:
        return str(obj.max_concurrent or "no limit")

    @admin.action(permissions=["change"], description="Look whether they can be used")
    def look_at(self, request: HttpRequest, queryset: QuerySet[Connection]) -> None:
        for connection in queryset:
            answers = check_connection(connection)
            failed = next((answer for answer in answers if answer.ok is False), None)
            if failed is None:
                reached = [answer.level.value for answer in answers if answer.ok]
                messages.success(request, f"{connection}: {', '.join(reached)}.")
            else:
                messages.error(request, f"{connection}: not {failed.level.value}. {failed.message}")

    @admin.action(permissions=["change"], description="End the pause")
    def resume(self, request: HttpRequest, queryset: QuerySet[Connection]) -> None:
        paused = [connection for connection in queryset if connection.paused_until]
        for connection in paused:
            services.resume_connection(connection=connection)
        skipped = queryset.count() - len(paused)
        messages.info(request, f"{len(paused)} resumed, {skipped} were not paused.")


@admin.register(ImageModel)
class ImageModelAdmin(admin.ModelAdmin):
    list_display = (
        "name",
        "label",
        "connection",
        "is_default",
        "enabled",
        "price",
        "shutdown_at",
        "successor",
    )
    list_filter = ("enabled", "is_default")
    formfield_overrides = SHORT_JSON
    list_select_related = ("connection",)
    search_fields = ("name", "label", "connection__name")
    readonly_fields = ("takes",)
    fieldsets = (
        (None, {"fields": ("connection", "name", "label", "enabled", "is_default")}),
        ("What it takes", {"fields": ("takes", "capabilities")}),
        ("Price", {"fields": ("price_rule",)}),
        ("End of life", {"fields": ("shutdown_at", "successor")}),
    )

    def save_model(self, request: HttpRequest, obj: ImageModel, form: Any, change: bool) -> None:
        services.save_model(model=obj)

    @admin.display(description="price")
    def price(self, obj: ImageModel) -> str:
        """Its price rule in words."""
        return describe_price(obj.price_rule, money_text)

    @admin.display(description="what it takes in all")
    def takes(self, obj: ImageModel) -> SafeString | str:
        """The adapter's knowledge with this row's laid over it."""
        if obj.connection_id is None:
            return "Known once the model is saved."
        try:
            rows = feature_rows(obj.capabilities_object())
        except ProviderProblem as problem:
            return f"{problem.message} {problem.hint}".strip()
        return format_html_join("", "<div>{}: {}</div>", rows)
