"""How the console shows things: chips, thumbnails, places. Each looks the same on every page."""

from collections.abc import Iterable
from datetime import datetime
from functools import cache, lru_cache
from uuid import UUID

from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from imagegen.models import Attempt, GenerationJob, ImageOutput, ImageSlot, ReviewEvent
from imagegen.services.wording import cost_range, money_text
from prompts.models import Role
from providers.models import Connection

Drawn = ImageOutput | GenerationJob | Attempt
Job, Slot = GenerationJob.State, ImageSlot.State
DASH = "–"

# A chip has a word and a shape: the shape tells the kind to those who do not see the colour.
OUTPUT_SHAPES = {"candidate": "review", "approved": "good", "rejected": "bad"}
JOB_SHAPES = {
    Job.QUEUED: "wait",
    Job.CLAIMED: "work",
    Job.RUNNING: "work",
    Job.STORED: "good",
    Job.FAILED: "fail",
    Job.REFUSED: "stop",
    Job.UNKNOWN: "doubt",
    Job.CANCELLED: "off",
}
ATTEMPT_SHAPES = {
    Attempt.State.RESERVED: "wait",
    Attempt.State.SENDING: "work",
    Attempt.State.SUBMITTED: "work",
    Attempt.State.RECEIVED: "work",
    Attempt.State.STORED: "good",
    Attempt.State.FAILED: "fail",
    Attempt.State.CHARGED: "fail",
    Attempt.State.REFUSED: "stop",
    Attempt.State.UNKNOWN: "doubt",
    Attempt.State.CANCELLED: "off",
}
SLOT_SHAPES = {
    Slot.NOT_WANTED: "off",
    Slot.FROM_HERO: "hero",
    Slot.EMPTY: "empty",
    Slot.CANDIDATES: "review",
    Slot.CHOSEN: "good",
    Slot.STALE: "stale",
}
POST_SHAPES = {"draft": "empty", "scheduled": "wait", "published": "good", "withdrawn": "off"}


def address(view: str, key: int | UUID) -> str:
    """`reverse` for a view that takes one key: a list asks for hundreds of them."""
    blank = UUID(int=0) if isinstance(key, UUID) else 0
    return _blank_address(view, blank).replace(f"/{blank}/", f"/{key}/", 1)


@cache
def _blank_address(view: str, blank: int | UUID) -> str:
    return reverse(view, args=[blank])


@lru_cache(maxsize=512)
def chip(shape: str, word: str, title: str = "") -> SafeString:
    """A state chip. `shape` is one of the classes of the console's sheet."""
    return format_html(
        '<span class="fp-chip fp-chip--{}"{}>{}</span>',
        shape,
        format_html(' title="{}"', title) if title else "",
        word,
    )


def output_chip(output: ImageOutput) -> SafeString:
    """The review state of an image, with the reason of a rejection."""
    word = output.get_state_display().lower()
    if output.reject_reason:
        word = f"{word}: {output.get_reject_reason_display()}"
    return chip(OUTPUT_SHAPES[output.state], word)


def job_chip(job: GenerationJob) -> SafeString:
    """The state of a job; one that draws tells how far it is."""
    word = job.get_state_display().lower()
    if job.state == Job.RUNNING and job.progress is not None:
        word = f"{word} {job.progress * 100:.0f} %"
    return chip(JOB_SHAPES[job.state], word, error_text(job.error))


def attempt_chip(attempt: Attempt) -> SafeString:
    return chip(
        ATTEMPT_SHAPES[attempt.state],
        attempt.get_state_display().lower(),
        error_text(attempt.error),
    )


def post_chip(post) -> SafeString:
    return chip(POST_SHAPES[post.status], post.get_status_display().lower())


def slot_chip(slot: ImageSlot) -> SafeString:
    """The state of a place. Uses `under_way`, its open jobs, where a list has fetched them."""
    for job in getattr(slot, "under_way", ()):
        if slot.wanted:
            return job_chip(job)
    if slot.post_id is None or (slot.role == Role.SECTION and slot.section_id is None):
        return chip("off", "detached", "Its section or post is gone; its pictures are kept.")
    state = slot.state
    word = state.label.lower()
    if state == Slot.NOT_WANTED:
        word = f"{word}, {slot.get_wanted_by_display()}"
    return chip(SLOT_SHAPES[state], word)


def event_reason(event: ReviewEvent) -> str:
    """Why an image was rejected, in the words that the form has for it."""
    return dict(ImageOutput.RejectReason.choices).get(event.reason, event.reason)


def error_text(error: dict | None) -> str:
    """What a stored error says to an editor."""
    return str((error or {}).get("message", ""))


def thumbnail(output: ImageOutput | None, *, size: str = "list") -> SafeString:
    """The stored preview in a box of a fixed ratio; a quiet box where there is none."""
    if not output or not output.preview_path:
        return format_html(
            '<span class="fp-thumb fp-thumb--{} fp-thumb--none">{}</span>', size, "no picture"
        )
    return format_html(
        '<span class="fp-thumb fp-thumb--{}"><img src="{}" alt="{}" width="{}" height="{}" '
        'loading="lazy" decoding="async"></span>',
        size,
        address("imagegen:preview", output.uuid),
        output.description or f"Image {output.pk}",
        output.preview_width,
        output.preview_height,
    )


def place_of_slot(slot: ImageSlot) -> str:
    """Which place of its post this is: the heading of a section, or the role."""
    if slot.role == Role.SECTION:
        return slot.section_heading or "Section without a heading"
    return slot.get_role_display()


def place_of_output(output: ImageOutput) -> str:
    if output.slot is not None:
        return place_of_slot(output.slot)
    return Role(output.role).label if output.role in Role.values else "Test"


def in_a_column(name: str) -> str:
    """As much of a title or heading as a column has room for."""
    return Truncator(name).chars(90)


def two_lines(first: str, second: str) -> SafeString:
    """A cell with a quieter second line."""
    return format_html('{}<br><span class="fp-quiet">{}</span>', first, second)


def short_time(moment: datetime) -> str:
    """Day and time in the site's zone, for a column."""
    return date_format(timezone.localtime(moment), "DATETIME_FORMAT")


def told_time(text: str) -> str:
    """A time that a file tells, as the pages write times; what is none stays as it is."""
    try:
        moment = parse_datetime(text)
    except ValueError:
        return text
    return short_time(moment) if moment and timezone.is_aware(moment) else text


def short_date(moment: datetime) -> str:
    """The day in the site's zone, for a column."""
    return date_format(timezone.localtime(moment), "DATE_FORMAT")


def style_text(row: ImageOutput | GenerationJob) -> str:
    """The style with its version."""
    return f"{row.style_name} v{row.style_version}" if row.style_name else "no style"


def output_cost(output: ImageOutput) -> str:
    """What an image cost. An upload costs nothing; the first image of an answer carries all."""
    if output.kind != ImageOutput.Kind.GENERATED:
        return DASH
    if output.number:
        return "with the first"
    return money_text(output.cost)


def job_cost(job: GenerationJob) -> str:
    return cost_range(job.estimate_low, job.estimate_high)


def label_providers(rows: Iterable[Drawn]) -> None:
    """Give rows what pages call their providers, in one statement for all of them."""
    rows = list(rows)
    names = {row.connection_name for row in rows}
    known = Connection.objects.filter(name__in=names) if any(names) else ()
    labels = {connection.name: str(connection) for connection in known}
    for row in rows:
        row.provider_label = labels.get(row.connection_name, row.connection_name)


def provider_name(row: Drawn) -> str:
    """Provider and model in one phrase; one that was removed keeps its short name."""
    if not hasattr(row, "provider_label"):
        label_providers([row])
    if not row.connection_name:
        return DASH
    return f"{row.provider_label} · {row.model_name}" if row.model_name else row.provider_label


def link_to(instance, text: str | None = None) -> SafeString | str:
    """A link to the admin page of a row; a dash for none."""
    if instance is None:
        return DASH
    options = instance._meta
    url = address(f"admin:{options.app_label}_{options.model_name}_change", instance.pk)
    return format_html('<a href="{}">{}</a>', url, text or str(instance))
