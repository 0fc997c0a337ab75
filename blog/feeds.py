"""The Atom feed of the newest posts."""

from django.conf import settings
from django.contrib.syndication.views import Feed
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed

from blog.cleaning import showable
from blog.models import Post

FEED_LENGTH = 20


def absolute(address: str) -> str:
    """A full address on this site, as readers and robots elsewhere need it."""
    return settings.SITE_URL + address if address.startswith("/") else address


class PostFeed(Feed):
    """Title, summary and dates; a subclass may add each post's picture as an enclosure."""

    feed_type = Atom1Feed

    def title(self) -> str:
        return settings.SITE_NAME

    def subtitle(self) -> str:
        return settings.SITE_DESCRIPTION

    def link(self) -> str:
        return absolute(reverse("blog:index"))

    def feed_url(self) -> str:
        return absolute(reverse("blog:feed"))

    feed_guid = link

    def items(self) -> list[Post]:
        posts = Post.objects.visible().newest_first().for_cards().select_related("author")
        return list(posts[:FEED_LENGTH])

    def item_title(self, item: Post) -> str:
        return item.title

    def item_description(self, item: Post) -> str:
        return item.lead

    def item_link(self, item: Post) -> str:
        return absolute(item.get_absolute_url())

    def item_guid(self, item: Post) -> str:
        """A name that survives a change of slug (RFC 4151)."""
        host = settings.SITE_URL.partition("://")[2].partition("/")[0].partition(":")[0]
        return f"tag:{host},{item.created_at:%Y-%m-%d}:post-{item.pk}"

    def item_author_name(self, item: Post) -> str:
        return showable(item.byline)

    def item_pubdate(self, item: Post):
        return item.published_at

    def item_updateddate(self, item: Post):
        return max(item.updated_at, item.published_at)

    def item_categories(self, item: Post) -> list[str]:
        return [showable(tag.name) for tag in item.tags.all()]
