"""The node classes of the fake ComfyUI: what `/object_info` tells, and how a graph is checked."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from providers.tests.fakes.recorded import FOLDER, answers, filled

OUTPUT_NODES = ("SaveImage", "PreviewImage", "SaveImageWebsocket")
LOADERS = ("LoadImage", "LoadImageMask")

Graph = Mapping[str, Mapping[str, Any]]


def object_info(*, new: bool = True) -> dict[str, Any]:
    """Every class that is known here; newer servers have more, and word some in another way."""
    known = json.loads((FOLDER / "comfyui" / "object_info.json").read_text(encoding="utf-8"))
    return known["0.3.64"] | (known["0.25.0 otherwise"] if new else {})


def list_image(info: Mapping[str, Any], name: str) -> None:
    """Let an uploaded picture be chosen."""
    for loader in LOADERS:
        info[loader]["input"]["required"]["image"][0].append(name)


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
    found: dict[str, Any] = filled(
        answers("comfyui")[kind]["body"], {"input": name, "value": value}
    )
    return found
