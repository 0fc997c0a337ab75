"""Takes ComfyUI workflows in, from a file or from those that come with the project."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from providers.models import WORKFLOW_KIND, Connection, Workflow
from providers.workflow_services import check_workflows, install_ready, save_workflow
from providers.workflows.graph import LARGEST_GRAPH, WorkflowProblem


class Command(BaseCommand):
    help = (
        "Takes in a ComfyUI workflow in API format, or changes the one of that name, and asks "
        "the server what it lacks. Exit code 1 when nothing was taken in."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("connection", help="short name of the provider")
        parser.add_argument("name", nargs="?", help="name of the model that the workflow makes")
        parser.add_argument("file", nargs="?", type=Path, help="its graph, exported in API format")
        parser.add_argument("--label", default="", help="name shown on pages")
        parser.add_argument(
            "--ready",
            action="append",
            default=[],
            metavar="NAME",
            help="take in a workflow that comes with the project; may be given several times",
        )

    def handle(self, *args: Any, connection: str, **options: Any) -> None:
        if bool(options["ready"]) == bool(options["file"]):
            raise CommandError("Give either NAME and FILE, or --ready NAME.")
        row = self._find(connection)
        try:
            if options["file"]:
                self._take_in(row, options["name"], options["file"], options["label"])
            else:
                self._install(row, options["ready"])
        except WorkflowProblem as problem:
            raise CommandError(str(problem)) from problem

    def _find(self, name: str) -> Connection:
        try:
            return Connection.objects.get(name=name)
        except Connection.DoesNotExist as error:
            rows = Connection.objects.filter(kind=WORKFLOW_KIND)
            known = ", ".join(rows.values_list("name", flat=True)) or "none"
            raise CommandError(
                f'There is no provider "{name}". Those that run workflows: {known}.'
            ) from error

    def _take_in(self, connection: Connection, name: str, file: Path, label: str) -> None:
        known = Workflow.objects.filter(connection=connection, name=name).first()
        workflow = known or Workflow(connection=connection, name=name)
        workflow.graph = _read(file)
        workflow.label = label or workflow.label
        try:
            workflow.full_clean(exclude=["graph"])
        except ValidationError as error:
            told = [f"{field}: {' '.join(texts)}" for field, texts in error.message_dict.items()]
            raise CommandError(" ".join(told)) from error
        notes = save_workflow(workflow=workflow)
        done = "changed" if known else "taken in"
        self.stdout.write(f"Workflow {name} is {done}, version {workflow.version}.")
        self._write(notes)

    def _install(self, connection: Connection, names: list[str]) -> None:
        for name in names:
            self._write(install_ready(connection=connection, name=name, ask=False))
            self.stdout.write(f"Workflow {name} is taken in.")
        rows = Workflow.objects.filter(connection=connection, name__in=names)
        for row, notes in check_workflows(workflows=rows.select_related("connection")):
            self.stdout.write(f"{row.name}:")
            self._write(notes)

    def _write(self, notes: list[str]) -> None:
        for note in notes:
            self.stdout.write(f"  {note}")


def _read(file: Path) -> Any:
    try:
        if file.stat().st_size > LARGEST_GRAPH:
            raise CommandError(f"{file} is too large: at most {LARGEST_GRAPH:,} bytes.")
        return json.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise CommandError(f"{file} is no JSON. Export it from ComfyUI again.") from error
