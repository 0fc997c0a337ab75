"""System checks of connections and the catalogue.

They look at rows, so they run with `manage.py migrate` and `manage.py check --database default`;
plugins are imported only by `manage.py check --deploy`.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ValidationError
from django.db import connections

from providers.credentials import MissingSecret, read_secret
from providers.models import Connection, ImageModel, Workflow
from providers.registry import broken_plugins
from providers.services import SOON
from providers.workflows.graph import Graph, WorkflowProblem


@register(Tags.database)
def check_connections(databases: Sequence[str] | None = None, **details: Any) -> list[CheckMessage]:
    """Every enabled connection can be used as it is set up."""
    return [
        message
        for alias in _ready(databases, Connection)
        for connection in Connection.objects.using(alias).enabled()
        for message in _connection_messages(connection)
    ]


def _connection_messages(connection: Connection) -> Iterator[CheckMessage]:
    where = f"The provider {connection.name}"
    try:
        connection.clean()
    except ValidationError as error:
        yield Error(
            f"{where} is not set up correctly: {' '.join(error.messages)}",
            hint="Correct it in the admin, or disable it.",
            id="providers.E001",
        )
        return
    try:
        read_secret(connection.secret_name)
    except MissingSecret as error:
        yield Warning(f"{where} has no secret.", hint=str(error), id="providers.W001")
    plain = connection.base_url.startswith("http://") and not connection.private_network
    if plain and connection.secret_name:
        yield Warning(
            f"{where} gets its secret over plain http.",
            hint="Use an https:// address.",
            id="providers.W002",
        )


@register(Tags.database)
def check_models(databases: Sequence[str] | None = None, **details: Any) -> list[CheckMessage]:
    """Every enabled row of the catalogue can be read, and its model still exists."""
    return [
        message
        for alias in _ready(databases, ImageModel)
        for model in ImageModel.objects.using(alias)
        .filter(enabled=True, connection__enabled=True)
        .select_related("connection")
        for message in _model_messages(model)
    ]


def _model_messages(model: ImageModel) -> Iterator[CheckMessage]:
    try:
        model.clean()
    except ValidationError as error:
        yield Error(
            f"The model {model} cannot be used: {' '.join(error.messages)}",
            hint="Correct its capabilities and price rule in the admin.",
            id="providers.E002",
        )
    days = model.days_left
    if days is not None and days <= SOON:
        what = f"ends in {days} days" if days > 0 else "has been shut down"
        yield Warning(
            f"The model {model} {what} ({model.shutdown_at}).",
            hint=f"Use {model.successor} instead." if model.successor else "Choose another model.",
            id="providers.W003",
        )


@register(Tags.database)
def check_workflows(databases: Sequence[str] | None = None, **details: Any) -> list[CheckMessage]:
    """Every workflow of an enabled connection can be read, and its server has what it needs."""
    return [
        message
        for alias in _ready(databases, Workflow)
        for workflow in Workflow.objects.using(alias)
        .filter(connection__enabled=True)
        .select_related("connection")
        for message in _workflow_messages(workflow)
    ]


def _workflow_messages(workflow: Workflow) -> Iterator[CheckMessage]:
    try:
        Graph.parse(workflow.graph)
    except WorkflowProblem as problem:
        yield Warning(
            f"The workflow {workflow} cannot be used: {problem}",
            hint="Correct its graph in the admin.",
            id="providers.W005",
        )
        return
    if workflow.trouble:
        yield Warning(
            workflow.trouble,
            hint="Its page in the admin names all that the server lacked when it was last asked.",
            id="providers.W005",
        )


@register(Tags.compatibility, deploy=True)
def check_plugins(**details: Any) -> list[CheckMessage]:
    """Every installed provider plugin can be loaded."""
    return [
        Warning(f'The provider plugin "{name}" cannot be used.', hint=reason, id="providers.W004")
        for name, reason in broken_plugins().items()
    ]


def _ready(databases: Sequence[str] | None, model: type) -> list[str]:
    """Those databases in which the model's table exists already."""
    table = model._meta.db_table  # type: ignore[attr-defined]
    return [
        alias
        for alias in databases or ()
        if table in connections[alias].introspection.table_names()
    ]
