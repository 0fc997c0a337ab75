"""The structure of a Markdown text: headings, sections, pictures.

Sections begin at the highest heading level that occurs more than once; a text in which no level
does has no sections. Only headings of the text itself count: not those in block quotes, lists,
code or HTML. `# ATX` and underlined (Setext) headings count alike. A heading may end in
`{#name}`, which sets its anchor.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from django.utils.text import slugify
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.gfm import gfm_plugin

HEADING_LENGTH = 500
ANCHOR_LENGTH = 80
# Ids that the page itself uses.
TAKEN_ANCHORS = ("content", "top")
# Double and single quotation marks, opening and closing, as each language writes them.
QUOTES = {
    "da": "”””’",
    "de": "„“‚‘",
    "en": "“”‘’",
    "es": "«»“”",
    "fi": "””’’",
    "it": "«»“”",
    "nl": "“”‘’",
    "pl": "„”‚’",
    "pt": "“”‘’",
    "sv": "””’’",
}
_own_anchor = re.compile(r"\s*\{#([\w.:-]+)[^{}]*\}\s*$")
_image_tag = re.compile(r"<(?:img|picture)\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Heading:
    """A heading of the text itself. Lines count from 0; `end` is the line after it."""

    level: int
    text: str
    anchor: str
    token: int
    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class ParsedSection:
    """A section as read from the text. `start_line` counts from 1; `body` has no heading."""

    level: int
    heading: str
    body: str
    start_line: int
    has_picture: bool
    anchor: str = ""

    @property
    def text_hash(self) -> str:
        """Fingerprint of heading and text; white space at line ends does not count."""
        text = "\n".join(line.rstrip() for line in self.body.split("\n"))
        return hashlib.sha256(f"{self.heading}\n{text}".encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Split:
    """A text in parts: what comes before the first section, and the sections in order."""

    intro: str
    sections: tuple[ParsedSection, ...]
    level: int


@dataclass(frozen=True, kw_only=True)
class Document:
    """A parsed text: its lines, its tokens and its headings."""

    lines: tuple[str, ...]
    tokens: list[Token]
    env: dict
    headings: tuple[Heading, ...]

    def section_level(self, level: int | None = None) -> int:
        """The level at which sections begin: as asked for, else by the rule; 0 for none."""
        if level is not None:
            return level
        counts = Counter(heading.level for heading in self.headings)
        return min((level for level, count in counts.items() if count > 1), default=0)

    def section_headings(self, level: int | None = None) -> tuple[Heading, ...]:
        wanted = self.section_level(level)
        return tuple(heading for heading in self.headings if heading.level == wanted)

    def split(self, level: int | None = None) -> Split:
        """The text's sections. `level` 1 to 6 splits there, 0 not at all, None by the rule."""
        starts = self.section_headings(level)
        ends = [heading.start for heading in starts[1:]] + [len(self.lines)]
        token_ends = [heading.token for heading in starts[1:]] + [len(self.tokens)]
        return Split(
            intro=self._text(0, starts[0].start if starts else len(self.lines)),
            sections=tuple(
                ParsedSection(
                    level=heading.level,
                    heading=heading.text,
                    body=self._text(heading.end, end),
                    start_line=heading.start + 1,
                    has_picture=has_picture(self.tokens[heading.token : token_end]),
                    anchor=heading.anchor,
                )
                for heading, end, token_end in zip(starts, ends, token_ends, strict=False)
            ),
            level=self.section_level(level),
        )

    def _text(self, start: int, end: int) -> str:
        return "\n".join(self.lines[start:end]).strip("\n").rstrip()


def quotes_of(language: str) -> str:
    """The quotation marks of a language such as "de-AT"; empty where we do not know them."""
    return QUOTES.get(language.lower().split("-")[0], "")


@lru_cache(maxsize=len(QUOTES) + 1)
def parser(quotes: str = "") -> MarkdownIt:
    """A parser for GitHub's Markdown with footnotes and definition lists.

    With `quotes` (a value of `QUOTES`) straight quotation marks become these.
    """
    options = {"html": True, "typographer": bool(quotes)}
    if quotes:
        options["quotes"] = quotes
    markdown = MarkdownIt("commonmark", options)
    gfm_plugin(markdown)
    markdown.use(deflist_plugin)
    if quotes:
        # Only the quotes: the other replacements would spoil "--update" and "(c)".
        markdown.enable("smartquotes")
    return markdown


def parse(text: str, language: str = "") -> Document:
    """Read the structure of `text`. Any text is valid Markdown, so this never fails.

    With a language that `QUOTES` knows, straight quotation marks are set as it writes them.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    env: dict = {}
    tokens = parser(quotes_of(language)).parse(text, env)
    return Document(
        lines=tuple(text.split("\n")), tokens=tokens, env=env, headings=_headings(tokens)
    )


def split_sections(text: str, level: int | None = None) -> Split:
    """The sections of `text`; `level` as in `Document.split`."""
    return parse(text).split(level)


def has_picture(tokens: Sequence[Token]) -> bool:
    """Whether these tokens show a picture, by Markdown or by HTML."""
    for token in tokens:
        if token.type == "image":
            return True
        if token.type in ("html_block", "html_inline") and _image_tag.search(token.content):
            return True
        if token.children and has_picture(token.children):
            return True
    return False


def inline_text(children: Sequence[Token]) -> str:
    """The words of inline tokens, without marks, pictures and HTML."""
    words = []
    for token in children:
        if token.type in ("text", "code_inline"):
            words.append(token.content)
        elif token.type in ("softbreak", "hardbreak"):
            words.append(" ")
    return "".join(words)


def _headings(tokens: list[Token]) -> tuple[Heading, ...]:
    """The headings of the text itself, each with a unique anchor, also set as its `id`."""
    headings: list[Heading] = []
    used: Counter[str] = Counter(TAKEN_ANCHORS)
    for index, token in enumerate(tokens):
        if token.type != "heading_open" or token.level or token.map is None:
            continue
        children = tokens[index + 1].children or []
        own = _take_own_anchor(children)
        text = " ".join(inline_text(children).split())
        anchor = _unique(own or slugify(text, allow_unicode=True)[:ANCHOR_LENGTH], used)
        token.attrSet("id", anchor)
        start, end = token.map
        headings.append(
            Heading(
                level=int(token.tag[1]),
                text=_clipped(text),
                anchor=anchor,
                token=index,
                start=start,
                end=end,
            )
        )
    return tuple(headings)


def _take_own_anchor(children: list[Token]) -> str:
    """Cut `{#name}` off a heading's end and return the name."""
    if not children or children[-1].type != "text":
        return ""
    match = _own_anchor.search(children[-1].content)
    if not match:
        return ""
    children[-1].content = children[-1].content[: match.start()]
    return match[1][:ANCHOR_LENGTH]


def _unique(anchor: str, used: Counter[str]) -> str:
    anchor = anchor.strip("-") or "section"
    candidate = anchor
    while candidate in used:
        used[anchor] += 1
        candidate = f"{anchor}-{used[anchor]}"
    used[candidate] += 1
    return candidate


def _clipped(text: str) -> str:
    return text if len(text) <= HEADING_LENGTH else text[: HEADING_LENGTH - 1] + "…"
