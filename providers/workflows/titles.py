"""Which inputs of a graph our parameters go to, as the titles of its nodes say."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Parameter -> its natural inputs, the first that a node has wins. Names in one group are
# filled together: encoders with several texts take the same prompt in each.
TEXTS = (("text",), ("prompt",), ("string",), ("value",), ("text_g", "text_l"))
NATURAL: dict[str, tuple[tuple[str, ...], ...]] = {
    "prompt": (*TEXTS, ("clip_l", "clip_g", "t5xxl")),
    "negative": (("negative_prompt",), ("negative",), *TEXTS, ("clip_l", "clip_g", "t5xxl")),
    "seed": (("seed",), ("noise_seed",), ("value",)),
    "width": (("width",), ("value",)),
    "height": (("height",), ("value",)),
    "steps": (("steps",), ("value",)),
    "cfg": (("cfg",), ("guidance",), ("guidance_scale",), ("value",)),
    "image": (("image",),),
    "mask": (("image",), ("mask",)),
}
PARAMETERS = (*NATURAL, "output")
PREFIX = "fp:"


class WorkflowProblem(ValueError):
    """What is wrong with a workflow, as a sentence for an administrator."""


@dataclass(frozen=True)
class Target:
    """An input of a node; `input` is empty for an output node."""

    node: str
    input: str


def is_link(value: Any) -> bool:
    """Whether ComfyUI takes `value` for a connection: the id of a node and an output's number."""
    return (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], str)
        and isinstance(value[1], int | float)
    )


def title_of(node: Mapping[str, Any]) -> str:
    """The title that the workflow's author gave the node, or ""."""
    meta = node.get("_meta")
    title = meta.get("title") if isinstance(meta, Mapping) else ""
    return title if isinstance(title, str) else ""


def named(key: str, node: Mapping[str, Any]) -> str:
    """A node as sentences name it: number, class and title."""
    title = title_of(node)
    about = node["class_type"] + (f', titled "{title[:80]}"' if title else "")
    return f"Node {key} ({about})"


def find_bindings(nodes: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[Target, ...]]:
    """The targets of each parameter that some title names."""
    found: dict[str, list[Target]] = {}
    owner: dict[Target, str] = {}
    for key, node in nodes.items():
        for token in _tokens(title_of(node)):
            name, wanted = _read(token, key, node)
            for target in _targets(name, wanted, key, node):
                if owner.setdefault(target, name) != name:
                    raise WorkflowProblem(
                        f"{named(key, node)}: fp:{owner[target]} and fp:{name} both go to the "
                        f"input {target.input}. Say which input with fp:{name}=INPUT."
                    )
                if target not in found.setdefault(name, []):
                    found[name].append(target)
    return {name: tuple(found[name]) for name in PARAMETERS if name in found}


def _tokens(title: str) -> list[str]:
    words = [word.strip(",;.()[]") for word in title.replace(",", " ").split()]
    return [word for word in words if word.lower().startswith(PREFIX)]


def _read(token: str, key: str, node: Mapping[str, Any]) -> tuple[str, str]:
    """(parameter, explicit input or "") of one token."""
    name, _, wanted = token[len(PREFIX) :].partition("=")
    name = name.lower()
    if name in PARAMETERS:
        return name, wanted
    known = ", ".join(PREFIX + parameter for parameter in PARAMETERS)
    wrong = f"there is no {token[:60]}" if name else "fp: is followed by a space"
    raise WorkflowProblem(f"{named(key, node)}: {wrong}. Known titles: {known}.")


def _targets(name: str, wanted: str, key: str, node: Mapping[str, Any]) -> list[Target]:
    """The inputs of one node that a token means, each of which can take a value."""
    if name == "output":
        return [Target(key, "")]
    inputs = node["inputs"]
    groups = ((wanted,),) if wanted else NATURAL[name]
    names = next((group for group in groups if any(item in inputs for item in group)), ())
    if not names:
        missing = f"no input {wanted}" if wanted else f"no input that takes fp:{name}"
        has = ", ".join(sorted(inputs)) or "none"
        hint = "" if wanted else f" Choose one with fp:{name}=INPUT."
        raise WorkflowProblem(f"{named(key, node)} has {missing}. Its inputs: {has[:500]}.{hint}")
    targets = [Target(key, item) for item in names if item in inputs]
    for target in targets:
        value = inputs[target.input]
        if is_link(value):
            raise WorkflowProblem(
                f"{named(key, node)}: the input {target.input} is connected to node {value[0]} "
                f"and takes no value. Give the title fp:{name} to the node where the value "
                "is typed in."
            )
    return targets
