"""Takes settings in from JSON or free-form text."""

import codecs
import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from prompts.parsing import SettingsFileError
from prompts.services import import_settings
from prompts.services.exchange import EntryReport, ImportReport

MAX_BYTES = 5 * 1024 * 1024


class Command(BaseCommand):
    """Exit code 0: all went in; 1: some were refused; 2: the file cannot be read."""

    help = (
        "Take settings in from a file (- for standard input): JSON as export_settings writes it, "
        "or text such as “Cinematic: 1024x576, steps: 30, cfg 7, sampler euler”, one per line, "
        "or the parameter text of A1111."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE")
        parser.add_argument("--dry-run", action="store_true", help="say what would change only")
        parser.add_argument("--json", action="store_true", help="print one object instead")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = import_settings(_read(options["file"]), dry_run=options["dry_run"])
        except SettingsFileError as error:
            raise CommandError(f"{options['file']}: {error}", returncode=2) from None
        if options["json"]:
            self.stdout.write(json.dumps(report.to_dict(), ensure_ascii=False, indent=2))
        else:
            self._tell(report, dry_run=options["dry_run"])
        if report.count("refused"):
            sys.exit(1)

    def _tell(self, report: ImportReport, *, dry_run: bool) -> None:
        for entry in report.entries:
            self._tell_entry(entry)
        outcomes = ("created", "updated", "unchanged", "refused")
        counts = ", ".join(f"{report.count(outcome)} {outcome}" for outcome in outcomes)
        self.stdout.write(f"{counts}." + (" Dry run: nothing was kept." if dry_run else ""))

    def _tell_entry(self, entry: EntryReport) -> None:
        head = f"{entry.where}: "
        if entry.outcome == "refused":
            name = f"“{entry.name}” " if entry.name else ""
            self.stderr.write(self.style.ERROR(f"{head}{name}refused: {entry.reason.rstrip('.')}."))
            return
        self.stdout.write(f"{head}{entry.outcome} “{entry.name}”")
        if entry.extra:
            kept = ", ".join(f"{name} = {value}" for name, value in entry.extra.items())
            self.stdout.write(f"    in extra settings: {kept}")
        for note in entry.notes:
            self.stdout.write(f"    {note}")


def _read(name: str) -> str:
    """The text of a file in UTF-8, or in UTF-16 with its mark."""
    try:
        data = sys.stdin.buffer.read(MAX_BYTES + 1) if name == "-" else _bytes(Path(name))
    except OSError as error:
        raise SettingsFileError(f"{error.strerror or 'it cannot be read'}.") from None
    if len(data) > MAX_BYTES:
        raise SettingsFileError("The file is larger than 5 MB; split it.")
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return data.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError:
        raise SettingsFileError("The text is not UTF-8; save it as UTF-8.") from None


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)
