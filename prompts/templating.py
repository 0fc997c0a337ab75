"""The small language of templates: read into a tree once, never run over filled-in text.

`{post.title}` is filled in; `{post.summary?}` may be empty; `{section.text:400}` takes at most
400 characters; a part between `[[` and `]]` is left out when a field in it is empty; `{{` and
`}}` are plain braces.
"""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from prompts.fields import FIELDS, Field
from prompts.parts import ComposeError

_TOKEN = re.compile(r"\{\{|\}\}|\[\[|\]\]|\{([^{}\n]*)\}|[{}]")
_INSIDE = re.compile(r"\s*([\w.]+)\s*(?::\s*(\d{1,5})\s*)?(\?)?\s*\Z")
_OPENING_QUOTES = ('"', "“", "„", "«", "‟")
_ONLY_ONCE = ("style.fragment", "format.fragment", "description")


class TemplateError(ComposeError):
    """A template cannot be read; the sentence says where and what to write."""


class UnknownPlaceholder(TemplateError):
    """A template names a field that does not exist."""


@dataclass(frozen=True)
class Literal:
    """Plain words of the template."""

    text: str


@dataclass(frozen=True)
class Placeholder:
    """A field to fill in. `quoted`: it stands right after an opening quotation mark."""

    field: Field
    limit: int | None = None
    optional: bool = False
    quoted: bool = False


@dataclass(frozen=True)
class Group:
    """A part that is left out when a field in it is empty."""

    nodes: tuple["Literal | Placeholder", ...]


Node = Literal | Placeholder | Group


@lru_cache(maxsize=256)
def parse_template(text: str) -> tuple[Node, ...]:
    """The template as a tree. Raises TemplateError or UnknownPlaceholder."""
    outside: list[Node] = []
    inside: list[Literal | Placeholder] | None = None
    for piece in _pieces(text):
        if piece == "[[":
            if inside is not None:
                raise TemplateError("A part in [[ … ]] cannot hold another one.")
            inside = []
        elif piece == "]]":
            if inside is None:
                raise TemplateError("There is a ]] without a [[ before it.")
            outside.append(Group(tuple(inside)))
            inside = None
        else:
            (outside if inside is None else inside).append(piece)  # type: ignore[arg-type]
    if inside is not None:
        raise TemplateError("There is a [[ without a ]] after it.")
    return tuple(outside)


def check_template(text: str) -> None:
    """Raises TemplateError when `text` cannot be used as a template, with the reason."""
    nodes = parse_template(text)
    names = [placeholder.field.name for placeholder in placeholders(nodes)]
    for name in _ONLY_ONCE:
        if names.count(name) > 1:
            raise TemplateError(
                f"{{{name}}} stands here {names.count(name)} times; once is enough."
            )


def placeholders(nodes: tuple[Node, ...]) -> Iterator[Placeholder]:
    """Every placeholder of a template, those in optional parts too."""
    for node in nodes:
        if isinstance(node, Group):
            yield from placeholders(node.nodes)
        elif isinstance(node, Placeholder):
            yield node


def _pieces(text: str) -> Iterator["Literal | Placeholder | str"]:
    """Words, placeholders, and "[[" and "]]" as plain strings."""
    words, position = "", 0
    for match in _TOKEN.finditer(text):
        words += text[position : match.start()]
        position = match.end()
        found = match[0]
        if found in ("{{", "}}"):
            words += found[0]
            continue
        if found in ("{", "}"):
            line = text.count("\n", 0, match.start()) + 1
            raise TemplateError(f"Line {line}: a single {found}. For a plain brace write it twice.")
        if words:
            yield Literal(words)
        yield found if found in ("[[", "]]") else _placeholder(match[1], words)
        words = ""
    if words := words + text[position:]:
        yield Literal(words)


def _placeholder(inside: str, words_before: str) -> Placeholder:
    match = _INSIDE.match(inside)
    field = FIELDS.get(match[1]) if match else None
    if match is None or field is None:
        name = match[1] if match else inside.strip()
        close = difflib.get_close_matches(name, FIELDS, n=1)
        advice = f"Did you mean {{{close[0]}}}?" if close else f"Known: {', '.join(FIELDS)}."
        raise UnknownPlaceholder(f"{{{inside}}} is not a field. {advice}")
    return Placeholder(
        field,
        limit=int(match[2]) if match[2] else None,
        optional=bool(match[3]),
        quoted=words_before.endswith(_OPENING_QUOTES),
    )
