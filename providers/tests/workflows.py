"""A small graph for tests, as ComfyUI exports it, and a server's words on its classes."""

import copy
from typing import Any

from providers.tests.fakes.comfyui_nodes import object_info

GRAPH: dict[str, Any] = {
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 7,
            "steps": 20,
            "cfg": 7.0,
            "sampler_name": "euler",
            "scheduler": "normal",
            "denoise": 1.0,
            "model": ["4", 0],
            "positive": ["6", 0],
            "negative": ["7", 0],
            "latent_image": ["5", 0],
        },
        "_meta": {"title": "Sampler fp:seed fp:steps fp:cfg"},
    },
    "4": {
        "class_type": "CheckpointLoaderSimple",
        "inputs": {"ckpt_name": "small.safetensors"},
        "_meta": {"title": "Load Checkpoint"},
    },
    "5": {
        "class_type": "EmptyLatentImage",
        "inputs": {"width": 512, "height": 768, "batch_size": 1},
        "_meta": {"title": "fp:width fp:height"},
    },
    "6": {
        "class_type": "CLIPTextEncode",
        "inputs": {"text": "a house", "clip": ["4", 1]},
        "_meta": {"title": "fp:prompt"},
    },
    "7": {
        "class_type": "CLIPTextEncode",
        "inputs": {"text": "blurred", "clip": ["4", 1]},
        "_meta": {"title": "fp:negative"},
    },
    "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
    "9": {
        "class_type": "SaveImage",
        "inputs": {"filename_prefix": "ComfyUI", "images": ["8", 0]},
        "_meta": {"title": "fp:output"},
    },
}


def make_graph(**changes: dict[str, Any] | None) -> dict[str, Any]:
    """The graph with nodes changed, as `n6={"title": …, "text": …}`, added, or removed (None).

    `class_type` and `title` go to the node itself, all else to its inputs.
    """
    graph = copy.deepcopy(GRAPH)
    for name, values in changes.items():
        key = name.removeprefix("n")
        if values is None:
            del graph[key]
            continue
        node = graph.setdefault(key, {"class_type": "Note", "inputs": {}})
        values = dict(values)
        node["class_type"] = values.pop("class_type", node["class_type"])
        if "title" in values:
            node["_meta"] = {"title": values.pop("title")}
        node["inputs"].update(values)
    return graph


def make_object_info(**changes: dict[str, Any] | None) -> dict[str, Any]:
    """What a server was seen to answer to /object_info; classes changed, or removed (None)."""
    info = object_info() | changes
    return {name: found for name, found in info.items() if found is not None}


def about(**required: Any) -> dict[str, Any]:
    """A server's words on one class with these required inputs."""
    return {"input": {"required": required}, "output_node": False, "description": None}
