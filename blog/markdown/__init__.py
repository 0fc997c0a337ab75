"""Markdown: reading its structure, and turning it into safe HTML.

`split_sections` finds the sections of a text, `render` makes sanitised HTML of a whole text and
`render_parts` of its sections one by one; `plain_text` leaves the marks out.
"""

from blog.markdown.parsing import Document, ParsedSection, Split, parse, split_sections
from blog.markdown.rendering import LocalPicture, RenderedParts, render, render_parts
from blog.markdown.text import plain_text
from blog.markdown.typography import typographic

__all__ = [
    "Document",
    "LocalPicture",
    "ParsedSection",
    "RenderedParts",
    "Split",
    "parse",
    "plain_text",
    "render",
    "render_parts",
    "split_sections",
    "typographic",
]
