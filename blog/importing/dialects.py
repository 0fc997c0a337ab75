"""Markup of other programs in a post's text, turned into plain Markdown where that is possible.

=======================  ======================================================================
Jekyll (Liquid)          `highlight` becomes a fenced block, `raw` its content, `post_url` and
                         `link` the post's address here, `{{ "/x" | relative_url }}` the path;
                         `{{ site.baseurl }}` and `{{ site.url }}` vanish, a link to another
                         `{{ site.… }}` keeps its words only; comments and other tags vanish,
                         the text between them stays
kramdown                 attribute lists `{: … }` and the marker of a table of contents vanish
Hugo, Zola (shortcodes)  `figure`, `image` and `img` become pictures, `highlight` a fenced
                         block, `youtube` and `vimeo` links, `ref` and `relref` addresses; of
                         others the text between the tags stays
links between posts      `@/blog/post.md` and `other.md` become the post's address here, guessed
                         from the file's name
=======================  ======================================================================

Code blocks and code spans stay as they are, and so does everything that is not listed.
"""

import re
from collections.abc import Callable
from pathlib import PurePosixPath

from blog.importing.dates import date_in_name
from blog.slugs import make_slug

# Lengths are bounded: a text of a thousand opened tags that never end must not be read a
# thousand times to its end.
RAW = (re.compile(r"\{%-?\s*raw\s*-?%\}"), re.compile(r"\{%-?\s*endraw\s*-?%\}"))
COMMENT = (re.compile(r"\{%-?\s*comment\s*-?%\}"), re.compile(r"\{%-?\s*endcomment\s*-?%\}"))
HIGHLIGHT = (
    re.compile(r"\{%-?\s*highlight\s+([\w+#-]{1,40})[^%]{0,500}%\}\n?"),
    re.compile(r"\n?[ \t]*\{%-?\s*endhighlight\s*-?%\}"),
)
HUGO_HIGHLIGHT = (
    re.compile(r"\{\{[<%]\s*highlight\s+\"?([\w+#-]{1,40})[^}]{0,500}[>%]\}\}\n?"),
    re.compile(r"\n?\{\{[<%]\s*/\s*highlight\s*[>%]\}\}"),
)
FENCE = re.compile(
    r"^( {0,3}|[ \t]*[-*+][ \t]+)(`{3,}|~{3,})[^\n]*\n.*?(?:^[ \t]*\2[`~]*[ \t]*$|\Z)",
    re.DOTALL | re.MULTILINE,
)
CODE_SPAN = re.compile(r"(?<!`)(`+)(?!`)(?:[^`\n]|\n(?!\s*\n)|(?!\1(?!`))`)*?(?<!`)\1(?!`)")
ADDRESS_TAG = re.compile(
    r"\{%-?\s*(?:post_url|link)\s+[\"']?([^\s\"'%]{1,500})[\"']?[^%]{0,500}%\}"
)
HUGO_REF = re.compile(r"\{\{[<%]\s*(?:rel)?ref\s+\"?([^\s\"}]{1,500})\"?[^}]{0,500}[>%]\}\}")
HUGO_SHORTCODE = re.compile(
    r"\{\{[<%]\s*(/?)\s*([\w/-]{1,100})(.{0,2000}?)/?\s*[>%]\}\}", re.DOTALL
)
ZOLA_SHORTCODE = re.compile(r"\{\{\s*(\w{1,100})\((.{0,2000}?)\)\s*\}\}", re.DOTALL)
LIQUID_TAG = re.compile(r"\{%-?\s*\w[^%]{0,2000}%\}")
FILTERED_PATH = re.compile(
    r"\{\{-?\s*[\"']([^\"']{0,500})[\"']\s*\|\s*(?:relative_url|absolute_url|prepend)[^}]{0,500}\}\}"
)
SITE_ADDRESS = re.compile(r"\{\{-?\s*site\.(?:baseurl|url)\s*-?\}\}")
SITE_LINK = re.compile(r"\[([^\]\[]{0,500})\]\(\{\{-?\s*site\.[^}]{0,200}\}\}[^)\s]{0,500}\)")
ATTRIBUTE_LIST = re.compile(r"[ \t]{0,8}\{:[ \t]{0,8}[.#A-Za-z/][^}\n]{0,500}\}")
TOC = re.compile(r"^[*+-] \S[^\n]*\n\{:\s*toc\s*\}[ \t]*$", re.IGNORECASE | re.MULTILINE)
POST_LINK = re.compile(
    r"(\]\(\s*<?|^ {0,3}\[[^\]\n]+\]:\s*<?)(@/)?"
    r"(?![a-zA-Z][a-zA-Z0-9+.-]*:|/)([^\s()<>#]+\.(?:md|markdown|mdown))(#[^\s()<>]*)?",
    re.MULTILINE,
)
ARGUMENT = re.compile(r"(\w+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s,\"')]+))")
VIDEOS = {"youtube": "https://www.youtube.com/watch?v=", "vimeo": "https://vimeo.com/"}
PICTURES = frozenset({"figure", "fig", "image", "img", "picture"})


def adapt_body(text: str) -> str:
    """`text` with the markup of other programs turned into Markdown, as told above."""
    if not any(mark in text for mark in ("{%", "{{", "{:", ".md", ".mdown")):
        return text
    kept = _Kept()
    text = _replace_blocks(text, *RAW, lambda opened, inner: kept.put(inner))
    for marks in (HIGHLIGHT, HUGO_HIGHLIGHT):
        text = _replace_blocks(
            text, *marks, lambda opened, inner: kept.put(_fenced(opened[1], inner))
        )
    text = FENCE.sub(lambda match: kept.put(match[0]), text)
    text = CODE_SPAN.sub(lambda match: kept.put(match[0]), text)
    text = _adapt_shortcodes(_adapt_liquid(text))
    text = TOC.sub("", text)
    text = ATTRIBUTE_LIST.sub("", text)
    text = POST_LINK.sub(lambda match: match[1] + post_address(match[3]) + (match[4] or ""), text)
    return kept.restore(text)


def post_address(file_name: str) -> str:
    """The address that a post has here, guessed from the name of its file."""
    path = PurePosixPath(file_name)
    name = path.parent.name if path.stem in ("index", "_index") and path.parent.name else path.stem
    if path.suffix not in (".md", ".markdown", ".mdown"):
        name = path.name
    return f"/{make_slug(date_in_name(name)[1])}/"


class _Kept:
    """Pieces of text that are taken out of reach and put back at the end."""

    def __init__(self) -> None:
        self.pieces: list[str] = []

    def put(self, piece: str) -> str:
        self.pieces.append(piece)
        # No text has NUL characters: they were refused when the file was read.
        return f"\x00{len(self.pieces) - 1}\x00"

    def restore(self, text: str) -> str:
        mark = re.compile(r"\x00(\d+)\x00")
        while "\x00" in text:
            text = mark.sub(lambda match: self.pieces[int(match[1])], text)
        return text


def _replace_blocks(
    text: str, start: re.Pattern, end: re.Pattern, replace: Callable[[re.Match, str], str]
) -> str:
    """Replace each block from `start` to the next `end`; one that never ends stays.

    Unlike one expression with a gap in it, this reads a text once, however many starts it has.
    """
    done: list[str] = []
    position = 0
    while opened := start.search(text, position):
        closed = end.search(text, opened.end())
        if closed is None:
            break
        inner = text[opened.end() : closed.start()]
        done += (text[position : opened.start()], replace(opened, inner))
        position = closed.end()
    return "".join((*done, text[position:]))


def _fenced(language: str, code: str) -> str:
    fence = "```"
    while fence in code:
        fence += "`"
    return f"{fence}{language}\n{code}\n{fence}"


def _adapt_liquid(text: str) -> str:
    text = _replace_blocks(text, *COMMENT, lambda opened, inner: "")
    text = ADDRESS_TAG.sub(lambda match: post_address(match[1]), text)
    text = FILTERED_PATH.sub(lambda match: match[1], text)
    text = SITE_ADDRESS.sub("", text)
    return SITE_LINK.sub(lambda match: match[1], text)


def _adapt_shortcodes(text: str) -> str:
    text = HUGO_REF.sub(lambda match: post_address(match[1].partition("#")[0]), text)
    text = HUGO_SHORTCODE.sub(lambda match: _shortcode(match[2], match[3], closes=match[1]), text)
    text = ZOLA_SHORTCODE.sub(lambda match: _shortcode(match[1], match[2]) or match[0], text)
    return LIQUID_TAG.sub("", text)


def _shortcode(name: str, arguments: str, *, closes: str = "") -> str:
    """What stands in the text for a shortcode; nothing for one that is not known."""
    named = {match[1]: match[2] or match[3] or match[4] or "" for match in
             ARGUMENT.finditer(arguments)}  # fmt: skip
    source = named.get("src") or named.get("path") or named.get("url") or ""
    if name in PICTURES and source and not closes:
        alt = re.sub(r"[\[\]\n]", " ", named.get("alt", ""))
        caption = (named.get("caption") or named.get("title") or "").replace('"', "&quot;")
        return f'![{alt}](<{source}> "{caption}")' if caption else f"![{alt}](<{source}>)"
    if name in VIDEOS and not closes:
        key = named.get("id") or arguments.strip().strip("\"'").split(" ")[0]
        return f"<{VIDEOS[name]}{key}>" if re.fullmatch(r"[\w-]+", key) else ""
    return ""
