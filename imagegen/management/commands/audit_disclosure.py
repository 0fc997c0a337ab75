"""Open what the site serves and list what lacks its mark."""

import json
from typing import Any
from urllib.parse import urlsplit

from django.core.management.base import BaseCommand, CommandError, CommandParser

from imagegen.services.auditing import Audit, audit_files, audit_site
from imagegen.services.pages import fetch
from imagegen.services.wording import count_text


class Command(BaseCommand):
    """`manage.py audit_disclosure [--url BASE] [--json]`: exit code 1 when a mark is missing."""

    help = (
        "Read every public file, and with --url every public page, its pictures, Open Graph "
        "image and JSON-LD, and the feed; list what lacks its mark, its label or its alt text. "
        "Exit code 1 if anything does."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--url", metavar="BASE", help="Read the site at this address, as a reader would."
        )
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        base = options["url"]
        if base and (urlsplit(base).scheme not in ("http", "https") or not urlsplit(base).netloc):
            raise CommandError("Give --url as http://… or https://….", returncode=2)
        audit = audit_site(base, fetch) if base else audit_files()
        if options["json"]:
            missing = [mark.to_dict() for mark in audit.missing]
            told = {"files": audit.files, "pages": audit.pages, "missing": missing}
            self.stdout.write(json.dumps(told, ensure_ascii=False, indent=1))
        else:
            self._tell(audit, with_pages=bool(base))
        if audit.missing:
            raise SystemExit(1)

    def _tell(self, audit: Audit, *, with_pages: bool) -> None:
        for mark in audit.missing:
            self.stdout.write(f"[{mark.kind}] {mark.where}: {mark.message}")
        looked = count_text(audit.files, "file")
        if with_pages:
            looked += f" and {count_text(audit.pages, 'page')}"
        result = f"{len(audit.missing)} missing" if audit.missing else "nothing is missing"
        self.stdout.write(f"Looked at {looked}: {result}.")
