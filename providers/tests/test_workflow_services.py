"""Workflows are stored with their model, or not at all; the server says what it lacks."""

from collections.abc import Iterator

import pytest
from django.apps import apps
from django.utils import timezone

from providers.checks import check_workflows
from providers.models import ImageModel, Workflow
from providers.tests.factories import make_connection, make_model
from providers.tests.fakes.comfyui import FakeComfy
from providers.tests.workflows import GRAPH, make_graph, make_object_info
from providers.workflow_services import (
    check_workflow,
    install_ready,
    remove_workflow,
    save_workflow,
)
from providers.workflows.graph import WorkflowProblem
from providers.workflows.ready import READY

pytestmark = pytest.mark.django_db


@pytest.fixture
def comfy() -> Iterator[FakeComfy]:
    with FakeComfy() as service:
        yield service


@pytest.fixture
def far(comfy):
    return make_connection("far", kind="comfyui", base_url=comfy.url, private_network=True)


@pytest.fixture
def silent():
    """A ComfyUI that is not there."""
    return make_connection(
        "far", kind="comfyui", base_url="http://127.0.0.1:9", private_network=True
    )


def save(connection, name="house", graph=GRAPH, **fields):
    """A stored workflow, and what was told about it."""
    workflow = Workflow(connection=connection, name=name, graph=graph, **fields)
    return workflow, save_workflow(workflow=workflow)


def model_of(workflow) -> ImageModel:
    return ImageModel.objects.get(connection=workflow.connection, name=workflow.name)


# --- Saving -------------------------------------------------------------------------------


def test_workflow_is_stored_with_its_model(far):
    workflow, notes = save(far, label="House")
    model = model_of(workflow)
    assert (model.label, model.price_rule, model.purpose) == ("House", {"kind": "free"}, "image")
    assert model.enabled
    assert notes == ["The server has all that it needs."]


def test_missing_seed_is_told(far):
    _, notes = save(far, graph=make_graph(n3={"title": ""}))
    assert "No node is titled fp:seed" in notes[0]


def test_first_model_is_the_default_and_the_second_is_not(far):
    first, _ = save(far, "one")
    second, _ = save(far, "two")
    assert (model_of(first).is_default, model_of(second).is_default) == (True, False)


def test_answer_of_the_server_is_kept(far):
    workflow, _ = save(far)
    workflow.refresh_from_db()
    assert workflow.checked_at is not None
    assert workflow.problems == []


def test_what_the_server_lacks_is_told_and_kept(far, comfy):
    comfy.info = make_object_info(VAEDecode=None)
    workflow, notes = save(far)
    workflow.refresh_from_db()
    assert workflow.problems == notes
    assert "VAEDecode" in notes[0]


def test_silent_server_hinders_nothing(silent):
    workflow, notes = save(silent)
    workflow.refresh_from_db()
    assert workflow.checked_at is None
    assert "could not be asked" in notes[0]
    assert model_of(workflow).enabled


@pytest.mark.parametrize("info", [[], {}, "ComfyUI", None])
def test_answer_of_something_else_is_no_check(far, comfy, info):
    comfy.info = info
    workflow, notes = save(far)
    assert workflow.checked_at is None
    assert "does not answer as ComfyUI does" in notes[0]


def test_missing_secret_is_told(comfy):
    far = make_connection(
        "far", kind="comfyui", base_url=comfy.url, private_network=True, secret_name="FAR_KEY"
    )
    _, notes = save(far)
    assert "FAR_KEY" in notes[0]
    assert comfy.requests == []


def test_secret_is_shown_to_the_server(far, comfy, monkeypatch):
    monkeypatch.setenv("FAR_KEY", "sesame-sesame")
    comfy.secret, far.secret_name = "sesame-sesame", "FAR_KEY"
    _, notes = save(far)
    assert notes == ["The server has all that it needs."]


def test_connection_without_address_is_told():
    _, notes = save(make_connection("far", kind="comfyui"))
    assert "has no base URL" in notes[0]


def test_every_server_of_a_connection_is_asked(far, comfy):
    with FakeComfy() as other:
        other.info = make_object_info(SaveImage=None)
        far.options = {"hosts": [other.url]}
        _, notes = save(far)
    assert len(notes) == 1
    assert notes[0].startswith(f"{other.url}: The server has no node class")


def test_one_silent_server_among_several_is_named(far):
    far.options = {"hosts": ["http://127.0.0.1:9"]}
    workflow, notes = save(far)
    assert workflow.checked_at is not None
    assert notes[0].startswith("http://127.0.0.1:9: ")


def test_refused_graph_leaves_nothing_behind(far):
    with pytest.raises(WorkflowProblem, match="fp:prompt"):
        save(far, graph=make_graph(n6={"title": ""}))
    assert not Workflow.objects.exists()
    assert not ImageModel.objects.filter(connection=far).exists()


def test_other_kind_of_provider_runs_no_workflows():
    with pytest.raises(WorkflowProblem, match="no ComfyUI"):
        save(make_connection())


def test_name_of_a_text_model_is_refused(far):
    make_model(far, "house", purpose="text")
    with pytest.raises(WorkflowProblem, match="draws no pictures"):
        save(far)
    assert not Workflow.objects.exists()


# --- Changing -----------------------------------------------------------------------------


def test_changed_graph_is_a_new_version_and_checked_anew(silent):
    workflow, _ = save(silent)
    workflow.problems, workflow.checked_at = ["Old."], timezone.now()
    workflow.save()
    workflow.graph = make_graph(n3={"steps": 5})
    save_workflow(workflow=workflow)
    workflow.refresh_from_db()
    assert (workflow.version, workflow.problems, workflow.checked_at) == (2, [], None)


def test_changed_label_is_no_new_version(far):
    workflow, _ = save(far, label="House")
    workflow.label = "Home"
    save_workflow(workflow=workflow)
    workflow.refresh_from_db()
    assert workflow.version == 1
    assert model_of(workflow).label == "Home"


def test_label_of_a_model_that_was_edited_is_left_alone(far):
    workflow, _ = save(far, label="House")
    ImageModel.objects.filter(name="house").update(label="Mine")
    workflow.label = "Home"
    save_workflow(workflow=workflow)
    assert model_of(workflow).label == "Mine"


def test_model_that_was_set_up_is_kept(far):
    make_model(far, "house", price_rule={"kind": "per_image", "amount": "0.01"}, enabled=False)
    workflow, notes = save(far)
    assert model_of(workflow).price_rule["amount"] == "0.01"
    assert "is switched off" in notes[0]


@pytest.mark.parametrize("field", ["name", "connection"])
def test_workflow_keeps_its_place(far, field):
    workflow, _ = save(far)
    other = make_connection("other", kind="comfyui")
    setattr(workflow, field, {"name": "tree", "connection": other}[field])
    with pytest.raises(WorkflowProblem, match="keeps its name and its provider"):
        save_workflow(workflow=workflow)


def test_answer_to_an_old_version_is_not_kept(far, comfy):
    workflow, _ = save(far)
    comfy.info = make_object_info(VAEDecode=None)
    Workflow.objects.update(version=7, checked_at=None)
    check_workflow(workflow=workflow)
    assert Workflow.objects.get().checked_at is None


def test_check_forgets_what_was_solved(far, comfy):
    comfy.info = make_object_info(VAEDecode=None)
    workflow, _ = save(far)
    comfy.info = make_object_info()
    check_workflow(workflow=workflow)
    assert Workflow.objects.get().problems == []


def test_server_that_went_silent_changes_nothing(far, comfy):
    comfy.info = make_object_info(VAEDecode=None)
    workflow, problems = save(far)
    workflow.connection.base_url = "http://127.0.0.1:9"
    check_workflow(workflow=workflow)
    assert Workflow.objects.get().problems == problems


def test_saving_without_asking_sends_nothing(far, comfy):
    save_workflow(workflow=Workflow(connection=far, name="house", graph=GRAPH), ask=False)
    assert comfy.requests == []


# --- Ready ones ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", READY)
def test_ready_workflow_is_installed(name):
    far = make_connection("far", kind="comfyui")
    install_ready(connection=far, name=name)
    workflow = Workflow.objects.get(name=name)
    assert workflow.label == model_of(workflow).label == READY[name].label


def test_ready_workflow_that_is_there_is_left_alone(silent):
    workflow, _ = save(silent, "sdxl")
    with pytest.raises(WorkflowProblem, match="already"):
        install_ready(connection=silent, name="sdxl")
    assert Workflow.objects.get().graph == workflow.graph


def test_unknown_ready_workflow_is_named_with_those_there_are(silent):
    with pytest.raises(WorkflowProblem, match="sdxl, sd35"):
        install_ready(connection=silent, name="dall-e")


# --- Removing -----------------------------------------------------------------------------


def test_removing_takes_the_model_away(silent):
    workflow, _ = save(silent)
    assert remove_workflow(workflow=workflow) == []
    assert not ImageModel.objects.filter(name="house").exists()


def test_model_in_use_is_switched_off_and_kept(silent):
    workflow, _ = save(silent)
    settings = apps.get_model("prompts", "ImageSetting").objects
    settings.create(name="Mine", slug="mine", model=model_of(workflow))
    notes = remove_workflow(workflow=workflow)
    model = ImageModel.objects.get(name="house")
    assert (model.enabled, model.is_default) == (False, False)
    assert "switched off" in notes[0]
    assert not Workflow.objects.exists()


def test_workflow_without_a_model_is_removed(silent):
    workflow, _ = save(silent)
    ImageModel.objects.filter(name="house").delete()
    remove_workflow(workflow=workflow)
    assert not Workflow.objects.exists()


# --- System check -------------------------------------------------------------------------


def warnings() -> list[str]:
    messages = check_workflows(databases=["default"])
    assert {message.id for message in messages} <= {"providers.W005"}
    return [message.msg for message in messages]


def test_good_workflow_is_not_complained_of(far):
    save(far)
    assert warnings() == []


def test_workflow_that_will_fail_is_a_warning(far, comfy):
    comfy.info = make_object_info(VAEDecode=None, SaveImage=None)
    save(far)
    (text,) = warnings()
    assert "will fail: The server has no node class" in text
    assert "And 1 more." in text


def test_graph_that_cannot_be_read_is_a_warning(far):
    save(far)
    Workflow.objects.update(graph={"nodes": []})
    assert "cannot be used" in warnings()[0]


def test_workflow_of_a_disabled_provider_is_left_alone(far):
    save(far)
    Workflow.objects.update(graph={})
    type(far).objects.update(enabled=False)
    assert warnings() == []


def test_whole_workflow_takes_the_place_of_a_default_that_lacks_something(far):
    lacking, _ = save(far, "one", graph=make_graph(n4={"ckpt_name": "other.safetensors"}))
    whole, notes = save(far, "two")
    assert (model_of(lacking).is_default, model_of(whole).is_default) == (False, True)
    assert "is the default now" in notes[-1]


def test_default_that_lacks_something_stays_where_nothing_is_whole(far):
    lacking, _ = save(far, "one", graph=make_graph(n4={"ckpt_name": "other.safetensors"}))
    assert model_of(lacking).is_default
