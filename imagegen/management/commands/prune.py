"""Remove what is needed no more; says first what that would be."""

import json
from typing import Any

from django.core.management.base import CommandParser

from imagegen.management.base import ALL_DONE, SOME_FAILED, WorkCommand
from imagegen.management.choices import NothingCanStart
from imagegen.services import pruning
from imagegen.services.pruning import Prunable


def days(text: str) -> int:
    """A number of days, at least one."""
    count = int(text)
    if count < 1:
        raise ValueError
    return count


class Command(WorkCommand):
    """`manage.py prune --renditions --rejected 90`, and again with `--yes`.

    Exit code 0: told, or removed; 1: some had to stay; 2: nothing could start.
    """

    help = (
        "Tells how many files nothing needs any more, and removes them with --yes. What "
        "something refers to is spared, and the ledger of calls stays."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--renditions", action="store_true", help="Renditions that nothing uses."
        )
        parser.add_argument("--tests", type=days, metavar="DAYS", help="Test runs older than that.")
        parser.add_argument(
            "--rejected", type=days, metavar="DAYS", help="Pictures rejected longer ago than that."
        )
        parser.add_argument(
            "--old-storage", metavar="STORAGE", help="What move_storage left in this storage."
        )
        parser.add_argument("--yes", action="store_true", help="Do it.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def run(self, options: dict[str, Any]) -> int:
        found = list(_chosen(options))
        if not found:
            raise NothingCanStart(
                "Say what: --renditions, --tests DAYS, --rejected DAYS, --old-storage STORAGE."
            )
        told = [self._treat(item, options) for item in found]
        if options["json"]:
            self.say(json.dumps({"pruned": told}, ensure_ascii=False, indent=1))
        elif not options["yes"]:
            self.say("Nothing was removed. Say --yes to do it.")
        stays = options["yes"] and any(item["removed"] < item["count"] for item in told)
        return SOME_FAILED if stays else ALL_DONE

    def _treat(self, item: Prunable, options: dict[str, Any]) -> dict[str, Any]:
        """Tell of one kind, and remove it if so asked."""
        removed = item.remove() if options["yes"] else 0
        if not options["json"]:
            stay = f"; {item.count - removed:,} kept" if removed < item.count else ""
            self.say(f"{item}: {removed:,} removed{stay}." if options["yes"] else str(item))
        return {**item.to_dict(), "removed": removed}


def _chosen(options: dict[str, Any]) -> list[Prunable]:
    """What is to be looked at, in the order in which it is removed."""
    found = []
    if options["tests"]:
        found.append(pruning.old_tests(options["tests"]))
    if options["rejected"]:
        found.append(pruning.old_rejected(options["rejected"]))
    if options["renditions"]:
        found.append(pruning.unused_renditions())
    if options["old_storage"]:
        found.append(pruning.old_storage(options["old_storage"]))
    return found
