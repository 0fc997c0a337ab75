"""The catalogue in the admin: what each model takes, what it costs, when it ends."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Field, JSONField, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from providers import services
from providers.errors import ProviderProblem
from providers.health import feature_rows
from providers.jsonfields import PrettyJSONField
from providers.models import ImageModel
from providers.money import cost_range, money_text
from providers.prices import describe_price, price_of
from providers.services import SOON
from providers.syncing import is_edited
from providers.types import ImageRequest

TALL_JSON: "dict[type[Field[Any, Any]], dict[str, Any]]" = {
    JSONField: {
        "form_class": PrettyJSONField,
        "widget": forms.Textarea(attrs={"rows": 10, "cols": 80, "spellcheck": "false"}),
    }
}
SQUARE = ImageRequest(prompt="A picture", model="", width=1024, height=1024)


def chip(look: str, words: Any) -> SafeString:
    """A state as the console shows one: a word and a shape."""
    return format_html('<span class="fp-chip fp-chip--{}">{}</span>', look, words)


class StateFilter(admin.SimpleListFilter):
    """Whether a model can be chosen, and whether its end is near."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("usable", "Can be chosen"), ("ending", "Ends soon"), ("ended", "Shut down")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        today = timezone.localdate()
        if self.value() == "usable":
            return queryset.filter(pk__in=ImageModel.objects.usable().values("pk"))
        if self.value() == "ending":
            soon = today + timedelta(days=SOON)
            return queryset.filter(shutdown_at__gt=today, shutdown_at__lte=soon)
        if self.value() == "ended":
            return queryset.filter(shutdown_at__lte=today)
        return queryset


@admin.register(ImageModel)
class ImageModelAdmin(admin.ModelAdmin):
    list_display = ("name", "connection", "on", "default", "purpose", "cost", "end")
    list_filter = (StateFilter, "connection", "purpose")
    formfield_overrides = TALL_JSON
    list_select_related = ("connection",)
    search_fields = ("name", "label", "connection__name")
    readonly_fields = ("takes", "price", "end", "from_where")
    fieldsets = (
        (None, {"fields": ("connection", "name", "label", "purpose", "enabled", "is_default")}),
        ("What it takes", {"fields": ("takes", "capabilities")}),
        ("Price", {"fields": ("price", "price_rule")}),
        ("End of life", {"fields": ("end", "shutdown_at", "successor")}),
        ("Facts", {"fields": ("from_where",)}),
    )

    def save_model(self, request: HttpRequest, obj: ImageModel, form: Any, change: bool) -> None:
        services.save_model(model=obj)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ImageModel], search_term: str
    ) -> tuple[QuerySet[ImageModel], bool]:
        """Where a model for pictures is chosen, those alone are offered that can be used."""
        match = request.resolver_match
        if match is not None and match.url_name == "autocomplete":
            usable = ImageModel.objects.usable()
            if request.GET.get("app_label") == "prompts":
                usable = usable.for_pictures()
            queryset = queryset.filter(pk__in=usable.values("pk"))
        return super().get_search_results(request, queryset, search_term)

    @admin.display(description="price of 1024×1024")
    def cost(self, obj: ImageModel) -> str:
        """From the cheapest quality to the best; of a text its rates."""
        if obj.purpose == ImageModel.Purpose.TEXT:
            return describe_price(obj.price_rule, money_text)
        try:
            price = price_of(obj.price_rule, SQUARE)
        except ValueError as error:
            return f"Cannot be read: {error}"
        return cost_range(price.low, price.high)

    @admin.display(description="price")
    def price(self, obj: ImageModel) -> str:
        """Its price rule in words, and where that was read."""
        words = describe_price(obj.price_rule, money_text)
        day, source = (obj.price_rule.get(name) for name in ("date", "source"))
        return f"{words}. Read{f' on {day}' if day else ''} at {source}" if source else words

    @admin.display(description="state", ordering="enabled")
    def on(self, obj: ImageModel) -> SafeString:
        if obj.is_retired:
            return chip("stop", "shut down")
        if not (obj.enabled and obj.connection.enabled):
            return chip("off", "off" if not obj.enabled else "provider off")
        return chip("good", "on")

    @admin.display(description="default", ordering="is_default")
    def default(self, obj: ImageModel) -> str:
        return "default" if obj.is_default else ""

    @admin.display(description="end", ordering="shutdown_at")
    def end(self, obj: ImageModel) -> str | SafeString:
        """The days that are left, and what comes after."""
        if obj.shutdown_at is None or obj.days_left is None:
            return "none known"
        day = date_format(obj.shutdown_at, "j M Y")
        then = f"; then {obj.successor}" if obj.successor else ""
        if obj.days_left <= 0:
            return f"{day}{then.replace('then', 'now')}"
        days = "1 day" if obj.days_left == 1 else f"{obj.days_left:,} days"
        if obj.days_left > SOON:
            return f"in {days}, {day}{then}"
        return format_html("<strong>in {}</strong>, {}{}", days, day, then)

    @admin.display(description="where it comes from")
    def from_where(self, obj: ImageModel) -> str:
        text = ImageModel.Origin(obj.origin).label
        if obj.synced_at is None:
            return f"{text}."
        when = date_format(timezone.localtime(obj.synced_at), "j M Y, H:i")
        edited = " It was edited since, so sync_models leaves it alone." if is_edited(obj) else ""
        return f"{text}, {when}.{edited}"

    @admin.display(description="what it takes in all")
    def takes(self, obj: ImageModel) -> SafeString | str:
        """The adapter's knowledge with this row's laid over it."""
        if obj.connection_id is None:
            return "Known once the model is saved."
        if obj.purpose == ImageModel.Purpose.TEXT:
            return "Texts: it draws nothing, so none of this matters."
        try:
            rows = feature_rows(obj.capabilities_object())
        except ProviderProblem as problem:
            return problem.in_full
        return format_html_join("", "<div>{}: {}</div>", rows)
