"""Removing what is needed no more: told first, done on demand, references spared.

Files and the rows of their images go; the ledger stays: what a call cost is told by its
attempt for ever.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Max, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from imagegen.models import Attempt, GenerationJob, ImageOutput, Rendition, ReviewEvent
from imagegen.services import moving, renditions
from imagegen.services.outputs import remove_original
from imagegen.services.references import PREFIX
from imagegen.services.wording import bytes_text, count_text

PRUNED = "Pruned"
TESTS = "originals/tests/"
NAMED = re.compile(rf"{PREFIX}([0-9a-f-]{{36}})")


@dataclass(kw_only=True)
class Prunable:
    """Something that may go: one of what it is, which of them, how many, their bytes; `remove`
    does it and returns how many went."""

    noun: str
    which: str
    count: int
    bytes: int
    remove: Callable[[], int]

    @property
    def what(self) -> str:
        return f"{self.noun}s {self.which}"

    def __str__(self) -> str:
        return f"{count_text(self.count, self.noun)} {self.which}, {bytes_text(self.bytes)}"

    def to_dict(self) -> dict[str, Any]:
        return {"what": self.what, "count": self.count, "bytes": self.bytes}


def unused_renditions() -> Prunable:
    """Renditions that no place serves and nobody has asked for within a day."""
    rows = renditions.unused_renditions().filter(made_at__isnull=False)
    size = rows.aggregate(total=Sum("byte_size"))["total"] or 0
    return Prunable(
        noun="rendition",
        which="that nothing uses",
        count=rows.count(),
        bytes=size,
        remove=renditions.forget_unused,
    )


def old_tests(days: int) -> Prunable:
    """Pictures of test runs that are older than `days`."""
    rows = ImageOutput.objects.filter(
        slot=None, path__startswith=TESTS, created_at__lt=_before(days)
    )
    return _of_images(f"of test runs older than {count_text(days, 'day')}", rows)


def old_rejected(days: int) -> Prunable:
    """Pictures that were rejected more than `days` ago."""
    rejected = Max("events__created_at", filter=Q(events__action=ReviewEvent.Action.REJECT))
    rows = (
        ImageOutput.objects.filter(state=ImageOutput.State.REJECTED)
        .annotate(decided_at=Coalesce(rejected, "created_at"))
        .filter(decided_at__lt=_before(days))
    )
    return _of_images(f"rejected more than {count_text(days, 'day')} ago", rows)


def old_storage(alias: str) -> Prunable:
    """Files that a move left in a storage. Refused where that is in use or not set up."""
    entries = list(moving.left_behind(alias))
    return Prunable(
        noun="file",
        which=f"left in the storage {alias}",
        count=len(entries),
        bytes=sum(entry.size for entry in entries),
        remove=partial(_empty, alias, [entry.name for entry in entries]),
    )


def _empty(alias: str, names: list[str]) -> int:
    """Remove those files whose bytes are in the storage in use."""
    storage, removed = moving.open_storage(alias), 0
    for name in names:
        if moving.is_kept_elsewhere(alias, name):
            storage.delete(name)
            removed += 1
    return removed


def _before(days: int) -> datetime:
    return timezone.now() - timedelta(days=days)


# --- Images -----------------------------------------------------------------------------


def spared(rows: QuerySet[ImageOutput]) -> QuerySet[ImageOutput]:
    """Without those that are approved, and those that something refers to: places, public
    copies, edits, plans, open jobs."""
    return (
        rows.exclude(state=ImageOutput.State.APPROVED)
        .filter(chosen_in__isnull=True, copies__isnull=True, children__isnull=True)
        .exclude(illustrationplan__isnull=False)
        .exclude(uuid__in=_named_by_open_jobs())
    )


def _named_by_open_jobs() -> set[str]:
    """The images that requests under way refer to."""
    states = [*GenerationJob.OPEN_STATES, GenerationJob.State.UNKNOWN]
    jobs = GenerationJob.objects.filter(state__in=states)
    named = {str(uuid) for uuid in jobs.values_list("parent__uuid", flat=True) if uuid}
    for request in jobs.values_list("request", flat=True).iterator(500):
        named |= set(NAMED.findall(json.dumps(request)))
    return named


def _of_images(which: str, rows: QuerySet[ImageOutput]) -> Prunable:
    found = list(spared(rows).values_list("pk", "byte_size"))
    keys = [pk for pk, _ in found]
    made = Rendition.objects.filter(output__in=keys).aggregate(total=Sum("byte_size"))
    return Prunable(
        noun="picture",
        which=which,
        count=len(keys),
        bytes=sum(size for _, size in found) + (made["total"] or 0),
        remove=partial(_remove_all, keys, rows),
    )


def _remove_all(keys: list[int], rows: QuerySet[ImageOutput]) -> int:
    return sum(_remove(pk, rows) for pk in keys)


def _remove(pk: int, rows: QuerySet[ImageOutput]) -> bool:
    """Remove one image with its files, if it is still one of `rows` (a rejection may have been
    taken back) and nothing has come to refer to it since."""
    renditions.forget(Rendition.objects.filter(output=pk))
    with transaction.atomic():
        output = ImageOutput.objects.select_for_update(of=("self",)).filter(pk=pk).first()
        if output is None or not spared(rows).filter(pk=pk).exists():
            return False
        if output.attempt_id is not None:
            message = f"Its image was pruned on {timezone.localdate():%Y-%m-%d}."
            facts = {"kind": PRUNED, "message": message}
            Attempt.objects.filter(pk=output.attempt_id).update(error=facts)
        output.delete()
    # The row goes first: files that a crash leaves here are orphans, which the doctor finds.
    remove_original(output.path)
    return True
