"""What a ComfyUI server offers to choose from, read from its `/object_info`."""

from collections.abc import Mapping
from typing import Any

from providers.workflows.check import choices_of

# Name -> the node class and input whose choices they are.
PLACES = {
    "checkpoints": ("CheckpointLoaderSimple", "ckpt_name"),
    "samplers": ("KSampler", "sampler_name"),
    "schedulers": ("KSampler", "scheduler"),
}


def listed_choices(object_info: Mapping[str, Any]) -> dict[str, list[str]]:
    """Checkpoints, samplers and schedulers by these names; an empty list for what is not told."""
    return {name: _listed(object_info, *place) for name, place in PLACES.items()}


def _listed(object_info: Mapping[str, Any], node: str, name: str) -> list[str]:
    spec: Any = object_info
    for step in (node, "input", "required", name):
        spec = spec.get(step) if isinstance(spec, Mapping) else None
    return [str(choice) for choice in choices_of(spec) or ()]
