"""The servers of a connection: which to give a job to, and which has it."""

import time
from collections.abc import Sequence
from dataclasses import replace

from providers import errors
from providers.backends.comfyui.options import ComfyOptions
from providers.backends.comfyui.server import ComfyServer, Look
from providers.types import ConnectionConfig, Handle

Servers = tuple[ComfyServer, ...]


def servers_of(config: ConnectionConfig, options: ComfyOptions, seconds: float) -> Servers:
    """Every server, to be asked for so long. `ConfigurationError` where none is named.

    Each has its own base URL, so that addresses and secrets are held to its own origin.
    """
    if not config.base_url:
        raise errors.ConfigurationError(
            f"{config.name} has no base URL.",
            hint="Give the address of the ComfyUI server, such as http://127.0.0.1:8188.",
        )
    end = time.monotonic() + seconds
    hosts = dict.fromkeys(host.rstrip("/") for host in (config.base_url, *options.hosts))
    return tuple(ComfyServer(replace(config, base_url=host), options, end) for host in hosts)


def before_sending(servers: Servers, key: str) -> tuple[Servers, ComfyServer | None]:
    """The servers that answer, and the one that has a job of this key already."""
    answering: list[ComfyServer] = []
    problem: errors.ProviderProblem | None = None
    for server in servers:
        try:
            look = server.look(key)
        except errors.ProviderProblem as error:
            problem = problem or error
            continue
        if look.state != "unknown":
            return (server,), server
        answering.append(server)
    if problem is not None and not answering:
        raise problem
    return tuple(answering), None


def least_loaded(servers: Sequence[ComfyServer]) -> ComfyServer:
    """The server with the shortest queue; the first of equals."""
    if len(servers) == 1:
        return servers[0]
    loads: dict[ComfyServer, int] = {}
    problem: errors.ProviderProblem | None = None
    for server in servers:
        try:
            loads[server] = server.load()
        except errors.ProviderProblem as error:
            problem = problem or error
    if problem is not None and not loads:
        raise problem
    return min(loads, key=lambda server: loads[server])


def find_job(servers: Servers, handle: Handle) -> tuple[ComfyServer, Look]:
    """The server that knows the job, and where the job stands.

    The job's own server alone is asked where the handle names one of ours. `JobLost` when
    everybody was asked and nobody knows it; while one of them is silent, it is not lost.
    """
    pinned = tuple(server for server in servers if server.host == handle.data.get("host"))
    problem: errors.ProviderProblem | None = None
    for server in pinned or servers:
        try:
            look = server.look(str(handle.data["id"]))
        except errors.ProviderProblem as error:
            problem = problem or error
            continue
        if look.state != "unknown":
            return server, look
    if problem is not None:
        raise problem
    host = handle.data.get("host")
    told = "ComfyUI forgets its queue when it is restarted or cleared."
    billed: errors.Billed = "no"
    if host and not pinned:  # nobody who could know was asked
        told = f"It was given to {host}, which the connection does not name any more."
        billed = "unknown"
    raise errors.JobLost(
        f"{servers[0].name} does not know this picture (any more).", hint=told, billed=billed
    )
