"""Opening the public site as a reader would: posts, their pictures, what is shown when shared."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

from django.conf import settings

from blog.feeds import absolute
from blog.models import Post
from imagegen.imaging.sniffing import CONTENT_TYPES
from imagegen.models import PublicCopy
from imagegen.services.doctor.problems import Problem
from imagegen.services.holdings import batches
from imagegen.storage import published

THREADS = 8
SECONDS = 20.0
MOST_BYTES = 50 * 1024 * 1024
SHARED = {"og:image", "twitter:image"}


@dataclass(frozen=True, kw_only=True)
class Expected:
    """An address and what it should answer; a size of 0: any but nothing."""

    address: str
    type: str = "image/"
    size: int = 0
    where: str


@dataclass(kw_only=True)
class Answer:
    """What came: `fault` is the end of a sentence, "" if nothing is wrong; `text` of a page."""

    fault: str = ""
    text: str = ""


class PictureFinder(HTMLParser):
    """Collects the addresses of pictures that a page names."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "meta" and (found.get("property") or found.get("name")) in SHARED:
            self.addresses.append(found.get("content", ""))
        if tag in ("img", "source"):
            named = [candidate.split() for candidate in found.get("srcset", "").split(",")]
            self.addresses += [parts[0] for parts in named if parts]
            self.addresses.append(found.get("src", ""))


def read_site(base: str = "") -> Iterator[Problem]:
    """Problems that readers have; `base` is where to ask instead of SITE_URL."""
    reader = Reader((base or settings.SITE_URL).rstrip("/"))
    with ThreadPoolExecutor(THREADS, "reader") as pool:
        for posts in batches(Post.objects.visible().order_by("pk").iterator(200), 100):
            pages = [_page_of(post, reader) for post in posts]
            answers = pool.map(reader.open, pages)
            for page, answer in zip(pages, answers, strict=True):
                yield from _problem("page-fails", page, answer)
                named = reader.pictures_of(page, answer.text)
                yield from _open_all(pool, reader, "picture-fails", named)
        rows = PublicCopy.objects.public().select_related("slot").order_by("pk").iterator(500)
        copies = (_copy(row, reader) for row in rows)
        for some in batches(copies, 200):
            yield from _open_all(pool, reader, "copy-fails", some)


def _page_of(post: Post, reader: "Reader") -> Expected:
    address = reader.place(post.get_absolute_url())
    return Expected(address=address, type="text/html", where=f"“{post}”")


def _copy(row: PublicCopy, reader: "Reader") -> Expected:
    return Expected(
        address=reader.place(published().url(row.path)),
        type=CONTENT_TYPES[row.format],
        size=row.byte_size,
        where=f"“{row.slot}”",
    )


def _open_all(
    pool: ThreadPoolExecutor, reader: "Reader", kind: str, wanted: Iterable[Expected]
) -> Iterator[Problem]:
    new = [item for item in wanted if reader.is_new(item)]
    for item, answer in zip(new, pool.map(reader.open, new), strict=True):
        yield from _problem(kind, item, answer)


def _problem(kind: str, item: Expected, answer: Answer) -> Iterator[Problem]:
    if answer.fault:
        message = f"{item.address} of {item.where} {answer.fault}."
        yield Problem(kind=kind, subject=item.address, message=message)


class Reader:
    """Somebody without an account who opens addresses of the site."""

    def __init__(self, base: str) -> None:
        # Here and not above: the site starts without it.
        import requests

        self._base, self._failure = base, requests.RequestException
        self._session: Any = requests.Session()
        adapter = requests.adapters.HTTPAdapter(pool_maxsize=THREADS)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)
        self._opened: set[tuple[str, int]] = set()

    def place(self, address: str) -> str:
        """The full address of something on the site, at the place where we ask."""
        full = absolute(address)
        if full.startswith(f"{settings.SITE_URL}/"):
            return self._base + full.removeprefix(settings.SITE_URL)
        return full

    def is_new(self, item: Expected) -> bool:
        """Whether it was not opened yet with this expectation; asking makes it known."""
        key = (item.address, item.size)
        new = key not in self._opened
        self._opened.add(key)
        return new

    def pictures_of(self, page: Expected, text: str) -> list[Expected]:
        """The pictures that a page names, but for those of other sites."""
        finder = PictureFinder()
        finder.feed(text)
        ours = {urlsplit(self._base).netloc, urlsplit(absolute(published().url("x"))).netloc}
        places = (self.place(urljoin(page.address, name)) for name in finder.addresses if name)
        return [
            Expected(address=place, where=page.where)
            for place in dict.fromkeys(places)
            if urlsplit(place).netloc in ours
        ]

    def open(self, item: Expected) -> Answer:
        """Open one address. Runs in a thread, without database."""
        try:
            with self._session.get(item.address, timeout=SECONDS, stream=True) as response:
                return self._judge(item, response)
        except self._failure as error:
            return Answer(fault=f"cannot be opened ({type(error).__name__})")

    def _judge(self, item: Expected, response: Any) -> Answer:
        if response.status_code != 200:
            return Answer(fault=f"answers {response.status_code}")
        kind = response.headers.get("Content-Type", "")
        if not kind.startswith(item.type):
            return Answer(fault=f"is of the type {kind[:60] or 'unknown'}, not {item.type}")
        size, pieces = 0, []
        for piece in response.iter_content(256 * 1024):
            size += len(piece)
            if item.type == "text/html":
                pieces.append(piece)
            if size > MOST_BYTES:
                return Answer(fault="does not end")
        if size == 0:
            return Answer(fault="is empty")
        if item.size and size != item.size:
            return Answer(fault=f"has {size} bytes, not {item.size}")
        return Answer(text=b"".join(pieces).decode("utf-8", "replace"))
