"""The one service that publishes and withdraws: the post's state and its public pictures.

Public copies are brought in line with what is approved by `publish_pictures`, which may run
at any time, in several places at once, and be stopped anywhere: the next round goes on. A
change that matters to readers calls `due.mark_due` in its own transaction.

A place changes all at once: what it served stays until its whole new set is there. A copy's row
is written before its file and outlives it. Rows that are not live are never served; the sweeper
removes them and their files.

Where rows are locked it is in this order: the post, its slots by key, copies by key.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

import blog.services
from blog.models import Post
from imagegen.errors import BeingMade, ImagegenError, Refused
from imagegen.models import ImageOutput, ImageSlot, PublicCopy, Rendition
from imagegen.services.copies import (
    Key,
    WantedCopy,
    copies_once_public,
    key_of,
    new_copy,
    remove_retired,
    store_public,
    wanted_copies,
)
from imagegen.services.due import lock_slots, mark_due, retire
from imagegen.services.guard import survive
from imagegen.services.recipes import Recipe
from imagegen.services.renditions import ensure_renditions
from imagegen.storage import published
from prompts.models import Role
from providers.pool import ChildDied, ChildTimeout

logger = logging.getLogger("imagegen")

ROUNDS = 3
BEING_MADE = timedelta(minutes=2)  # a copy that is not live for longer was left behind
ROUND_SECONDS = 10.0  # after which the sweeper goes on to its other work
FIRST_WAIT, LONGEST_WAIT = 15.0, 120.0  # seconds before a failed post is tried again


@dataclass
class PublishReport:
    """What one call of `publish_pictures` did."""

    made: int = 0
    removed: int = 0
    problems: list[str] = field(default_factory=list)


# --- Posts ------------------------------------------------------------------------------


def publish_gate(post: Post) -> list[str]:
    """Sentences about what a post lacks to be published well; empty if nothing."""
    hero = ImageSlot.objects.filter(post=post, role=Role.HERO, wanted=True).first()
    if hero is None or (hero.choice and hero.choice.state == ImageOutput.State.APPROVED):
        return []
    return [f"“{post.title}” has no approved hero picture."]


def _pass_gate(post: Post) -> list[str]:
    warnings = publish_gate(post)
    if warnings and settings.PUBLISH_GATE == "block":
        raise Refused(f"{' '.join(warnings)} Approve one, or set the place to “not wanted”.")
    return warnings


def publish_post(*, post: Post, at: datetime | None = None) -> list[str]:
    """Publish the post; its approved pictures follow. Returns warnings of the publish gate.

    The door checks the permission and logs who did it. Where the site says that the gate
    blocks, a lack is `Refused` and nothing changes.
    """
    warnings = _pass_gate(post)
    blog.services.publish_post(post=post, at=at)
    return warnings


def schedule_post(*, post: Post, at: datetime | None = None) -> list[str]:
    """Have the post published at a time to come, by default the one entered in the post.

    The gate as for `publish_post`.
    """
    warnings = _pass_gate(post)
    with transaction.atomic():
        blog.services.schedule_post(post=post, at=at)
        mark_due(post=post)  # its files are made ahead
    return warnings


def withdraw_post(*, post: Post) -> None:
    """Take the post back. Its public copies stop being served with it and are removed."""
    blog.services.withdraw_post(post=post)


# --- Called by the blog's hooks ---------------------------------------------------------


def on_post_published(*, post: Post) -> None:
    """A post went public: its pictures are due."""
    mark_due(post=post)


def on_post_saved(*, post: Post, created: bool = False) -> None:
    """A public post changed: title, language or sections may matter to its copies."""
    if post.status == Post.Status.PUBLISHED:
        mark_due(post=post)


def on_post_withdrawn(*, post: Post) -> None:
    """A post was taken back: none of its copies is live from this transaction on."""
    lock_slots(Q(post=post))
    retire(PublicCopy.objects.filter(slot__post=post))
    ImageSlot.objects.filter(post=post).update(publication_due=True)
    post_id = post.pk  # a post that is about to be deleted loses its own
    transaction.on_commit(lambda: _publish_now(post_id), robust=True)


# --- Pictures ---------------------------------------------------------------------------


def _publish_now(post_id: int) -> None:
    publish_pictures(post_id=post_id)


def publish_pictures(*, post_id: int, wait: bool = True) -> PublishReport:
    """Make the post's public copies match what is approved now; remove what is not wanted.

    May be repeated and may run twice at a time; with `wait`, another who makes the same files
    is waited for a moment. What cannot be made stays due and is told in the report. The files
    of a scheduled post are made, and stay private until its time.
    """
    report = PublishReport()
    _make_ahead(_post(post_id), report, wait)
    for _ in range(ROUNDS):
        failed = _make_missing(post_id, report, wait)
        if _settle(post_id, failed) or failed:
            break
    report.removed = remove_retired(Q(slot__post=post_id))
    for problem in report.problems:
        logger.error("Public copies of post %s: %s", post_id, problem)
    return report


def _make_missing(post_id: int, report: PublishReport, wait: bool) -> set[int]:
    """Make what the post's places lack, image by image. Returns the slots that still lack it."""
    missing: dict[int, list[WantedCopy]] = defaultdict(list)
    for copy in _missing_copies(post_id):
        missing[copy.output.pk].append(copy)
    failed: set[int] = set()
    for copies in missing.values():
        try:
            report.made += _make_and_serve(post_id, copies, wait)
        except BeingMade:  # somebody is at this post: the rest is theirs too, or the next round's
            return failed | {copy.slot_id for copies in missing.values() for copy in copies}
        except (ImagegenError, ChildDied, ChildTimeout) as error:
            failed |= {copy.slot_id for copy in copies}
            report.problems.append(f"Image {copies[0].output.pk}: {error}")
    return failed


def _make_ahead(post: Post | None, report: PublishReport, wait: bool) -> None:
    """Have the files of a scheduled post ready, so that it comes out with its pictures."""
    if post is None or post.status != Post.Status.SCHEDULED:
        return
    by_image: dict[ImageOutput, list[Recipe]] = defaultdict(list)
    for copy in copies_once_public(post).values():
        by_image[copy.output].append(copy.recipe)
    for output, recipes in by_image.items():
        try:
            ensure_renditions(output, recipes, wait=wait)
        except BeingMade:
            return
        except (ImagegenError, ChildDied, ChildTimeout) as error:
            report.problems.append(f"Image {output.pk}: {error}")


def _missing_copies(post_id: int) -> list[WantedCopy]:
    """Wanted copies that have no live row of the same recipe, or whose file is not there."""
    live = _live_copies(post_id)
    lost = _lost_files(live.values())
    return [
        copy
        for key, copy in wanted_copies(_post(post_id)).items()
        if not copy.is_served_by(live.get(key)) or live[key].path in lost
    ]


def _live_copies(post_id: int) -> dict[Key, PublicCopy]:
    rows = PublicCopy.objects.live().filter(slot__post=post_id)
    return {key_of(row): row for row in rows}


def _lost_files(rows: Iterable[PublicCopy]) -> set[str]:
    """The names of files that should be in the public storage and are not."""
    storage = published()
    return {path for path in {row.path for row in rows} if not storage.exists(path)}


def _post(post_id: int) -> Post | None:
    return Post.objects.filter(pk=post_id).first()


def _make_and_serve(post_id: int, copies: list[WantedCopy], wait: bool) -> int:
    """Make copies of one image and let them be served, place by place. Returns how many are."""
    recipes = [copy.recipe for copy in copies]
    made = ensure_renditions(copies[0].output, recipes, wait=wait)
    renditions = dict(zip((copy.key for copy in copies), made, strict=True))
    places: dict[int, list[WantedCopy]] = defaultdict(list)
    for copy in copies:
        places[copy.slot_id].append(copy)
    return sum(_serve(post_id, slot_id, wanted, renditions) for slot_id, wanted in places.items())


def _serve(
    post_id: int, slot_id: int, wanted: list[WantedCopy], renditions: dict[Key, Rendition]
) -> int:
    """Bring the copies of one place to the public and let them be served, all or none."""
    rows = [new_copy(copy, renditions[copy.key]) for copy in wanted]
    PublicCopy.objects.bulk_create(rows)
    for row in rows:
        store_public(row)
    return _go_live(post_id, slot_id, rows)


def _go_live(post_id: int, slot_id: int, rows: list[PublicCopy]) -> int:
    """Put the rows in the place of the ones before, unless the world has moved on."""
    with transaction.atomic():
        _lock_post(post_id)
        wanted = wanted_copies(_post(post_id))
        for row in rows:
            now = wanted.get(key_of(row))
            if now is None or not now.is_served_by(row):
                return 0
        new = {key_of(row) for row in rows}
        served = PublicCopy.objects.live().filter(slot=slot_id)
        before = [row.pk for row in served if key_of(row) in new or key_of(row) not in wanted]
        retire(PublicCopy.objects.filter(pk__in=before))
        mine = PublicCopy.objects.filter(pk__in=[row.pk for row in rows])
        alive = mine.update(live=True, changed_at=timezone.now())
        if alive != len(rows):  # another round took some for left behind
            transaction.set_rollback(True)
            return 0
    return alive


def _lock_post(post_id: int) -> None:
    """Wait for whoever is changing this post or a choice in it, and hold others off."""
    list(Post.objects.select_for_update(no_key=True).filter(pk=post_id).values_list("pk"))
    lock_slots(Q(post=post_id))


def _settle(post_id: int, failed: set[int]) -> bool:
    """Retire copies that are not wanted; let exactly the slots be due that lack a copy.

    False if something changed since the copies were made, so that another round is needed.
    """
    # Looked up outside the transaction. What goes live after this look has its own to come.
    lost = _lost_files(_live_copies(post_id).values())
    with transaction.atomic():
        _lock_post(post_id)
        wanted, live = wanted_copies(_post(post_id)), _live_copies(post_id)
        lacking = {
            key[0]
            for key, copy in wanted.items()
            if not copy.is_served_by(live.get(key)) or live[key].path in lost
        }
        due = lacking | failed
        retire(PublicCopy.objects.filter(pk__in=_unwanted(live, wanted, due)))
        slots = ImageSlot.objects.filter(post=post_id)
        slots.filter(publication_due=True).exclude(pk__in=due).update(publication_due=False)
        slots.filter(publication_due=False, pk__in=due).update(publication_due=True)
    return not lacking


def _unwanted(
    live: dict[Key, PublicCopy], wanted: dict[Key, WantedCopy], due: set[int]
) -> list[int]:
    """Live copies to retire: of other images, and of sizes that a place needs no more.

    The old set of the same image stays until its place has the new one.
    """
    images = {copy.slot_id: copy.output.pk for copy in wanted.values()}
    return [
        row.pk
        for key, row in live.items()
        if images.get(row.slot_id) != row.output_id
        or (key not in wanted and row.slot_id not in due)
    ]


# --- The sweeper ------------------------------------------------------------------------


def places_to_publish() -> QuerySet[ImageSlot]:
    """Places of posts whose public copies wait to be made or removed."""
    return ImageSlot.objects.filter(publication_due=True, post__isnull=False)


_failures: dict[int, tuple[float, float]] = {}  # post id -> wait, time of the next try


def publish_due(limit: int = 100, *, wait: bool = True) -> int:
    """Bring up to `limit` posts with due places up to date. Returns how many were tried.

    No further one is begun after ten seconds: the next round goes on with the rest. A post
    that could not be done is left alone for a while, longer each time. `wait` as in
    `publish_pictures`.
    """
    retire(PublicCopy.objects.filter(slot__post__isnull=True))
    remove_retired(Q(changed_at__lt=timezone.now() - BEING_MADE) | Q(slot__post__isnull=True))
    ImageSlot.objects.filter(post__isnull=True, publication_due=True).update(publication_due=False)
    now = time.monotonic()
    resting = [post_id for post_id, (_, until) in _failures.items() if until > now]
    due = places_to_publish().exclude(post__in=resting).order_by("post_id")
    tried = 0
    for post_id in list(due.values_list("post_id", flat=True).distinct()[:limit]):
        if tried and time.monotonic() > now + ROUND_SECONDS:
            break
        _publish_or_rest(post_id, wait)
        tried += 1
    return tried


def _publish_or_rest(post_id: int, wait: bool) -> None:
    with survive(f"publishing of post {post_id}"):
        if not publish_pictures(post_id=post_id, wait=wait).problems:
            _failures.pop(post_id, None)
            return
    pause = min(LONGEST_WAIT, _failures.get(post_id, (FIRST_WAIT / 2, 0.0))[0] * 2)
    _failures[post_id] = (pause, time.monotonic() + pause)
