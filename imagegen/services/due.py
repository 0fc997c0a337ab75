"""What readers get has changed: which public copies are due, and which may be served no more.

Every service that changes what a place shows calls `mark_due`; `publishing` does the rest.
"""

from collections.abc import Iterable

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from blog.models import Post
from imagegen.models import ImageOutput, ImageSlot, PublicCopy


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
    lock_slots(chosen)
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
    retire(rows.filter(~Q(output__state=ImageOutput.State.APPROVED) | Q(slot__wanted=False)))


def _send_task(post_id: int) -> None:
    from imagegen.tasks import publish_pictures_task

    concerned = (Post.Status.PUBLISHED, Post.Status.SCHEDULED)
    if Post.objects.filter(pk=post_id, status__in=concerned).exists():
        publish_pictures_task.enqueue(post_id)


def retire(rows: QuerySet[PublicCopy]) -> None:
    """Serve these copies no more."""
    with transaction.atomic():
        live = rows.filter(live=True).select_for_update(of=("self",), no_key=True)
        keys = list(live.order_by("pk").values_list("pk", flat=True))
        if keys:
            now = timezone.now()
            PublicCopy.objects.filter(pk__in=keys).update(live=False, changed_at=now)


def lock_slots(which: Q) -> None:
    """Hold these places against others until the transaction ends, in the order of their keys."""
    slots = ImageSlot.objects.select_for_update(no_key=True).filter(which)
    list(slots.order_by("pk").values_list("pk"))
