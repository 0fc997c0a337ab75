"""Quotation marks for titles and summaries, which are plain text."""

from functools import lru_cache

from markdown_it import MarkdownIt

from blog.markdown.parsing import inline_text, quotes_of


def typographic(text: str, language: str) -> str:
    """`text` with the quotation marks of its language, if we know them."""
    quotes = quotes_of(language)
    if not quotes or not ('"' in text or "'" in text):
        return text
    [token] = _quoter(quotes).parseInline(text)
    return inline_text(token.children or [])


@lru_cache(maxsize=16)
def _quoter(quotes: str) -> MarkdownIt:
    """A parser that reads nothing but text."""
    options = {"typographer": True, "quotes": quotes}
    return MarkdownIt("zero", options).enable(["smartquotes"])
