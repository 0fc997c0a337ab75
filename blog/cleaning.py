"""Text without the characters that no page, feed or database can show."""

import re

# Control characters except tab and line ends, halves of character pairs, non-characters: XML
# has no way to write them, so one of them would break the feed, and PostgreSQL takes no NUL.
_unshowable = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")


def showable(text: str) -> str:
    """`text` without them; everything else, also right-to-left marks and emoji, stays."""
    return _unshowable.sub("", text)
