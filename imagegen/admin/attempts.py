"""The ledger of calls: what was sent, what came, what it cost."""

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from imagegen.admin.base import (
    PeriodFilter,
    ProviderFilter,
    ReadOnlyAdmin,
    Tally,
    one_picture_each,
)
from imagegen.admin.display import (
    DASH,
    attempt_chip,
    label_providers,
    provider_name,
    short_time,
    thumbnail,
    two_lines,
)
from imagegen.admin.prompts import prompt_limit
from imagegen.admin.sending import how_sent
from imagegen.models import Attempt, ImageOutput
from imagegen.services import followups, looking
from imagegen.services.wording import duration_text, money_text
from prompts.pages import render_prompt
from providers.types import Recovery

AFTER_CUT = {
    Recovery.OWN_KEY: "It is sent again: the provider drops repeats.",
    Recovery.LOOKUP: "The provider is asked for it by our key.",
    Recovery.HANDLE: "The provider is asked for it by its handle.",
    Recovery.NOTHING: "Nobody can be asked.",
}


@admin.register(Attempt)
class AttemptAdmin(ReadOnlyAdmin):
    """The ledger of calls. Nothing in it is changed or deleted by hand."""

    class Media:
        css = {"all": ["prompts/prompts.css"]}
        js = ["prompts/prompts.js"]

    list_display = (
        "picture", "name", "state_chip", "job_link", "provider", "cost_text", "seconds",
        "request_id",
    )  # fmt: skip
    list_display_links = ("picture", "name")
    list_filter = ("state", ProviderFilter, PeriodFilter)
    search_fields = ("request_id", "connection_name")
    search_help_text = "The provider’s request id, or the provider’s name."
    actions = ("look_again",)
    change_form_template = "admin/imagegen/attempt.html"
    page_related = ("job__slot", "job__batch", "job__prompt", "job__model__connection")
    change_list_template = "admin/imagegen/change_list.html"
    empty_state = "Every call to a provider is written down here before it is made."

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).defer("result", "handle", "sent", "price_rule")

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup == "month" or super().lookup_allowed(lookup, value, request)

    def decorate(self, rows: list[Attempt]) -> None:
        attempts = Attempt.objects.filter(pk__in=[attempt.pk for attempt in rows])
        own = ImageOutput.objects.filter(attempt=OuterRef("pk")).order_by("number")
        by_attempt = {image.attempt_id: image for image in one_picture_each(attempts, own)}
        for attempt in rows:
            attempt.image = by_attempt.get(attempt.pk)
        label_providers(rows)

    @admin.display(description="picture")
    def picture(self, attempt: Attempt) -> str:
        return thumbnail(attempt.image)

    @admin.display(description="attempt")
    def name(self, attempt: Attempt) -> str:
        return two_lines(f"#{attempt.pk}", short_time(attempt.created_at))

    @admin.display(description="state")
    def state_chip(self, attempt: Attempt) -> str:
        return attempt_chip(attempt)

    @admin.display(description="job")
    def job_link(self, attempt: Attempt) -> SafeString:
        url = reverse("admin:imagegen_generationjob_change", args=[attempt.job_id])
        return format_html('<a href="{}">#{}, try {}</a>', url, attempt.job_id, attempt.number)

    @admin.display(description="provider")
    def provider(self, attempt: Attempt) -> str:
        return provider_name(attempt)

    @admin.display(description="cost")
    def cost_text(self, attempt: Attempt) -> str:
        return attempt_cost(attempt)

    @admin.display(description="took")
    def seconds(self, attempt: Attempt) -> str:
        return took(attempt)

    # --- Actions ------------------------------------------------------------------------

    @admin.action(permissions=["generate"], description="Doubtful calls: look again")
    def look_again(self, request: HttpRequest, queryset: QuerySet) -> None:
        tally = Tally("call", "calls", "looked up again")
        for attempt in queryset.select_related("job__connection"):
            with tally.count():
                followups.look_again(job=attempt.job, user=request.user)
        tally.report(request)

    # --- Page ---------------------------------------------------------------------------

    def facts(self, request: HttpRequest, row: Attempt) -> dict[str, Any]:
        in_doubt, job = row.state == Attempt.State.UNKNOWN, row.job
        may_generate = self.has_generate_permission(request)
        outputs = list(row.outputs.all())
        label_providers([row, *outputs])
        return {
            "attempt": row,
            "job": job,
            "outputs": outputs,
            "prompt": render_prompt(job.prompt.composed, prompt_limit(job)) if job.prompt else "",
            "sending": how_sent(job, row),
            "cost": attempt_cost(row),
            "took": took(row),
            "may_look": in_doubt and may_generate and looking.can_be_asked(row),
            "in_doubt": in_doubt,
            "after_cut": AFTER_CUT.get(row.recovery, row.recovery),
        }


def attempt_cost(attempt: Attempt) -> str:
    """The actual cost; while it is open or in doubt what is set aside for it."""
    if attempt.state in (*Attempt.OPEN_STATES, Attempt.State.UNKNOWN):
        return f"{money_text(attempt.estimate)} set aside" if attempt.estimate else "free"
    return money_text(attempt.cost)


def took(attempt: Attempt) -> str:
    """How long the call took."""
    if not (attempt.sent_at and attempt.received_at):
        return DASH
    seconds = (attempt.received_at - attempt.sent_at).total_seconds()
    return f"{seconds:.1f} s" if seconds < 10 else duration_text(seconds)
