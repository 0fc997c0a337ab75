"""Markdown as HTML that is safe to show, whoever wrote it.

The parser lets HTML through and `nh3` then keeps only what is listed here: no scripts, styles,
frames, forms or event handlers, and addresses of four schemes only. Parts of one text are
parsed together, so that link definitions and footnotes work across sections, and sanitised one
by one, so that an unclosed tag ends with its section.

A picture whose address is relative is shown only if `pictures` knows it; others are left out,
because a broken picture helps no reader.
"""

import html
import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it.token import Token

from blog.markdown.parsing import Document, parse, parser

PictureUrl = Callable[[str], str | None]

TAGS = (nh3.ALLOWED_TAGS | {"input", "section", "tfoot"}) - {"area", "map", "nav", "footer"}
CLASSES = {
    "a": {"footnote-backref"},
    "div": {
        "table",
        "markdown-alert",
        *(f"markdown-alert-{kind}" for kind in ("note", "tip", "important", "warning", "caution")),
    },
    "li": {"footnote-item", "task-list-item"},
    "ol": {"footnotes-list"},
    "p": {"markdown-alert-title"},
    "section": {"footnotes"},
    "sup": {"footnote-ref"},
    "ul": {"contains-task-list"},
}
SCHEMES = {"http", "https", "mailto", "tel"}
SHORT_LENGTH = 200_000
_language_class = re.compile(r"language-[\w+#.-]{1,40}")
_local = re.compile(r"(?!//)(?![a-zA-Z][a-zA-Z0-9+.-]*:)")
_image = re.compile(r'<img((?:\s+[\w:-]+(?:="[^"]*")?)*)\s*/?>')
_width = re.compile(r'\swidth="([1-9]\d{0,4})"')
_source = re.compile(r'\ssrc="([^"]*)"')
_hollow = re.compile(r"<(p|figure)>\s*(?:<figcaption>[^<]*</figcaption>)?\s*</\1>\s*")


class LocalPicture(NamedTuple):
    """Where a post's own picture is served, and its size in pixels."""

    url: str
    width: int
    height: int


@dataclass(frozen=True, kw_only=True)
class RenderedPart:
    """A section as HTML: its heading's inner part (links and emphasis), and the rest."""

    anchor: str
    heading: SafeString
    body: SafeString


@dataclass(frozen=True, kw_only=True)
class RenderedParts:
    """A text as HTML: before the first section, the sections, the footnotes."""

    intro: SafeString
    sections: tuple[RenderedPart, ...]
    notes: SafeString


def render(text: str, *, picture_url: PictureUrl | None = None) -> SafeString:
    """The whole of `text` as safe HTML.

    `picture_url` gives the address for a relative picture name, or None to leave it out.
    """
    document = parse(text)
    _prepare(document.tokens)
    return _clean(_html(document, document.tokens), picture_url or _no_picture)


def render_parts(
    text: str,
    *,
    level: int | None = None,
    language: str = "",
    pictures: Mapping[str, LocalPicture] | None = None,
) -> RenderedParts:
    """The sections of `text` as safe HTML, headings shown from the second rank on.

    `level` as in `Document.split`; `language` chooses quotation marks; `pictures` are the
    post's own, by the name that the text uses. Recent answers are remembered.
    """
    known = tuple(sorted((pictures or {}).items()))
    remembered = _short_parts if len(text) <= SHORT_LENGTH else _long_parts
    return remembered(text, level, language, known)


def _parts(
    text: str, level: int | None, language: str, pictures: tuple[tuple[str, LocalPicture], ...]
) -> RenderedParts:
    document = parse(text, language)
    starts = document.section_headings(level)
    shown = document.section_level(level) or min((h.level for h in document.headings), default=2)
    _prepare(document.tokens, shift=2 - shown)
    notes_at = _notes_start(document.tokens)
    cuts = [heading.token for heading in starts] + [notes_at]
    known = dict(pictures)
    sizes = {picture.url: picture for picture in known.values()}

    def url_of(name: str) -> str | None:
        return known[name].url if name in known else None

    def clean(tokens: list[Token]) -> SafeString:
        return _clean(_html(document, tokens), url_of, sizes)

    return RenderedParts(
        intro=clean(document.tokens[: cuts[0]]),
        sections=tuple(
            RenderedPart(
                anchor=heading.anchor,
                # Three tokens make a heading: open, inline, close.
                heading=clean(document.tokens[start + 1 : start + 2]),
                body=clean(document.tokens[start + 3 : end]),
            )
            for heading, start, end in zip(starts, cuts, cuts[1:], strict=False)
        ),
        notes=clean(document.tokens[notes_at:]),
    )


# A few long texts need as much memory as many short ones.
_short_parts = lru_cache(maxsize=64)(_parts)
_long_parts = lru_cache(maxsize=4)(_parts)


def picture_name(address: str) -> str:
    """The name of a local picture from its address in a text: decoded, without `./` and `?…`."""
    return unquote(address.split("?")[0].split("#")[0]).removeprefix("./")


def is_local(address: str) -> bool:
    """Whether a picture's address names no other host."""
    return bool(_local.match(address)) and picture_name(address) != ""


def _no_picture(name: str) -> None:
    return None


def _notes_start(tokens: list[Token]) -> int:
    for index in range(len(tokens) - 1, -1, -1):
        if tokens[index].type == "footnote_block_open":
            return index
    return len(tokens)


def _html(document: Document, tokens: list[Token]) -> str:
    markdown = parser()
    text = markdown.renderer.render(tokens, markdown.options, document.env)
    # A frame of its own lets a wide table scroll on a narrow screen.
    return text.replace("<table>", '<div class="table"><table>').replace(
        "</table>", "</table></div>"
    )


def _prepare(tokens: list[Token], *, shift: int | None = None) -> None:
    """Move headings by `shift` ranks (2 to 6 remain), set pictures that stand alone apart."""
    for index, token in enumerate(tokens):
        if token.type in ("heading_open", "heading_close") and shift is not None:
            token.tag = f"h{min(6, max(2, int(token.tag[1]) + shift))}"
        elif token.type == "paragraph_open" and token.level == 0:
            _make_figure(tokens[index : index + 3])


def _make_figure(paragraph: list[Token]) -> None:
    """A paragraph that holds one picture alone becomes a figure; its title, the caption."""
    children = paragraph[1].children or []
    if len(children) != 1 or children[0].type != "image":
        return
    paragraph[0].tag = paragraph[2].tag = "figure"
    if title := children[0].attrs.pop("title", ""):
        caption = Token("html_inline", "", 0)
        caption.content = f"<figcaption>{html.escape(str(title))}</figcaption>"
        children.append(caption)


def _allowed_attributes() -> dict[str, set[str]]:
    attributes = deepcopy(nh3.ALLOWED_ATTRIBUTES)
    attributes["*"] = {"id", "lang", "dir", "title"}
    attributes["img"] -= {"align"}
    attributes["code"] = {"class"}
    for cell in ("td", "th"):
        attributes[cell] |= {"style"}
    attributes["details"] = {"open"}
    attributes["input"] = {"checked"}
    return attributes


ATTRIBUTES = _allowed_attributes()


def _clean(
    text: str, picture_url: PictureUrl, sizes: Mapping[str, LocalPicture] | None = None
) -> SafeString:
    """Sanitised HTML with pictures resolved; relative ones that nobody knows are gone."""

    def attribute(tag: str, name: str, value: str) -> str | None:
        if tag == "img" and name == "src" and is_local(value):
            own = picture_url(picture_name(value))
            return own or (value if value.startswith("/") else None)
        if name == "class" and tag == "code":
            return value if _language_class.fullmatch(value) else None
        return value

    clean = _cleaner(attribute).clean(text)
    clean = _image.sub(lambda match: _shown(match[1], sizes or {}), clean)
    return mark_safe(_hollow.sub("", clean).strip())  # noqa: S308 (sanitised one line above)


def _cleaner(attribute_filter) -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=TAGS,
        attributes=ATTRIBUTES,
        attribute_filter=attribute_filter,
        filter_style_properties={"text-align"},
        allowed_classes=CLASSES,
        set_tag_attribute_values={"input": {"type": "checkbox", "disabled": ""}},
        url_schemes=SCHEMES,
        link_rel="noopener noreferrer",
    )


def _shown(attributes: str, sizes: Mapping[str, LocalPicture]) -> str:
    """One `<img>` of sanitised HTML, loaded lazily, with its size where it is known."""
    source = _source.search(attributes)
    if not source:
        return ""
    picture = sizes.get(html.unescape(source[1]))
    if picture:
        # A width that the text asks for stands; the height follows the picture's shape.
        asked = _width.search(attributes)
        width = int(asked[1]) if asked else picture.width
        height = round(width * picture.height / picture.width)
        attributes = re.sub(r'\s(?:width|height)="[^"]*"', "", attributes)
        attributes += f' width="{width}" height="{height}"'
    if " alt=" not in attributes:
        attributes += ' alt=""'
    return f'<img{attributes} loading="lazy" decoding="async">'
