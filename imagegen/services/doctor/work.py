"""Work that does not go on by itself: stuck jobs, doubtful calls, leftovers in the spool."""

import os
import shutil
import time
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

from django.db.models import Q
from django.db.models.functions import Now

from imagegen.models import Attempt, GenerationJob, ImageOutput
from imagegen.services import followups, queue, workers
from imagegen.services.doctor.problems import LEFT_BEHIND, Problem
from imagegen.services.pruning import PRUNED
from imagegen.services.spool import is_key, spool_root
from imagegen.services.sweeper import SPOOL_ENDED
from imagegen.services.wording import count_text

PATIENCE = timedelta(minutes=1)  # the sweeper releases expired leases within seconds
QUARANTINE = "quarantine"


def check_jobs() -> Iterator[Problem]:
    """Jobs that nobody works on although somebody should, and those that wait for a person."""
    jobs = GenerationJob.objects.order_by("pk")
    held = jobs.filter(state__in=GenerationJob.HELD_STATES, lease_until__lt=Now() - PATIENCE)
    for job in held:
        yield Problem(
            kind="job-stuck",
            subject=f"job {job.pk}",
            message=f"Job {job.pk} was taken by a worker that has stopped reporting. "
            "A repair gives it back to the queue.",
            remedy=partial(_release, job.pk),
        )
    for job in jobs.filter(state=GenerationJob.State.UNKNOWN):
        yield Problem(
            kind="job-unknown",
            subject=f"job {job.pk}",
            message=f"It is not known whether {job.connection_name} did, and charged for, what "
            f"job {job.pk} asked of it. Decide in the admin: not charged, or pay again.",
        )
    yield from _waiting_in_vain()


def _release(job_id: int) -> bool:
    queue.release_expired_leases()
    held = GenerationJob.objects.filter(pk=job_id, state__in=GenerationJob.HELD_STATES)
    return not held.filter(lease_until__lt=Now()).exists()


def _waiting_in_vain() -> Iterator[Problem]:
    due = queue.due_jobs().filter(created_at__lt=Now() - LEFT_BEHIND)
    if not workers.worker_is_present() and due.exists():
        yield Problem(
            kind="no-worker",
            subject="queue",
            message=f"No worker has reported, with {count_text(due.count(), 'job')} waiting. "
            "Start one: manage.py run_worker.",
        )


def check_attempts() -> Iterator[Problem]:
    """Calls whose books contradict: still open although their job has ended, or stored
    without an image."""
    ended = Q(state__in=Attempt.OPEN_STATES) & ~Q(job__state__in=GenerationJob.OPEN_STATES)
    open_calls = Attempt.objects.filter(ended).exclude(job__state=GenerationJob.State.UNKNOWN)
    for attempt in open_calls.select_related("job"):
        yield _open_call(attempt)
    stored = Attempt.objects.filter(state=Attempt.State.STORED, outputs__isnull=True)
    for attempt in stored.filter(job__kind=GenerationJob.Kind.IMAGE):
        if (attempt.error or {}).get("kind") == PRUNED:
            continue
        yield Problem(
            kind="attempt-without-image",
            subject=f"attempt {attempt.key}",
            message=f"{attempt} is booked as stored, but no image belongs to it.",
        )


def _open_call(attempt: Attempt) -> Problem:
    """An open call of an ended job; an answer in the spool can still be stored."""
    job = attempt.job
    waits = attempt.state == Attempt.State.RECEIVED and job.state == GenerationJob.State.FAILED
    advice = " A repair tries the job again: the answer is in the spool and costs nothing more."
    return Problem(
        kind="attempt-open",
        subject=f"attempt {attempt.key}",
        message=f"{attempt} is still open although its job has ended.{advice if waits else ''}",
        remedy=partial(_try_again, job) if waits else None,
    )


def _try_again(job: GenerationJob) -> bool:
    followups.retry_job(job=job, user=None)
    return True


def check_choices() -> Iterator[Problem]:
    """Places whose choice is not approved any more; readers do not get it."""
    approved = ImageOutput.State.APPROVED
    for output in ImageOutput.objects.filter(chosen_in__isnull=False).exclude(state=approved):
        yield Problem(
            kind="choice-not-approved",
            subject=f"image {output.pk}",
            message=f"Image {output.pk} is the choice of a place in “{output.post_title}” but is "
            "not approved. Approve it, or choose another.",
        )


# --- The spool --------------------------------------------------------------------------


def check_spool() -> Iterator[Problem]:
    """Folders of calls that the database does not know or has long finished, scratch files."""
    root = spool_root()
    entries = sorted(root.iterdir()) if root.is_dir() else []
    for entry in entries:
        if entry.name == QUARANTINE or not _is_old(entry):
            continue
        if entry.is_dir():
            yield from _check_folder(entry)
        else:
            yield Problem(
                kind="scratch-left",
                subject=f"spool/{entry.name}",
                message=f"The scratch file {entry.name} was left in the spool.",
                remedy=partial(_remove, entry),
            )


def _is_old(entry: Path) -> bool:
    try:
        return entry.stat().st_mtime < time.time() - LEFT_BEHIND.total_seconds()
    except FileNotFoundError:
        return False


def _check_folder(entry: Path) -> Iterator[Problem]:
    attempt = Attempt.objects.filter(key=entry.name).first() if is_key(entry.name) else None
    if attempt is None:
        yield Problem(
            kind="spool-unknown",
            subject=f"spool/{entry.name}",
            message=f"The spool holds an answer {entry.name} that no call in the database "
            "belongs to. A repair moves it to the quarantine.",
            remedy=partial(_quarantine, entry),
        )
    elif attempt.state in SPOOL_ENDED:
        yield Problem(
            kind="spool-left",
            subject=f"spool/{entry.name}",
            message=f"The spool still holds the answer of {attempt}, which has ended.",
            remedy=partial(_remove, entry),
        )


def _quarantine(entry: Path) -> bool:
    target = spool_root() / QUARANTINE
    target.mkdir(parents=True, exist_ok=True)
    os.rename(entry, target / f"{entry.name}-{int(time.time())}")
    return True


def _remove(entry: Path) -> bool:
    if entry.is_dir():
        shutil.rmtree(entry, ignore_errors=True)
    else:
        entry.unlink(missing_ok=True)
    return not entry.exists()
