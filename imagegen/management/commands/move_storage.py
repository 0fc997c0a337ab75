"""Carry originals or published files to another storage, and use that one from then on."""

import time
from typing import Any

from django.core.management.base import CommandError, CommandParser

from imagegen.management.base import ALL_DONE, SOME_FAILED, WorkCommand
from imagegen.services.moving import MoveReport, move_storage, role_for
from imagegen.services.wording import bytes_text, count_text
from imagegen.storage import alias_of

TELL_EVERY = 5.0  # seconds
SHOWN = 20


class Command(WorkCommand):
    """`manage.py move_storage originals originals_s3`, and back the same way.

    Exit code 0: carried and switched; 1: a file could not be carried, nothing was switched, or
    one had changed before; 2: nothing could start.
    """

    help = (
        "Carries all files of one storage to another, verifies each, and switches at the end. "
        "Names are those of STORAGES: originals, originals_s3, published, published_s3."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("source", metavar="FROM", help="The storage in use.")
        parser.add_argument("target", metavar="TO", help="The storage to use.")
        parser.add_argument("--dry-run", action="store_true", help="Say how much there is.")
        parser.add_argument(
            "--resume", action="store_true", help="Go on where TO holds files already."
        )

    def run(self, options: dict[str, Any]) -> int:
        self._told = time.monotonic()
        try:
            report = move_storage(
                source=options["source"],
                target=options["target"],
                dry_run=options["dry_run"],
                resume=options["resume"],
                tell=self._progress,
            )
        except KeyboardInterrupt as error:
            raise CommandError(_stopped(options["target"]), returncode=SOME_FAILED) from error
        if options["dry_run"]:
            found = f"{count_text(report.files, 'file')}, {bytes_text(report.bytes)}"
            self.say(f"{found}. Nothing was carried or switched.")
            return ALL_DONE
        self._sum_up(report, options)
        return SOME_FAILED if report.problems or report.damaged else ALL_DONE

    def _progress(self, report: MoveReport) -> None:
        if time.monotonic() < self._told + TELL_EVERY:
            return
        self._told = time.monotonic()
        self.say(f"  {_counts(report)}")

    def _sum_up(self, report: MoveReport, options: dict[str, Any]) -> None:
        told = [*report.problems, *report.damaged]
        for text in told[:SHOWN]:
            self.stderr.write(text)
        if len(told) > SHOWN:
            self.stderr.write(f"… and {len(told) - SHOWN} more.")
        self.say(f"{_counts(report)}.")
        if not report.switched:
            self.say(
                f"Nothing was switched: the {report.role} files are used in "
                f"“{options['source']}” as before. Go on with --resume."
            )
            return
        self.say(
            f"The {report.role} files are used in “{options['target']}” from now on. The old ones "
            f"stay; this removes them: manage.py prune --old-storage {options['source']} --yes"
        )


def _stopped(target: str) -> str:
    """What to do after Ctrl-C."""
    if alias_of(role_for(target)) == target:
        return "Stopped after the switch. Run manage.py doctor --repair."
    return "Stopped; nothing was switched. Go on with --resume."


def _counts(report: MoveReport) -> str:
    """How much was carried, how fast, and what was there already."""
    rate = bytes_text(int(report.rate))
    carried = count_text(report.carried, "file")
    text = f"{carried} carried, {bytes_text(report.carried_bytes)}, {rate}/s"
    return f"{text}; {report.present} were there already" if report.present else text
