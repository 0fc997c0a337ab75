"""Brings the catalogue of models up to date."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from providers.models import Connection
from providers.syncing import connect_found_keys, sync_connection


class Command(BaseCommand):
    """Exit code 0: all services that were asked answered; 1: one did not; 2: unknown provider."""

    help = (
        "Brings models, prices and days of shutdown up to date, from the project's files and from "
        "the services themselves. Rows that were edited by hand are left alone. Costs nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME", help="providers; all without any")
        parser.add_argument("--offline", action="store_true", help="ask no service")
        parser.add_argument("--dry-run", action="store_true", help="tell, and change nothing")

    def handle(
        self, *args: Any, names: list[str], offline: bool, dry_run: bool, **options: Any
    ) -> None:
        for note in connect_found_keys(dry_run=dry_run):
            self.stdout.write(note)
        failed = [
            connection.name
            for connection in self._connections(names)
            if not self._sync(connection, offline or not (names or connection.enabled), dry_run)
        ]
        if dry_run:
            self.stdout.write("Nothing was changed: this was a dry run.")
        if failed:
            raise CommandError(f"Not everything could be asked: {', '.join(failed)}.")

    def _connections(self, names: list[str]) -> list[Connection]:
        rows = {row.name: row for row in Connection.objects.all()}
        if unknown := sorted(set(names) - set(rows)):
            raise CommandError(
                f"There is no provider {', '.join(unknown)}. Known: {', '.join(sorted(rows))}.",
                returncode=2,
            )
        return [row for name, row in sorted(rows.items()) if not names or name in names]

    def _sync(self, connection: Connection, offline: bool, dry_run: bool) -> bool:
        """One connection; False if its service could not be asked."""
        report = sync_connection(connection=connection, offline=offline, dry_run=dry_run)
        for line in report.lines:
            self.stdout.write(f"{connection.name}: {line}")
        for problem in report.problems:
            self.stderr.write(f"{connection.name}: {problem}")
        self.stdout.write(f"{connection.name}: {report.summary}")
        return not report.problems
