"""The one service that publishes and withdraws: the post's state and its public pictures.

Public copies are brought in line with what is approved by `publish_pictures`, which may run
at any time, in several places at once, and be stopped anywhere: the next round goes on. A
change that matters to readers calls `mark_due` in its own transaction.

A copy's row is written before its file and outlives it. Rows that are not live are never
served; the sweeper removes them and their files.

Where rows are locked it is in this order: the post, its slots by key, copies by key.
"""

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

import blog.services
from blog.models import Post
from imagegen.errors import ImagegenError, Refused
from imagegen.models import ImageOutput, ImageSlot, PublicCopy
from imagegen.services.copies import (
    EncodedCopy,
    Key,
    WantedCopy,
    make_copy,
    store_public,
    wanted_copies,
)
from imagegen.storage import published
from prompts.models import Role
from providers.pool import ChildDied, ChildTimeout

logger = logging.getLogger("imagegen")

ROUNDS = 3
BEING_MADE = timedelta(minutes=2)  # a copy that is not live for longer was left behind
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


def publish_post(*, post: Post, user: Any, at: datetime | None = None) -> list[str]:
    """Publish the post; its approved pictures follow. Returns warnings of the publish gate.

    The door checks that `user` may change posts. Where the site says that the gate blocks, a
    lack is `Refused` and nothing changes.
    """
    warnings = _pass_gate(post)
    blog.services.publish_post(post=post, at=at)
    return warnings


def schedule_post(*, post: Post, user: Any, at: datetime | None = None) -> list[str]:
    """Have the post published at a time to come, by default the one entered in the post.

    The gate as for `publish_post`.
    """
    warnings = _pass_gate(post)
    blog.services.schedule_post(post=post, at=at)
    return warnings


def withdraw_post(*, post: Post, user: Any) -> None:
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
    _lock_slots(Q(post=post))
    _retire(PublicCopy.objects.filter(slot__post=post))
    ImageSlot.objects.filter(post=post).update(publication_due=True)
    post_id = post.pk  # a post that is about to be deleted loses its own
    transaction.on_commit(lambda: _publish_now(post_id), robust=True)


# --- Pictures ---------------------------------------------------------------------------


def mark_due(*, post: Post | None = None, slots: Iterable[ImageSlot] = ()) -> None:
    """Say that public copies no longer match: of all slots of a post, or of some slots.

    To be called in the transaction of the change itself, so that neither is without the
    other. A worker brings the copies up to date soon after the commit.
    """
    slots = list(slots)
    post_ids = {slot.post_id for slot in slots if slot.post_id}
    post_ids |= {post.pk} if post is not None else set()
    chosen = Q(pk__in=[slot.pk for slot in slots])
    if post is not None:
        chosen |= Q(post=post)
    _lock_slots(chosen)
    # A post that is due already has a task under way; one more would find nothing to do.
    under_way = ImageSlot.objects.filter(post__in=post_ids, publication_due=True)
    waiting = set(under_way.values_list("post_id", flat=True))
    ImageSlot.objects.filter(chosen).update(publication_due=True)
    _retire_disapproved(post_ids)
    for post_id in sorted(post_ids - waiting):
        transaction.on_commit(lambda post_id=post_id: _send_task(post_id), robust=True)


def _retire_disapproved(post_ids: set[int]) -> None:
    """What is no longer approved or wanted is not served from this transaction on."""
    rows = PublicCopy.objects.filter(slot__post__in=post_ids)
    _retire(rows.filter(~Q(output__state=ImageOutput.State.APPROVED) | Q(slot__wanted=False)))


def _send_task(post_id: int) -> None:
    from imagegen.tasks import publish_pictures_task

    if Post.objects.filter(pk=post_id, status=Post.Status.PUBLISHED).exists():
        publish_pictures_task.enqueue(post_id)


def _publish_now(post_id: int) -> None:
    publish_pictures(post_id=post_id)


def publish_pictures(*, post_id: int) -> PublishReport:
    """Make the post's public copies match what is approved now; remove what is not wanted.

    May be repeated and may run twice at a time. What cannot be made stays due and is told in
    the report.
    """
    report = PublishReport()
    for _ in range(ROUNDS):
        failed: set[Key] = set()
        for wanted in _missing_copies(post_id):
            try:
                report.made += _make_live(wanted, post_id)
            except (ImagegenError, ChildDied, ChildTimeout) as error:
                failed.add(wanted.key)
                report.problems.append(f"Image {wanted.output.pk}: {error}")
        if _settle(post_id, failed) or failed:
            break
    report.removed = remove_retired(Q(slot__post=post_id))
    for problem in report.problems:
        logger.error("Public copies of post %s: %s", post_id, problem)
    return report


def _missing_copies(post_id: int) -> list[WantedCopy]:
    """Wanted copies that have no live row of the same recipe, or whose file is not there."""
    storage = published()
    live = {
        (row.slot_id, row.purpose): row
        for row in PublicCopy.objects.live().filter(slot__post=post_id)
    }
    return [
        copy
        for key, copy in wanted_copies(_post(post_id)).items()
        if key not in live
        or live[key].recipe_hash != copy.recipe_hash
        or not storage.exists(live[key].path)
    ]


def _post(post_id: int) -> Post | None:
    return Post.objects.filter(pk=post_id).first()


def _make_live(wanted: WantedCopy, post_id: int) -> bool:
    """Make one copy and let it be served, if it is still wanted then."""
    rows: list[PublicCopy] = []

    def store(copy: EncodedCopy) -> None:
        rows.append(_row_of(wanted, copy))
        store_public(copy)

    make_copy(wanted, store=store)
    return _go_live(rows[0], wanted, post_id)


def _row_of(wanted: WantedCopy, copy: EncodedCopy) -> PublicCopy:
    return PublicCopy.objects.create(
        output=wanted.output,
        slot_id=wanted.slot_id,
        purpose=wanted.purpose,
        recipe=wanted.recipe,
        recipe_hash=wanted.recipe_hash,
        path=copy.path,
        width=copy.width,
        height=copy.height,
        byte_size=copy.byte_size,
        sha256=copy.sha256,
    )


def _go_live(row: PublicCopy, wanted: WantedCopy, post_id: int) -> bool:
    """Put the row in the place of the one before, unless the world has moved on."""
    with transaction.atomic():
        _lock_post(post_id)
        now = wanted_copies(_post(post_id)).get(wanted.key)
        if now is None or now.recipe_hash != wanted.recipe_hash:
            return False
        before = PublicCopy.objects.live().filter(slot=row.slot_id, purpose=row.purpose)
        _retire(before)
        alive = PublicCopy.objects.filter(pk=row.pk).update(live=True, changed_at=timezone.now())
        if not alive:  # another round took it for left behind
            transaction.set_rollback(True)
    return bool(alive)


def _lock_post(post_id: int) -> None:
    """Wait for whoever is changing this post or a choice in it, and hold others off."""
    list(Post.objects.select_for_update(no_key=True).filter(pk=post_id).values_list("pk"))
    _lock_slots(Q(post=post_id))


def _lock_slots(which: Q) -> None:
    slots = ImageSlot.objects.select_for_update(no_key=True).filter(which)
    list(slots.order_by("pk").values_list("pk"))


def _settle(post_id: int, failed: set[Key]) -> bool:
    """Retire copies that are not wanted; let exactly the slots be due that lack a copy.

    False if something changed since the copies were made, so that another round is needed.
    """
    with transaction.atomic():
        _lock_post(post_id)
        wanted = wanted_copies(_post(post_id))
        rows = PublicCopy.objects.live().filter(slot__post=post_id)
        live = {(row.slot_id, row.purpose): row for row in rows}
        unwanted = [
            row.pk
            for key, row in live.items()
            # An old copy of the same image may stay until its new one can be made.
            if key not in wanted or row.output_id != wanted[key].output.pk
        ]
        _retire(PublicCopy.objects.filter(pk__in=unwanted))
        storage = published()
        open_keys = {
            key
            for key, copy in wanted.items()
            if key not in live
            or live[key].recipe_hash != copy.recipe_hash
            or not storage.exists(live[key].path)
        }
        due = {slot_id for slot_id, _ in open_keys | failed}
        slots = ImageSlot.objects.filter(post=post_id)
        slots.filter(publication_due=True).exclude(pk__in=due).update(publication_due=False)
        slots.filter(publication_due=False, pk__in=due).update(publication_due=True)
    return not open_keys


def _retire(rows: Any) -> None:
    """Serve these copies no more."""
    with transaction.atomic():
        live = rows.filter(live=True).select_for_update(of=("self",), no_key=True)
        keys = list(live.order_by("pk").values_list("pk", flat=True))
        if keys:
            now = timezone.now()
            PublicCopy.objects.filter(pk__in=keys).update(live=False, changed_at=now)


def remove_retired(which: Q) -> int:
    """Remove copies that are not live: the file first, then the row. Returns how many."""
    storage = published()
    removed = 0
    for row in PublicCopy.objects.filter(which, live=False):
        serving = PublicCopy.objects.live().filter(path=row.path)
        if not serving.exists():
            storage.delete(row.path)
            # Equal content has an equal name: somebody may just have come to need it.
            for slot_id in serving.values_list("slot_id", flat=True):
                ImageSlot.objects.filter(pk=slot_id).update(publication_due=True)
        removed += PublicCopy.objects.filter(pk=row.pk, live=False).delete()[0]
    return removed


# --- The sweeper ------------------------------------------------------------------------


def places_to_publish() -> QuerySet[ImageSlot]:
    """Places of posts whose public copies wait to be made or removed."""
    return ImageSlot.objects.filter(publication_due=True, post__isnull=False)


_failures: dict[int, tuple[float, float]] = {}  # post id -> wait, time of the next try


def publish_due(limit: int = 100) -> int:
    """Bring up to `limit` posts with due places up to date. Returns how many were tried.

    A post that could not be done is left alone for a while, longer each time.
    """
    _retire(PublicCopy.objects.filter(slot__post__isnull=True))
    remove_retired(Q(changed_at__lt=timezone.now() - BEING_MADE) | Q(slot__post__isnull=True))
    ImageSlot.objects.filter(post__isnull=True, publication_due=True).update(publication_due=False)
    now = time.monotonic()
    resting = [post_id for post_id, (_, until) in _failures.items() if until > now]
    due = places_to_publish().exclude(post__in=resting).order_by("post_id")
    post_ids = list(due.values_list("post_id", flat=True).distinct()[:limit])
    for post_id in post_ids:
        _publish_or_rest(post_id)
    return len(post_ids)


def _publish_or_rest(post_id: int) -> None:
    if not publish_pictures(post_id=post_id).problems:
        _failures.pop(post_id, None)
        return
    wait = min(LONGEST_WAIT, _failures.get(post_id, (FIRST_WAIT / 2, 0.0))[0] * 2)
    _failures[post_id] = (wait, time.monotonic() + wait)
