"""Addresses of posts and tags: making them, and refusing those that cannot work.

A slug may hold letters of any script, digits, hyphens and underscores. A slug of digits alone
is refused, because a number is an id at the other doors; so are the first words of the site's
own addresses.
"""

import hashlib
import re

from django.core.exceptions import ValidationError
from django.utils.text import slugify

RESERVED = frozenset(
    {"admin", "api", "feed", "health", "llm", "media", "page", "pictures", "post-pictures"}
    | {"static", "tags"}
)
MAX_LENGTH = 200
# Long enough to be told apart, short enough to be read in an address bar.
MADE_LENGTH = 80


def slug_fault(slug: str) -> str:
    """Why `slug` cannot be a post's address, as a sentence; empty if it can."""
    if slug.isdigit():
        return f"The slug “{slug}” is a number, and numbers stand for ids. Add a word to it."
    if slug.lower() in RESERVED:
        return f"The slug “{slug}” is an address that the site uses itself. Choose another one."
    if not re.fullmatch(r"[-\w]+", slug):
        return f"The slug “{slug}” may hold letters, digits, hyphens and underscores only."
    if len(slug) > MAX_LENGTH:
        return f"The slug has {len(slug)} characters; {MAX_LENGTH} are allowed."
    return ""


def validate_slug(slug: str) -> None:
    """The same rule for forms: raises `ValidationError`."""
    if fault := slug_fault(slug):
        raise ValidationError(fault, code="invalid_slug")


def plain_slug(text: str, *, limit: int = MADE_LENGTH) -> str:
    """`text` as a slug of readable length; it may be empty, a number or reserved."""
    dotted = re.sub(r"(?<=\w)[.:/](?=\w)", "-", text)
    slug = slugify(dotted, allow_unicode=True).strip("-_")
    if len(slug) > limit:
        cut = slug[: limit + 1].rsplit("-", 1)[0]
        slug = cut[:limit].strip("-_")
    return slug


def make_slug(text: str, *, prefix: str = "post") -> str:
    """A usable slug from any text. Text without letters gets `<prefix>-<hash of the text>`."""
    slug = plain_slug(text)
    if not slug:
        digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
        return f"{prefix}-{digest[:8]}"
    return f"{prefix}-{slug}" if slug.isdigit() or slug in RESERVED else slug


def make_tag_slug(name: str) -> str:
    """A tag's slug; "C", "C++" and "C#" stay three tags."""
    return make_slug(name.replace("+", " plus").replace("#", " sharp "), prefix="tag")
