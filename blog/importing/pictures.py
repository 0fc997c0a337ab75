"""Local pictures that a post names: finding their files without leaving the imported folder."""

import html
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markdown_it.token import Token

from blog.cleaning import showable
from blog.hooks import MetPicture
from blog.importing.files import SourceFile, real_path
from blog.importing.frontmatter import FrontMatter, normal_keys
from blog.markdown import Document
from blog.markdown.rendering import is_local, picture_name

HERO_KEYS = (
    "hero",
    "hero_image",
    "heroimage",
    "featured_image",
    "featuredimage",
    "featured",
    "feature_image",
    "cover",
    "cover_image",
    "coverimage",
    "image",
    "images",
    "header",
    "banner",
    "thumbnail",
    "teaser",
    "og_image",
    "ogimage",
)
ALT_KEYS = ("hero_alt", "heroalt", "image_alt", "imagealt", "cover_alt", "featured_image_alt")
CAPTION_KEYS = ("hero_caption", "image_caption", "cover_caption", "featured_image_caption")
ADDRESS_KEYS = ("src", "image", "url", "path", "file", "relative_path", "teaser", "overlay_image")
# Where generators serve "/x.jpg" from.
STATIC_FOLDERS = ("", "static", "public", "assets", "source", "content")
_html_image = re.compile(r"<img\b([^>]*)>", re.IGNORECASE)
_html_attribute = re.compile(r"\b(src|alt)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>\"']+))", re.I)


@dataclass(frozen=True, kw_only=True)
class NamedPicture:
    """A picture as the post names it."""

    address: str
    alt: str = ""
    caption: str = ""


def hero_of(front: FrontMatter) -> NamedPicture | None:
    """The hero that the front matter names on this machine, with the words found for it."""
    named = [_named(value) for _, value in front.items(*HERO_KEYS)]
    local = [picture for picture in named if picture and is_local(picture.address)]
    if not local:
        return None
    same = [picture for picture in local if picture.address == local[0].address]
    own = {"alt": front.get(*ALT_KEYS), "caption": front.get(*CAPTION_KEYS)}
    return NamedPicture(
        address=local[0].address,
        alt=next((one.alt for one in same if one.alt), _text(own, "alt")),
        caption=next((one.caption for one in same if one.caption), _text(own, "caption")),
    )


def _named(value: Any) -> NamedPicture | None:
    if isinstance(value, str):
        return NamedPicture(address=value.strip())
    if isinstance(value, Sequence) and value:
        return _named(value[0])
    if not isinstance(value, Mapping):
        return None
    values = normal_keys(value)
    address = next((values[key] for key in ADDRESS_KEYS if isinstance(values.get(key), str)), "")
    return NamedPicture(
        address=address.strip(),
        alt=_text(values, "alt", "image_alt", "alt_text"),
        caption=_text(values, "caption", "title", "image_description"),
    )


def _text(values: Mapping[str, Any], *keys: str) -> str:
    text = next((values[key] for key in keys if isinstance(values.get(key), str)), "")
    return showable(text).strip()


def body_pictures(document: Document) -> list[NamedPicture]:
    """The local pictures of the text, each address once, in order."""
    found: dict[str, NamedPicture] = {}
    for picture in _pictures_of(document.tokens):
        if is_local(picture.address):
            found.setdefault(picture_name(picture.address), picture)
    return list(found.values())


def _pictures_of(tokens: Iterable[Token]) -> Iterator[NamedPicture]:
    for token in tokens:
        if token.type == "image":
            caption = str(token.attrs.get("title", ""))
            alt = token.content
            yield NamedPicture(address=str(token.attrs["src"]), alt=alt, caption=caption)
        elif token.type in ("html_block", "html_inline"):
            yield from _pictures_of_html(token.content)
        elif token.children:
            yield from _pictures_of(token.children)


def _pictures_of_html(text: str) -> Iterator[NamedPicture]:
    for image in _html_image.finditer(text):
        values = {
            match[1].lower(): html.unescape(match[2] or match[3] or match[4] or "")
            for match in _html_attribute.finditer(image[1])
        }
        if values.get("src"):
            yield NamedPicture(address=values["src"], alt=values.get("alt", ""))


def locate(picture: NamedPicture, source: SourceFile, role: str) -> MetPicture | None:
    """The picture with its file, or None if there is none inside the post's folder or root."""
    name = picture_name(picture.address)
    path = _find(name, source) if name == showable(name) else None
    if path is None:
        return None
    return MetPicture(
        name=name, path=str(path), role=role, alt=picture.alt, caption=picture.caption
    )


def _find(name: str, source: SourceFile) -> Path | None:
    folder = source.path.absolute().parent
    root = source.root.absolute()
    relative = name.lstrip("/")
    from_root = [root / static / relative for static in STATIC_FOLDERS]
    candidates = from_root if name.startswith("/") else [folder / name, root / name]
    bounds = (real_path(folder), real_path(root))
    for candidate in candidates:
        try:
            real = real_path(candidate)
            if real.is_file() and any(real.is_relative_to(bound) for bound in bounds):
                return real
        except (OSError, ValueError):
            continue  # a name that no file can have
    return None
