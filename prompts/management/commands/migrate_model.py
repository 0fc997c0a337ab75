"""Puts one model in the place of another."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from prompts.services.migrating import CannotMigrate, UnknownModel, find_model, migrate_model

ALL_MOVED, LOOK_AT_SOME, NOTHING_MOVED = 0, 1, 2


class Command(BaseCommand):
    """Exit code 0: all moved; 1: a person should look at some; 2: nothing was moved."""

    help = (
        "Moves settings and examples from one model to another. Sizes and qualities are mapped "
        "to what the new model takes; what it does not take is left out and told."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        words = "as provider:model, or its name where only one provider has it"
        parser.add_argument("old", metavar="OLD", help=words)
        parser.add_argument("new", metavar="NEW", help=words)
        parser.add_argument("--dry-run", action="store_true", help="tell, and change nothing")

    def handle(self, *args: Any, old: str, new: str, dry_run: bool, **options: Any) -> None:
        try:
            taken, given = find_model(old), find_model(new)
            moves = migrate_model(old=taken, new=given, dry_run=dry_run)
        except (UnknownModel, CannotMigrate) as error:
            raise CommandError(str(error), returncode=NOTHING_MOVED) from error
        for move in moves:
            self.stdout.write(f"{move.what} “{move.row}”: {'; '.join(move.changes)}")
            for problem in move.problems:
                self.stderr.write(f"  look at it: {problem}")
        if not (given.enabled and given.connection.enabled):
            self.stderr.write(f"{given} is switched off: switch it on in the admin.")
        verb = "would be moved" if dry_run else "moved"
        self.stdout.write(f"{len(moves)} {verb} from {taken} to {given}.")
        if any(move.problems for move in moves):
            raise SystemExit(LOOK_AT_SOME)
