"""Cleaning and clipping of words that enter a prompt."""

import re
import unicodedata

_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_QUOTES = re.compile('["“”„‟«»]')
_JOINERS = "\u200d\ufe0e\ufe0f"


def clean_text(text: str) -> str:
    """The words on one line: without control and invisible direction characters."""
    return " ".join(_INVISIBLE.sub("", text).split())


def keep_inside_quotes(text: str) -> str:
    """The words with single quotation marks, so that they cannot leave those around them."""
    return _QUOTES.sub("'", text)


def clip_text(text: str, limit: int) -> str:
    """At most `limit` characters, cut at a word's end where there is one, with an ellipsis."""
    if len(text) <= limit:
        return text
    if limit < 2:
        return ""
    cut = limit - 1
    space = text.rfind(" ", 0, cut + 1)
    if space > cut * 0.6:
        cut = space
    while cut and (_continues(text[cut]) or text[cut - 1] == _JOINERS[0]):
        cut -= 1
    return text[:cut].rstrip(" ,;:–—-") + "…"


def _continues(character: str) -> bool:
    """Whether a character belongs to the one before it."""
    return bool(unicodedata.combining(character)) or character in _JOINERS
