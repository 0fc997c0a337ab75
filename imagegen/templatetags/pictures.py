"""Template tags that join posts and their pictures.

`{% post_pictures post as pictures %}` reads all pictures of a post in one query,
`{% card_pictures posts as heroes %}` the heroes of a list of posts in one query.
`{% picture pictures.hero role="hero" %}` shows one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django import template
from django.db.models import Case, F, OuterRef, QuerySet, Subquery, When
from django.urls import reverse

from blog.models import Post, Section
from imagegen.models import ImageOutput, PublicCopy, SlotAlt
from imagegen.services.access import may_see_previews
from imagegen.services.copies import is_public
from imagegen.services.disclosure import Disclosure, disclose, schema_facts, style_label
from imagegen.services.disclosure_words import WordList
from imagegen.services.srcsets import File, sizes_for, sources_for
from imagegen.storage import published
from prompts.models import Role

register = template.Library()


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture as a page shows it. `alt` is "" where the picture is decorative.

    `url` is its widest JPEG and `files` all that browsers may choose from; a preview has none.
    `told` is what readers are told of AI in it, `schema` what its JSON-LD says besides.
    """

    url: str
    width: int
    height: int
    alt: str
    caption: str
    told: Disclosure
    schema: dict[str, Any]
    colour: str
    placeholder: str = ""
    files: tuple[File, ...] = ()


@dataclass
class PostPictures:
    """The pictures of one post, by place. `crops` are other shapes of the hero, by purpose, where
    the setting `HERO_CROPS` asks for them."""

    hero: Picture | None = None
    social: Picture | None = None
    crops: dict[str, Picture] = field(default_factory=dict)
    sections: dict[int, Picture] = field(default_factory=dict)

    def for_section(self, section: Section) -> Picture | None:
        return self.sections.get(section.pk)


@register.simple_tag(takes_context=True)
def post_pictures(context: template.Context, post: Post) -> PostPictures:
    """All pictures of a post. A draft shows its approved ones to those who may see them."""
    if is_public(post):
        rows = _public_rows(PublicCopy.objects.public().filter(slot__post=post))
    elif may_see_previews(context.get("user")):
        rows = _private_rows(post)
    else:
        rows = []
    pictures = PostPictures()
    words = WordList([post.language])
    for row in rows:
        picture = _picture(row, words)
        if row["purpose"] == PublicCopy.Purpose.SOCIAL:
            pictures.social = picture
        elif row["purpose"] != PublicCopy.Purpose.WEB:
            pictures.crops[row["purpose"]] = picture
        elif row["slot__role"] == Role.HERO:
            pictures.hero = picture
        elif row["slot__section"]:
            pictures.sections[row["slot__section"]] = picture
    return pictures


@register.simple_tag
def section_picture(pictures: PostPictures, section: Section) -> Picture | None:
    """The picture of one section."""
    return pictures.for_section(section)


@register.simple_tag
def card_pictures(posts: Iterable[Post]) -> dict[int, Picture]:
    """The heroes of public posts, by post id."""
    rows = _public_rows(
        PublicCopy.objects.public().filter(
            slot__post__in=[post.pk for post in posts if is_public(post)],
            slot__role=Role.HERO,
            purpose=PublicCopy.Purpose.WEB,
        )
    )
    words = WordList({row["slot__post__language"] for row in rows})
    return {row["slot__post"]: _picture(row, words) for row in rows}


@register.simple_tag
def picture_for(heroes: Mapping[int, Picture], post: Post) -> Picture | None:
    """One post's picture out of `card_pictures`."""
    return heroes.get(post.pk)


@register.inclusion_tag("imagegen/_figure.html")
def picture_figure(
    picture: Picture | None, role: str = "section", first: bool = False
) -> dict[str, Any]:
    """A figure with the picture, its caption and label; `role` and `first` as for `picture`."""
    return {"picture": picture, "role": role, "first": first}


@register.inclusion_tag("imagegen/_picture.html", name="picture")
def picture_element(
    picture: Picture | None, role: str = "section", first: bool = False
) -> dict[str, Any]:
    """`<picture>` with sources for each screen; `role` is hero, section, lead or card.

    What a reader waits for, the hero or lead or the `first` card of a list without one, loads at
    once; the others load when they come near.
    """
    if picture is None:
        return {}
    *sources, plain = sources_for(picture.files, role) or [None]
    return {
        "picture": picture,
        "sources": sources,
        "plain": plain,
        "sizes": sizes_for(role, picture.width, picture.height),
        "is_first": bool(first) or role in FIRST,
    }


FIRST = ("hero", "lead")
SHOWN = ("slot__post", "slot__post__language", "slot__role", "slot__section", "slot__caption")
MARKS = ("ai_content", "could_be_real", "digital_source_type", "kind", "model_name")


def _public_rows(copies: QuerySet[PublicCopy]) -> list[dict[str, Any]]:
    """What the pages need of live copies, one row for each picture: one query."""
    rows = copies.annotate(
        alt=_of_jpeg(_alt(OuterRef("output"), OuterRef("slot__post"))),
        style_label=_of_jpeg(style_label(OuterRef("output__style_name"))),
    ).values(
        *SHOWN, "slot", "purpose", "path", "format", "width", "height", "alt", "style_label",
        "output__colour", "output__placeholder", *(f"output__{name}" for name in MARKS),
    )  # fmt: skip
    storage = published()
    pictures: dict[tuple[int, str], dict[str, Any]] = {}
    for row in sorted(rows, key=lambda row: (row["format"] == "JPEG", row["width"])):
        key = row["slot"], row["purpose"]
        file = File(url=storage.url(row["path"]), width=row["width"], format=row["format"])
        files = (*pictures[key]["files"], file) if key in pictures else (file,)
        pictures[key] = {**row, "url": file.url, "files": files}  # the widest JPEG comes last
    return list(pictures.values())


def _of_jpeg(value: Subquery) -> Case:
    """Looked up for one format alone: it is the same for all files of a picture."""
    return Case(When(format="JPEG", then=value), default=None)


def _private_rows(post: Post) -> list[dict[str, Any]]:
    """The approved choices of a post that is not public, as protected previews: one query."""
    rows = (
        ImageOutput.objects.filter(
            chosen_in__post=post, chosen_in__wanted=True, state=ImageOutput.State.APPROVED
        )
        .annotate(
            alt=_alt(OuterRef("pk"), OuterRef("chosen_in__post")),
            style_label=style_label(OuterRef("style_name")),
        )
        .values(
            "uuid", "preview_width", "preview_height", "alt", "style_label", "colour",
            "placeholder", *MARKS,
            "chosen_in__role", "chosen_in__section", "chosen_in__caption",
        )
    )  # fmt: skip
    return [
        {
            "url": reverse("imagegen:preview", args=[row["uuid"]]),
            "purpose": "social" if row["chosen_in__role"] == Role.SOCIAL else "web",
            "width": row["preview_width"],
            "height": row["preview_height"],
            "alt": row["alt"],
            "style_label": row["style_label"],
            "output__colour": row["colour"],
            "output__placeholder": row["placeholder"],
            "files": (),
            **{f"output__{name}": row[name] for name in MARKS},
            "slot__post__language": post.language,
            "slot__role": row["chosen_in__role"],
            "slot__section": row["chosen_in__section"],
            "slot__caption": row["chosen_in__caption"],
        }
        for row in rows
    ]


def _alt(output: OuterRef, post: OuterRef) -> Subquery:
    """The alt text of an image in its post: in the post's language, else in any.

    A card made from the hero has the hero's.
    """
    alts = SlotAlt.objects.filter(output=output, slot__post=post)
    first = Case(When(language=F("slot__post__language"), then=0), default=1)
    return Subquery(alts.order_by(first, "pk").values("text")[:1])


def _picture(row: Mapping[str, Any], words: WordList) -> Picture:
    marks = {name: row[f"output__{name}"] for name in MARKS}
    language, alt = row["slot__post__language"], row["alt"] or ""
    told = disclose(words=words, language=language, style_label=row["style_label"], **marks)
    return Picture(
        url=row["url"],
        width=row["width"],
        height=row["height"],
        alt=alt,
        caption=row["slot__caption"],
        told=told,
        schema=schema_facts(told, alt=alt, caption=row["slot__caption"], **marks),
        colour=row["output__colour"],
        placeholder=row["output__placeholder"],
        files=row["files"],
    )
