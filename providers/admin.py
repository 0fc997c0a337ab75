"""Connections in the admin. No page shows a secret."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Field, JSONField, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from providers import services, workflow_admin  # noqa: F401 - they register themselves
from providers.credentials import MissingSecret, has_secret, read_secret
from providers.health import UNPROVEN, check_connection, proven
from providers.jsonfields import StrictJSONField
from providers.model_admin import chip
from providers.models import WORKFLOW_KIND, Connection
from providers.money import money_text
from providers.registry import BUILT_IN, broken_plugins, kinds
from providers.types import Health, HealthLevel

HIDDEN_KINDS = {"stub"}
SHORT_JSON: "dict[type[Field[Any, Any]], dict[str, Any]]" = {
    JSONField: {
        "form_class": StrictJSONField,
        "widget": forms.Textarea(attrs={"rows": 3, "cols": 80}),
    }
}
SECRET_HELP = (
    "Name of the environment variable that holds the secret, such as "
    f"{', '.join(kind.secret_name for kind in BUILT_IN.values() if kind.secret_name)}. "
    "Never the secret."
)
LOOKED_AT = "providers_looked_at"  # where a session keeps the answers of the last look
LOOKS = {True: ("good", "yes"), False: ("bad", "no"), None: ("empty", "not known")}


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
            chosen = self.instance.kind
            field.choices = [*([] if chosen else [("", "---------")]), *kind_choices(chosen)]
        if "secret_name" in self.fields:
            self.fields["secret_name"].help_text = SECRET_HELP
        for name in ("monthly_cap", "assumed_price"):
            if isinstance(amount := self.initial.get(name), Decimal):
                self.initial[name] = f"{amount.normalize():f}"


class KindFilter(admin.SimpleListFilter):
    """Kinds by their labels, those alone that are in use."""

    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        used = set(Connection.objects.values_list("kind", flat=True))
        return [(kind, kinds().get(kind, kind)) for kind in sorted(used)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


@admin.register(Connection)
class ConnectionAdmin(admin.ModelAdmin):
    form = ConnectionForm
    list_display = ("full_name", "kind_label", "state", "key", "cap", "base_url")
    formfield_overrides = SHORT_JSON
    list_filter = ("enabled", KindFilter)
    search_fields = ("name", "label", "base_url")
    readonly_fields = ("secret", "created_at", "updated_at")
    actions = ("look_at", "resume")
    fieldsets = (
        (None, {"fields": ("name", "label", "kind", "enabled")}),
        (
            "Where it is",
            {"fields": ("base_url", "private_network", "secret_name", "secret", "options")},
        ),
        ("Money", {"fields": ("monthly_cap", "assumed_price")}),
        (
            "Limits",
            {"fields": ("max_concurrent", ("requests_per_minute", "images_per_minute"))},
        ),
        (
            "Pause",
            {
                "fields": ("paused_until", "pause_reason"),
                "description": "Nothing is sent before this time. A quota that is used up sets it.",
            },
        ),
        ("Facts", {"fields": ("created_at", "updated_at"), "classes": ("collapse",)}),
    )

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("plugins/", view(self.plugins_view), name="providers_connection_plugins"),
            path(
                "<path:object_id>/verify/",
                view(require_POST(self.verify_view)),
                name="providers_connection_verify",
            ),
        ]
        return own + super().get_urls()

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        connection = self.get_object(request, unquote(object_id))
        context: dict[str, Any] = {}
        if connection:
            context["health"] = self._health_rows(request, connection)
            context["lacks_models"] = not connection.models.exists()
            context["draws_by_workflows"] = connection.kind == WORKFLOW_KIND
        return super().change_view(
            request, object_id, form_url, {**context, **(extra_context or {})}
        )

    def _health_rows(
        self, request: HttpRequest, connection: Connection
    ) -> list[tuple[str, SafeString, str]]:
        """(level, chip, message): of the look that was just taken, else what is known without."""
        looked = request.session.get(LOOKED_AT) or {}
        if looked.get("connection") == connection.pk:
            del request.session[LOOKED_AT]
            return [_health_row(HealthLevel(level), ok, text) for level, ok, text in looked["told"]]
        asked = [level for level in HealthLevel if level is not HealthLevel.PROVEN]
        known = proven(connection)
        return [
            *(_health_row(level, None, "Not looked at yet.") for level in asked),
            _health_row(known.level, known.ok, known.message),
        ]

    def verify_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Look how far a connection works, and show it on its page."""
        connection = self.get_object(request, unquote(object_id))
        if connection is None:
            messages.warning(request, "This provider does not exist any more.")
            return redirect("admin:providers_connection_changelist")
        if not self.has_change_permission(request, connection):
            raise PermissionDenied
        answers = check_connection(connection)
        _tell_health(request, connection, answers)
        told = [(answer.level.value, answer.ok, answer.message) for answer in answers]
        request.session[LOOKED_AT] = {"connection": connection.pk, "told": told}
        return redirect(reverse("admin:providers_connection_change", args=[connection.pk]))

    def plugins_view(self, request: HttpRequest) -> HttpResponse:
        """Installed plugins, and why one cannot be used; imports them all, so only on demand."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        broken = broken_plugins()
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Plugins",
            "good": sorted(set(kinds()) - set(BUILT_IN) - set(broken)),
            "broken": sorted(broken.items()),
        }
        return TemplateResponse(request, "admin/providers/connection/plugins.html", context)

    def save_model(self, request: HttpRequest, obj: Connection, form: Any, change: bool) -> None:
        for note in services.save_connection(connection=obj):
            messages.warning(request, note)

    @admin.display(description="name", ordering="name")
    def full_name(self, obj: Connection) -> SafeString | str:
        """As other pages call it, and below the short name, which commands take."""
        if obj.label in ("", obj.name):
            return obj.name
        return format_html('{}<br><span class="fp-quiet">{}</span>', obj.label, obj.name)

    @admin.display(description="kind", ordering="kind")
    def kind_label(self, obj: Connection) -> str:
        return kinds().get(obj.kind, f"{obj.kind} (not installed)")

    @admin.display(description="state", ordering="enabled")
    def state(self, obj: Connection) -> SafeString:
        """The one thing that matters most about it now."""
        if not obj.enabled:
            return chip("off", "off")
        if not has_secret(obj.secret_name):
            return chip("bad", "secret missing")
        if obj.monthly_cap is None and obj.charges:
            return chip("bad", "no cap")
        if obj.paused_until and obj.is_paused:
            until = date_format(timezone.localtime(obj.paused_until), "SHORT_DATETIME_FORMAT")
            return chip("wait", f"paused until {until}")
        if obj.proven_at is None:
            return chip("empty", "on, not yet run")
        return chip("good", "on")

    @admin.display(description="secret")
    def secret(self, obj: Connection) -> str:
        """Whether there is one; never what it is."""
        if obj.pk is None:
            return "Looked for once the provider is saved."
        if not obj.secret_name:
            return "None named" if obj.charges else "None needed"
        try:
            read_secret(obj.secret_name)
        except MissingSecret as error:
            return f"Missing. {error}"
        return f"Set in {obj.secret_name}"

    @admin.display(description="secret", ordering="secret_name")
    def key(self, obj: Connection) -> str:
        """The name of the secret, in few words."""
        if not obj.secret_name:
            return "none named" if obj.charges else "none needed"
        return obj.secret_name if has_secret(obj.secret_name) else f"{obj.secret_name} is missing"

    @admin.display(description="monthly cap", ordering="monthly_cap")
    def cap(self, obj: Connection) -> str:
        if obj.monthly_cap is None:
            return "not set" if obj.charges else "none needed"
        return money_text(obj.monthly_cap) if obj.monthly_cap else "nothing may be spent"

    @admin.action(permissions=["change"], description="Verify: look how far they work")
    def look_at(self, request: HttpRequest, queryset: QuerySet[Connection]) -> None:
        for connection in queryset:
            _tell_health(request, connection, check_connection(connection))

    @admin.action(permissions=["change"], description="End the pause")
    def resume(self, request: HttpRequest, queryset: QuerySet[Connection]) -> None:
        paused = [connection for connection in queryset if connection.paused_until]
        for connection in paused:
            services.resume_connection(connection=connection)
        skipped = queryset.count() - len(paused)
        messages.info(request, f"{len(paused)} resumed, {skipped} were not paused.")


def _health_row(level: HealthLevel, ok: bool | None, message: str) -> tuple[str, SafeString, str]:
    return level.value, chip(*LOOKS[ok]), message


def _tell_health(request: HttpRequest, connection: Connection, answers: list[Health]) -> None:
    """The outcome of a look in one message: how far it works, or what is in the way."""
    failed = next((answer for answer in answers if answer.ok is False), None)
    if failed is not None:
        messages.error(request, f"{connection}: not {failed.level.value}. {failed.message}")
        return
    reached = ", ".join(answer.level.value for answer in answers if answer.ok) or "nothing is known"
    unproven = f" {UNPROVEN}" if connection.proven_at is None else ""
    messages.success(request, f"{connection}: {reached}.{unproven}")
