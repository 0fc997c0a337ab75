"""Filters and tags of the public pages that need nothing but the post."""

import json
from typing import Any

from django import template
from django.conf import settings
from django.utils.html import strip_tags
from django.utils.safestring import SafeString, mark_safe

from blog.feeds import absolute as absolute_address
from blog.markdown import typographic
from blog.models import Post

register = template.Library()
JSON_ESCAPES = {ord("<"): "\\u003C", ord(">"): "\\u003E", ord("&"): "\\u0026"}


@register.filter
def absolute(address: str) -> str:
    """A full address on this site."""
    return absolute_address(address)


@register.filter
def quoted(text: str, language: str = "en") -> str:
    """Plain text with the quotation marks of its language."""
    return typographic(text, language)


@register.simple_tag
def article_json(post: Post, picture: Any = None) -> SafeString:
    """The post as a schema.org article in JSON-LD.

    `picture` has url, width and height, and perhaps `schema`: what its ImageObject says besides.
    """
    data: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "BlogPosting",
        "headline": post.title[:110],
        "description": strip_tags(post.lead),
        "url": absolute_address(post.get_absolute_url()),
        "mainEntityOfPage": absolute_address(post.get_absolute_url()),
        "inLanguage": post.language,
        "wordCount": post.word_count,
        "dateModified": post.updated_at.isoformat(),
        "publisher": {"@type": "Organization", "name": settings.SITE_NAME},
    }
    if post.published_at:
        data["datePublished"] = post.published_at.isoformat()
        data["dateModified"] = max(post.updated_at, post.published_at).isoformat()
    if post.byline:
        data["author"] = {"@type": "Person", "name": post.byline}
    if tags := [tag.name for tag in post.tags.all()]:
        data["keywords"] = tags
    if picture:
        data["image"] = {
            "@type": "ImageObject",
            "url": absolute_address(picture.url),
            "contentUrl": absolute_address(picture.url),
            "width": picture.width,
            "height": picture.height,
            **getattr(picture, "schema", {}),
        }
    text = json.dumps(data, ensure_ascii=False).translate(JSON_ESCAPES)
    return mark_safe(f'<script type="application/ld+json">{text}</script>')  # noqa: S308 (escaped)
