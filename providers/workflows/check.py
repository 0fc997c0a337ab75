"""What a server lacks for a graph, by its own words in `/object_info`."""

from collections.abc import Iterator, Mapping
from typing import Any

from providers.keeping import keepable_text
from providers.workflows.graph import FILES, Graph
from providers.workflows.titles import is_link, named, title_of

# Input of a loader -> the folder below ComfyUI's models/ in which its files lie.
FOLDERS = {
    "ckpt_name": "checkpoints",
    "unet_name": "diffusion_models",
    "clip_name": "text_encoders",
    "clip_name1": "text_encoders",
    "clip_name2": "text_encoders",
    "clip_name3": "text_encoders",
    "vae_name": "vae",
    "lora_name": "loras",
    "control_net_name": "controlnet",
    "style_model_name": "style_models",
    "gligen_name": "gligen",
}
FOLDERS_BY_CLASS = {
    ("CLIPVisionLoader", "clip_name"): "clip_vision",
    ("UpscaleModelLoader", "model_name"): "upscale_models",
}
SHOWN = 8  # choices that a sentence names
MOST_PROBLEMS = 50


def missing_on(graph: Graph, object_info: Mapping[str, Any]) -> list[str]:
    """Why the server would not run `graph`, as sentences for an administrator; or nothing."""
    problems = [*_missing_classes(graph, object_info), *_missing_outputs(graph, object_info)]
    for key, node in graph.nodes.items():
        about = object_info.get(node["class_type"])
        if isinstance(about, Mapping):
            problems.extend(_node_problems(graph, key, node, about))
    return [keepable_text(problem, 1000) for problem in problems[:MOST_PROBLEMS]]


def model_files(graph: Graph) -> list[tuple[str, str]]:
    """(folder below models/, file) of each model file that the graph loads, where it is known."""
    files = {
        (folder, value)
        for node in graph.nodes.values()
        for name, value in node["inputs"].items()
        if isinstance(value, str) and (folder := _folder(node["class_type"], name))
    }
    return sorted(files)


def _folder(class_type: str, name: str) -> str | None:
    return FOLDERS_BY_CLASS.get((class_type, name)) or FOLDERS.get(name)


def _missing_classes(graph: Graph, object_info: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(graph.classes):
        if isinstance(object_info.get(name), Mapping):
            continue
        nodes = [
            f'{key} "{title}"' if (title := title_of(node)) else key
            for key, node in graph.nodes.items()
            if node["class_type"] == name
        ]
        yield (
            f'The server has no node class "{name}" (node {", ".join(nodes[:SHOWN])}). '
            "Update ComfyUI, or install the custom nodes that it comes from."
        )


def _missing_outputs(graph: Graph, object_info: Mapping[str, Any]) -> Iterator[str]:
    for key in graph.outputs:
        about = object_info.get(graph.nodes[key]["class_type"])
        if isinstance(about, Mapping) and about.get("output_node") is False:
            yield (
                f"{named(key, graph.nodes[key])} is meant as the output but saves nothing. "
                "Give the title fp:output to a node such as SaveImage."
            )


def _node_problems(
    graph: Graph, key: str, node: Mapping[str, Any], about: Mapping[str, Any]
) -> Iterator[str]:
    """What is wrong with the inputs of one node whose class the server has."""
    required, optional = _inputs(about, "required"), _inputs(about, "optional")
    inputs = node["inputs"]
    for name, spec in required.items():
        if name not in inputs and not _is_dynamic(spec):
            yield (
                f"{named(key, node)} lacks the input {name}, which the server wants. Connect it "
                "or fill it in, in ComfyUI, and export again."
            )
    bound = {
        target.input: parameter
        for parameter, targets in graph.bindings.items()
        for target in targets
        if target.node == key
    }
    for name, parameter in bound.items():
        if name not in required and name not in optional and "." not in name:
            yield (
                f"{named(key, node)}: the server's version has no input {name}, so what is "
                f"given for {parameter} would be ignored."
            )
    for name, value in inputs.items():
        choices = choices_of(required.get(name) or optional.get(name))
        if choices is None or is_link(value) or bound.get(name) in FILES:
            continue
        if not _is_taken(value, choices, _options(required.get(name) or optional.get(name))):
            yield _not_in_list(key, node, name, value, choices)


def _inputs(about: Mapping[str, Any], part: str) -> Mapping[str, Any]:
    given = about.get("input")
    inputs = given.get(part) if isinstance(given, Mapping) else None
    return inputs if isinstance(inputs, Mapping) else {}


def _is_dynamic(spec: Any) -> bool:
    """Whether the input stands for several of other names, as COMFY_AUTOGROW_V3 does (2026)."""
    kind = spec[0] if isinstance(spec, list) and spec else None
    return isinstance(kind, str) and kind.startswith("COMFY_")


def _options(spec: Any) -> Mapping[str, Any]:
    options = spec[1] if isinstance(spec, list) and len(spec) > 1 else None
    return options if isinstance(options, Mapping) else {}


def choices_of(spec: Any) -> list[Any] | None:
    """The values that an input takes; None where it has no list, or asks elsewhere for it.

    Two spellings are about: `[["a", "b"], {…}]`, and since 2025 also
    `["COMBO", {"options": ["a", "b"]}]`, whose list may be had from a `remote` address.
    """
    if not isinstance(spec, list) or not spec:
        return None
    options = _options(spec)
    if options.get("remote"):
        return None
    found = options.get("options") if spec[0] == "COMBO" else spec[0]
    return found if isinstance(found, list) else None


def _is_taken(value: Any, choices: list[Any], options: Mapping[str, Any]) -> bool:
    if isinstance(value, list):  # of several choices each is looked at by the server alone
        return True
    if options.get("image_upload") and isinstance(value, str) and ("/" in value or " [" in value):
        return True  # in a subfolder, or "a.png [output]": taken although it is not listed
    return value in choices or str(value) in map(str, choices)


def _not_in_list(
    key: str, node: Mapping[str, Any], name: str, value: Any, choices: list[Any]
) -> str:
    where = named(key, node)
    folder = _folder(node["class_type"], name)
    if folder is None:
        return f'{where}: {name} "{value}" is not taken by the server. It takes: {_few(choices)}.'
    text = f'The file "{value}" is not in models/{folder} of the server: {where}, {name}.'
    same = [choice for choice in choices if _plain(choice) == _plain(value)]
    if same:
        return f'{text} It is written "{same[0]}" there.'
    return f"{text} It has: {_few(choices)}." if choices else f"{text} The folder is empty."


def _plain(name: Any) -> str:
    """A file's name without the separators of an operating system and its letters' case."""
    return str(name).replace("\\", "/").lower()


def _few(choices: list[Any]) -> str:
    shown = ", ".join(str(choice) for choice in choices[:SHOWN]) or "nothing"
    more = len(choices) - SHOWN
    return f"{shown} and {more} others" if more > 0 else shown
