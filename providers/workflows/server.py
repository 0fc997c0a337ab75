"""Asks ComfyUI servers which node classes and files they have. Costs nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from providers.backends.comfyui.hosts import servers_of
from providers.backends.comfyui.options import ComfyOptions
from providers.backends.comfyui.server import ComfyServer
from providers.errors import InvalidResponse, ProviderProblem
from providers.types import ConnectionConfig
from providers.workflows.check import missing_on
from providers.workflows.graph import Graph

PATIENCE = 10.0  # seconds for all servers together


@dataclass(frozen=True)
class Survey:
    """What the servers of a connection lack for a graph.

    `asked` have answered; `problems` are sentences, `silent` why another server did not answer.
    Where there are several servers, each sentence names its own.
    """

    asked: int = 0
    problems: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)


def survey(config: ConnectionConfig, graph: Graph) -> Survey:
    """Ask every server of the connection. `ConfigurationError` where it names none."""
    servers = servers_of(config, ComfyOptions.read(config.options, config.name), PATIENCE)
    asked, problems, silent = 0, [], []
    for server in servers:
        where = f"{server.host}: " if len(servers) > 1 else ""
        try:
            lacking = _lacking(server, graph, PATIENCE / len(servers))
        except ProviderProblem as problem:
            silent.append(f"{where}{problem.in_full}")
            continue
        asked += 1
        problems += [where + text for text in lacking]
    return Survey(asked, problems, silent)


def _lacking(server: ComfyServer, graph: Graph, patience: float) -> list[str]:
    info = server.ask("object_info", patience)
    if not isinstance(info, Mapping) or not info:
        raise InvalidResponse(
            f"{server.name} does not answer as ComfyUI does.", hint="Look at the base URL."
        )
    return missing_on(graph, info)
