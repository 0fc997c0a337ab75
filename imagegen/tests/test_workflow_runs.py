"""A workflow as ComfyUI exports it, the whole way: taken in, asked for, drawn, stored, shown."""

import json
from collections.abc import Iterator

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.urls import reverse

from imagegen.models import Attempt, GenerationJob, ImageOutput
from imagegen.services import engine
from imagegen.tests.factories import hero_of, make_post
from prompts.models import RoleDefault
from prompts.tests.factories import make_setting
from providers.models import Connection, Workflow
from providers.tests.factories import make_connection
from providers.tests.fakes.comfyui import FakeComfy
from providers.tests.workflows import GRAPH, make_graph
from providers.workflow_services import save_workflow

pytestmark = pytest.mark.django_db


@pytest.fixture
def comfy() -> Iterator[FakeComfy]:
    with FakeComfy() as service:
        yield service


@pytest.fixture
def far(comfy) -> Connection:
    return make_connection(
        "far",
        kind="comfyui",
        base_url=comfy.url,
        private_network=True,
        options={"poll_interval": 0.01, "websocket": False},
    )


@pytest.fixture
def draw(far, tmp_path):
    """Takes a graph in by command, asks for a hero by command, and works."""

    def run(graph: dict = GRAPH) -> GenerationJob:
        file = tmp_path / "house.json"
        file.write_text(json.dumps(graph))
        call_command("import_workflow", "far", "house", str(file), "--label", "House")
        generate()
        return GenerationJob.objects.get()

    return run


def generate() -> None:
    post = make_post()
    call_command("generate_images", "--post", post.slug, "--slots", "hero", "--provider", "far")
    engine.work()


def test_exported_workflow_draws_a_picture(draw, comfy):
    job = draw()
    assert (job.state, ImageOutput.objects.count(), len(comfy.ledger)) == ("stored", 1, 1)


def test_workflow_taken_in_on_a_page_draws_a_picture(far, comfy, client, administrator):
    client.force_login(administrator)
    file = SimpleUploadedFile("house.json", json.dumps(GRAPH).encode(), "application/json")
    data = {"connection": far.pk, "name": "house", "label": "House", "graph": "", "file": file}
    client.post(reverse("admin:providers_workflow_add"), data)
    generate()
    assert (GenerationJob.objects.get().state, len(comfy.ledger)) == ("stored", 1)


def test_graph_runs_unchanged_but_for_what_is_bound(draw, comfy):
    draw()
    (sent,) = (r.json()["prompt"] for r in comfy.requests if r.path == "/prompt" and r.body)
    changed = {
        (key, name)
        for key, node in GRAPH.items()
        for name, value in node["inputs"].items()
        if sent[key]["inputs"][name] != value
    }
    bound = {("6", "text"), ("7", "text"), ("3", "seed"), ("5", "width"), ("5", "height")}
    assert changed - bound == {("9", "filename_prefix")}
    assert sent.keys() == GRAPH.keys()


def test_exact_graph_can_be_read_on_the_attempt(draw, client, administrator):
    draw()
    attempt = Attempt.objects.get()
    client.force_login(administrator)
    page = client.get(reverse("admin:imagegen_attempt_change", args=[attempt.pk]))
    assert attempt.sent["graph"]["4"] == GRAPH["4"]
    assert "CheckpointLoaderSimple" in page.content.decode()


def test_workflow_without_a_size_draws_its_own(draw):
    draw(make_graph(n5={"title": ""}))
    output = ImageOutput.objects.get()
    assert (output.width, output.height) == (512, 768)


def test_workflow_that_lost_its_titles_is_named_and_sends_nothing(draw, comfy):
    draw()
    Workflow.objects.update(graph=make_graph(n6={"title": ""}))
    post = make_post("Another winter")
    with pytest.raises(CommandError, match="No node is titled fp:prompt"):
        call_command("generate_images", "--post", post.slug, "--slots", "hero", "--provider", "far")
    assert len(comfy.ledger) == 1


# --- What its server lacked when it was last asked --------------------------------------

LACK = "The file house.safetensors is not in models/checkpoints."


@pytest.fixture
def lacking(far) -> Workflow:
    workflow = Workflow(connection=far, name="house", label="House", graph=GRAPH)
    save_workflow(workflow=workflow, ask=False)
    Workflow.objects.update(problems=[LACK, "And this."])
    return workflow


def test_command_says_that_a_workflow_will_fail(lacking, capsys):
    generate()
    out = capsys.readouterr().out
    assert f"Note: The workflow House (far) will fail: {LACK} And 1 more." in out


def test_page_says_that_a_workflow_will_fail_before_it_is_asked(lacking, client, administrator):
    client.force_login(administrator)
    setting = make_setting("House", model=lacking.connection.models.get())
    url = reverse("admin:imagegen_imageslot_regenerate", args=[hero_of(make_post()).pk])
    data = {"ask": 1, "seen_cost": "free", "setting": setting.pk, "description": "A barn"}
    assert LACK in client.post(url, data).content.decode() and not GenerationJob.objects.exists()
    client.post(url, {**data, "seen_doubt": 1})
    assert GenerationJob.objects.exists()


def test_one_free_picture_that_will_fail_is_asked_about_first(lacking, client, administrator):
    client.force_login(administrator)
    setting = make_setting("House", model=lacking.connection.models.get())
    RoleDefault.objects.filter(role="hero").update(setting=setting, example=None)
    data = {"action": "generate", "_selected_action": [hero_of(make_post()).pk]}
    page = client.post(reverse("admin:imagegen_imageslot_changelist"), data)
    assert LACK in page.content.decode() and not GenerationJob.objects.exists()
