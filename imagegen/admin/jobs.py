"""Batches, jobs and attempts: what was asked for, how far it is, what was tried and paid."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, F, OuterRef, Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from imagegen.admin.base import (
    PeriodFilter,
    ProviderFilter,
    ReadOnlyAdmin,
    RoleFilter,
    Tally,
    one_picture_each,
    way_back,
)
from imagegen.admin.display import (
    chip,
    in_a_column,
    job_chip,
    job_cost,
    label_providers,
    place_of_slot,
    provider_name,
    short_time,
    style_text,
    thumbnail,
    two_lines,
)
from imagegen.admin.prompts import pretty, prompt_limit
from imagegen.admin.sending import how_sent, pause_text
from imagegen.models import (
    AltDraft,
    Attempt,
    GenerationBatch,
    GenerationJob,
    ImageOutput,
    PromptDraft,
)
from imagegen.services import followups, looking
from imagegen.services.wording import cost_range, money_text
from prompts.pages import render_prompt

Job = GenerationJob.State
JOBS = "admin:imagegen_generationjob_changelist"


def _own_page(request: HttpRequest) -> HttpResponse | None:
    """After an action: the page whose button was pressed; None, which is the list, from there."""
    page = way_back(request)
    return redirect(page) if page else None


def _outputs_of_attempts() -> Prefetch:
    return Prefetch("outputs", ImageOutput.objects.order_by("number"))


class JobStateFilter(admin.SimpleListFilter):
    """The states of jobs, and those under way together."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list:
        return [("open", "Waiting or drawing"), *GenerationJob.State.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if self.value() == "open":
            return queryset.filter(state__in=GenerationJob.OPEN_STATES)
        return queryset.filter(state=self.value()) if self.value() else queryset


@admin.register(GenerationJob)
class GenerationJobAdmin(ReadOnlyAdmin):
    """One wanted image each. Failed ones can be tried again, doubtful ones settled."""

    list_display = (
        "picture", "name", "state_chip", "where", "made_with", "price",
    )  # fmt: skip
    list_display_links = ("picture", "name")
    list_filter = (JobStateFilter, RoleFilter, ProviderFilter, PeriodFilter)
    list_select_related = ("slot",)
    search_fields = ("slot__post_title", "prompt__text")
    search_help_text = "Words of the post’s title or of the prompt."
    actions = ("cancel", "retry", "look_again", "settle_not_charged", "settle_pay_again")
    change_form_template = "admin/imagegen/job.html"
    page_related = ("slot", "batch", "prompt", "model__connection", "connection")
    change_list_template = "admin/imagegen/change_list.html"
    empty_state = (
        "A job is one picture that was asked for. Jobs appear here when somebody asks, and stay "
        "as the record of what became of each."
    )

    class Media:
        css = {"all": ["prompts/prompts.css"]}
        js = ["prompts/prompts.js", "imagegen/follow.js"]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).defer("request", "requested")

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        own = ("batch__id", "batch__id__exact", "slot__id", "slot__id__exact")
        return lookup in own or super().lookup_allowed(lookup, value, request)

    def decorate(self, rows: list[GenerationJob]) -> None:
        jobs = GenerationJob.objects.filter(pk__in=[job.pk for job in rows])
        own = ImageOutput.objects.filter(attempt__job=OuterRef("pk")).order_by("number")
        images = one_picture_each(jobs, own).annotate(job_id=F("attempt__job"))
        by_job = {image.job_id: image for image in images}
        for job in rows:
            job.image = by_job.get(job.pk)
        label_providers(rows)

    # --- Columns ------------------------------------------------------------------------

    @admin.display(description="picture")
    def picture(self, job: GenerationJob) -> str:
        return thumbnail(job.image)

    @admin.display(description="job")
    def name(self, job: GenerationJob) -> str:
        return two_lines(f"#{job.pk}", short_time(job.created_at))

    @admin.display(description="state")
    def state_chip(self, job: GenerationJob) -> str:
        return job_chip(job)

    @admin.display(description="post and place")
    def where(self, job: GenerationJob) -> str:
        if job.slot is None:
            return job.get_role_display() or "A test"
        return two_lines(
            in_a_column(job.slot.post_title or "No post"), in_a_column(place_of_slot(job.slot))
        )

    @admin.display(description="made with")
    def made_with(self, job: GenerationJob) -> str:
        draws = job.kind == GenerationJob.Kind.IMAGE
        return two_lines(provider_name(job), style_text(job) if draws else job.get_kind_display())

    @admin.display(description="estimate")
    def price(self, job: GenerationJob) -> str:
        return job_cost(job)

    # --- Actions ------------------------------------------------------------------------

    @admin.action(permissions=["generate"], description="Cancel those that have not begun")
    def cancel(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        tally = Tally("job", "jobs", "cancelled")
        for job in queryset:
            with tally.count():
                followups.cancel_job(job=job, user=request.user)
        tally.report(request)
        return _own_page(request)

    @admin.action(permissions=["generate"], description="Try failed jobs again")
    def retry(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        tally = Tally("job", "jobs", "queued again")
        for job in queryset:
            with tally.count():
                followups.retry_job(job=job, user=request.user)
        tally.report(request)
        return _own_page(request)

    @admin.action(permissions=["generate"], description="Doubtful calls: look again")
    def look_again(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        tally = Tally("call", "calls", "looked up again")
        for job in queryset.select_related("connection"):
            with tally.count():
                followups.look_again(job=job, user=request.user)
        tally.report(request)
        return _own_page(request)

    @admin.action(permissions=["spend"], description="Doubtful calls: they were not charged")
    def settle_not_charged(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        return self._settle(request, queryset, "not_charged", "settled as not charged")

    @admin.action(permissions=["spend"], description="Doubtful calls: pay for another try")
    def settle_pay_again(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        return self._settle(request, queryset, "pay_again", "queued again at our cost")

    def _settle(
        self, request: HttpRequest, queryset: QuerySet, outcome: str, verb: str
    ) -> HttpResponse | None:
        tally = Tally("job", "jobs", verb)
        for job in queryset:
            with tally.count():
                followups.settle_unknown(job=job, outcome=outcome, user=request.user)
        tally.report(request)
        return _own_page(request)

    # --- Page ---------------------------------------------------------------------------

    def facts(self, request: HttpRequest, row: GenerationJob) -> dict[str, Any]:
        job = row
        attempts = list(job.attempts.order_by("number").prefetch_related(_outputs_of_attempts()))
        outputs = [output for attempt in attempts for output in attempt.outputs.all()]
        label_providers(outputs)
        may_generate = self.has_generate_permission(request)
        return {
            **_what_came(job, may_generate),
            "job": job,
            "prompt": render_prompt(job.prompt.composed, prompt_limit(job)) if job.prompt else "",
            "attempts": attempts,
            "request_json": pretty(job.request),
            "sending": how_sent(job, attempts[-1]) if attempts else None,
            "paused": pause_text(job),
            "outputs": outputs,
            "is_open": job.state in GenerationJob.OPEN_STATES,
            "may_retry": job.state == Job.FAILED and may_generate,
            "may_rewrite": job.state == Job.REFUSED and job.slot is not None and may_generate,
            "may_look": may_generate and _may_look(attempts),
            "may_settle": job.state == Job.UNKNOWN and self.has_spend_permission(request),
        }


def _what_came(job: GenerationJob, may_write: bool) -> dict[str, Any]:
    """The text that a job brought, and the page on which it is taken over."""
    if draft := PromptDraft.objects.filter(job=job).first():
        page = reverse("admin:imagegen_imageslot_write", args=[draft.slot_id])
        return {"draft": draft, "draft_url": f"{page}?draft={draft.pk}" if may_write else ""}
    if draft := AltDraft.objects.filter(job=job).first():
        page = reverse("admin:imagegen_imageoutput_change", args=[draft.output_id])
        return {"draft": draft, "draft_url": page}
    return {}


def _may_look(attempts: list[Attempt]) -> bool:
    """Whether one of a job's calls is in doubt and its provider can be asked for it."""
    unknown = [row for row in attempts if row.state == Attempt.State.UNKNOWN]
    return any(looking.can_be_asked(attempt) for attempt in unknown)


@admin.register(GenerationBatch)
class GenerationBatchAdmin(ReadOnlyAdmin):
    """Acts of asking: who asked for what, how far it is, what it costs."""

    list_display = ("name", "progress", "kind", "asked", "price")
    list_filter = ("kind", "door", PeriodFilter)
    search_fields = ("title",)
    search_help_text = "Words of the batch’s title."
    actions = ("cancel", "retry")
    change_form_template = "admin/imagegen/batch.html"
    change_list_template = "admin/imagegen/change_list.html"
    empty_state = (
        "A batch is one act of asking for images. Choose posts in the list of posts and ask for "
        "their missing images to begin."
    )

    class Media:
        js = ["imagegen/follow.js"]

    def decorate(self, rows: list[GenerationBatch]) -> None:
        counts = (
            GenerationJob.objects.filter(batch__in=[row.pk for row in rows])
            .order_by()
            .values_list("batch", "state")
            .annotate(jobs=Count("pk"))
        )
        by_batch: dict[int, dict[str, int]] = {}
        for pk, state, jobs in counts:
            by_batch.setdefault(pk, {})[state] = jobs
        for row in rows:
            row.states = by_batch.get(row.pk, {})

    # --- Columns ------------------------------------------------------------------------

    @admin.display(description="batch")
    def name(self, batch: GenerationBatch) -> str:
        return str(batch)

    @admin.display(description="progress")
    def progress(self, batch: GenerationBatch) -> SafeString:
        return progress_line(batch.states)

    @admin.display(description="asked")
    def asked(self, batch: GenerationBatch) -> SafeString:
        who = batch.asked_by_name or batch.get_door_display()
        return two_lines(who, short_time(batch.created_at))

    @admin.display(description="cost")
    def price(self, batch: GenerationBatch) -> str:
        return batch_cost(batch)

    # --- Actions ------------------------------------------------------------------------

    @admin.action(permissions=["generate"], description="Cancel what has not begun")
    def cancel(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        tally = Tally("job", "jobs", "cancelled")
        for batch in queryset:
            with tally.count():
                cancelled = followups.cancel_batch(batch=batch, user=request.user)
                tally.done += cancelled - 1
        tally.report(request, "Calls that are running end by themselves.")
        return _own_page(request)

    @admin.action(permissions=["generate"], description="Try failed jobs again")
    def retry(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        tally = Tally("job", "jobs", "queued again")
        for job in GenerationJob.objects.filter(batch__in=queryset, state=Job.FAILED):
            with tally.count():
                followups.retry_job(job=job, user=request.user)
        tally.report(request)
        return _own_page(request)

    # --- Page ---------------------------------------------------------------------------

    def facts(self, request: HttpRequest, row: GenerationBatch) -> dict[str, Any]:
        batch = row
        self.decorate([batch])
        states = batch.states
        return {
            "batch": batch,
            "progress": progress_line(states),
            "cost": batch_cost(batch),
            "cap": money_text(batch.cap) if batch.cap is not None else "none",
            "spent": money_text(batch.spent) if batch.spent else "nothing",
            "jobs": batch.jobs.select_related("slot").order_by("position")[:50],
            "job_count": sum(states.values()),
            "open_count": sum(states.get(state, 0) for state in GenerationJob.OPEN_STATES),
            "failed_count": states.get(Job.FAILED, 0),
            "jobs_url": f"{reverse(JOBS)}?batch__id={batch.pk}",
            "may_generate": self.has_generate_permission(request),
        }


def progress_line(states: dict[str, int]) -> SafeString:
    """How many of a batch's jobs are stored, with a bar, and what went another way."""
    total, stored = sum(states.values()), states.get(Job.STORED, 0)
    open_jobs = sum(states.get(state, 0) for state in GenerationJob.OPEN_STATES)
    shape, word = _batch_state(states, open_jobs)
    others = [
        f"{states[state]} {GenerationJob.State(state).label.lower()}"
        for state in (Job.FAILED, Job.REFUSED, Job.UNKNOWN, Job.CANCELLED)
        if states.get(state)
    ]
    return format_html(
        '<span class="fp-progress">{}<progress value="{}" max="{}">{} of {}</progress>'
        '<span class="fp-progress__count">{} of {}{}</span></span>',
        chip(shape, word),
        stored,
        max(total, 1),
        stored,
        total,
        stored,
        total,
        "".join(f", {other}" for other in others),
    )


def _batch_state(states: dict[str, int], open_jobs: int) -> tuple[str, str]:
    """Shape and word of a batch, from the states of its jobs; doubt is never called done."""
    if open_jobs:
        begun = open_jobs < sum(states.values()) or states.get(Job.RUNNING)
        return ("work", "under way") if begun else ("wait", "waiting")
    if states.get(Job.UNKNOWN):
        return "doubt", "unknown"
    if states.get(Job.FAILED) or states.get(Job.REFUSED):
        return "fail", "with failures"
    if states.get(Job.STORED):
        return "good", "done"
    return "off", "cancelled"


def batch_cost(batch: GenerationBatch) -> str:
    """What it has cost so far, or what it is estimated to cost."""
    if batch.spent:
        return money_text(batch.spent)
    return cost_range(batch.estimate_low, batch.estimate_high)
