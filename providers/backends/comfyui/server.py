"""One ComfyUI server: its routes, and where a job of ours stands on it.

History and queue are in the server's memory: after a restart it knows nothing, and answers
`{}` to a question about any job, as it does for one that waits. So a job counts as unknown
only when it is in the history neither before nor after a look at the queue.
"""

import hashlib
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from providers import errors
from providers.answers import HttpAnswer, problem_for
from providers.backends._pictures import read_picture
from providers.backends.comfyui.answers import Picture, failure_of
from providers.backends.comfyui.options import ComfyOptions
from providers.http import HttpClient
from providers.types import ConnectionConfig, Sink, SpoolFile

# Seconds. A server that loads a model lets even small questions wait.
LOOK, SEND, TRANSFER, STOP = 15.0, 30.0, 120.0, 5.0
SHORTEST = 0.05
UNDERWAY = {"pending": "pending", "in_progress": "running"}
FORBIDDEN = (
    "ComfyUI itself knows no accounts: either a proxy before it refuses this, or its own check "
    "of Origin and Host does. Frontispiece sends no Origin; let the proxy add none and pass "
    "Host on unchanged."
)


@dataclass(frozen=True)
class Look:
    """Where a job stands; `entry` is its history once it has ended."""

    state: Literal["pending", "running", "ended", "unknown"]
    entry: Mapping[str, Any] | None = None


class ComfyServer:
    """Speaks to one server until `end` (by `time.monotonic`). Made for one call."""

    def __init__(self, config: ConnectionConfig, options: ComfyOptions, end: float) -> None:
        self.name = config.name
        self.host = config.base_url.rstrip("/")
        self.config = config
        self.end = end
        self._client = HttpClient(config)
        self._has_jobs = True  # until the server turns out to be older than December 2025
        self.headers = _credentials(config.secret, options.auth_header)

    # --- Questions ----------------------------------------------------------------------

    def ask(self, path: str, limit: float = LOOK) -> Any:
        """The JSON under `path`. It is free: a server that stumbles is `ProviderUnavailable`."""
        answer = self._exchange("GET", path, limit)
        if not answer.ok:
            raise self.problem(answer)
        return self._json(answer)

    def load(self) -> int:
        """How many jobs wait or run."""
        answer = self.ask("prompt", self.config.connect_timeout)
        try:
            return int(answer["exec_info"]["queue_remaining"])
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise self.not_comfyui("prompt") from error

    def look(self, key: str) -> Look:
        """Where the job `key` stands."""
        job = self._job(key)
        if (state := UNDERWAY.get(str(job.get("status")))) is not None:
            return Look(state)  # type: ignore[arg-type]
        if (entry := self._history(key)) is not None:
            return Look("ended", entry)
        if (waiting := self._queued(key)) is not None:
            return waiting
        # It may have ended between the two questions.
        entry = self._history(key)
        return Look("unknown") if entry is None else Look("ended", entry)

    def _job(self, key: str) -> Mapping[str, Any]:
        """What `/api/jobs` says, {} where it does not know the job or is not there."""
        if not self._has_jobs:
            return {}
        answer = self._exchange("GET", f"api/jobs/{key}", LOOK)
        if answer.status in (401, 403, 429) or answer.status >= 500:
            raise self.problem(answer)
        try:
            told = answer.json()
        except errors.InvalidResponse:
            told = None
        self._has_jobs = isinstance(told, dict)
        return told if answer.ok and isinstance(told, dict) else {}

    def _history(self, key: str) -> Mapping[str, Any] | None:
        path = f"history/{key}"
        told = self.ask(path)
        if not isinstance(told, dict):
            raise self.not_comfyui(path)
        entry = told.get(key)
        return entry if isinstance(entry, dict) else None

    def _queued(self, key: str) -> Look | None:
        told = self.ask("queue")
        try:
            running = [item[1] for item in told["queue_running"]]
            pending = [item[1] for item in told["queue_pending"]]
        except (KeyError, TypeError, IndexError) as error:
            raise self.not_comfyui("queue") from error
        if key in running:
            return Look("running")
        return Look("pending") if key in pending else None

    # --- Orders -------------------------------------------------------------------------

    def send(self, payload: Mapping[str, Any], sink: Sink) -> HttpAnswer:
        """Queue a graph. Nothing here repeats it."""
        return self._exchange("POST", "prompt", SEND, json=payload, spends=True, sink=sink)

    def upload(self, path: str) -> tuple[str, dict[str, Any]]:
        """Bring a picture to the server: the name that a node knows it by, and facts about it.

        It is named by its content, so that the same picture is stored once. Under a name that
        is taken the server stores another, and only its answer tells.
        """
        content = read_picture(path)
        digest = hashlib.sha256(content).hexdigest()
        name = f"frontispiece-{digest[:32]}{Path(path).suffix.lower()[:6] or '.png'}"
        answer = self._exchange(
            "POST", "upload/image", TRANSFER, files={"image": (name, content)}, spends=False
        )
        if answer.status in (400, 413):
            raise errors.InvalidRequest(
                f"{self.name} does not take a reference picture of {len(content):,} bytes.",
                code=str(answer.status),
            )
        if not answer.ok:
            raise self.problem(answer)
        told = self._json(answer)
        if not isinstance(told, dict) or not isinstance(told.get("name"), str):
            raise self.not_comfyui("upload/image")
        stored = "/".join(filter(None, (str(told.get("subfolder") or ""), told["name"])))
        return stored, {"name": stored, "sha256": digest, "bytes": len(content)}

    def fetch(self, picture: Picture, sink: Sink) -> SpoolFile:
        """Receive a picture into the spool. One that was deleted meanwhile is a `JobLost`."""
        with sink.open_spool() as writer:
            path = f"view?{picture.query}"
            answer = self._exchange("GET", path, TRANSFER, stream_to=writer)
            if (problem := self._no_picture(answer)) is not None:
                raise problem
            file = writer.close_file()
        if not file.size:
            os.unlink(file.path)
            raise errors.InvalidResponse(f"{self.name} sent an empty picture.")
        return file

    def _no_picture(self, answer: HttpAnswer) -> errors.ProviderProblem | None:
        """Why the answer of `/view` is no picture."""
        if answer.status in (404, 410):
            return errors.JobLost(
                f"{self.name} has drawn the picture, but its file is gone.",
                hint="It was deleted on the server, or by a restart if it was a preview.",
                billed="yes",
            )
        if answer.status in (408, 429) or answer.status >= 500:
            return self.problem(answer)
        kind = answer.headers.get("content-type", "")
        if answer.ok and not kind.startswith(("text/", "application/json")):
            return None
        return errors.InvalidResponse(
            f"{self.name} does not hand out the picture.",
            hint=FORBIDDEN if answer.status == 403 else f"HTTP {answer.status}, {kind[:60]}.",
        )

    def stop(self, key: str) -> bool:
        """Stop this one job; True when it will surely make no picture any more.

        An interrupt acts between two steps, and too late it does nothing, so that only another
        look tells. It always names the job: without a name it hits whatever runs.
        """
        told: Any = None
        answer = self._exchange("POST", f"api/jobs/{key}/cancel", LOOK, json={}, spends=False)
        with suppress(errors.InvalidResponse):
            told = answer.json() if answer.ok else None
        if not isinstance(told, dict) or "cancelled" not in told:
            self._order("queue", {"delete": [key]})
            if self.look(key).state == "running":
                self._order("interrupt", {"prompt_id": key})
        return self._stopped(key)

    def _stopped(self, key: str) -> bool:
        until = min(time.monotonic() + STOP, self.end)
        while (look := self.look(key)).state in ("pending", "running"):
            if time.monotonic() >= until:
                return False
            time.sleep(0.1)
        return look.entry is None or was_interrupted(look.entry)

    def _order(self, path: str, data: Mapping[str, Any]) -> None:
        answer = self._exchange("POST", path, LOOK, json=data, spends=False)
        if not answer.ok:
            raise self.problem(answer)

    # --- The exchange -------------------------------------------------------------------

    def problem(self, answer: HttpAnswer) -> errors.ProviderProblem:
        """The error for a failed answer to anything that draws nothing."""
        if answer.status == 403:
            return errors.AccessDenied(
                f"{self.name} does not let us in.",
                hint=FORBIDDEN,
                code="403",
                request_id=answer.request_id,
            )
        if answer.status in (401, 402, 429):
            return problem_for(answer, self.name)
        return errors.ProviderUnavailable(
            f"{self.name} answers with {answer.status}.",
            hint=f"{self.host} said: {answer.excerpt()}",
            code=str(answer.status),
            request_id=answer.request_id,
        )

    def not_comfyui(self, path: str) -> errors.ProviderUnavailable:
        """The error for an answer of another shape than ComfyUI's."""
        return errors.ProviderUnavailable(
            f"{self.name} does not answer as ComfyUI does.",
            hint=f"Is {self.host}/{path.partition('?')[0]} a ComfyUI server's?",
        )

    def _json(self, answer: HttpAnswer) -> Any:
        try:
            return answer.json()
        except errors.InvalidResponse as error:
            raise errors.ProviderUnavailable(
                f"{self.name} does not answer as ComfyUI does.", hint=error.hint
            ) from error

    def _exchange(self, method: str, path: str, limit: float, **content: Any) -> HttpAnswer:
        return self._client.request(
            method,
            path,
            headers=self.headers,
            deadline=max(SHORTEST, min(limit, self.end - time.monotonic())),
            **content,
        )


def was_interrupted(entry: Mapping[str, Any]) -> bool:
    """Whether a job ended because it was stopped."""
    return isinstance(failure_of(entry, ""), errors.Cancelled)


def _credentials(secret: str, header: str) -> dict[str, str]:
    """What a proxy before the server wants to see. "Basic …" in a secret is sent as it is."""
    if not secret:
        return {}
    if header.lower() != "authorization" or secret.startswith(("Basic ", "Bearer ")):
        return {header: secret}
    return {header: f"Bearer {secret}"}
