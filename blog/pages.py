"""A post as its page shows it: the rendered parts beside the rows they belong to."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

from django.utils.html import strip_tags
from django.utils.safestring import SafeString

from blog.markdown import LocalPicture, render_parts
from blog.models import Post, Section

OPENING_LENGTH = 240
_first_paragraph = re.compile(r"<p>([^\W\d_“”‘’].*?)</p>", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class SectionView:
    """A section's row (its pictures hang on it) with its heading and text as HTML.

    `row` is None only where the text was changed past `save_post`: no text is ever left out.
    """

    row: Section | None
    anchor: str
    heading: SafeString
    body: SafeString


@dataclass(frozen=True, kw_only=True)
class PostPage:
    """The article: what comes before the first section, the sections, the footnotes."""

    intro: SafeString
    sections: tuple[SectionView, ...]
    notes: SafeString

    @property
    def has_long_opening(self) -> bool:
        """Whether the first paragraph can carry an initial of three lines."""
        first = _first_paragraph.match(self.intro)
        return bool(first) and len(strip_tags(first[1])) >= OPENING_LENGTH

    @classmethod
    def of(cls, post: Post) -> "PostPage":
        """Render `post`; two queries, for its sections and its own pictures."""
        rows = list(post.sections.defer("body"))
        parts = render_parts(
            post.body,
            level=post.split_level,
            language=post.language,
            pictures=dict(_own_pictures(post)),
        )
        return cls(
            intro=parts.intro,
            sections=tuple(
                SectionView(row=row, anchor=part.anchor, heading=part.heading, body=part.body)
                for row, part in zip_longest(rows[: len(parts.sections)], parts.sections)
            ),
            notes=parts.notes,
        )


def _own_pictures(post: Post) -> Iterator[tuple[str, LocalPicture]]:
    for picture in post.pictures.all():
        yield (
            picture.name,
            LocalPicture(picture.get_absolute_url(), picture.width, picture.height),
        )
