"""Which of a picture's files a browser may choose from, and how wide it will show one.

The lengths follow `blog/static/blog/blog.css`: 16 px are 1rem, the gutter is 4 % of the window.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from imagegen.imaging.sniffing import CONTENT_TYPES

# What a browser should take first stands first.
ORDER = ("AVIF", "WEBP", "JPEG")
# By role, how wide a picture is shown; `shape` is its width by its height. A picture on the page
# of its post is never higher than most of the window.
SIZES = {
    "hero": "(max-width: 32rem) 100vw, min(1200px, 92vw, 84vh * {shape})",
    "section": "min(880px, 92vw, 76vh * {shape})",
    "lead": "(min-width: 60rem) min(675px, 52vw), 92vw",
    "card": "(min-width: 1116px) 373px, (min-width: 722px) 45vw, 92vw",
}
# The widest file that is offered in a role: two pixels for each that is shown.
LIMITS = {"hero": 2400, "section": 1920, "lead": 1600, "card": 960}
PLAIN_WIDTH = 960  # for what knows no srcset


@dataclass(frozen=True, kw_only=True)
class File:
    """One file of a picture."""

    url: str
    width: int
    format: str


@dataclass(frozen=True, kw_only=True)
class Source:
    """The files of one format, as `srcset` says it, and one of them for `src`."""

    type: str
    srcset: str
    plain: str


def sources_for(files: Iterable[File], role: str) -> list[Source]:
    """What is offered in a role, format by format; a small picture offers all that it has."""
    by_format: dict[str, list[File]] = defaultdict(list)
    for file in sorted(files, key=lambda file: file.width):
        by_format[file.format].append(file)
    limit = LIMITS.get(role, LIMITS["hero"])
    return [_source(format, by_format[format], limit) for format in ORDER if by_format[format]]


def _source(format: str, files: list[File], limit: int) -> Source:
    offered = _within(files, limit)
    return Source(
        type=CONTENT_TYPES[format],
        srcset=", ".join(f"{file.url} {file.width}w" for file in offered),
        plain=_within(files, PLAIN_WIDTH)[-1].url,
    )


def _within(files: list[File], limit: int) -> list[File]:
    """The files up to a width, or the smallest where all are wider."""
    return [file for file in files if file.width <= limit] or files[:1]


def sizes_for(role: str, width: int, height: int) -> str:
    """The `sizes` of a picture in a role."""
    return SIZES.get(role, SIZES["hero"]).format(shape=f"{width / max(height, 1):.3f}")
