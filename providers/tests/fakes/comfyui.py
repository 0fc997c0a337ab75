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
from dataclasses import dataclass, field
from typing import Any

from providers.tests.fakes import comfyui_nodes as nodes
from providers.tests.fakes.base import FakeService, Part, Reply, Request, Scripted
from providers.tests.fakes.comfyui_socket import serve

TRACEBACK = ['  File "/home/user/ComfyUI/execution.py", line 510, in execute\n']
# Faults that come back as errors of a node: type, input, value.
NODE_FAULTS = {
    "node_errors": ("required_input_missing", "vae"),
    "node_errors_200": ("required_input_missing", "vae"),
    "model_gone": ("value_not_in_list", "ckpt_name"),
    "bad_parameter": ("value_bigger_than_max", "steps"),
}
FAILURES = {
    "out_of_memory": ("torch.OutOfMemoryError", "Allocation on device 0 would exceed memory.\n"),
    "job_failed": (
        "RuntimeError",
        "mat1 and mat2 cannot be multiplied, see '/home/user/ComfyUI/x.py': tensor([[1, 2]])\n",
    ),
}


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
    protocol_faults = frozenset(NODE_FAULTS) | frozenset(FAILURES) | {
        "job_cancelled", "lost_queue", "lost_result", "slow_job", "cached_run", "deleted_file",
    }  # fmt: skip

    def __init__(self, *, old: bool = False, cancels: bool = False, secret: str = "") -> None:
        super().__init__()
        self.old, self.cancels, self.secret = old, cancels, secret
        self.held = False
        self.queue: list[Job] = []
        self.history: dict[str, dict[str, Any]] = {}
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
        error = {"type": "invalid_prompt", "message": "No.", "details": "", "extra_info": {}}
        return Reply.json({"error": error, "node_errors": {}}, status)

    def answer(self, request: Request) -> Reply:
        if request.headers.get("origin"):
            return Reply(403)
        if self.secret and request.headers.get("authorization") != f"Bearer {self.secret}":
            return Reply(401)
        with self.own:
            self._work()
            reply = self._routed(request)
            self._work()
            return reply

    def _routed(self, request: Request) -> Reply:
        match request.method, _route(request).split("/"):
            case "GET", ["api", "jobs", key] if not self.old:
                return self._job(key)
            case "POST", ["api", "jobs", key, "cancel"] if self.cancels:
                return Reply.json({"cancelled": self._remove(key) or self._interrupt(key)})
            case "POST", ["prompt"]:
                return self._prompt(request)
            case "GET", ["prompt"]:
                return Reply.json({"exec_info": {"queue_remaining": len(self.queue)}})
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
                return Reply.json(self._classes())
            case "GET", ["system_stats"]:
                version = "0.3.64" if self.old else "0.25.0"
                return Reply.json({"system": {"comfyui_version": version}, "devices": []})
            case "GET", ["ws"]:
                return Reply(takeover=self._socket)
        return Reply(404)

    def _classes(self) -> dict[str, Any]:
        images = [name for kind, _, name in self.files if kind == "input"]
        return nodes.object_info(new=not self.old, images=images)

    # --- Taking a prompt ----------------------------------------------------------------

    def _prompt(self, request: Request) -> Reply:
        body = request.json()
        graph, key = body.get("prompt"), body.get("prompt_id") or str(uuid.uuid4())
        if not self.old and not _is_canonical(key):
            return _refused("invalid_prompt_id")
        if not graph:
            return _refused("no_prompt")
        known = self._classes()
        if (missing := nodes.missing_class(graph, known)) is not None:
            return self._without_class(graph, missing)
        if not nodes.output_ids(graph):
            return _refused("prompt_no_outputs")
        found = nodes.node_errors(graph, known) | self._scripted_errors(graph)
        spoilt = {key for error in found.values() for key in error["dependent_outputs"]}
        good = [key for key in nodes.output_ids(graph) if key not in spoilt]
        if found and not good and not self.faulty("node_errors_200"):
            return _refused("prompt_outputs_failed_validation", found)
        kept = {name: node for name, node in graph.items() if name not in spoilt}
        job = Job(key, self.count, kept, str(body.get("client_id") or ""), self.fault)
        job.looks = 4 if self.faulty("slow_job") else 0
        self.count += 1
        self.queue.append(job)
        self.seen.add(key)
        return Reply.json({"prompt_id": key, "number": job.number, "node_errors": found})

    def _without_class(self, graph: Mapping[str, Any], key: str) -> Reply:
        if self.old:
            return _refused("invalid_prompt")
        about = {"node_id": key, "class_type": graph[key]["class_type"], "node_title": "x"}
        return _refused("missing_node_type", extra=about)

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
        if self.faulty("job_cancelled"):
            self._end(job, "execution_interrupted")
        elif self.fault.name in FAILURES:
            self._fail(job, *FAILURES[self.fault.name])
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

    def _fail(self, job: Job, kind: str, message: str) -> None:
        data = {
            "node_id": "3",
            "node_type": "KSampler",
            "exception_type": kind,
            "exception_message": message,
            "traceback": TRACEBACK,
            "current_inputs": {"latent": ["tensor([[0.1, 0.2]])"]},
            "current_outputs": [],
        }
        self._end(job, "execution_error", data)

    def _end(
        self,
        job: Job,
        event: str = "execution_success",
        data: Mapping[str, Any] | None = None,
        outputs: Mapping[str, Any] | None = None,
    ) -> None:
        about = {"prompt_id": job.key, "timestamp": 1}
        good = event == "execution_success"
        self.history[job.key] = {
            "prompt": job.item(),
            "outputs": dict(outputs or {}),
            "status": {
                "status_str": "success" if good else "error",
                "completed": good,
                "messages": [["execution_start", about], [event, {**about, **(data or {})}]],
            },
            "meta": {},
        }

    # --- Questions and orders -----------------------------------------------------------

    def _job(self, key: str) -> Reply:
        for job in self.queue:
            if job.key == key:
                state = "in_progress" if job.running else "pending"
                job.looks = max(0, job.looks - 1)
                return Reply.json({"id": key, "status": state, "outputs_count": 0})
        if key not in self.history:
            return Reply.json({"error": "Job not found"}, 404)
        entry = self.history[key]
        event = entry["status"]["messages"][-1][0]
        states = {"execution_success": "completed", "execution_interrupted": "cancelled"}
        state = states.get(event, "failed")
        return Reply.json({"id": key, "status": state, "outputs": entry["outputs"]})

    def _queue(self) -> Reply:
        told = {
            "queue_running": [job.item() for job in self.queue if job.running],
            "queue_pending": [job.item() for job in self.queue if not job.running],
        }
        if self.old:
            for job in self.queue:
                job.looks = max(0, job.looks - 1)
        return Reply.json(told)

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
            self._end(job, "execution_interrupted")
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
        return Reply.json({"name": name, "subfolder": "", "type": "input"})

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


def _refused(
    kind: str, found: Mapping[str, Any] | None = None, extra: Mapping[str, Any] | None = None
) -> Reply:
    error = {"type": kind, "message": "Cannot execute.", "details": "", "extra_info": extra or {}}
    return Reply.json({"error": error, "node_errors": found or {}}, 400)
