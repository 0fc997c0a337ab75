"""Says how far a provider works and what its models take."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from providers.errors import ProviderProblem
from providers.health import check_connection, feature_table
from providers.models import Connection
from providers.types import Health

MARKS = {True: "yes", False: "NO", None: "-"}


class Command(BaseCommand):
    help = (
        "Looks at a provider: is it configured, reached and does it accept the secret; and what "
        "do its models take. Costs nothing. Exit code 1 when something is wrong."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="short name of the provider, such as studio")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        connection = self._find(name)
        self.stdout.write(f"{connection} ({connection.kind})")
        if not connection.enabled:
            self.stdout.write("It is disabled.")
        if connection.is_paused:
            self.stdout.write(f"It is paused: {connection.pause_reason or 'no reason given'}")
        answers = check_connection(connection)
        self._write_health(answers)
        self._write_features(connection)
        if any(answer.ok is False for answer in answers):
            raise CommandError(f"{connection.name} cannot be used as it is.")

    def _find(self, name: str) -> Connection:
        try:
            return Connection.objects.get(name=name)
        except Connection.DoesNotExist as error:
            known = ", ".join(Connection.objects.values_list("name", flat=True)) or "none"
            raise CommandError(f'There is no provider "{name}". Known: {known}.') from error

    def _write_health(self, answers: list[Health]) -> None:
        for answer in answers:
            self.stdout.write(f"  {answer.level:<14} {MARKS[answer.ok]:<4} {answer.message}")

    def _write_features(self, connection: Connection) -> None:
        models = list(connection.models.filter(enabled=True).select_related("connection"))
        try:
            table = feature_table(models)
        except ProviderProblem as problem:
            raise CommandError(f"{problem.message} {problem.hint}".strip()) from problem
        if not table:
            self.stdout.write("It has no enabled models.")
            return
        rows = [("", [model.name for model in models]), *table]
        widths = [max(len(cells[n]) for _, cells in rows) for n in range(len(models))]
        for name, cells in rows:
            line = "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
            self.stdout.write(f"  {name:<18} {line}".rstrip())
