"""A fake ComfyUI server: queue, history and files in memory, as servers 0.3.64 (`old`) and
0.25.0 were seen to behave on 2026-11-21; `cancels` adds the route that came later.

Jobs are drawn when they come in. While `held` is set they wait: the first runs, the others are
pending, until `go_on`.
"""

import json
import socket
import threading
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from providers.tests.fakes import comfyui_nodes as nodes
from providers.tests.fakes.base import FakeService, Part, Reply, Request, Scripted
from providers.tests.fakes.comfyui_socket import serve
from providers.tests.fakes.recorded import answers, filled, reply

# Faults that come back as errors of a node: type, input, value.
NODE_FAULTS = {
    "node_errors": ("required_input_missing", "vae"),
    "node_errors_200": ("required_input_missing", "vae"),
    "model_gone": ("value_not_in_list", "ckpt_name"),
    "bad_parameter": ("value_bigger_than_max", "steps"),
}
# Faults that end a job, by the end that was seen.
ENDS = {
    "out_of_memory": "ended for want of memory",
    "job_failed": "ended by an error",
    "job_cancelled": "ended by an interrupt",
}
STATES = {"ended well": "completed", "ended by an interrupt": "cancelled"}  # failed otherwise


@dataclass
class Job:
    """One prompt; `looks` are questions after it that find it still waiting or running."""

    key: str
    number: float
    graph: dict[str, Any]
    client: str
    fault: Scripted
    running: bool = False
    looks: int = 0
    extra: dict[str, Any] = field(default_factory=dict)

    def item(self) -> list[Any]:
        """As queue and history tell it."""
        return [self.number, self.key, self.graph, self.extra, nodes.output_ids(self.graph)]


class FakeComfy(FakeService):
    phases = ("call", "poll", "download")
    features = frozenset({"json", "pictures", "many"})
    protocol_faults = frozenset(NODE_FAULTS) | frozenset(ENDS) | {
        "lost_queue", "lost_result", "slow_job", "cached_run", "deleted_file",
    }  # fmt: skip

    def __init__(self, *, old: bool = False, cancels: bool = False, secret: str = "") -> None:
        super().__init__()
        self.old, self.cancels, self.secret = old, cancels, secret
        self.info: Any = nodes.object_info(new=not old)
        self.held = False
        self.queue: list[Job] = []
        self.history: dict[str, dict[str, Any]] = {}
        self.ends: dict[str, str] = {}
        self.files: dict[tuple[str, str, str], bytes] = {}
        self.cache: dict[str, list[dict[str, str]]] = {}
        self.seen: set[str] = set()  # ids of every job that ever came
        self.interrupts: list[str] = []  # "" for one that named no job
        self.count = 0
        self.own = threading.RLock()

    # --- For tests ----------------------------------------------------------------------

    def go_on(self) -> None:
        """Let the jobs that are held go on."""
        self.held = False

    def restart(self) -> None:
        """Forget the queue, the history, the cache and what was only shown."""
        with self.own:
            self.queue.clear()
            self.history.clear()
            self.cache.clear()
            self.count = 0
            self.files = {key: data for key, data in self.files.items() if key[0] != "temp"}

    # --- The protocol -------------------------------------------------------------------

    def spends(self, request: Request) -> bool:
        return request.method == "POST" and _route(request) == "prompt"

    def phase(self, request: Request) -> str:
        route = _route(request)
        if self.spends(request):
            return "call"
        if route == "view":
            return "download"
        if route == "queue":
            return "poll" if self.seen else ""
        return "poll" if route.rpartition("/")[2] in self.seen else ""

    def error(self, status: int) -> Reply:
        return replace(_said("no_prompt"), status=status)

    def answer(self, request: Request) -> Reply:
        if request.headers.get("origin"):
            return _said("other origin")
        if self.secret and request.headers.get("authorization") != f"Bearer {self.secret}":
            return _said("proxy without the secret")
        with self.own:
            self._work()
            found = self._routed(request)
            self._work()
            return found

    def _routed(self, request: Request) -> Reply:
        match request.method, _route(request).split("/"):
            case "GET", ["api", "jobs", key] if not self.old:
                return self._job(key)
            case "POST", ["api", "jobs", key, "cancel"] if self.cancels:
                return _said("cancelled", cancelled=self._remove(key) or self._interrupt(key))
            case "POST", ["prompt"]:
                return self._prompt(request)
            case "GET", ["prompt"]:
                return _said("load", count=len(self.queue))
            case "GET", ["history", key]:
                return Reply.json({key: self.history[key]} if key in self.history else {})
            case "GET", ["queue"]:
                return self._queue()
            case "POST", ["queue"]:
                for key in request.json().get("delete", []):
                    self._remove(key)
                return Reply(200)
            case "POST", ["interrupt"]:
                body = json.loads(request.body or b"{}")
                self.interrupts.append(body.get("prompt_id", ""))
                self._interrupt(body.get("prompt_id"))
                return Reply(200)
            case "GET", ["view"]:
                return self._view(request)
            case "POST", ["upload", "image"]:
                return self._upload(request.parts())
            case "GET", ["object_info"]:
                return Reply.json(self.info)
            case "GET", ["system_stats"]:
                return _said("stats of 0.3.64" if self.old else "stats of 0.25.0")
            case "GET", ["ws"]:
                return Reply(takeover=self._socket)
        return Reply(404)

    # --- Taking a prompt ----------------------------------------------------------------

    def _prompt(self, request: Request) -> Reply:
        body = request.json()
        graph, key = body.get("prompt"), body.get("prompt_id") or str(uuid.uuid4())
        if not self.old and not _is_canonical(key):
            return _said("invalid_prompt_id")
        if not graph:
            return _said("no_prompt")
        if (missing := nodes.missing_class(graph, self.info)) is not None:
            kind = "invalid_prompt" if self.old else "missing_node_type"
            return _said(kind, node=missing, class_type=graph[missing]["class_type"], title="x")
        if not nodes.output_ids(graph):
            return _said("prompt_no_outputs")
        found = nodes.node_errors(graph, self.info) | self._scripted_errors(graph)
        spoilt = {key for error in found.values() for key in error["dependent_outputs"]}
        good = [key for key in nodes.output_ids(graph) if key not in spoilt]
        if found and not good and not self.faulty("node_errors_200"):
            return _said("prompt_outputs_failed_validation", node_errors=found)
        kept = {name: node for name, node in graph.items() if name not in spoilt}
        job = Job(key, self.count, kept, str(body.get("client_id") or ""), self.fault)
        job.looks = 4 if self.faulty("slow_job") else 0
        self.count += 1
        self.queue.append(job)
        self.seen.add(key)
        return _said("taken", id=key, number=job.number, node_errors=found)

    def _scripted_errors(self, graph: Mapping[str, Any]) -> dict[str, Any]:
        if self.fault.name not in NODE_FAULTS:
            return {}
        kind, name = NODE_FAULTS[self.fault.name]
        key = next(
            (key for key, node in graph.items() if name in node["inputs"]), next(iter(graph))
        )
        error = {"errors": [nodes.node_error(kind, name)], "class_type": graph[key]["class_type"]}
        return {key: {**error, "dependent_outputs": nodes.output_ids(graph)}}

    # --- Working ------------------------------------------------------------------------

    def _work(self) -> None:
        """Run every job that need not wait, in order."""
        while self.queue:
            job = min(self.queue, key=lambda job: job.number)
            job.running = job.looks < 3
            if self.held or job.looks:
                return
            self.queue.remove(job)
            with self.under(job.fault):
                self._run(job)

    def _run(self, job: Job) -> None:
        if self.faulty("lost_queue"):
            return
        if self.fault.name in ENDS:
            self._end(job, ENDS[self.fault.name])
        elif self.faulty("cached_run", "node_errors_200"):
            self._end(job, outputs={})
        else:
            outputs = {key: {"images": self._save(job, key)} for key in self._outputs(job)}
            if not self.faulty("lost_result"):
                self._end(job, outputs=outputs)
            if self.faulty("deleted_file"):
                self.files.clear()

    def _outputs(self, job: Job) -> list[str]:
        """The output nodes; SaveImageWebsocket leaves nothing in the history."""
        return [
            key
            for key in nodes.output_ids(job.graph)
            if job.graph[key]["class_type"] != "SaveImageWebsocket"
        ]

    def _save(self, job: Job, key: str) -> list[dict[str, str]]:
        """The files of an output node: new ones, or the old ones of the same graph."""
        part = {name: job.graph[name] for name in nodes.upstream(job.graph, key)}
        plain = {name: {**node, "_meta": None} for name, node in part.items()}
        signature = json.dumps(plain, sort_keys=True)
        if signature in self.cache:
            return self.cache[signature]
        self.charge(job.key)
        node = job.graph[key]
        kind = "output" if node["class_type"] == "SaveImage" else "temp"
        folder, _, stem = str(node["inputs"].get("filename_prefix", "x")).rpartition("/")
        count = max(_values(part, "batch_size"), default=1)
        size = max(_values(part, "width"), default=64), max(_values(part, "height"), default=64)
        drawn = self.pictures(*size, count, seed=max(_values(part, "seed"), default=0))
        images = []
        for number, data in enumerate(drawn, start=1):
            name = f"{stem}_{len(self.files) + number:05}_.png"
            self.files[kind, folder, name] = data
            images.append({"filename": name, "subfolder": folder, "type": kind})
        self.cache[signature] = images
        return images

    def _end(
        self, job: Job, end: str = "ended well", outputs: Mapping[str, Any] | None = None
    ) -> None:
        entry = answers("comfyui")[end]["body"]
        given = {"id": job.key, "prompt": job.item(), "outputs": dict(outputs or {})}
        self.history[job.key] = filled(entry, given)
        self.ends[job.key] = end

    # --- Questions and orders -----------------------------------------------------------

    def _job(self, key: str) -> Reply:
        for job in self.queue:
            if job.key == key:
                job.looks = max(0, job.looks - 1)
                state = "in_progress" if job.running else "pending"
                return _said(f"job {state}", id=key, number=job.number)
        if key not in self.history:
            return _said("job unknown")
        entry = self.history[key]
        state = STATES.get(self.ends[key], "failed")
        return _said(f"job {state}", id=key, number=entry["prompt"][0], outputs=entry["outputs"])

    def _queue(self) -> Reply:
        running = [job.item() for job in self.queue if job.running]
        pending = [job.item() for job in self.queue if not job.running]
        if self.old:
            for job in self.queue:
                job.looks = max(0, job.looks - 1)
        return _said("queue", running=running, pending=pending)

    def _remove(self, key: str) -> bool:
        """Take a job that does not run yet from the queue: it leaves no trace."""
        found = [job for job in self.queue if job.key == key and not job.running]
        for job in found:
            self.queue.remove(job)
        return bool(found)

    def _interrupt(self, key: str | None) -> bool:
        """Stop the running job, if it is this one; whichever it is without a key."""
        found = [job for job in self.queue if job.running and key in (None, job.key)]
        for job in found:
            self.queue.remove(job)
            self._end(job, "ended by an interrupt")
        return bool(found)

    def _view(self, request: Request) -> Reply:
        query = request.query
        place = query.get("type", "output"), query.get("subfolder", ""), query.get("filename", "")
        if ".." in place[1] or place[0] not in ("output", "temp", "input"):
            return Reply(400)
        if place not in self.files:
            return Reply(404)
        return Reply.of(self.files[place], "image/png")

    def _upload(self, parts: list[Part]) -> Reply:
        found = [part for part in parts if part.name == "image" and part.filename]
        if not found:
            return Reply(400)
        name, content = found[0].filename, found[0].content
        stem, dot, suffix = name.rpartition(".")
        number = 0
        while self.files.get(("input", "", name), content) != content:
            number += 1
            name = f"{stem} ({number}){dot}{suffix}"
        self.files["input", "", name] = content
        nodes.list_image(self.info, name)
        return _said("uploaded", file=name)

    def _socket(self, connection: socket.socket, request: Request) -> None:
        client = request.query.get("clientId", "")
        with self.own:
            keys = [job.key for job in self.queue if job.client == client]
        serve(connection, request, keys)


def _route(request: Request) -> str:
    """The path; every route answers under `/api` too, and `/api/jobs` only there."""
    path = request.path.strip("/")
    return path if path.startswith("api/jobs") else path.removeprefix("api/")


def _values(part: Mapping[str, Any], name: str) -> list[int]:
    found = [node["inputs"].get(name) for node in part.values()]
    return [value for value in found if isinstance(value, int)]


def _is_canonical(key: Any) -> bool:
    with suppress(ValueError, AttributeError, TypeError):
        return str(uuid.UUID(key)) == key
    return False


def _said(name: str, **given: Any) -> Reply:
    """An answer as it was seen, with what belongs to this job."""
    return reply("comfyui", name, **given)
