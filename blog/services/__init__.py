"""Every change of a post goes through these functions; admin, import and tasks call them."""

from blog.services.pictures import forget_pictures, keep_picture
from blog.services.posts import add_former_slugs, delete_post, save_post
from blog.services.publication import (
    publish_due_posts,
    publish_post,
    schedule_post,
    withdraw_post,
)
from blog.services.tags import get_tags

__all__ = [
    "add_former_slugs",
    "delete_post",
    "forget_pictures",
    "get_tags",
    "keep_picture",
    "publish_due_posts",
    "publish_post",
    "save_post",
    "schedule_post",
    "withdraw_post",
]
