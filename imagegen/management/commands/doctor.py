"""Compare database and files, find stuck work, and set right what can be set right."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from imagegen.services.doctor import CHECKS, Problem, find_problems, repair_problems
from imagegen.services.doctor.reader import read_site


class Command(BaseCommand):
    """`manage.py doctor [--repair] [--url]`: exit code 1 when something is (still) wrong."""

    help = (
        "Compare the database and the stored files both ways, with their hashes, and look for "
        "orphans, stuck jobs and public copies that lag behind. Exit code 1 if something is "
        "wrong; with --repair only if something could not be repaired."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--repair", action="store_true", help="Set right what can be.")
        parser.add_argument(
            "--deep",
            action="store_true",
            help="Fetch files from object storage, too, instead of believing its checksums.",
        )
        parser.add_argument(
            "--url",
            nargs="?",
            const="",
            metavar="BASE",
            help="Instead: open every public post and picture as a reader would; at BASE "
            "instead of SITE_URL.",
        )
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")
        parser.add_argument(
            "--check",
            action="append",
            choices=sorted(CHECKS),
            default=[],
            help="Run this check only; may be given several times.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        problems = self._find(options)
        if options["json"]:
            told = {"problems": [problem.to_dict() for problem in problems]}
            self.stdout.write(json.dumps(told, ensure_ascii=False, indent=1))
        else:
            self._tell(problems, repair=options["repair"])
        if any(not problem.repaired for problem in problems):
            raise SystemExit(1)

    def _find(self, options: dict[str, Any]) -> list[Problem]:
        """What is wrong; where a repair is wanted, with what became of it."""
        if options["url"] is not None:
            return list(read_site(options["url"]))
        problems: list[Problem] = []
        for name in options["check"] or CHECKS:
            found = find_problems([name], deep=options["deep"])
            problems += repair_problems(found) if options["repair"] else found
        return problems

    def _tell(self, problems: list[Problem], *, repair: bool) -> None:
        for problem in problems:
            self.stdout.write(f"{_mark(problem)} {problem.message}")
        if not problems:
            self.stdout.write("Everything is in order.")
        elif repair:
            repaired = sum(1 for problem in problems if problem.repaired)
            self.stdout.write(f"{len(problems)} found, {repaired} repaired.")
        else:
            repairable = sum(1 for problem in problems if problem.repairable)
            self.stdout.write(f"{len(problems)} found, {repairable} repairable with --repair.")


def _mark(problem: Problem) -> str:
    """What stands before a problem's sentence: repaired, or its kind."""
    return f"[{problem.kind}{', repaired' if problem.repaired else ''}]"
