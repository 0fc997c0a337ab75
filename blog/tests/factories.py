"""Posts for tests."""

from datetime import UTC, datetime, timedelta

from django.utils import timezone

from blog.models import Post
from blog.services import publish_post, save_post

BODY = """An introduction of a few words.

## First things

The first section talks about apples and their many uses in the kitchen.

## Second things

The second section talks about ladders, ropes and the people who climb them.

## Third things

The third section talks about rain on a tin roof and the sleep it brings.
"""
DAY = datetime(2025, 3, 1, 9, 30, tzinfo=UTC)


def make_post(*, tags=(), **fields) -> Post:
    """A draft, saved as an editor would save it."""
    fields = {"title": "A post", "body": BODY, "language": "en"} | fields
    return save_post(post=Post(**fields), tags=tags)


def make_public_post(*, tags=(), at=None, **fields) -> Post:
    return publish_post(post=make_post(tags=tags, **fields), at=at or DAY)


def edited(post: Post, **fields) -> Post:
    """The post after an editor changed these fields, read again from the database."""
    post = Post.objects.get(pk=post.pk)
    for name, value in fields.items():
        setattr(post, name, value)
    save_post(post=post)
    return Post.objects.get(pk=post.pk)


def in_hours(hours: float) -> datetime:
    return timezone.now() + timedelta(hours=hours)
