"""Opening the public site as a reader would: posts, their pictures, what is shown when shared."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from django.conf import settings

from blog.feeds import absolute
from blog.models import Post
from imagegen.imaging.sniffing import CONTENT_TYPES
from imagegen.models import PublicCopy
from imagegen.services.doctor.problems import Problem
from imagegen.services.holdings import batches
from imagegen.services.pages import Fetched, Page, fetch, open_session, read_page
from imagegen.storage import published

THREADS = 8
PAGE = "text/html"


@dataclass(frozen=True, kw_only=True)
class Expected:
    """An address and what it should answer; a size of 0: any but nothing."""

    address: str
    type: str = "image/"
    size: int = 0
    where: str


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came: `fault` is the end of a sentence; where nothing is wrong with a page, it."""

    fault: str = ""
    page: Page = field(default_factory=Page)


def read_site(base: str = "") -> Iterator[Problem]:
    """Problems that readers have; `base` is where to ask instead of SITE_URL."""
    reader = Reader((base or settings.SITE_URL).rstrip("/"))
    with ThreadPoolExecutor(THREADS, "reader") as pool:
        for posts in batches(Post.objects.visible().order_by("pk").iterator(200), 100):
            pages = [_page_of(post, reader) for post in posts]
            answers = pool.map(reader.open, pages)
            for page, answer in zip(pages, answers, strict=True):
                yield from _problem("page-fails", page, answer)
                named = reader.pictures_of(page, answer.page)
                yield from _open_all(pool, reader, "picture-fails", named)
        rows = PublicCopy.objects.public().select_related("slot").order_by("pk").iterator(500)
        copies = (_copy(row, reader) for row in rows)
        for some in batches(copies, 200):
            yield from _open_all(pool, reader, "copy-fails", some)


def _page_of(post: Post, reader: "Reader") -> Expected:
    address = reader.place(post.get_absolute_url())
    return Expected(address=address, type=PAGE, where=f"“{post}”")


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
        self._base, self._session = base, open_session(THREADS)
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

    def pictures_of(self, item: Expected, page: Page) -> list[Expected]:
        """The pictures that a page names, but for those of other sites."""
        ours = {urlsplit(self._base).netloc, urlsplit(absolute(published().url("x"))).netloc}
        places = (self.place(urljoin(item.address, name)) for name in page.pictures if name)
        return [
            Expected(address=place, where=item.where)
            for place in dict.fromkeys(places)
            if urlsplit(place).netloc in ours
        ]

    def open(self, item: Expected) -> Answer:
        """Open one address. Runs in a thread, without database."""
        answer = fetch(item.address, self._session)
        if fault := answer.fault or _fault_of(answer, item):
            return Answer(fault=fault)
        return Answer(page=read_page(answer.text)) if item.type == PAGE else Answer()


def _fault_of(answer: Fetched, item: Expected) -> str:
    """What is wrong with what came, as the end of a sentence; "" if nothing is."""
    if answer.status != 200:
        return f"answers {answer.status}"
    if not answer.type.startswith(item.type):
        return f"is of the type {answer.type[:60] or 'unknown'}, not {item.type}"
    size = len(answer.body)
    if size == 0:
        return "is empty"
    if item.size and size != item.size:
        return f"has {size} bytes, not {item.size}"
    return ""
