"""The blog's feed with each post's hero picture as an enclosure."""

from typing import Any

from django.db.models import OuterRef
from django.utils.feedgenerator import Atom1Feed, Enclosure

from blog.cleaning import showable
from blog.feeds import PostFeed, absolute
from blog.models import Post
from imagegen.imaging.xmp import TERM_ADDRESS
from imagegen.models import PublicCopy
from imagegen.services.disclosure import disclose, style_label
from imagegen.services.disclosure_words import WordList
from imagegen.storage import published
from prompts.models import Role

MARKS = ("ai_content", "could_be_real", "kind", "model_name")
ENCLOSED_WIDTH = 1280  # pixels; feed readers take one file for every screen


class PictureAtom(Atom1Feed):
    """Atom with Media RSS, which tells what the enclosed picture is."""

    def root_attributes(self) -> dict[str, str]:
        return {**super().root_attributes(), "xmlns:media": "http://search.yahoo.com/mrss/"}

    def add_item_elements(self, handler: Any, item: dict[str, Any]) -> None:
        super().add_item_elements(handler, item)
        source, told = item["picture_source"], item["picture_told"]
        for enclosure in item["enclosures"]:
            facts = {"url": enclosure.url, "type": enclosure.mime_type, "medium": "image"}
            handler.startElement("media:content", facts)
            if source:
                handler.addQuickElement("media:category", source, {"scheme": TERM_ADDRESS})
            if told.shown:
                # One control character in them would leave readers without any feed.
                label, words = showable(told.label), showable(told.sentence or told.label)
                handler.addQuickElement("media:title", label, {"type": "plain"})
                handler.addQuickElement("media:description", words, {"type": "plain"})
            handler.endElement("media:content")


class PictureFeed(PostFeed):
    """Two queries more than the blog's own, whatever the number of posts."""

    feed_type = PictureAtom

    def items(self) -> list[Post]:
        posts = super().items()
        heroes = enclosures_for(posts)
        for post in posts:
            # On the post, since one feed object serves all requests.
            post.hero_copy = heroes.get(post.pk)
        self._tell(posts)
        return posts

    def _tell(self, posts: list[Post]) -> None:
        """Lay what readers are told of AI in each post's picture beside it."""
        words = WordList({post.language for post in posts})
        for post in posts:
            output = post.hero_copy.output if post.hero_copy else None
            post.hero_told = output and disclose(
                words=words,
                language=post.language,
                style_label=post.hero_copy.style_label,
                **{name: getattr(output, name) for name in MARKS},
            )

    def item_extra_kwargs(self, item: Post) -> dict[str, Any]:
        copy = item.hero_copy
        return {
            "picture_source": copy.output.digital_source_type if copy else "",
            "picture_told": item.hero_told,
        }

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
        .annotate(style_label=style_label(OuterRef("output__style_name")))
        .select_related("slot", "output")
        .only(
            "path", "width", "byte_size", "slot__post_id", "output__digital_source_type",
            *(f"output__{name}" for name in MARKS),
        )
    )  # fmt: skip
    # The last one counts: those within the limit come after the others, the widest at the end.
    order = sorted(rows, key=lambda row: (row.width <= ENCLOSED_WIDTH, row.width))
    return {row.slot.post_id: row for row in order}
