"""The workflows that come with the project can be read, take what they should, and are whole."""

import json

import pytest
from django.conf import settings

from providers.tests.comfy import ask, connect
from providers.tests.fakes.comfyui import FakeComfy
from providers.tests.fakes.comfyui_nodes import object_info
from providers.tests.sinks import FolderSink
from providers.types import Capabilities
from providers.workflows.check import missing_on
from providers.workflows.graph import PARAMETERS, Graph
from providers.workflows.ready import FOLDER, READY, ready_workflow

INFO = object_info()
every_ready = pytest.mark.parametrize("name", READY)


def test_every_file_is_in_the_index():
    assert {path.stem for path in FOLDER.glob("*.json")} == {*READY, "index"}


@every_ready
def test_graph_can_be_read_and_saves_one_picture(name):
    graph = Graph.parse(ready_workflow(name))
    (output,) = graph.outputs
    assert graph.nodes[output]["class_type"] == "SaveImage"


@every_ready
def test_server_of_2026_has_all_that_is_needed(name):
    assert missing_on(Graph.parse(ready_workflow(name)), INFO) == []


@every_ready
def test_server_of_2025_lacks_the_nodes_of_flux2_alone(name):
    lacking = missing_on(Graph.parse(ready_workflow(name)), object_info(new=False))
    wanted = ("EmptyFlux2LatentImage", "Flux2Scheduler", 'type "flux2"')
    wanted = wanted if name == "flux2-klein" else ()
    assert len(lacking) == len(wanted)
    assert all(word in text for word, text in zip(wanted, lacking, strict=True))


@every_ready
def test_no_input_is_unknown(name):
    for node in ready_workflow(name).values():
        known = INFO[node["class_type"]]["input"]
        assert node["inputs"].keys() <= known["required"].keys() | known.get("optional", {}).keys()


@every_ready
def test_every_connection_passes_what_is_needed(name):
    nodes = ready_workflow(name)
    for node in nodes.values():
        wanted = INFO[node["class_type"]]["input"]["required"]
        for given, value in node["inputs"].items():
            if isinstance(value, list):
                source, number = value
                assert INFO[nodes[source]["class_type"]]["output"][number] == wanted[given][0]


@every_ready
def test_it_draws_a_picture(name, tmp_path):
    with FakeComfy() as fake:
        result = ask(connect(fake, graph=ready_workflow(name)), FolderSink(tmp_path), seed=5)
    assert (len(result.files), len(fake.ledger)) == (1, 1)


# Steps, guidance, sampler and scheduler of ComfyUI's own templates (2026-11).
DEFAULTS = {
    "sdxl": (25, 7.0, "dpmpp_2m", "karras"),
    "sd35": (20, 4.0, "euler", "sgm_uniform"),
    "flux1-dev": (20, 1.0, "euler", "simple"),
    "z-image-turbo": (8, 1.0, "res_multistep", "simple"),
    "qwen-image": (50, 4.0, "euler", "simple"),
}


def test_defaults_of_flux2_are_those_of_the_distilled_model():
    nodes = {node["class_type"]: node["inputs"] for node in ready_workflow("flux2-klein").values()}
    found = nodes["Flux2Scheduler"]["steps"], nodes["CFGGuider"]["cfg"]
    assert (*found, nodes["KSamplerSelect"]["sampler_name"]) == (4, 1.0, "euler")


@pytest.mark.parametrize("name", DEFAULTS)
def test_defaults_are_those_of_the_templates(name):
    nodes = ready_workflow(name).values()
    (sampler,) = (node["inputs"] for node in nodes if node["class_type"] == "KSampler")
    names = ("steps", "cfg", "sampler_name", "scheduler")
    assert tuple(sampler[each] for each in names) == DEFAULTS[name]


@every_ready
def test_prompt_seed_steps_and_size_can_be_given(name):
    takes = Graph.parse(ready_workflow(name)).capabilities()
    assert takes.seed
    assert takes.steps
    assert takes.sizes == ()
    assert takes.output_formats == ("png",)


@pytest.mark.parametrize(
    ("name", "negative", "guidance"),
    [
        ("sdxl", True, True),
        ("sd35", True, True),
        ("flux1-dev", False, True),
        ("z-image-turbo", False, False),
        ("qwen-image", True, True),
        ("flux2-klein", False, False),
    ],
)
def test_distilled_models_take_no_negative_prompt(name, negative, guidance):
    takes: Capabilities = Graph.parse(ready_workflow(name)).capabilities()
    assert (takes.negative_prompt, takes.guidance_scale) == (negative, guidance)


@every_ready
def test_every_model_file_is_told_with_its_folder(name):
    text = json.dumps(ready_workflow(name))
    files = READY[name].files
    assert len(files) == text.count(".safetensors")
    assert all(
        folder in ("checkpoints", "diffusion_models", "text_encoders", "vae") for folder, _ in files
    )


@every_ready
def test_guide_names_files_and_licence(name):
    guide = (settings.BASE_DIR / "docs" / "comfyui.md").read_text(encoding="utf-8")
    (row,) = (line for line in guide.splitlines() if line.startswith(f"| `{name}` |"))
    assert READY[name].licence in row
    assert all(f"`{folder}/{file}`" in row for folder, file in READY[name].files)


def test_guide_names_every_title():
    guide = (settings.BASE_DIR / "docs" / "comfyui.md").read_text(encoding="utf-8")
    assert [name for name in PARAMETERS if f"`fp:{name}`" not in guide] == []


def test_size_goes_into_both_nodes_of_flux2():
    nodes = Graph.parse(ready_workflow("flux2-klein")).filled({"width": 640}, prefix="x")
    widths = [node["inputs"]["width"] for node in nodes.values() if "width" in node["inputs"]]
    assert widths == [640, 640]


def test_unknown_name_is_a_key_error():
    with pytest.raises(KeyError):
        ready_workflow("../graph")
