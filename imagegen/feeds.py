"""The blog's feed with each post's hero picture as an enclosure."""

from django.utils.feedgenerator import Enclosure

from blog.feeds import PostFeed, absolute
from blog.models import Post
from imagegen.models import PublicCopy
from imagegen.storage import published
from prompts.models import Role

ENCLOSED_WIDTH = 1280  # pixels; feed readers take one file for every screen


class PictureFeed(PostFeed):
    """One query more than the blog's own, whatever the number of posts."""

    def items(self) -> list[Post]:
        posts = super().items()
        heroes = enclosures_for(posts)
        for post in posts:
            # On the post, since one feed object serves all requests.
            post.hero_copy = heroes.get(post.pk)
        return posts

    def item_enclosures(self, item: Post) -> list[Enclosure]:
        copy: PublicCopy | None = getattr(item, "hero_copy", None)
        if copy is None:
            return []
        address = absolute(published().url(copy.path))
        return [Enclosure(address, str(copy.byte_size), "image/jpeg")]


def enclosures_for(posts: list[Post]) -> dict[int, PublicCopy]:
    """Each post's hero as a JPEG, by post id: the widest that is not too wide."""
    rows = (
        PublicCopy.objects.public()
        .filter(
            slot__post__in=posts,
            slot__role=Role.HERO,
            purpose=PublicCopy.Purpose.WEB,
            format="JPEG",
        )
        .select_related("slot")
        .only("path", "width", "byte_size", "slot__post_id")
    )
    # The last one counts: those within the limit come after the others, the widest at the end.
    order = sorted(rows, key=lambda row: (row.width <= ENCLOSED_WIDTH, row.width))
    return {row.slot.post_id: row for row in order}
