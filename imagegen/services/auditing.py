"""Whether what the site really serves carries its marks: files, pages and the feed.

Read as a reader's program would: the XMP of each file, the page's HTML and JSON-LD, the feed.
What should be there is known from the rows.
"""

import json
import os
import re
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any
from xml.etree import ElementTree

from django.conf import settings
from django.db.models import Exists, OuterRef, Q
from django.urls import reverse

from blog.models import Post
from imagegen.errors import StorageProblem
from imagegen.imaging.xmp import read_packet
from imagegen.models import ImageOutput, PublicCopy, SlotAlt
from imagegen.services import disclosure
from imagegen.services.pages import Fetched, Figure, read_page
from imagegen.storage import local_copy, published
from providers.pool import ChildDied, ChildTimeout, run_in_child

READ_SECONDS = 20.0
PUBLIC_NAME = re.compile(r"pictures/[0-9a-f]{2}/[0-9a-f]{16,64}\.[a-z]+$")
ATOM, MEDIA = "{http://www.w3.org/2005/Atom}", "{http://search.yahoo.com/mrss/}"
Fetch = Callable[[str], Fetched]


@dataclass(frozen=True, kw_only=True)
class Missing:
    """One mark that is missing: what kind, on which file or page, in a sentence."""

    kind: str
    where: str
    message: str

    def to_dict(self) -> dict[str, str]:
        return asdict(self)


@dataclass
class Audit:
    """What was looked at, and what is missing there."""

    files: int = 0
    pages: int = 0
    missing: list[Missing] = field(default_factory=list)

    def note(self, kind: str, where: str, message: str) -> None:
        self.missing.append(Missing(kind=kind, where=where, message=message))


# --- Files ------------------------------------------------------------------------------


def audit_files() -> Audit:
    """Every public file in the storage, and the alt text of every place that shows one."""
    audit, seen = Audit(), set()
    for copy in _public_copies().order_by("pk").iterator(500):
        if copy.path in seen:
            continue
        seen.add(copy.path)
        audit.files += 1
        try:
            with local_copy(published(), copy.path) as path:
                _check_file(audit, copy.path, path, copy.output)
        except (StorageProblem, OSError):
            audit.note("file-missing", copy.path, "The file cannot be read from the storage.")
    _check_alts(audit)
    return audit


def _public_copies() -> Any:
    label = disclosure.style_label(OuterRef("output__style_name"))
    copies = PublicCopy.objects.public().annotate(style_label=label)
    return copies.select_related("output", "slot__post")


def _check_file(audit: Audit, where: str, path: str, output: ImageOutput) -> None:
    """The IPTC mark inside one file."""
    wanted = output.digital_source_type
    try:
        told = run_in_child(read_packet, path, timeout=READ_SECONDS)
    except (ValueError, OSError, ChildDied, ChildTimeout):
        audit.note("file-unreadable", where, f"What image {output.pk} says cannot be read.")
        return
    found = told.get("digital_source_type", "")
    if wanted and found != wanted:
        audit.note(
            "mark-missing",
            where,
            f"Image {output.pk}: the file says “{found or 'nothing'}” of its source, "
            f"not “{wanted}”.",
        )


def _check_alts(audit: Audit) -> None:
    """A place that readers see has an alt text, or is decorative by choice."""
    alts = SlotAlt.objects.filter(slot=OuterRef("slot"), output=OuterRef("output"))
    told = alts.filter(~Q(text="") | Q(decorative=True))
    shown = PublicCopy.objects.public().filter(purpose=PublicCopy.Purpose.WEB)
    rows = shown.filter(~Exists(told)).select_related("slot").order_by("pk")
    for slot, output in dict.fromkeys((copy.slot, copy.output_id) for copy in rows):
        audit.note("alt-missing", str(slot), f"Image {output} has no alt text here.")


# --- The site ---------------------------------------------------------------------------


def audit_site(base: str, fetch: Fetch) -> Audit:
    """Every public post's page, what it names, and the feed, as `fetch` gets them from `base`."""
    audit = Audit()
    reader = _SiteReader(base.rstrip("/"), fetch, audit)
    for post in Post.objects.visible().order_by("pk").iterator(200):
        reader.check_post(post)
    reader.check_feed()
    return audit


class _SiteReader:
    """One walk over a site; each file is fetched once."""

    def __init__(self, base: str, fetch: Fetch, audit: Audit) -> None:
        self.base, self.fetch, self.audit = base, fetch, audit
        self.checked: set[str] = set()
        self.copy_of = lru_cache(maxsize=256)(_copy_of)

    def get(self, address: str) -> Fetched:
        """What lies at an address of the site, which may be told by its public name."""
        address = _on_site(address)
        return self.fetch(self.base + address if address.startswith("/") else address)

    def check_post(self, post: Post) -> None:
        where = post.get_absolute_url()
        page = self.get(where)
        if page.status != 200:
            self.audit.note("page-missing", where, f"The page answers {page.status}.")
            return
        self.audit.pages += 1
        told = read_page(page.text)
        shown = set()
        for figure in told.figures:
            shown |= self.check_figure(where, figure)
        self.check_shown(where, post, shown)
        for address in told.social_images:
            self.check_picture(where, address)
        self.check_json(where, told.json_ld)

    def check_figure(self, where: str, figure: Figure) -> set[int]:
        """One picture of a page: alt text, label, and every file that it offers."""
        outputs = set()
        for address in figure.addresses:
            copy = self.check_picture(where, address)
            if copy is None or copy.output_id in outputs:
                continue
            outputs.add(copy.output_id)
            if not figure.alt and not _is_decorative(copy):
                self.audit.note("alt-missing", where, f"Image {copy.output_id} has no alt text.")
            if _label_is_due(copy) and not figure.label:
                self.audit.note("label-missing", where, f"Image {copy.output_id} has no label.")
        return outputs

    def check_shown(self, where: str, post: Post, shown: set[int]) -> None:
        """Whether the page shows what it should, so that nothing was passed over."""
        web = PublicCopy.objects.public().filter(slot__post=post, purpose=PublicCopy.Purpose.WEB)
        for output in sorted(set(web.values_list("output", flat=True)) - shown):
            self.audit.note("picture-missing", where, f"Image {output} is not on the page.")

    def check_picture(self, where: str, address: str) -> PublicCopy | None:
        """The mark inside the file at an address, looked at once. Its row, if it is ours."""
        address = _on_site(address)
        copy = self.copy_of(address)
        if address in self.checked:
            return copy
        self.checked.add(address)
        if copy is None:
            self.audit.note("file-unknown", where, f"No public picture is known at {address}.")
            return None
        answer = self.get(address)
        self.audit.files += 1
        if answer.status != 200:
            self.audit.note("file-missing", where, f"{address} answers {answer.status}.")
            return copy
        with tempfile.NamedTemporaryFile(suffix=os.path.splitext(address)[1]) as file:
            file.write(answer.body)
            file.flush()
            _check_file(self.audit, address, file.name, copy.output)
        return copy

    def check_json(self, where: str, blocks: list[str]) -> None:
        """The mark of the page's picture in its JSON-LD."""
        for block in blocks:
            try:
                image = json.loads(block).get("image")
            except (ValueError, AttributeError):
                self.audit.note("json-ld-unreadable", where, "The JSON-LD cannot be read.")
                continue
            copy = self.copy_of(image.get("url", "")) if isinstance(image, dict) else None
            if copy is None:
                continue
            wanted = disclosure.schema_term(copy.output.digital_source_type)
            if wanted and image.get("digitalSourceType") != wanted:
                self.audit.note(
                    "json-ld-mark-missing", where, f"The JSON-LD does not say “{wanted}”."
                )

    def check_feed(self) -> None:
        where = reverse("blog:feed")
        answer = self.get(where)
        try:
            # Our own feed, written a moment ago.
            root = ElementTree.fromstring(answer.body)  # noqa: S314
        except ElementTree.ParseError:
            self.audit.note("feed-unreadable", where, f"The feed answers {answer.status}.")
            return
        self.audit.pages += 1
        for entry in root.iter(f"{ATOM}entry"):
            for link in entry.iterfind(f"{ATOM}link[@rel='enclosure']"):
                self.check_enclosure(where, entry, link.get("href", ""))

    def check_enclosure(self, where: str, entry: ElementTree.Element, address: str) -> None:
        copy = self.check_picture(where, address)
        if copy is None:
            return
        told = entry.find(f"{MEDIA}content[@url='{address}']")
        source = told.findtext(f"{MEDIA}category") if told is not None else ""
        if copy.output.digital_source_type and source != copy.output.digital_source_type:
            self.audit.note("feed-mark-missing", where, f"The feed does not mark {address}.")
        if _label_is_due(copy) and (told is None or not told.findtext(f"{MEDIA}title")):
            self.audit.note("label-missing", where, f"The feed has no label for {address}.")


def _on_site(address: str) -> str:
    """The address without the site's own name, which may differ from where we read it."""
    return address.removeprefix(settings.SITE_URL)


def _copy_of(address: str) -> PublicCopy | None:
    """The public copy at an address, by the name that its content gives."""
    name = PUBLIC_NAME.search(address.partition("?")[0])
    return _public_copies().filter(path=name.group()).first() if name else None


def _is_decorative(copy: PublicCopy) -> bool:
    alts = SlotAlt.objects.filter(slot=copy.slot_id, output=copy.output_id)
    return alts.filter(decorative=True).exists()


def _label_is_due(copy: Any) -> bool:
    return disclosure.is_label_due(
        ai_content=copy.output.ai_content,
        could_be_real=copy.output.could_be_real,
        style_label=copy.style_label or "",
    )
