"""The status of a post: draft → scheduled → published → withdrawn, and back to published.

Each move asks the database to change the row if it is still in an allowed state; of two people
who try at once one wins and the other gets `WrongState`. The program's door for publishing is
the service that also looks after the pictures; it calls these.
"""

import logging
from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from blog import hooks
from blog.errors import InvalidPost, WrongState
from blog.models import Post

logger = logging.getLogger(__name__)
DRAFT, SCHEDULED = Post.Status.DRAFT, Post.Status.SCHEDULED
PUBLISHED, WITHDRAWN = Post.Status.PUBLISHED, Post.Status.WITHDRAWN


@transaction.atomic
def publish_post(*, post: Post, at: datetime | None = None) -> Post:
    """Make a post public now. `at` is the date that readers see.

    Without `at` the post keeps the date it has, if that is past, else it gets the present
    time. Raises `InvalidPost` for a date in the future, `WrongState` if it is public already.
    """
    now = timezone.now()
    if at is not None and at > now:
        raise InvalidPost("This date lies in the future: schedule the post instead.")
    own = post.published_at if post.published_at and post.published_at <= now else None
    _publish(post, at or own or now, Q(status__in=(DRAFT, SCHEDULED, WITHDRAWN)))
    return post


@transaction.atomic
def schedule_post(*, post: Post, at: datetime | None = None) -> Post:
    """Make a draft public at the time `at`, or at the time that was entered in the post.

    A scheduled post gets the new time. Raises `InvalidPost` without a time in the future.
    """
    at = at or post.scheduled_for
    if at is None:
        raise InvalidPost("Enter the time when the post becomes public, then schedule it.")
    if at <= timezone.now():
        raise InvalidPost("This time is past: choose one in the future, or publish the post.")
    return _move(post, SCHEDULED, Q(status__in=(DRAFT, SCHEDULED)), scheduled_for=at)


@transaction.atomic
def withdraw_post(*, post: Post) -> Post:
    """Take a public post off the site, or a scheduled one back to draft."""
    if post.status == SCHEDULED:
        return _move(post, DRAFT, Q(status=SCHEDULED), scheduled_for=None)
    _move(post, WITHDRAWN, Q(status=PUBLISHED))
    hooks.call(hooks.POST_WITHDRAWN, post=post)
    return post


def publish_due_posts(*, now: datetime) -> int:
    """Publish the scheduled posts whose time has come; how many that were.

    Each goes in a transaction of its own and carries the time it was scheduled for. One that
    fails stays scheduled and is told in the log.
    """
    published = 0
    for post in Post.objects.due(now).order_by("scheduled_for"):
        try:
            with transaction.atomic():
                _publish(post, post.scheduled_for, Q(status=SCHEDULED, scheduled_for__lte=now))
        except WrongState:
            continue  # somebody published, moved or withdrew it meanwhile
        except Exception:
            # One post that fails must not keep those behind it from their time.
            logger.exception("Post %s could not be published at its time.", post.pk)
            continue
        published += 1
    return published


def _publish(post: Post, date: datetime, where: Q) -> None:
    _move(post, PUBLISHED, where, published_at=date, scheduled_for=None)
    hooks.call(hooks.POST_PUBLISHED, post=post)


def _move(post: Post, status: Post.Status, where: Q, **changes) -> Post:
    """Change the row's status if `where` still holds; the instance follows."""
    if Post.objects.filter(where, pk=post.pk).update(status=status, **changes) != 1:
        present = Post.objects.filter(pk=post.pk).values_list("status", flat=True).first()
        label = Post.Status(present).label.lower() if present else "gone"
        wanted = Post.Status(status).label.lower()
        raise WrongState(f"“{post.title}” is {label} now, so it cannot become {wanted}.")
    post.status = status
    for name, value in changes.items():
        setattr(post, name, value)
    return post
