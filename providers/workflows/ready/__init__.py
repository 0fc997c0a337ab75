"""Workflows that come with the project, by the values of ComfyUI's own templates (2026-11).

Each is a graph in API format with its titles set, beside this file; `index.json` has what people
are shown. They need nothing but ComfyUI's own nodes and the model files that `files` names.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from providers.workflows.check import model_files
from providers.workflows.graph import Graph

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class ReadyWorkflow:
    """A workflow that can be installed. `licence` is that of the model's weights."""

    name: str
    label: str
    licence: str

    @property
    def files(self) -> list[tuple[str, str]]:
        """(folder below models/, file) of each file that the server must have."""
        return model_files(Graph.parse(ready_workflow(self.name)))


def _read_index() -> dict[str, ReadyWorkflow]:
    index = json.loads((FOLDER / "index.json").read_text(encoding="utf-8"))
    return {name: ReadyWorkflow(name=name, **facts) for name, facts in index.items()}


READY: Mapping[str, ReadyWorkflow] = MappingProxyType(_read_index())


def ready_workflow(name: str) -> dict[str, Any]:
    """The graph of that name; `KeyError` if there is none."""
    known = READY[name]
    graph: dict[str, Any] = json.loads((FOLDER / f"{known.name}.json").read_text(encoding="utf-8"))
    return graph
