"""What the calls of each provider cost month by month, beside its cap."""

from decimal import Decimal

from django.contrib import admin
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from imagegen.admin.base import ProviderFilter, ReadOnlyAdmin
from imagegen.admin.display import DASH
from imagegen.models import ConnectionMonth
from imagegen.services.wording import money_text


@admin.register(ConnectionMonth)
class ConnectionMonthAdmin(ReadOnlyAdmin):
    """Sums of the ledger by provider and calendar month (UTC)."""

    list_display = ("provider", "when", "spent_text", "reserved_text", "cap", "left", "calls")
    list_display_links = None
    list_filter = (ProviderFilter,)
    list_select_related = ("connection",)
    ordering = ("-month", "connection_name")
    change_list_template = "admin/imagegen/change_list.html"
    empty_state = (
        "With the first call of a month a line appears here: what the provider’s calls have "
        "cost, what is set aside for those under way or in doubt, and what its cap leaves."
    )

    @admin.display(description="provider")
    def provider(self, month: ConnectionMonth) -> SafeString | str:
        if month.connection is None:
            return month.connection_name
        url = reverse("admin:providers_connection_change", args=[month.connection_id])
        return format_html('<a href="{}">{}</a>', url, month.connection)

    @admin.display(description="month")
    def when(self, month: ConnectionMonth) -> str:
        return date_format(month.month, "YEAR_MONTH_FORMAT")

    @admin.display(description="spent")
    def spent_text(self, month: ConnectionMonth) -> str:
        return _sum(month.spent)

    @admin.display(description="set aside")
    def reserved_text(self, month: ConnectionMonth) -> str:
        return _sum(month.reserved)

    @admin.display(description="cap")
    def cap(self, month: ConnectionMonth) -> str:
        cap = _cap_of(month)
        return "none" if cap is None else money_text(cap)

    @admin.display(description="left")
    def left(self, month: ConnectionMonth) -> str:
        cap = _cap_of(month)
        return DASH if cap is None else _sum(max(cap - month.spent - month.reserved, Decimal(0)))

    @admin.display(description="calls")
    def calls(self, month: ConnectionMonth) -> SafeString:
        url = reverse("admin:imagegen_attempt_changelist")
        return format_html('<a href="{}?month={}">Show</a>', url, month.pk)


def _cap_of(month: ConnectionMonth) -> Decimal | None:
    """The provider's cap as it is now; one that was removed has none."""
    return month.connection.monthly_cap if month.connection else None


def _sum(amount: Decimal) -> str:
    return money_text(amount) if amount else "nothing"
