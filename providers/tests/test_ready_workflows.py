"""The workflows that come with the project can be read, take what they should, and are whole."""

import json

import pytest
from django.conf import settings

from providers.types import Capabilities
from providers.workflows.graph import PARAMETERS, Graph
from providers.workflows.ready import FOLDER, READY, ready_workflow

# What the nodes of the ready workflows need, as ComfyUI's own object_info says (2026-11).
REQUIRED = {
    "CheckpointLoaderSimple": {"ckpt_name"},
    "CLIPLoader": {"clip_name", "type"},
    "CLIPTextEncode": {"text", "clip"},
    "CFGGuider": {"model", "positive", "negative", "cfg"},
    "ConditioningZeroOut": {"conditioning"},
    "DualCLIPLoader": {"clip_name1", "clip_name2", "type"},
    "EmptyFlux2LatentImage": {"width", "height", "batch_size"},
    "EmptyLatentImage": {"width", "height", "batch_size"},
    "EmptySD3LatentImage": {"width", "height", "batch_size"},
    "Flux2Scheduler": {"steps", "width", "height"},
    "FluxGuidance": {"conditioning", "guidance"},
    "KSampler": {
        *("model", "seed", "steps", "cfg", "sampler_name", "scheduler"),
        *("positive", "negative", "latent_image", "denoise"),
    },
    "KSamplerSelect": {"sampler_name"},
    "ModelSamplingAuraFlow": {"model", "shift"},
    "RandomNoise": {"noise_seed"},
    "SamplerCustomAdvanced": {"noise", "guider", "sampler", "sigmas", "latent_image"},
    "SaveImage": {"images", "filename_prefix"},
    "UNETLoader": {"unet_name", "weight_dtype"},
    "VAEDecode": {"samples", "vae"},
    "VAELoader": {"vae_name"},
}
# Which output each input is connected to, by the kind of value that passes.
GIVES = {
    "CheckpointLoaderSimple": ("model", "clip", "vae"),
    "CLIPLoader": ("clip",),
    "DualCLIPLoader": ("clip",),
    "UNETLoader": ("model",),
    "VAELoader": ("vae",),
    "ModelSamplingAuraFlow": ("model",),
    "CLIPTextEncode": ("conditioning",),
    "ConditioningZeroOut": ("conditioning",),
    "FluxGuidance": ("conditioning",),
    "EmptyLatentImage": ("latent",),
    "EmptySD3LatentImage": ("latent",),
    "EmptyFlux2LatentImage": ("latent",),
    "KSampler": ("latent",),
    "SamplerCustomAdvanced": ("latent", "latent"),
    "VAEDecode": ("image",),
    "RandomNoise": ("noise",),
    "KSamplerSelect": ("sampler",),
    "Flux2Scheduler": ("sigmas",),
    "CFGGuider": ("guider",),
}
TAKES = {
    "positive": "conditioning",
    "negative": "conditioning",
    "latent_image": "latent",
    "samples": "latent",
    "images": "image",
}

every_ready = pytest.mark.parametrize("name", READY)


def test_every_file_is_in_the_index():
    assert {path.stem for path in FOLDER.glob("*.json")} == {*READY, "index"}


@every_ready
def test_graph_can_be_read_and_saves_one_picture(name):
    graph = Graph.parse(ready_workflow(name))
    (output,) = graph.outputs
    assert graph.nodes[output]["class_type"] == "SaveImage"


@every_ready
def test_every_node_has_its_inputs(name):
    for node in ready_workflow(name).values():
        assert node["inputs"].keys() - {"device"} == REQUIRED[node["class_type"]]


@every_ready
def test_every_connection_passes_what_is_needed(name):
    nodes = ready_workflow(name)
    for node in nodes.values():
        for given, value in node["inputs"].items():
            if isinstance(value, list):
                source = GIVES[nodes[value[0]]["class_type"]]
                assert source[value[1]] == TAKES.get(given, given)


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
