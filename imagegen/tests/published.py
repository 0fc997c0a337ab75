"""A public post with its copies, for tests of what readers get."""

import os

from django.core.files.storage import storages

from blog.models import Post
from imagegen.models import PublicCopy
from imagegen.services import publishing
from imagegen.tests.factories import hero_of, make_post
from imagegen.tests.stored import choose


def publish(post: Post) -> publishing.PublishReport:
    return publishing.publish_pictures(post_id=post.pk)


def public_files() -> list[str]:
    root = storages["published"].location
    return sorted(name for _, _, names in os.walk(root) for name in names)


def live(post: Post) -> dict[str, PublicCopy]:
    """Live copies by place and format: `hero-jpg`, `hero-avif`, `social-jpg`."""
    return {
        f"{row.slot.role}-{row.variant.partition('.')[2]}": row
        for row in PublicCopy.objects.live().filter(slot__post=post).select_related("slot")
    }


HERO = {"hero-avif", "hero-jpg", "social-jpg"}


def public_post() -> Post:
    """A public post whose hero is chosen."""
    post = make_post(published=True)
    choose(hero_of(post))
    return post
