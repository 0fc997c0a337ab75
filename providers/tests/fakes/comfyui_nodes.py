"""The node classes of the fake ComfyUI: what `/object_info` tells, and how a graph is checked."""

from collections.abc import Iterator, Mapping
from typing import Any

CHECKPOINTS = ["small.safetensors", "old/sd15.safetensors"]
SAMPLERS = ["euler", "dpmpp_2m"]
SCHEDULERS = ["normal", "karras"]
SIDE = ["INT", {"default": 512, "min": 16, "max": 16384, "step": 8}]
OUTPUT_NODES = ("SaveImage", "PreviewImage", "SaveImageWebsocket")

Graph = Mapping[str, Mapping[str, Any]]


def choices(values: list[str], *, combo: bool) -> list[Any]:
    """A list of choices in the newer spelling, or in the older one."""
    return ["COMBO", {"options": values}] if combo else [values, {"tooltip": "Choose."}]


def object_info(*, new: bool, images: list[str]) -> dict[str, Any]:
    """Every class; newer servers write more choices in the newer spelling."""
    inputs: dict[str, dict[str, Any]] = {
        "CheckpointLoaderSimple": {"ckpt_name": choices(CHECKPOINTS, combo=False)},
        "CLIPTextEncode": {"text": ["STRING", {"multiline": True}], "clip": ["CLIP"]},
        "EmptyLatentImage": {"width": SIDE, "height": SIDE, "batch_size": ["INT", {"min": 1}]},
        "KSampler": {
            "model": ["MODEL"],
            "seed": ["INT", {"min": 0, "max": 2**64 - 1, "control_after_generate": True}],
            "steps": ["INT", {"default": 20, "min": 1, "max": 10000}],
            "cfg": ["FLOAT", {"default": 8.0, "min": 0.0, "max": 100.0}],
            "sampler_name": choices(SAMPLERS, combo=new),
            "scheduler": choices(SCHEDULERS, combo=new),
            "positive": ["CONDITIONING"],
            "negative": ["CONDITIONING"],
            "latent_image": ["LATENT"],
            "denoise": ["FLOAT", {"min": 0.0, "max": 1.0}],
        },
        "VAEDecode": {"samples": ["LATENT"], "vae": ["VAE"]},
        "VAEEncode": {"pixels": ["IMAGE"], "vae": ["VAE"]},
        "SetLatentNoiseMask": {"samples": ["LATENT"], "mask": ["MASK"]},
        "LoadImage": {"image": [images, {"image_upload": True}]},
        "LoadImageMask": {"image": [images, {"image_upload": True}], "channel": [["alpha"], {}]},
        "SaveImage": {"images": ["IMAGE"], "filename_prefix": ["STRING", {"default": "ComfyUI"}]},
        "PreviewImage": {"images": ["IMAGE"]},
        "RemoteChoice": {"model": ["COMBO", {"remote": {"route": "/somewhere"}}]},
    }
    return {
        name: {
            "input": {"required": required},
            "input_order": {"required": list(required)},
            "output": ["*"],
            "name": name,
            "description": None,
            "output_node": name in OUTPUT_NODES,
        }
        for name, required in inputs.items()
    }


def missing_class(graph: Graph, known: Mapping[str, Any]) -> str | None:
    """The id of a node of an unknown class."""
    return next((key for key, node in graph.items() if node.get("class_type") not in known), None)


def output_ids(graph: Graph) -> list[str]:
    return [key for key, node in graph.items() if node["class_type"] in OUTPUT_NODES]


def upstream(graph: Graph, key: str) -> set[str]:
    """The node and everything that it depends on."""
    found = {key}
    for value in graph[key]["inputs"].values():
        if isinstance(value, list) and len(value) == 2 and str(value[0]) in graph:
            found |= upstream(graph, str(value[0]))
    return found


def node_errors(graph: Graph, known: Mapping[str, Any]) -> dict[str, Any]:
    """Errors by node, as the server words them, with the outputs that they spoil."""
    found: dict[str, Any] = {}
    for key, node in graph.items():
        required = known[node["class_type"]]["input"]["required"]
        listed = list(_errors(node["inputs"], required))
        spoilt = [out for out in output_ids(graph) if key in upstream(graph, out)]
        if listed and spoilt:
            found[key] = {
                "errors": listed,
                "dependent_outputs": spoilt,
                "class_type": node["class_type"],
            }
    return found


def _errors(inputs: Mapping[str, Any], required: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name, spec in required.items():
        options = spec[1] if len(spec) > 1 else {}
        value = inputs.get(name)
        listed = options.get("options") if spec[0] == "COMBO" else spec[0]
        if name not in inputs:
            yield node_error("required_input_missing", name)
        elif isinstance(value, list):
            continue
        elif options.get("image_upload") and value not in listed:
            yield node_error("custom_validation_failed", name, value)
        elif isinstance(listed, list) and value not in listed:
            yield node_error("value_not_in_list", name, value)
        elif "min" in options and value < options["min"]:
            yield node_error("value_smaller_than_min", name, value)
        elif "max" in options and value > options["max"]:
            yield node_error("value_bigger_than_max", name, value)


def node_error(kind: str, name: str, value: Any = None) -> dict[str, Any]:
    return {
        "type": kind,
        "message": kind.replace("_", " ").capitalize(),
        "details": f"{name}: '{value}' (/home/user/ComfyUI/models)",
        "extra_info": {"input_name": name, "received_value": value},
    }
