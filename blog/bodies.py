"""How much text a post may hold, so that reading it never keeps a server busy."""

from django.core.exceptions import ValidationError

MAX_BODY = 2_000_000  # characters
# Parsers of Markdown take quadratic time over some lines of brackets or asterisks.
MAX_LINE = 50_000


def body_fault(body: str) -> str:
    """Why `body` cannot be a post's text, as a sentence; empty if it can."""
    if len(body) > MAX_BODY:
        return (
            f"The text has {len(body):,} characters; {MAX_BODY:,} are allowed. "
            "Split it into several posts."
        )
    for number, line in enumerate(body.split("\n"), start=1):
        if len(line) > MAX_LINE:
            return (
                f"Line {number} of the text has {len(line):,} characters; {MAX_LINE:,} are "
                "allowed. Break it into paragraphs."
            )
    return ""


def validate_body(body: str) -> None:
    """The same rule for forms: raises `ValidationError`."""
    if fault := body_fault(body):
        raise ValidationError(fault, code="invalid_body")
