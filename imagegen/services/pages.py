"""Looking at the site as a reader's program does: fetching pages, reading what they show."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

LARGEST = 64 * 1024 * 1024  # bytes of one answer
SECONDS = (5.0, 30.0)  # to connect, and between two pieces of an answer
AGENT = "Frontispiece audit"


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """An answer; `status` 0 where none came."""

    status: int
    body: bytes = b""


def fetch(address: str) -> Fetched:
    """What lies at an http address, redirects followed; never more than 64 MB of it."""
    # Here and not above: nothing else of the site needs it, and it takes its time to load.
    import requests

    try:
        headers = {"User-Agent": AGENT}
        with requests.get(address, timeout=SECONDS, stream=True, headers=headers) as answer:
            body = bytearray()
            for chunk in answer.iter_content(1 << 16):
                body += chunk
                if len(body) > LARGEST:
                    return Fetched(status=0)
            return Fetched(status=answer.status_code, body=bytes(body))
    except (requests.RequestException, ValueError):
        return Fetched(status=0)


@dataclass
class Figure:
    """A picture on a page. `alt` is "" where it has none; `label` what is said of AI."""

    addresses: list[str] = field(default_factory=list)
    alt: str = ""
    label: str = ""


@dataclass
class Page:
    """What a page shows and names."""

    figures: list[Figure] = field(default_factory=list)
    social_images: list[str] = field(default_factory=list)
    json_ld: list[str] = field(default_factory=list)


def read_page(html: str) -> Page:
    """The pictures of a page, its Open Graph images and its JSON-LD."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.page


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()
        self.figure: Figure | None = None
        self.in_label = self.in_json = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        classes = given.get("class", "").split()
        if tag == "figure" and "picture" in classes:
            self.figure = Figure()
            self.page.figures.append(self.figure)
        elif tag == "meta" and given.get("property") == "og:image":
            self.page.social_images.append(given.get("content", ""))
        elif tag == "script" and given.get("type") == "application/ld+json":
            self.in_json = True
            self.page.json_ld.append("")
        elif self.figure is not None and tag in ("img", "source"):
            self.figure.alt = self.figure.alt or given.get("alt", "").strip()
            self.figure.addresses += _addresses(given)
        elif self.figure is not None and "label" in classes:
            self.in_label = True

    def handle_data(self, data: str) -> None:
        if self.in_json:
            self.page.json_ld[-1] += data
        if self.in_label and self.figure is not None:
            self.figure.label += data.strip()

    def handle_endtag(self, tag: str) -> None:
        if tag == "figure":
            self.figure = None
        elif tag == "script":
            self.in_json = False
        elif tag == "span":
            self.in_label = False


def _addresses(given: dict[str, str]) -> list[str]:
    """The files that an `img` or a `source` names, each once."""
    offered = [part.split()[0] for part in given.get("srcset", "").split(", ") if part.strip()]
    return list(dict.fromkeys([*offered, *filter(None, [given.get("src")])]))
