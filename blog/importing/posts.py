"""One file as a post: its front matter and text read into the fields that we keep."""

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from blog.cleaning import showable
from blog.errors import ImportProblem
from blog.hooks import MetPicture
from blog.importing.dates import date_in_name, date_in_path, read_date
from blog.importing.dialects import adapt_body
from blog.importing.files import SourceFile
from blog.importing.frontmatter import FrontMatter, split_front_matter
from blog.importing.pictures import body_pictures, hero_of, locate
from blog.importing.reading import read_text
from blog.markdown import parse, plain_text
from blog.markdown.text import clip
from blog.slugs import MAX_LENGTH, make_slug, plain_slug, slug_fault

TITLE_LENGTH = 500
AUTHOR_LENGTH = 300
TAG_LENGTH = 100
DATE_KEYS = (
    "date", "pubdate", "pub_date", "pubdatetime", "published_at", "published_date",
    "datepublished", "date_published", "published", "created", "created_at",
)  # fmt: skip
PUBLISH_KEYS = ("publishdate", "publish_date", "publish_at", "scheduled_for")
ADDRESS_KEYS = ("path", "permalink", "url")
ALIAS_KEYS = ("aliases", "alias", "redirect_from")
SUMMARY_KEYS = ("summary", "description", "excerpt", "subtitle", "abstract", "lead")
AUTHOR_KEYS = ("authors", "author", "byline")
TAG_KEYS = ("tags", "tag", "categories", "category", "keywords")
LANGUAGE_KEYS = ("language", "lang", "locale")
LEVEL_KEYS = ("split_level", "splitlevel")
YES, NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


@dataclass(kw_only=True)
class ParsedPost:
    """A post as a file describes it; nothing is stored yet.

    `date` is the date that readers see, `publish_at` when it becomes public, both None where
    the file says nothing. `warnings` tell what was left out without harm to the rest.
    """

    file: str
    source_path: str
    source_hash: str
    title: str
    slug: str
    body: str
    summary: str = ""
    language: str = ""
    author_name: str = ""
    tags: list[str] = field(default_factory=list)
    date: datetime | None = None
    publish_at: datetime | None = None
    draft: bool = False
    split_level: int | None = None
    former_slugs: list[str] = field(default_factory=list)
    pictures: list[MetPicture] = field(default_factory=list)
    warnings: list[ImportProblem] = field(default_factory=list)


def read_post_file(
    source: SourceFile | str | os.PathLike, *, split_level: int | None = None
) -> ParsedPost | None:
    """Read one file. None for a README of a folder, which is no post.

    `split_level` is used where the front matter names none. Raises `ImportProblem` naming file,
    line and reason.
    """
    if not isinstance(source, SourceFile):
        path = Path(source)
        source = SourceFile(path=path, root=path.absolute().parent, shown=str(path), named=True)
    try:
        text = read_text(source.path)
        front = split_front_matter(text)
        if not front.present and not source.named and source.path.stem.lower() == "readme":
            return None
        return _Reader(source, text, front).post(split_level)
    except ImportProblem as problem:
        problem.file = problem.file or source.shown
        raise


class _Reader:
    """Reads the fields of one file."""

    def __init__(self, source: SourceFile, text: str, front: FrontMatter) -> None:
        self.source = source
        self.front = front
        self.hash = hashlib.sha256(text.encode()).hexdigest()
        self.warnings: list[ImportProblem] = []
        stem = source.path.stem
        if source.is_bundle:
            stem = source.path.absolute().parent.name
        self.name_date, self.name = date_in_name(stem)
        self.document = parse(adapt_body(showable(front.body)))

    def post(self, split_level: int | None) -> ParsedPost:
        title = self._title()
        date, publish_at = self._dates()
        level = self._split_level()
        pictures = self._pictures()
        return ParsedPost(
            file=self.source.shown,
            source_path=self.source.source_path,
            source_hash=self.hash,
            title=title,
            slug=self._slug(title),
            body="\n".join(self.document.lines).strip("\n"),
            summary=plain_text(self._text(*SUMMARY_KEYS)),
            language=self._language(),
            author_name=clip(self._authors(), AUTHOR_LENGTH),
            tags=self._tags(),
            date=date,
            publish_at=publish_at,
            draft=self._is_draft(),
            split_level=split_level if level is None else level,
            former_slugs=self._former_slugs(),
            pictures=pictures,
            warnings=self.warnings,
        )

    # --- Words --------------------------------------------------------------------------

    def _text(self, *keys: str) -> str:
        for key, value in self.front.items(*keys):
            if text := self._as_text(value, key):
                return text
        return ""

    def _as_text(self, value: Any, key: str) -> str:
        if isinstance(value, Mapping | list):
            return ""
        text = str(value).strip()
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise self._problem(f"“{key}” holds half of a character pair.", key) from error
        return showable(text)

    def _title(self) -> str:
        """The title; a first heading that says the same, or stands in for it, leaves the text."""
        title = " ".join(self._text("title").split())
        first = next((one for one in self.document.headings if one.level == 1), None)
        starts = bool(first and first.token == 0)
        if first and first.text and (not title or starts and first.text == title):
            title = title or first.text
            lines = self.document.lines
            self.document = parse("\n".join(lines[: first.start] + lines[first.end :]))
        title = title or re.sub(r"[-_\s]+", " ", self.name).strip().capitalize() or "Untitled"
        if len(title) > TITLE_LENGTH:
            raise self._problem(
                f"The title has {len(title)} characters; {TITLE_LENGTH} are allowed.", "title"
            )
        return title

    def _authors(self) -> str:
        for key, value in self.front.items(*AUTHOR_KEYS):
            values = value if isinstance(value, list) else [value]
            names = [name for one in values if (name := self._author(one, key))]
            if names:
                return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
        return ""

    def _author(self, value: Any, key: str) -> str:
        if isinstance(value, Mapping):
            value = value.get("name") or value.get("title") or value.get("id") or ""
        return " ".join(self._as_text(value, key).split())

    def _tags(self) -> list[str]:
        tags: dict[str, str] = {}
        for key, value in self.front.items(*TAG_KEYS):
            for one in self._list(key, value):
                name = " ".join(self._as_text(one, key).split())
                if len(name) > TAG_LENGTH:
                    raise self._problem(
                        f"The tag “{name[:30]}…” has {len(name)} characters; "
                        f"{TAG_LENGTH} are allowed.",
                        key,
                    )
                if name:
                    tags.setdefault(name.casefold(), name)
        return list(tags.values())

    @staticmethod
    def _list(key: str, value: Any) -> Sequence[Any]:
        """A list, or text: parted by commas, else, as Jekyll does for plurals, by spaces."""
        if isinstance(value, list):
            return value
        text = "" if isinstance(value, Mapping) else str(value)
        if "," in text:
            return text.split(",")
        return text.split() if key in ("tags", "categories") else [text]

    def _language(self) -> str:
        """The language; empty, with a warning, where what is written is none."""
        text = self._text(*LANGUAGE_KEYS).replace("_", "-").split(".")[0]
        if not text or re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}", text):
            return text
        self._warn(f"“{text[:40]}” is no language; the site's own is used.", *LANGUAGE_KEYS)
        return ""

    # --- Address ------------------------------------------------------------------------

    def _slug(self, title: str) -> str:
        if given := self._text("slug"):
            # A slug such as "2018/a-title" means its last part.
            slug = plain_slug(given.strip("/").rpartition("/")[2], limit=MAX_LENGTH)
            if fault := slug_fault(slug) if slug else "The slug holds no letters.":
                raise self._problem(fault, "slug")
            return slug
        for key, value in self.front.items(*ADDRESS_KEYS):
            slug = last_part(self._as_text(value, key))
            if slug and not slug_fault(slug):
                return slug
        name = self.name if self.name.lower() not in ("", "readme", "index") else title
        return make_slug(name)

    def _former_slugs(self) -> list[str]:
        former: dict[str, None] = {}
        for key, value in self.front.items(*ALIAS_KEYS):
            for one in value if isinstance(value, list) else [value]:
                slug = last_part(self._as_text(one, key))
                if slug and not slug_fault(slug):
                    former[slug] = None
        return list(former)

    # --- Time and state -----------------------------------------------------------------

    def _dates(self) -> tuple[datetime | None, datetime | None]:
        path = self._text(*ADDRESS_KEYS)
        named = self.name_date or date_in_path(path) or date_in_path(self.source.source_path)
        date = self._date(*DATE_KEYS) or named
        return date, self._date(*PUBLISH_KEYS) or date

    def _date(self, *keys: str) -> datetime | None:
        for key, value in self.front.items(*keys):
            if key == "published" and _flag(value) is not None:
                continue
            try:
                return read_date(value)
            except (ValueError, OverflowError, TypeError, IndexError) as error:
                raise self._problem(
                    f"“{str(value)[:60]}” is no date that can be read. "
                    "Write it as 2024-03-01 or 2024-03-01 14:30:00+01:00.",
                    key,
                ) from error
        return None

    def _is_draft(self) -> bool:
        return (
            _flag(self.front.get("draft")) is True
            or _flag(self.front.get("published")) is False
            or str(self.front.get("status") or "").strip().lower() in ("draft", "private")
            or "_drafts" in Path(self.source.source_path).parts
        )

    def _split_level(self) -> int | None:
        value = self.front.get(*LEVEL_KEYS)
        if value is None:
            return None
        text = str(value).strip().lower().removeprefix("h")
        if text not in ("0", "1", "2", "3", "4", "5", "6"):
            raise self._problem(
                f"“{str(value)[:20]}” is no heading level. Write a number from 1 to 6, "
                "or 0 for no sections.",
                *LEVEL_KEYS,
            )
        return int(text)

    # --- Pictures -----------------------------------------------------------------------

    def _pictures(self) -> list[MetPicture]:
        """The pictures whose files are there; one warning names the others."""
        hero = hero_of(self.front)
        named = [(hero, "hero")] if hero else []
        named += [(picture, "body") for picture in body_pictures(self.document)]
        located = [(one, locate(one, self.source, role)) for one, role in named]
        if missing := [one.address[:120] for one, met in located if met is None]:
            self._warn(
                "These pictures are not in the post's folder or the imported one and were left "
                f"out: {', '.join(missing)}."
            )
        return [met for _, met in located if met]

    def _problem(self, reason: str, *keys: str) -> ImportProblem:
        return ImportProblem(reason, line=self.front.line_of(*keys))

    def _warn(self, reason: str, *keys: str) -> None:
        line = self.front.line_of(*keys)
        self.warnings.append(ImportProblem(reason, file=self.source.shown, line=line))


def last_part(address: str) -> str:
    """The slug in an address such as "/2018/10/30/a-title.html"; empty if there is none."""
    if ":" in address.partition("://")[2] or (":" in address and "://" not in address):
        return ""  # a pattern of the generator's, such as /:year/:title/
    path = address.split("?")[0].split("#")[0].rstrip("/")
    last = path.rpartition("/")[2] if "://" not in path or path.count("/") > 2 else ""
    if last.lower().rpartition(".")[2] in ("html", "htm", "md", "markdown", "php"):
        last = last.rpartition(".")[0]
    return plain_slug(last)


def _flag(value: object) -> bool | None:
    text = str(value).strip().lower()
    return True if text in YES else False if text in NO else None
