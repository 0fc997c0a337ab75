"""A ComfyUI graph in API format, bound to our parameters by the titles of its nodes.

A title such as "fp:prompt", "fp:seed=noise_seed" or "Size fp:width fp:height" says which
parameter goes into the node; the name after "=" chooses the input, otherwise the natural one
is taken. Titles survive when a graph is exported again, numbers of nodes do not.
"""

import copy
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from graphlib import CycleError, TopologicalSorter
from types import MappingProxyType
from typing import Any, Self

from providers.keeping import LARGEST_SEED, LONGEST_TEXT, keepable, keepable_text
from providers.masking import secrets_in
from providers.types import Capabilities
from providers.workflows.titles import (
    PARAMETERS,
    Target,
    WorkflowProblem,
    find_bindings,
    is_link,
    named,
)

__all__ = ["PARAMETERS", "Graph", "Target", "WorkflowProblem"]

LARGEST_GRAPH = 1024 * 1024  # bytes of JSON
WHOLE_NUMBERS = frozenset({"seed", "width", "height", "steps"})
FILES = frozenset({"image", "mask"})
# A parameter and the other one without which it means nothing.
NEEDS = (("width", "height"), ("height", "width"), ("mask", "image"))
# The picture of this one goes through the WebSocket alone: nothing is left to fetch.
UNFETCHABLE = "SaveImageWebsocket"
PNG_WRITERS = frozenset({"SaveImage", "PreviewImage"})
# These latents are counted in blocks of 16 pixels, all others in blocks of 8 (2026-11).
BLOCKS_OF_16 = frozenset({"EmptySD3LatentImage", "EmptyFlux2LatentImage"})

HOW_TO_EXPORT = (
    "Export it in API format: in ComfyUI's menu Workflow > Export (API); in older versions "
    'switch on "Enable Dev mode Options" in the settings, then Save (API Format).'
)


@dataclass(frozen=True)
class Graph:
    """A graph that can be run: every binding leads to an input that takes a value.

    `nodes` is ComfyUI's own form, by id. `bindings` has the inputs of each parameter that is
    bound, `outputs` the ids of the nodes whose pictures are the result.
    """

    nodes: Mapping[str, Mapping[str, Any]]
    bindings: Mapping[str, tuple[Target, ...]]
    outputs: tuple[str, ...]

    @classmethod
    def parse(cls, data: Any) -> Self:
        """Read what ComfyUI exports in API format. `WorkflowProblem` says what is wrong."""
        nodes = _nodes(data)
        _check_links(nodes)
        _check_secrets(nodes)
        bindings = find_bindings(nodes)
        outputs = tuple(target.node for target in bindings.pop("output", ()))
        if "prompt" not in bindings:
            raise WorkflowProblem(
                "No node is titled fp:prompt, so the prompt would go nowhere. In ComfyUI, "
                "double-click the title of the node that holds the prompt, write fp:prompt "
                "there and export again."
            )
        for one, other in NEEDS:
            if one in bindings and other not in bindings:
                raise WorkflowProblem(f"fp:{one} is bound and fp:{other} is not; it needs both.")
        outputs = _checked_outputs(nodes, outputs) or (_only_output(nodes),)
        return cls(MappingProxyType(nodes), MappingProxyType(bindings), outputs)

    @property
    def classes(self) -> frozenset[str]:
        """The node classes that the server must have."""
        return frozenset(node["class_type"] for node in self.nodes.values())

    def capabilities(self) -> Capabilities:
        """What the graph takes: only that which is bound. Its size is fixed if it is not."""
        free = "width" in self.bindings
        own_classes = {self.nodes[node]["class_type"] for node in self.outputs}
        return Capabilities(
            min_side=64,
            max_side=4096,
            multiple_of=(16 if self.classes & BLOCKS_OF_16 else 8) if free else 1,
            sizes=() if free else self._own_size(),
            output_formats=("png",) if own_classes <= PNG_WRITERS else (),
            negative_prompt="negative" in self.bindings,
            seed="seed" in self.bindings,
            max_seed=LARGEST_SEED if "seed" in self.bindings else None,
            steps="steps" in self.bindings,
            guidance_scale="cfg" in self.bindings,
            reference_images=1 if "image" in self.bindings else 0,
            mask="mask" in self.bindings,
        )

    def filled(self, values: Mapping[str, Any], *, prefix: str) -> dict[str, Any]:
        """A copy with `values` by parameter; None, "" and no files keep the graph's own.

        `image` and `mask` are names as the server gave them at upload, alone or in a list of
        one. `prefix` must differ from run to run: it names the files, and a graph that is the
        same as before is not run again. `WorkflowProblem` names a value that is not bound or
        of a wrong type; width and height that are not bound are the graph's own.
        """
        nodes: dict[str, Any] = copy.deepcopy(dict(self.nodes))
        for name, value in values.items():
            if value is None or value == "" or value in ([], ()):
                continue
            if name not in self.bindings and name in ("width", "height"):
                continue
            if name not in self.bindings:
                raise WorkflowProblem(f"{name} is not bound in this workflow.")
            sent = _typed(name, value)
            for target in self.bindings[name]:
                nodes[target.node]["inputs"][target.input] = sent
        for node in nodes.values():
            if isinstance(node["inputs"].get("filename_prefix"), str):
                node["inputs"]["filename_prefix"] = prefix
        return nodes

    def _own_size(self) -> tuple[str, ...]:
        """The one size that the graph draws, where it can be told."""
        sizes = set()
        for node in self.nodes.values():
            sides = [node["inputs"].get(name) for name in ("width", "height")]
            if node["class_type"].startswith("Empty") and all(_is_side(side) for side in sides):
                sizes.add(f"{sides[0]}x{sides[1]}")
        return tuple(sizes) if len(sizes) == 1 else ()


def _is_side(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _typed(name: str, value: Any) -> Any:
    """`value` as the input of parameter `name` needs it."""
    if name in FILES:
        files = [value] if isinstance(value, str) else list(value)
        if len(files) == 1 and isinstance(files[0], str):
            return files[0]
        raise WorkflowProblem(f"{name} takes one file, not {len(files)}.")
    if name in WHOLE_NUMBERS:
        if isinstance(value, bool) or not isinstance(value, int | float) or value % 1:
            raise WorkflowProblem(f"{name} must be a whole number.")
        return int(value)
    if name == "cfg":
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            raise WorkflowProblem("cfg must be a number.")
        if not math.isfinite(value):
            raise WorkflowProblem("cfg must not be endless.")
        return float(value)
    return str(value)


# --- Reading ------------------------------------------------------------------------------


def _nodes(data: Any) -> dict[str, dict[str, Any]]:
    """The nodes by id, each with a class and inputs."""
    if not isinstance(data, Mapping):
        raise WorkflowProblem("This is not a workflow: a JSON object of nodes is expected.")
    if _is_save_format(data) or any(_is_save_format(item) for item in data.values()):
        raise WorkflowProblem(
            "This is the format that ComfyUI saves for its own editor, which its server does "
            f"not run. {HOW_TO_EXPORT}"
        )
    if keepable(data) != data:
        raise WorkflowProblem(
            f"{_unkept(data)} cannot be stored. At fault is NaN or Infinity, a control character, "
            f"a whole number over {LARGEST_SEED:,}, a text of over {LONGEST_TEXT:,} characters, "
            "or too many levels."
        )
    if (size := len(json.dumps(data))) > LARGEST_GRAPH:
        raise WorkflowProblem(
            f"The workflow is too large: {size:,} bytes, at most {LARGEST_GRAPH:,} are taken."
        )
    if not data:
        raise WorkflowProblem(f"The workflow is empty. {HOW_TO_EXPORT}")
    return {str(key): _node(str(key), node) for key, node in data.items()}


def _unkept(data: Mapping[str, Any]) -> str:
    """Which part of a workflow cannot be stored."""
    for key, node in data.items():
        inputs = node.get("inputs") if isinstance(node, Mapping) else None
        for name, value in inputs.items() if isinstance(inputs, Mapping) else ():
            if keepable(value) != value:
                return f"The input {keepable_text(name, 60)} of node {keepable_text(key, 60)}"
    return "This workflow"


def _is_save_format(data: Any) -> bool:
    return isinstance(data, Mapping) and isinstance(data.get("nodes"), list)


def _node(key: str, node: Any) -> dict[str, Any]:
    inputs = node.get("inputs") if isinstance(node, Mapping) else None
    if not isinstance(inputs, Mapping) or not isinstance(node.get("class_type"), str):
        raise WorkflowProblem(
            f'"{key[:60]}" is no node: class_type and inputs are expected. {HOW_TO_EXPORT}'
        )
    return {**node, "inputs": dict(inputs)}


def _check_links(nodes: Mapping[str, Mapping[str, Any]]) -> None:
    """Every link leads to a node, and none leads back to its own."""
    sources: dict[str, set[str]] = {}
    for key, node in nodes.items():
        links = {name: value[0] for name, value in node["inputs"].items() if is_link(value)}
        for name, source in links.items():
            if source not in nodes:
                raise WorkflowProblem(
                    f'{named(key, node)}: its input {name} is connected to node "{source}", '
                    "which is not in the workflow. Export it again."
                )
        sources[key] = set(links.values())
    try:
        TopologicalSorter(sources).prepare()
    except CycleError as error:
        key = str(error.args[1][0])
        raise WorkflowProblem(f"{named(key, nodes[key])} is part of a circle of nodes.") from error


def _check_secrets(nodes: Mapping[str, Mapping[str, Any]]) -> None:
    """Some custom nodes take a key of their own; a workflow is read by many, and exported."""
    for key, node in nodes.items():
        for name in secrets_in(node["inputs"]):
            raise WorkflowProblem(
                f"{named(key, node)}: its input {name} seems to hold a secret, which everybody "
                "could read who sees the workflow. Let the node read it on ComfyUI's own "
                "machine, and empty the input here."
            )


def _checked_outputs(
    nodes: Mapping[str, Mapping[str, Any]], outputs: tuple[str, ...]
) -> tuple[str, ...]:
    for key in outputs:
        if nodes[key]["class_type"] == UNFETCHABLE:
            raise WorkflowProblem(
                f"{named(key, nodes[key])} leaves no file to fetch. Use a SaveImage node."
            )
    return outputs


def _only_output(nodes: Mapping[str, Mapping[str, Any]]) -> str:
    """The node that saves, or else shows, the picture; where there is just one."""
    classes = {key: node["class_type"] for key, node in nodes.items()}
    saving = [key for key, name in classes.items() if _saves(name)]
    found = saving or [key for key, name in classes.items() if name == "PreviewImage"]
    if not found:
        raise WorkflowProblem(
            "No node saves a picture. Add a SaveImage node, or title the node whose picture is "
            "wanted fp:output."
        )
    if len(found) > 1:
        names = ", ".join(named(key, nodes[key]) for key in found[:5])
        raise WorkflowProblem(
            f"Several nodes save a picture: {names}. Title the one that is wanted fp:output."
        )
    return found[0]


def _saves(class_type: str) -> bool:
    name = class_type.lower()
    return "save" in name and "image" in name and class_type != UNFETCHABLE
