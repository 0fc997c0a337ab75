"""`manage.py import_workflow` takes workflows in by the same service as the admin."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from providers.models import ImageModel, Workflow
from providers.tests.factories import make_connection
from providers.tests.workflows import GRAPH, make_graph

pytestmark = pytest.mark.django_db


@pytest.fixture
def far():
    """A ComfyUI without an address: it is not asked."""
    return make_connection("far", kind="comfyui")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "house.json"
    path.write_text(json.dumps(GRAPH))
    return path


def run(*arguments) -> str:
    out = StringIO()
    call_command("import_workflow", *map(str, arguments), stdout=out)
    return out.getvalue()


def refusal(*arguments) -> str:
    with pytest.raises(CommandError) as caught:
        run(*arguments)
    return str(caught.value)


def test_file_becomes_a_workflow_with_its_model(far, file):
    text = run("far", "house", file, "--label", "House")
    assert "Workflow house is taken in, version 1." in text
    assert "could not be asked" in text
    assert ImageModel.objects.get(connection=far).label == "House"


def test_changed_file_changes_the_workflow(far, file):
    run("far", "house", file, "--label", "House")
    file.write_text(json.dumps(make_graph(n3={"steps": 3})))
    assert "changed, version 2" in run("far", "house", file)
    assert Workflow.objects.get().label == "House"


def test_ready_ones_are_taken_in(far):
    text = run("far", "--ready", "sdxl", "--ready", "sd35")
    assert "Workflow sdxl is taken in." in text
    assert Workflow.objects.count() == 2


def test_ready_one_that_is_unknown_is_named(far):
    assert "sdxl, sd35" in refusal("far", "--ready", "dall-e")


@pytest.mark.parametrize("arguments", [[], ["house"], ["house", "x.json", "--ready", "sdxl"]])
def test_either_file_or_ready(far, arguments):
    assert "Give either" in refusal("far", *arguments)


def test_unknown_provider_is_told_with_those_there_are(far, file):
    assert "Those that run workflows: far." in refusal("near", "house", file)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [("{", "no JSON"), ("[]", "JSON object"), (" " * 1_100_000, "too large")],
)
def test_refused_file_is_told(far, file, content, sentence):
    file.write_text(content)
    assert sentence in refusal("far", "house", file)
    assert not Workflow.objects.exists()


def test_missing_file_is_told(far, tmp_path):
    assert "cannot be read" in refusal("far", "house", tmp_path / "gone.json")


def test_label_that_is_too_long_is_named(far, file):
    assert refusal("far", "house", file, "--label", "x" * 500).startswith("label: ")


def test_odd_name_is_refused(far, file):
    assert refusal("far", "my house", file).startswith("name: ")
    assert not Workflow.objects.exists()
