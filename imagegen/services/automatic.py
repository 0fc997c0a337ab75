"""Posts whose plan says so are illustrated by themselves after a change."""

import logging

from django.db import transaction

from blog.models import Post
from imagegen.errors import ImagegenError
from imagegen.models import GenerationBatch, IllustrationPlan
from imagegen.services.batches import create_batch, plan_batch
from imagegen.services.selection import select_slots

logger = logging.getLogger("imagegen")


def ask_for_missing(*, post: Post) -> None:
    """Ask for the pictures that a post lacks, once its change is committed, if its plan is
    automatic. Saving a post never fails because of that; the log says what stood in the way."""
    if IllustrationPlan.objects.filter(post=post, automatic=True).exists():
        transaction.on_commit(lambda: _ask(post.pk))


def _ask(post_id: int) -> None:
    post = Post.objects.filter(pk=post_id).first()
    if post is None:
        return
    slots = select_slots(posts=[post], only_missing=True)
    if not slots:
        return
    try:
        create_batch(
            plan=plan_batch(slots=slots),
            user=None,
            door=GenerationBatch.Door.AUTOMATIC,
            kind=GenerationBatch.Kind.POST,
            title=f"Automatic: {post.title}",
        )
    except ImagegenError as error:
        logger.warning("Post %s could not be illustrated by itself: %s", post_id, error)
