"""What the answers of a ComfyUI server mean. Pure: reads JSON, asks nobody.

Of a server's own words only a short, cleaned line is kept: its messages hold paths, tensors
and tracebacks (seen on 0.3.64 and 0.25.0, 2026-11).
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from providers import errors
from providers.answers import dict_in, dicts_in, list_in
from providers.workflows.graph import LARGEST_GRAPH, Graph, WorkflowProblem

LONGEST_EXCERPT = 300  # characters
QUOTED_PATH = re.compile(r"(['\"])[^'\"\n]*[\\/][^'\"\n]*\1")
BARE_PATH = re.compile(r"(?:[A-Za-z]:)?(?:[\\/][\w.@+~-]+){2,}")
TENSOR = re.compile(r"tensor\(.*", re.DOTALL)
NO_MEMORY = re.compile(r"out of memory|allocation on device|not enough memory", re.IGNORECASE)
NODE_NUMBER = re.compile(r"Node ID '#(.{1,100})'")
PLAIN_NAME = re.compile(r"[\w.]{1,100}")

# What is wrong with an input, by the type of error that the server names.
INPUT_FAULTS = {
    "value_smaller_than_min": "is too small",
    "value_bigger_than_max": "is too large",
    "value_not_in_list": "is not known there",
    "invalid_input_type": "is of a wrong type",
    "required_input_missing": "is missing",
    "return_type_mismatch": "is connected to a node of another kind",
    "custom_validation_failed": "is not accepted there",
    "dependency_cycle": "is part of a circle",
}


@dataclass(frozen=True)
class Picture:
    """A file on the server, as `/view` wants it named."""

    filename: str
    subfolder: str
    type: str

    @property
    def query(self) -> str:
        return urlencode(vars(self))


def text_of(value: Any, limit: int = LONGEST_EXCERPT) -> str:
    """The first words of a server's text on one line, without paths and tensors."""
    text = TENSOR.sub("…", str(value or "")[:4000])
    text = BARE_PATH.sub("…", QUOTED_PATH.sub("…", text))
    return " ".join(text.split())[:limit]


# --- A job that has ended -----------------------------------------------------------------


def failure_of(entry: Mapping[str, Any], name: str) -> errors.ProviderProblem | None:
    """Why the job of a history entry failed on the connection `name`; None when it did not.

    Only the messages tell an error from an interrupt: both are "error" in the status.
    """
    status = dict_in(entry, "status")
    for event, data in _messages(status):
        if event == "execution_interrupted":
            return errors.Cancelled(
                f"The picture was stopped on {name}.",
                hint="Someone interrupted this job, here or in ComfyUI's own pages.",
                billed="no",
            )
        if event == "execution_error":
            return _execution_error(data, name)
    if status.get("status_str", "success") != "success":
        return errors.ProviderError(
            f"{name} could not draw this picture and does not say why.", billed="no"
        )
    return None


def pictures_of(entry: Mapping[str, Any], outputs: Sequence[str], name: str) -> list[Picture]:
    """The pictures of the nodes `outputs`: what they saved, or what they showed if nothing.

    `InvalidResponse` when one of these nodes made none: a success with empty outputs is what
    a server answers that had nothing new to do, and no picture.
    """
    made = dict_in(entry, "outputs")
    found = {node: list(_pictures(dict_in(made, node))) for node in outputs}
    if missing := [node for node in outputs if not found[node]]:
        raise errors.InvalidResponse(
            f"{name} finished the workflow, but there is no picture of it.",
            hint=f"Nothing came out of node {', '.join(missing)}. It made "
            f"{'nothing at all' if not made else 'something elsewhere'}.",
        )
    pictures = [picture for node in outputs for picture in found[node]]
    saved = [picture for picture in pictures if picture.type == "output"]
    return saved or pictures


def graph_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The graph that was run, as the server has kept it; none that is larger than ours can be."""
    item = list_in(entry, "prompt")
    graph = item[2] if len(item) > 2 and isinstance(item[2], dict) else {}
    return graph if len(json.dumps(graph)) <= LARGEST_GRAPH else {}


def outputs_of(entry: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """The nodes whose pictures are wanted, read from the titles of the graph that was run."""
    try:
        return Graph.parse(graph_of(entry)).outputs
    except WorkflowProblem as error:
        raise errors.InvalidResponse(
            f"{name} finished a workflow that cannot be read.", hint=str(error)
        ) from error


def _messages(status: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for item in list_in(status, "messages"):
        if isinstance(item, list) and len(item) == 2:
            yield str(item[0]), item[1] if isinstance(item[1], dict) else {}


def _execution_error(data: Mapping[str, Any], name: str) -> errors.ProviderProblem:
    kind, node = str(data.get("exception_type") or ""), text_of(data.get("node_type"), 80)
    words = text_of(data.get("exception_message"))
    details: dict[str, Any] = {
        "code": kind if PLAIN_NAME.fullmatch(kind) else "",
        "hint": f"{text_of(kind, 100)}: {words}".strip(": "),
        "billed": "no",
    }
    if "OutOfMemory" in kind or kind == "MemoryError" or NO_MEMORY.search(words):
        return errors.OutOfMemory(f"{name} ran out of memory. Try a smaller size.", **details)
    where = f": the step {node} failed" if node else ""
    return errors.ProviderError(f"{name} could not draw this picture{where}.", **details)


def _pictures(output: Mapping[str, Any]) -> Iterator[Picture]:
    for image in dicts_in(output, "images"):
        if image.get("filename"):
            yield Picture(
                str(image["filename"]),
                str(image.get("subfolder") or ""),
                str(image.get("type") or "output"),
            )


# --- A graph that is not taken ------------------------------------------------------------


def refusal_of(
    body: Mapping[str, Any], graph: Mapping[str, Any], workflow: str, name: str
) -> errors.InvalidRequest:
    """The error for a graph that the server did not take, or not whole."""
    error = dict_in(body, "error")
    faults = list(_node_faults(dict_in(body, "node_errors"), graph))
    kind = str(error.get("type") or (faults[0][1] if faults else ""))
    told = "; ".join(sentence for sentence, _ in faults[:3]) or _missing_class(error, graph)
    words = text_of(f"{error.get('message') or ''} {error.get('details') or ''}")
    return errors.InvalidRequest(
        f'{name} does not take the workflow "{workflow}"' + (f": {told}." if told else "."),
        hint=f"{words} Check the workflow against this server in the admin.".strip(),
        code=kind if PLAIN_NAME.fullmatch(kind) else "",
    )


def _node_faults(
    node_errors: Mapping[str, Any], graph: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """(what is wrong in our own words and values, the server's type of error)."""
    for key, found in node_errors.items():
        node = dict_in(graph, str(key))
        where = f"node {str(key)[:20]} ({str(node.get('class_type') or 'unknown')[:80]})"
        for error in dicts_in(found, "errors") or [{}]:
            kind = str(error.get("type") or "")
            place = str(dict_in(error, "extra_info").get("input_name") or "")
            what = INPUT_FAULTS.get(kind, "cannot be checked there")
            yield f"{where}{_input(place, node)} {what}", kind


def _input(place: str, node: Mapping[str, Any]) -> str:
    """The input's name with the value that we sent, where it is a plain one."""
    inputs = dict_in(node, "inputs")
    if place not in inputs:
        return f", {place[:60]}" if PLAIN_NAME.fullmatch(place) else ""
    value = inputs[place]
    plain = isinstance(value, str | int | float) and len(str(value)) <= 100
    return f", {place} {value}" if plain else f", {place}"


def _missing_class(error: Mapping[str, Any], graph: Mapping[str, Any]) -> str:
    """What a missing node class is called: older servers (0.3) tell its node by a sentence."""
    kind = error.get("type")
    if kind not in ("missing_node_type", "invalid_prompt"):
        return ""
    told = NODE_NUMBER.fullmatch(str(error.get("details") or ""))
    node = dict_in(graph, told[1]) if told else {}
    named = dict_in(error, "extra_info").get("class_type")
    name = text_of(named or node.get("class_type"), 80)
    return f"the node class {name} is not installed there" if name else ""
