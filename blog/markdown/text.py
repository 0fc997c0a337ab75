"""Plain text of Markdown: for summaries, prompts and counting words."""

import re
from collections.abc import Iterator

from markdown_it.token import Token

from blog.markdown.parsing import Document, inline_text, parse

# A reference whose definition stands in another part of the text stays in brackets.
_loose_reference = re.compile(r"\[([^\[\]]+)\]\[[^\[\]]*\]")
# Scripts without spaces between words: about two characters make one.
_dense = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")


def plain_text(markdown: str, limit: int | None = None) -> str:
    """The words of `markdown` in one line, without code blocks, pictures and HTML.

    At most `limit` characters: longer text ends at a word, with an ellipsis.
    """
    return document_text(parse(markdown), limit)


def document_text(document: Document, limit: int | None = None, *, headings: bool = True) -> str:
    """The same for a text that is parsed already, with or without its headings."""
    blocks, length = [], 0
    for block in _blocks(document.tokens, headings):
        blocks.append(block)
        length += len(block) + 1
        if limit is not None and length > limit + 1:
            break
    text = " ".join(" ".join(blocks).split())
    return clip(_loose_reference.sub(r"\1", text), limit)


def clip(text: str, limit: int | None) -> str:
    """`text` in at most `limit` characters, cut between words where that is possible."""
    if limit is None or len(text) <= limit:
        return text
    if limit < 2:
        return text[:limit]
    cut = text[:limit]
    head, _, tail = cut.rpartition(" ")
    words = head if head and len(tail) < limit // 2 else cut[:-1]
    return words.rstrip(" ,;:–—-") + "…"


def count_words(document: Document) -> int:
    """How many words a reader reads, code blocks left out."""
    words = 0
    for block in _blocks(document.tokens):
        dense = len(_dense.findall(block))
        words += len(_dense.sub(" ", block).split()) + dense // 2
    return words


def _blocks(tokens: list[Token], headings: bool = True) -> Iterator[str]:
    """The texts of paragraphs, headings, cells and list items, in order."""
    before = ""
    for token in tokens:
        wanted = token.type == "inline" and (headings or before != "heading_open")
        before = token.type
        if wanted and (text := inline_text(token.children or []).strip()):
            yield text
