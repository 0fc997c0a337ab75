"""Putting a workflow on a server's queue: once, and knowing afterwards whether it is there."""

import uuid
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from providers import errors
from providers.answers import HttpAnswer, problem_for
from providers.backends.comfyui import answers
from providers.backends.comfyui.server import ComfyServer
from providers.types import ImageRequest, Sink
from providers.workflows.graph import Graph, WorkflowProblem

SEEDS = 2**53  # a seed below this survives every JSON reader, ComfyUI's own pages included
PREFIX = "frontispiece"  # folder for our files in the server's output


def build_payload(graph: Graph, values: Mapping[str, Any], key: str, client: str) -> dict[str, Any]:
    """The body of `POST /prompt`. The files' prefix makes every run a new one."""
    try:
        filled = graph.filled(values, prefix=f"{PREFIX}/{key}")
    except WorkflowProblem as error:
        raise errors.InvalidRequest(f"The workflow does not take this. {error}") from error
    return {"prompt": filled, "client_id": client, "prompt_id": key}


def values_of(request: ImageRequest, seed: int | None) -> dict[str, Any]:
    """The values of a workflow's parameters, but for the files."""
    return {
        "prompt": request.prompt,
        "negative": request.negative_prompt,
        "seed": seed,
        "width": request.width,
        "height": request.height,
        "steps": request.steps,
        "cfg": request.guidance_scale,
    }


def seed_of(graph: Graph, request: ImageRequest, key: str) -> int | None:
    """The seed to send, always one of its own; the key decides where none was asked for."""
    if request.seed is not None or "seed" not in graph.bindings:
        return request.seed
    return uuid.UUID(key).int % SEEDS


def upload_files(
    server: ComfyServer, request: ImageRequest
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Bring the request's files to the server: (values of parameters, facts about the files)."""
    values: dict[str, Any] = {}
    facts: dict[str, Any] = {}
    if request.reference_images:
        pictures = [server.upload(path) for path in request.reference_images]
        values["image"] = [name for name, _ in pictures]
        facts["reference_images"] = [about for _, about in pictures]
    if request.mask:
        values["mask"], facts["mask"] = server.upload(request.mask)
    return values, facts


def send(server: ComfyServer, payload: Mapping[str, Any], workflow: str, sink: Sink) -> str:
    """Queue the graph once; the id that the server took it under.

    Where the answer leaves it open whether the job is queued, the server is asked.
    """
    try:
        return _taken_as(server, server.send(payload, sink), payload, workflow)
    except (errors.OutcomeUnknown, errors.InvalidResponse) as doubt:
        if not _is_there(server, payload["prompt_id"], doubt):
            raise
        return str(payload["prompt_id"])


def _taken_as(
    server: ComfyServer, answer: HttpAnswer, payload: Mapping[str, Any], workflow: str
) -> str:
    """The id in a good answer. One with errors of nodes is none, though it may say 200."""
    told: Any = None
    with suppress(errors.InvalidResponse):
        told = answer.json()
    body = told if isinstance(told, dict) else {}
    if body.get("node_errors") and answer.ok:
        _withdraw(server, str(payload["prompt_id"]))
        raise answers.refusal_of(body, payload["prompt"], workflow, server.name)
    if body and answer.status == 400:
        raise answers.refusal_of(body, payload["prompt"], workflow, server.name)
    if answer.status in (401, 402, 403, 429):
        raise server.problem(answer)
    if not answer.ok:
        raise problem_for(answer, server.name)
    if not isinstance(body.get("prompt_id"), str):
        raise errors.InvalidResponse(
            f"{server.name} does not answer as ComfyUI does.",
            hint=f"To a workflow it said: {answer.excerpt()}",
            billed="no",
        )
    return str(body["prompt_id"])


def _is_there(server: ComfyServer, key: str, doubt: errors.ProviderProblem) -> bool:
    """Whether the server knows the job; `OutcomeUnknown` when it does not say."""
    try:
        return server.look(key).state != "unknown"
    except errors.ProviderProblem as problem:
        raise errors.OutcomeUnknown(doubt.message, hint=doubt.hint, code=doubt.code) from problem


def _withdraw(server: ComfyServer, key: str) -> None:
    """Stop what a server queued of a graph that it did not take whole."""
    with suppress(errors.ProviderProblem):
        server.stop(key)
