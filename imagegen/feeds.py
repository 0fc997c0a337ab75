"""The blog's feed with each post's hero picture as an enclosure."""

from django.utils.feedgenerator import Enclosure

from blog.feeds import PostFeed, absolute
from blog.models import Post
from imagegen.models import PublicCopy
from imagegen.storage import published
from prompts.models import Role


class PictureFeed(PostFeed):
    """One query more than the blog's own, whatever the number of posts."""

    def items(self) -> list[Post]:
        posts = super().items()
        heroes = {
            row.slot.post_id: row
            for row in PublicCopy.objects.public()
            .filter(slot__post__in=posts, slot__role=Role.HERO, purpose=PublicCopy.Purpose.WEB)
            .select_related("slot")
            .only("path", "byte_size", "slot__post_id")
        }
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
