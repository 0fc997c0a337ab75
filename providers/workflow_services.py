"""What changes ComfyUI workflows. Admin and command call this; who may is asked there."""

from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from providers.errors import ProviderProblem
from providers.models import WORKFLOW_KIND, Connection, ImageModel, Workflow
from providers.services import save_model
from providers.workflows.graph import Graph, WorkflowProblem

NO_SEED = "No node is titled fp:seed, so every picture of one prompt may be the same."


def save_workflow(*, workflow: Workflow, ask: bool = True) -> list[str]:
    """Store a workflow with its row of the catalogue; returns what the person should be told.

    `WorkflowProblem` says why it is not stored. With `ask` the server is then asked whether it
    has what the graph needs, for at most ten seconds: call it outside of transactions, or
    without `ask` and `check_workflow` afterwards.
    """
    check_place(workflow=workflow)
    graph = Graph.parse(workflow.graph)
    with transaction.atomic():
        old = Workflow.objects.select_for_update().filter(pk=workflow.pk).first()
        if old is not None and old.graph != workflow.graph:
            workflow.version = old.version + 1
            workflow.checked_at, workflow.problems = None, []
        workflow.save()
        notes = _keep_model(workflow, old)
    if "seed" not in graph.bindings:
        notes.append(NO_SEED)
    return notes + (check_workflow(workflow=workflow) if ask else [])


def check_workflow(*, workflow: Workflow) -> list[str]:
    """Ask the server what it lacks, store the answer and tell it in sentences.

    A server that does not answer changes nothing. Takes up to ten seconds: not in transactions.
    """
    from providers.workflows.server import survey  # requests is imported on first use

    try:
        found = survey(workflow.connection.config(), Graph.parse(workflow.graph))
    except ProviderProblem as problem:
        return [_not_asked(problem.in_full)]
    if not found.asked:
        return [_not_asked(" ".join(found.silent))]
    now = timezone.now()
    # Whoever has changed the graph meanwhile asks anew.
    same = Workflow.objects.filter(pk=workflow.pk, version=workflow.version)
    same.update(problems=found.problems, checked_at=now)
    workflow.problems, workflow.checked_at = found.problems, now
    return [
        *found.problems,
        *found.silent,
        *([] if found.problems else ["The server has all that it needs."]),
        *_prefer_whole(workflow.connection_id),
    ]


def _prefer_whole(connection_id: int) -> list[str]:
    """Let the default be a workflow that the server can run, where one is known to be whole."""
    rows = Workflow.objects.filter(connection_id=connection_id, checked_at__isnull=False)
    lacks = {row.name: bool(row.problems) for row in rows}
    models = ImageModel.objects.filter(connection_id=connection_id, enabled=True).for_pictures()
    default = models.filter(is_default=True).first()
    heir = next((model for model in models if lacks.get(model.name) is False), None)
    if default is None or heir is None or not lacks.get(default.name):
        return []
    heir.is_default = True
    save_model(model=heir)
    return [f"{heir} is the default now, since {default.name} lacks something."]


def check_workflows(*, workflows: Iterable[Workflow]) -> list[tuple[Workflow, list[str]]]:
    """`check_workflow` for several. A provider whose servers are silent is asked once."""
    told: list[tuple[Workflow, list[str]]] = []
    silent: set[int] = set()
    for workflow in workflows:
        if workflow.connection_id in silent:
            told.append((workflow, ["Not asked, since the server is silent."]))
            continue
        before = workflow.checked_at
        told.append((workflow, check_workflow(workflow=workflow)))
        if workflow.checked_at == before:
            silent.add(workflow.connection_id)
    return told


def install_ready(*, connection: Connection, name: str, ask: bool = True) -> list[str]:
    """Add the ready workflow `name`, otherwise as `save_workflow`.

    `WorkflowProblem` where there is none of that name, or one is installed already: that one
    is left alone.
    """
    from providers.workflows.ready import READY, ready_workflow

    if name not in READY:
        raise WorkflowProblem(
            f'There is no ready workflow "{name}". There are: {", ".join(READY)}.'
        )
    if Workflow.objects.filter(connection=connection, name=name).exists():
        raise WorkflowProblem(f"{connection} has a workflow {name} already; it was left alone.")
    workflow = Workflow(
        connection=connection, name=name, label=READY[name].label, graph=ready_workflow(name)
    )
    return save_workflow(workflow=workflow, ask=ask)


def remove_workflow(*, workflow: Workflow) -> list[str]:
    """Remove a workflow and its model; a model in use is switched off instead."""
    notes = []
    with transaction.atomic():
        row = _model_of(workflow)
        if row is not None and _is_in_use(row):
            ImageModel.objects.filter(pk=row.pk).update(enabled=False, is_default=False)
            notes.append(f"The model {row} is in use, so it was switched off and kept.")
        elif row is not None:
            row.delete()
        workflow.delete()
    return notes


def check_place(*, workflow: Workflow) -> None:
    """`WorkflowProblem` unless the workflow can lie where it says, under its name.

    It belongs to a ComfyUI, and it stays where it is, since settings refer to its model.
    """
    if workflow.connection.kind != WORKFLOW_KIND:
        raise WorkflowProblem(f"{workflow.connection} is no ComfyUI: it runs no workflows.")
    old = Workflow.objects.filter(pk=workflow.pk).first()
    here = (workflow.connection_id, workflow.name)
    if old is not None and (old.connection_id, old.name) != here:
        raise WorkflowProblem(
            "A workflow keeps its name and its provider, since settings refer to them. Add it "
            "anew under the other name."
        )
    row = _model_of(workflow)
    if row is not None and row.purpose != ImageModel.Purpose.IMAGE:
        raise WorkflowProblem(
            f"{workflow.connection} has a model {workflow.name} that draws no pictures. "
            "Choose another name."
        )


def _model_of(workflow: Workflow) -> ImageModel | None:
    rows = ImageModel.objects.filter(connection_id=workflow.connection_id, name=workflow.name)
    return rows.first()


def _keep_model(workflow: Workflow, old: Workflow | None) -> list[str]:
    """The row of the catalogue that bears the workflow's name: made, or kept up with it."""
    row = _model_of(workflow)
    if row is None:
        models = ImageModel.objects.filter(connection_id=workflow.connection_id)
        has_default = models.for_pictures().filter(is_default=True).exists()
        ImageModel.objects.create(
            connection_id=workflow.connection_id,
            name=workflow.name,
            label=workflow.label,
            purpose=ImageModel.Purpose.IMAGE,
            price_rule={"kind": "free"},
            is_default=not has_default,
        )
        return []
    if old is not None and row.label == old.label:
        row.label = workflow.label
    row.price_rule = row.price_rule or {"kind": "free"}
    row.save(update_fields=["label", "price_rule"])
    if row.enabled:
        return []
    return [f"The model {row} is switched off. Switch it on among the models to use it."]


def _is_in_use(row: ImageModel) -> bool:
    """Whether anything refers to the model: settings and defaults of other apps."""
    return any(
        relation.related_model._base_manager.filter(**{relation.field.name: row.pk}).exists()
        for relation in ImageModel._meta.related_objects
    )


def _not_asked(reason: str) -> str:
    return (
        f"The server could not be asked whether it has all that is needed. {reason} "
        "Check it again when it answers."
    )
