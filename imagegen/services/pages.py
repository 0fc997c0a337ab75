"""Looking at the site as a reader's program does: fetching pages, reading what they show."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

LARGEST = 64 * 1024 * 1024  # bytes of one answer
SECONDS = (5.0, 20.0)  # to connect, and between two pieces of an answer
AGENT = "Frontispiece audit"
SHARED = {"og:image", "twitter:image"}


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """An answer. Where none came, `status` is 0 and `fault` the end of a sentence."""

    status: int
    type: str = ""
    body: bytes = b""
    fault: str = ""

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


def open_session(threads: int) -> Any:
    """Connections that so many threads may share, for `fetch`."""
    # Here, as below, and not above: nothing else of the site needs it, and it takes its time.
    import requests

    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, requests.adapters.HTTPAdapter(pool_maxsize=threads))
    return session


def fetch(address: str, session: Any = None) -> Fetched:
    """What lies at an http address, redirects followed; never more than 64 MB of it."""
    import requests

    asker, headers = session or requests, {"User-Agent": AGENT}
    try:
        with asker.get(address, timeout=SECONDS, stream=True, headers=headers) as answer:
            body = bytearray()
            for chunk in answer.iter_content(1 << 16):
                body += chunk
                if len(body) > LARGEST:
                    return Fetched(status=0, fault="does not end")
            kind = answer.headers.get("Content-Type", "")
            return Fetched(status=answer.status_code, type=kind, body=bytes(body))
    except (requests.RequestException, ValueError) as error:
        return Fetched(status=0, fault=f"cannot be opened ({type(error).__name__})")


@dataclass
class Figure:
    """A picture on a page. `alt` is "" where it has none; `label` what is said of AI."""

    addresses: list[str] = field(default_factory=list)
    alt: str = ""
    label: str = ""


@dataclass
class Page:
    """What a page shows and names; `pictures` are the addresses of all of them."""

    pictures: list[str] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    social_images: list[str] = field(default_factory=list)
    json_ld: list[str] = field(default_factory=list)


def read_page(html: str) -> Page:
    """The pictures of a page, those shown when it is shared, and its JSON-LD."""
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
        if tag == "meta" and (given.get("property") or given.get("name")) in SHARED:
            self.page.pictures.append(given.get("content", ""))
        if tag in ("img", "source"):
            self.page.pictures += _addresses(given)
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
