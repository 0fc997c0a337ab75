"""Renditions: files made from an original by recipe, each once, kept in the private storage.

The row comes first. Whoever writes it, or takes it over after a maker that was stopped, makes
the file; others wait for a moment. A file has the name that its content gives, is stored before
`made_at` says so, and may be made again at any time: nothing here is precious.
"""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from imagegen.errors import BeingMade, StorageProblem
from imagegen.imaging.sniffing import EXTENSIONS
from imagegen.models import ImageOutput, Rendition
from imagegen.services import credentials
from imagegen.services.outputs import scratch_file
from imagegen.services.recipes import Recipe, recipe_hash
from imagegen.storage import hash_path, local_copy, originals, reason, save_file
from providers.pool import run_in_child

RENDER_SECONDS = 60.0  # all files of one original
CLAIM = timedelta(seconds=90)  # whoever has made nothing for longer was stopped
PATIENCE = 5.0  # seconds that another maker is waited for
POLL = 0.1
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
KEPT = timedelta(days=1)  # files that nothing uses stay so long after they were last asked for


def ensure_renditions(
    output: ImageOutput, recipes: Sequence[Recipe], *, wait: bool = True
) -> list[Rendition]:
    """The renditions of an image by these recipes, in their order; what is missing is made.

    All that is to be made is made in one child process, from one decoding. Must not be called
    in a transaction. Raises `StorageProblem` where the original is missing or not what was
    stored, or a file cannot be kept; `Undecodable`; `ChildDied` and `ChildTimeout`; `BeingMade`
    where another worker is at it: at once without `wait`, else after a few seconds.
    """
    by_hash = {recipe_hash(recipe): recipe for recipe in recipes}
    give_up = time.monotonic() + (PATIENCE if wait else 0)
    _refresh(output, by_hash)
    while True:
        claimed_at, mine = _claim(output, by_hash)
        if mine:
            _make(output, mine, claimed_at)
        rows = {row.recipe_hash: row for row in _rows(output, by_hash)}
        if len(rows) == len(by_hash) and all(row.made_at for row in rows.values()):
            return [rows[recipe_hash(recipe)] for recipe in recipes]
        if not mine and time.monotonic() >= give_up:
            raise BeingMade(f"Another worker is making the renditions of image {output.pk}.")
        if not mine:
            time.sleep(POLL)


def _rows(output: ImageOutput, hashes: Any) -> QuerySet[Rendition]:
    return Rendition.objects.filter(output=output, recipe_hash__in=list(hashes))


def _refresh(output: ImageOutput, by_hash: dict[str, Recipe]) -> None:
    """Say of what is there that it was asked for; let what has lost its file be made again."""
    storage = originals()
    made = [row for row in _rows(output, by_hash) if row.made_at]
    lost = [row.pk for row in made if not storage.exists(row.path)]
    unmake(Rendition.objects.filter(pk__in=lost))
    kept = [row.pk for row in made if row.pk not in lost]
    Rendition.objects.filter(pk__in=kept).update(claimed_at=timezone.now())


def unmake(rows: QuerySet[Rendition]) -> None:
    """Let the files of these rows be made again when they are next asked for."""
    rows.update(made_at=None, path="", claimed_at=LONG_AGO)


def _claim(output: ImageOutput, by_hash: dict[str, Recipe]) -> tuple[datetime, list[Rendition]]:
    """The rows that this caller is to make now, and the time that marks its claim.

    New rows are claimed by being written, which the database lets one writer do.
    """
    known = set(_rows(output, by_hash).values_list("recipe_hash", flat=True))
    new = [
        Rendition(output=output, recipe=recipe, recipe_hash=digest)
        for digest, recipe in by_hash.items()
        if digest not in known
    ]
    Rendition.objects.bulk_create(new, ignore_conflicts=True)
    written = {row.recipe_hash: row.claimed_at for row in new}
    now = timezone.now()
    mine = []
    for row in _rows(output, by_hash).filter(made_at=None):
        is_mine = written.get(row.recipe_hash) == row.claimed_at
        if is_mine or row.claimed_at < now - CLAIM:
            same = Rendition.objects.filter(pk=row.pk, made_at=None, claimed_at=row.claimed_at)
            if same.update(claimed_at=now):
                mine.append(row)
    return now, mine


def _make(output: ImageOutput, rows: list[Rendition], claimed_at: datetime) -> None:
    """Make the files of claimed rows; after a failure others may try at once."""
    try:
        with local_copy(originals(), output.path) as source:
            if _hash(source, output) != output.sha256:
                raise StorageProblem(
                    f"The original of image {output.pk} has changed since it was stored."
                )
            for logo, group in _by_logo(rows).items():
                _make_group(source, group, logo)
    except Exception:
        pks = [row.pk for row in rows]
        held = Rendition.objects.filter(pk__in=pks, made_at=None, claimed_at=claimed_at)
        held.update(claimed_at=LONG_AGO)
        raise


def _by_logo(rows: list[Rendition]) -> dict[str, list[Rendition]]:
    """The rows by the logo of their watermark: as a rule all of them are one group."""
    groups: dict[str, list[Rendition]] = {}
    for row in rows:
        logo = (row.recipe["watermark"] or {}).get("logo_path", "")
        groups.setdefault(logo, []).append(row)
    if len(groups) == 2 and "" in groups:  # those without one need no call of their own
        plain = groups.pop("")
        next(iter(groups.values())).extend(plain)
    return groups


def _make_group(source: str, rows: list[Rendition], logo: str) -> None:
    with ExitStack() as stack:
        logo_path = stack.enter_context(local_copy(originals(), logo)) if logo else ""
        suffixes = (f".{EXTENSIONS[row.recipe['format']]}" for row in rows)
        targets = [stack.enter_context(scratch_file(suffix)) for suffix in suffixes]
        jobs = [(row.recipe, path) for row, path in zip(rows, targets, strict=True)]
        made = _render(source, jobs, logo_path)
        for row, path, facts in zip(rows, targets, made, strict=True):
            _keep(row, path, facts)


def _hash(path: str, output: ImageOutput) -> str:
    try:
        return hash_path(path)
    except OSError as error:
        raise StorageProblem(
            f"The original of image {output.pk} cannot be read: {reason(error)}."
        ) from error


def _render(source: str, jobs: list[tuple[Recipe, str]], logo: str) -> list[dict[str, Any]]:
    try:
        return run_in_child(credentials.renderer(logo), source, jobs, timeout=RENDER_SECONDS)
    except ImportError as error:
        raise StorageProblem(f"Renditions cannot be signed: {error.name} is missing.") from error
    except OSError as error:
        raise StorageProblem(f"A rendition could not be written: {reason(error)}.") from error
    except ValueError as error:
        raise StorageProblem(f"A rendition does not carry its marks: {error}") from error


def _keep(row: Rendition, path: str, facts: dict[str, Any]) -> None:
    """Store one finished file: its name on the row first, so that no file is without a row."""
    digest = facts["sha256"]
    name = f"renditions/{digest[:2]}/{digest[:32]}.{EXTENSIONS[facts['format']]}"
    unmade = Rendition.objects.filter(pk=row.pk, made_at=None)
    if not unmade.update(path=name, **facts):
        return  # somebody who took over was quicker
    save_file(originals(), name, path, digest)
    if not unmade.filter(path=name).update(made_at=timezone.now()):
        _remove_file(name)


# --- Letting go -------------------------------------------------------------------------


def unused_renditions(kept: timedelta = KEPT) -> QuerySet[Rendition]:
    """Renditions that no place serves and nobody has asked for within `kept`."""
    return Rendition.objects.filter(copies__isnull=True, claimed_at__lt=timezone.now() - kept)


def forget_unused(kept: timedelta = KEPT) -> int:
    """Remove unused renditions with their files. Returns how many; they can be made again."""
    return forget(unused_renditions(kept))


def forget(rows: QuerySet[Rendition]) -> int:
    """Remove these renditions, but for those in service: the row first, then the file."""
    removed = 0
    for row in rows.iterator(500):
        gone, _ = Rendition.objects.filter(
            Q(copies__isnull=True), pk=row.pk, claimed_at=row.claimed_at
        ).delete()
        if gone:
            removed += 1
            _remove_file(row.path)
    return removed


def _remove_file(name: str) -> None:
    """Remove a file unless another rendition has the same content, and so the same name."""
    if name and not Rendition.objects.filter(path=name).exists():
        originals().delete(name)
