"""Asks ComfyUI servers which node classes and files they have. Costs nothing."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from providers.backends.comfyui.options import ComfyOptions
from providers.backends.comfyui.server import ComfyServer
from providers.errors import ConfigurationError, InvalidResponse, ProviderProblem
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
    options = ComfyOptions.read(config.options)
    hosts = list(dict.fromkeys(filter(None, (config.base_url.rstrip("/"), *options.hosts))))
    if not hosts:
        raise ConfigurationError(f"The connection {config.name} has no base URL.")
    asked, problems, silent = 0, [], []
    for host in hosts:
        where = f"{host}: " if len(hosts) > 1 else ""
        share = PATIENCE / len(hosts)
        server = ComfyServer(replace(config, base_url=host), options, time.monotonic() + share)
        try:
            lacking = _lacking(server, graph)
        except ProviderProblem as problem:
            silent.append(f"{where}{problem.message} {problem.hint}".strip())
            continue
        asked += 1
        problems += [where + text for text in lacking]
    return Survey(asked, problems, silent)


def _lacking(server: ComfyServer, graph: Graph) -> list[str]:
    info = server.ask("object_info")
    if not isinstance(info, Mapping) or not info:
        raise InvalidResponse(
            f"{server.name} does not answer as ComfyUI does.", hint="Look at the base URL."
        )
    return missing_on(graph, info)
