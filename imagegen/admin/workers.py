"""Who works in the background, and the audit trail of reviews."""

from django.contrib import admin
from django.utils import timezone
from django.utils.timesince import timesince

from imagegen.admin.base import PeriodFilter, ReadOnlyAdmin
from imagegen.admin.display import DASH, chip, event_reason, link_to
from imagegen.models import ImageOutput, ReviewEvent, WorkerProcess
from imagegen.services.workers import ABSENT


@admin.register(WorkerProcess)
class WorkerProcessAdmin(ReadOnlyAdmin):
    """Workers that have reported, newest first."""

    list_display = ("name", "state_chip", "host", "pid", "threads", "started_at", "seen_at")
    ordering = ("-seen_at", "-pk")
    change_list_template = "admin/imagegen/change_list.html"
    empty_state = "No worker has reported yet. Start one with manage.py run_worker."

    @admin.display(description="state")
    def state_chip(self, worker: WorkerProcess) -> str:
        if worker.stopped_at:
            return chip("off", "ended")
        if timezone.now() - worker.seen_at < ABSENT:
            return chip("good", "working")
        return chip("fail", f"silent for {timesince(worker.seen_at, depth=1)}")


@admin.register(ReviewEvent)
class ReviewEventAdmin(ReadOnlyAdmin):
    """Who decided what, when and why. Nothing here is ever changed."""

    list_display = ("what", "post_name", "reason_text", "note_start", "created_at")
    list_filter = ("action", PeriodFilter)
    search_fields = ("post_title", "note", "made_by_name")
    search_help_text = "Words of the post’s title or a note, or a person’s name."
    list_select_related = ("output", "slot")
    change_list_template = "admin/imagegen/change_list.html"
    empty_state = "Every approval, rejection, comment and undo is written down here."
    fields = readonly_fields = (
        "action", "image", "place", "post_name", "states", "reason_text", "note_text", "before",
        "by", "created_at",
    )  # fmt: skip

    @admin.display(description="event")
    def what(self, event: ReviewEvent) -> str:
        return str(event)

    @admin.display(description="image")
    def image(self, event: ReviewEvent) -> str:
        return link_to(event.output)

    @admin.display(description="place")
    def place(self, event: ReviewEvent) -> str:
        return link_to(event.slot)

    @admin.display(description="state")
    def states(self, event: ReviewEvent) -> str:
        words = dict(ImageOutput.State.choices)
        told = [words.get(state, state) for state in (event.from_state, event.to_state) if state]
        return " → ".join(told).lower() or DASH

    @admin.display(description="shown before")
    def before(self, event: ReviewEvent) -> str:
        return link_to(event.previous_choice)

    @admin.display(description="by")
    def by(self, event: ReviewEvent) -> str:
        return event.made_by_name or "the system"

    @admin.display(description="note")
    def note_text(self, event: ReviewEvent) -> str:
        return event.note or DASH

    @admin.display(description="post")
    def post_name(self, event: ReviewEvent) -> str:
        return event.post_title or DASH

    @admin.display(description="reason")
    def reason_text(self, event: ReviewEvent) -> str:
        return event_reason(event) or DASH

    @admin.display(description="note")
    def note_start(self, event: ReviewEvent) -> str:
        return event.note[:120] or DASH
