"""Errors of the blog. The text is a sentence for the person at the door.

BlogError
├── WrongState    the post is in another state than the act needs
├── InvalidPost   the content cannot be kept as it stands; nothing was changed
└── ImportProblem a file cannot be imported; names the file, the line and the reason
"""

import unicodedata


def printable(text: str) -> str:
    """`text` with control characters and halves of character pairs shown as `?`.

    Reports quote what files say and are called: it must neither break nor steer a terminal.
    """
    return "".join("?" if unicodedata.category(mark) in ("Cc", "Cs") else mark for mark in text)


class BlogError(Exception):
    """Base of all errors of this app."""


class WrongState(BlogError):
    """A change that the post's present state does not allow."""


class InvalidPost(BlogError):
    """Content that cannot be kept as it stands."""


class ImportProblem(BlogError):
    """Why one file was not imported. `line` counts from 1; None means the whole file."""

    def __init__(self, reason: str, *, file: str = "", line: int | None = None) -> None:
        super().__init__(reason)
        self.reason = printable(reason)
        self.file = file
        self.line = line

    def __str__(self) -> str:
        place = printable(self.file) + (f", line {self.line}" if self.line else "")
        return f"{place}: {self.reason}" if place else self.reason

    def to_dict(self) -> dict:
        return {"file": printable(self.file), "line": self.line, "reason": self.reason}
