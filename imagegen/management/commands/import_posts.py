"""Import posts from Markdown files, with the pictures that come with them."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from blog.importing import ImportProblem, ImportReport, import_paths
from imagegen.models import ImageSlot
from imagegen.services import publishing, workers
from imagegen.services.wording import count_text


class Command(BaseCommand):
    """`manage.py import_posts PATH… [--dry-run] [--update] [--json]`.

    Exit code 0 if every file went in or was known, 1 if one was refused or is in conflict.
    """

    help = (
        "Import Markdown files with YAML, TOML or JSON front matter, as Jekyll, Hugo, Zola and "
        "Astro write them: single files, folders with everything in them, and globs. Exit code "
        "1 if a file was refused or conflicts with an edit made here; the others go in."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("paths", nargs="+", metavar="PATH", help="File, folder or glob.")
        parser.add_argument("--dry-run", action="store_true", help="Say what would happen only.")
        parser.add_argument(
            "--update",
            action="store_true",
            help="Let changed files change their posts. Posts edited here are never overwritten.",
        )
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")
        parser.add_argument(
            "--split-level",
            type=int,
            choices=range(7),
            metavar="0-6",
            help="Heading level that starts a section where a file names none; 0: no sections.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        shows_progress = not options["json"] and self.stderr.isatty()
        report = import_paths(
            options["paths"],
            update=options["update"],
            dry_run=options["dry_run"],
            split_level=options["split_level"],
            on_file=self._show_progress if shows_progress else None,
        )
        here = not options["dry_run"] and self._publish_here()
        if options["json"]:
            self.stdout.write(json.dumps(report.to_dict(), ensure_ascii=False, indent=1))
        else:
            self._tell(report, dry_run=options["dry_run"], here=here)
        if not report.ok:
            raise SystemExit(1)

    def _show_progress(self, done: int, total: int) -> None:
        text = f"\r{done} of {count_text(total, 'file')}"
        self.stderr.write(text, ending="" if done < total else "\n")

    def _publish_here(self) -> bool:
        """Make the public pictures in this process where no worker does; True if any."""
        due = ImageSlot.objects.filter(publication_due=True, choice__isnull=False)
        if workers.worker_is_present() or not due.exists():
            return False
        while publishing.publish_due():
            pass
        return True

    def _tell(self, report: ImportReport, *, dry_run: bool, here: bool) -> None:
        self._list("Conflict", report.conflicts)
        self._list("Failed", report.failed)
        self._list("Note", report.warnings)
        counts = (
            f"{report.created} created, {report.updated} updated, {report.unchanged} unchanged, "
            f"{report.changed} changed, {len(report.conflicts)} in conflict, "
            f"{len(report.failed)} failed"
        )
        self.stdout.write(f"Would be: {counts}." if dry_run else f"{counts}.")
        if report.changed:
            self.stdout.write("Changed files were left alone; --update takes them in.")
        if here:
            self.stdout.write("No worker has reported, so the public pictures were made here.")

    def _list(self, word: str, problems: list[ImportProblem]) -> None:
        for problem in problems:
            self.stdout.write(f"{word}: {problem}")
