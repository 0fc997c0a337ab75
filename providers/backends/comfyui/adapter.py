"""The ComfyUI adapter: a workflow filled in, sent under an id of ours, polled, fetched.

A model is a workflow of the connection. Our key is the job's id on the server, so that a job
can be found again whatever happened; the server does not refuse a second job of the same id,
so a key is looked up before it is sent. Quirks and dates are in `providers/README.md`.
"""

import copy
import os
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Self

from providers import errors
from providers.backends.comfyui import answers
from providers.backends.comfyui.hosts import (
    Servers,
    before_sending,
    find_job,
    least_loaded,
    servers_of,
)
from providers.backends.comfyui.options import ComfyOptions
from providers.backends.comfyui.progress import Progress
from providers.backends.comfyui.sending import (
    build_payload,
    seed_of,
    send,
    upload_files,
    values_of,
)
from providers.backends.comfyui.server import ComfyServer, was_interrupted
from providers.base import Provider
from providers.types import (
    Capabilities,
    ConnectionConfig,
    Handle,
    Health,
    HealthLevel,
    ImageRequest,
    Recovery,
    Result,
    Sink,
    SpoolFile,
)
from providers.workflows.graph import Graph, WorkflowProblem

HEALTH_LIMIT = 9.0  # seconds, over all servers
MOST_PICTURES = 32  # that are taken of one job


class ComfyUIProvider(Provider):
    recovery = Recovery.LOOKUP
    options_class = ComfyOptions
    options: ComfyOptions
    poll_interval_max = 3.0

    # The servers of the call in hand; set on a copy that serves one call alone.
    _servers: Servers = ()

    def __init__(self, connection: ConnectionConfig) -> None:
        super().__init__(connection)
        self.poll_interval = self.options.poll_interval

    # --- Before a call ------------------------------------------------------------------

    def capabilities(self, model: str, row: Mapping[str, Any] | None = None) -> Capabilities:
        return self._graph(model).capabilities().overlaid(row)

    def handle_for(self, key: str) -> Handle | None:
        return Handle({"id": _canonical(key)})

    def _graph(self, model: str) -> Graph:
        try:
            return Graph.parse(self._workflow(model)["graph"])
        except WorkflowProblem as error:
            raise errors.ConfigurationError(
                f'The workflow "{model}" of {self.connection.name} cannot be used.',
                hint=str(error),
            ) from error

    def _workflow(self, model: str) -> Mapping[str, Any]:
        if model in self.connection.workflows:
            return self.connection.workflows[model]
        known = ", ".join(sorted(self.connection.workflows)) or "none yet"
        raise errors.ModelUnavailable(
            f'{self.connection.name} has no workflow "{model}".',
            hint=f"Add it in the admin under Workflows. There are: {known}.",
        )

    # --- The call -----------------------------------------------------------------------

    def lasting(self, seconds: float) -> Self:
        """Servers are asked no longer than that, and remembered for the whole call."""
        if self._servers:
            return self
        call = copy.copy(self)
        call._servers = self._new_servers(seconds)
        return call

    def submit(self, request: ImageRequest, key: str, sink: Sink) -> Handle | Result:
        graph, key = self._graph(request.model), _canonical(key)
        servers, known_by = before_sending(self._own_servers(), key)
        server = known_by or least_loaded(servers)
        client, seed = uuid.uuid4().hex, seed_of(graph, request, key)
        facts = {
            "id": key,
            "host": server.host,
            "client": client,
            "outputs": list(graph.outputs),
            "model": request.model,
            "version": self._workflow(request.model).get("version"),
            "seed": seed,
        }
        if known_by is not None:
            return Handle(facts)
        names, files = upload_files(server, request)
        payload = build_payload(graph, values_of(request, seed) | names, key, client)
        facts["files"] = files
        sink.handle(Handle(facts))
        sink.sending(_parameters(facts, payload["prompt"]))
        return Handle({**facts, "id": send(server, payload, request.model, sink)})

    def collect(
        self,
        handle: Handle,
        sink: Sink,
        *,
        end: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Result:
        """Poll as every adapter does; between two looks tell the percentage, where one is known."""
        with self._progress(handle) as progress:

            def pause(seconds: float) -> None:
                progress.start()
                sleep(seconds)
                if progress.fraction is not None:
                    sink.progress(progress.fraction)

            return super().collect(handle, sink, end=end, clock=clock, sleep=pause)

    def poll(self, handle: Handle, sink: Sink) -> Result | None:
        server, look = find_job(self._own_servers(), handle)
        if look.entry is None:
            return None
        if (failure := answers.failure_of(look.entry, self.connection.name)) is not None:
            raise failure
        return self._result(server, handle, look.entry, sink)

    def cancel(self, handle: Handle) -> bool:
        try:
            server, look = find_job(self._own_servers(), handle)
        except errors.JobLost:
            return False
        if look.entry is not None:
            return was_interrupted(look.entry)
        return server.stop(str(handle.data["id"]))

    # --- The result ---------------------------------------------------------------------

    def _result(
        self, server: ComfyServer, handle: Handle, entry: Mapping[str, Any], sink: Sink
    ) -> Result:
        facts, name = handle.data, self.connection.name
        outputs = facts.get("outputs") or answers.outputs_of(entry, name)
        pictures = answers.pictures_of(entry, outputs, name)
        files: list[SpoolFile] = []
        try:
            for picture in pictures[:MOST_PICTURES]:
                files.append(server.fetch(picture, sink))
        except errors.ProviderProblem:
            for file in files:  # the next look fetches all of them again
                with suppress(OSError):
                    os.unlink(file.path)
            raise
        return Result(
            files=tuple(files),
            model=str(facts.get("model") or ""),
            seed=facts.get("seed"),
            request_id=str(facts["id"]),
            parameters=_parameters({**facts, "host": server.host}, answers.graph_of(entry)),
            notes=_count_notes(name, len(pictures)),
        )

    # --- Servers ------------------------------------------------------------------------

    def _own_servers(self) -> Servers:
        return self._servers or self._new_servers(self.connection.deadline)

    def _new_servers(self, seconds: float) -> Servers:
        return servers_of(self.connection, self.options, seconds)

    def _progress(self, handle: Handle) -> Progress:
        """Who listens for the percentages of this job, if they can be had."""
        facts = handle.data
        job = {"client": str(facts.get("client") or ""), "key": str(facts["id"])}
        wanted = self.options.websocket and bool(job["client"])
        for server in self._own_servers():
            if wanted and server.host == facts.get("host"):
                return Progress(server.config, server.headers, **job)
        return Progress(None, {}, **job)

    # --- About the service --------------------------------------------------------------

    def check_health(self, level: HealthLevel) -> Health:
        if level is HealthLevel.CONFIGURED:
            count = len(self._own_servers())
            known = len(self.connection.workflows)
            return Health(level, True, f"Servers: {count}. Workflows: {known}.")
        told, good = [], 0
        for server in self._new_servers(HEALTH_LIMIT):
            try:
                told.append(_proof(server, level, bool(self.connection.secret)))
                good += 1
            except errors.ProviderProblem as problem:
                told.append(f"{server.host}: {problem.in_full}")
        return Health(level, bool(good), " ".join(told))

    def discover(self) -> list[dict[str, Any]]:
        """The workflows of the connection that can be used."""
        found = []
        for name in sorted(self.connection.workflows):
            with suppress(errors.ConfigurationError):
                capabilities = self.capabilities(name).to_dict()
                found.append({"name": name, "label": name, "capabilities": capabilities})
        return found


def _parameters(facts: Mapping[str, Any], graph: Mapping[str, Any]) -> dict[str, Any]:
    """What was sent, by the graph and the handle's facts."""
    return {
        "graph": graph,
        "workflow": facts.get("model"),
        "workflow_version": facts.get("version"),
        "host": facts.get("host"),
        **(facts.get("files") or {}),
    }


def _count_notes(name: str, count: int) -> tuple[str, ...]:
    """What an editor should know about the number of pictures."""
    if count <= MOST_PICTURES:
        return ()
    return (f"{name} made {count:,} pictures; the first {MOST_PICTURES} were taken.",)


def _canonical(key: str) -> str:
    """Lowercase with hyphens: newer servers take no other id (2026-06)."""
    return str(uuid.UUID(key))


def _proof(server: ComfyServer, level: HealthLevel, secret: bool) -> str:
    """A sentence on a server that answers well; its problem is raised otherwise."""
    if level is HealthLevel.REACHABLE:
        told = server.ask("system_stats", HEALTH_LIMIT)
        system = told.get("system") if isinstance(told, dict) else None
        if not isinstance(system, dict):
            raise server.not_comfyui("system_stats")
        version = system.get("comfyui_version") or "of unknown version"
        return f"{server.host}: ComfyUI {answers.text_of(version, 40)}."
    server.ask("queue", HEALTH_LIMIT)
    return f"{server.host}: {'the secret is accepted' if secret else 'no secret is needed'}."
