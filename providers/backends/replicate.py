"""Replicate: many models, each run a "prediction".

API: https://replicate.com/docs/reference/http and /docs/topics/predictions/lifecycle,
read 2026-11-21.
"""

import re
from collections.abc import Mapping
from typing import Any

from providers import errors
from providers.answers import HttpAnswer, dict_in, problem_for, retry_after
from providers.backends._hosted import (
    body_of,
    details_of,
    model_path,
)
from providers.backends._inputs import Profile, ProfileProvider, find_profile
from providers.backends._replicate_models import KNOWN, UNKNOWN
from providers.types import Handle, ImageRequest, Result, Sink

RUNNING = frozenset({"starting", "processing", "queued"})
# Models word their failures themselves; these are the words of the common ones (2026-11).
REFUSED = re.compile(
    r"nsfw|flagged as sensitive|\bE005\b|content policy|safety (filter|system|check)|moderat",
    re.IGNORECASE,
)
NO_MEMORY = re.compile(r"out of memory|\bE1001\b|\bOOM\b", re.IGNORECASE)
SEED_IN_LOGS = re.compile(r"\bseed: (\d{1,19})\b", re.IGNORECASE)
LONGEST_WAIT = 10**9  # seconds; a number above tells nothing
WAIT = re.compile(r"resets in ~?(\d{1,6})s")


class ReplicateProvider(ProfileProvider):
    home = "https://api.replicate.com/v1"
    family = ("replicate.com",)
    account_path = "account"

    def profile(self, model: str) -> Profile:
        name = model.partition(":")[0]
        return self.options.better(find_profile(KNOWN, name, UNKNOWN), name)

    # --- The call -------------------------------------------------------------------------

    def submit(self, request: ImageRequest, key: str, sink: Sink) -> Handle:
        inputs, sent = self.inputs(request)
        path, frame = call_for(request.model)
        job = self.send(path, {**frame, "input": inputs}, sent, sink, self.headers())
        urls = dict_in(job, "urls") or job  # without any, the error shows what came instead
        return Handle(
            {
                "id": str(job.get("id") or ""),
                "get": self.address_in(urls, "get"),
                "cancel": self.cancel_address_in(urls, "cancel"),
                "model": request.model,
                "sent": sent,
            }
        )

    def poll(self, handle: Handle, sink: Sink) -> Result | None:
        answer = self.look(self.stored(handle, "get"))
        if not answer.ok:
            raise self.look_problem(answer)
        state = self.state_of(answer)
        status = str(state.get("status") or "")
        if status in RUNNING:
            return None
        if status == "succeeded":
            return self._result(handle, state, sink)
        raise self._ended(status, state)

    def cancel(self, handle: Handle) -> bool:
        """True when it says itself that the prediction is cancelled."""
        return self.stop(handle, "cancel", "POST") == "canceled"

    # --- Answers --------------------------------------------------------------------------

    def _result(self, handle: Handle, state: Mapping[str, Any], sink: Sink) -> Result:
        if state.get("data_removed"):
            raise errors.JobLost(
                f"{self.connection.name} has removed the picture, as it does after an hour.",
                billed="yes",
                request_id=str(handle.data.get("id") or ""),
            )
        seed = dict_in(handle.data, "sent").get("seed")
        if seed is None and (found := SEED_IN_LOGS.search(str(state.get("logs") or ""))):
            seed = int(found[1])
        return self.result(
            handle,
            urls_of(state.get("output")),
            sink,
            model=str(state.get("model") or ""),
            seed=seed,
            usage=dict_in(state, "metrics"),
        )

    def _ended(self, status: str, state: Mapping[str, Any]) -> errors.ProviderProblem:
        """What a prediction is that ended without a picture."""
        who, sentence = self.connection.name, str(state.get("error") or "")
        identity = str(state.get("id") or "")
        facts: dict[str, Any] = {"code": status[:200], "request_id": identity}
        facts["hint"] = sentence[:300]
        if status == "failed":
            # Time on a machine is charged whatever comes of it; official models are not
            # (billing page, 2026-11). Which one this was is not told.
            if REFUSED.search(sentence):
                return errors.ContentRejected(
                    f"{who} refused this picture for its content.", stage="output", **facts
                )
            if NO_MEMORY.search(sentence):
                return errors.OutOfMemory(
                    f"The model at {who} ran out of memory.", billed="unknown", **facts
                )
            return errors.ProviderError(f"{who} could not draw this picture.", **facts)
        if status in ("canceled", "aborted"):
            # "aborted" means that it had not even begun.
            billed: errors.Billed = "no" if status == "aborted" else "unknown"
            return errors.Cancelled("The picture was stopped.", billed=billed, **facts)
        return self.unknown_state(status)

    def problem(self, answer: HttpAnswer) -> errors.ProviderProblem:
        """Errors are RFC 7807: `title`, `detail`, `status`."""
        who, body = self.connection.name, body_of(answer)
        title, detail = str(body.get("title") or ""), str(body.get("detail") or "")
        details = details_of(answer, title, detail or title)
        if answer.status == 429:
            wait = self._wait(answer, body, detail)
            return errors.RateLimited(f"{who} asks us to slow down.", retry_after=wait, **details)
        if answer.status == 422 and "version" in title.lower():
            return errors.ModelUnavailable(f"{who} does not know this model.", **details)
        problem = problem_for(answer, who)
        problem.hint = details["hint"]
        return problem

    def _wait(self, answer: HttpAnswer, body: Mapping[str, Any], detail: str) -> float | None:
        """Seconds to wait: by the header, the body, or its sentence."""
        if (told_in_header := retry_after(answer.headers)) is not None:
            return told_in_header
        told_in_body = body.get("retry_after")
        if isinstance(told_in_body, int | float) and 0 <= told_in_body < LONGEST_WAIT:
            return float(told_in_body)
        found = WAIT.search(detail)
        return float(found[1]) if found else None

    # --- About the service ----------------------------------------------------------------

    def discover(self) -> list[dict[str, Any]]:
        """The models that Replicate itself lists for pictures; there are very many more."""
        answer = self.client().request(
            "GET", "collections/text-to-image", headers=self.headers(), deadline=20.0
        )
        names = [
            f"{entry['owner']}/{entry['name']}"
            for entry in self.models_in(answer)
            if entry.get("owner") and entry.get("name")
        ]
        return [{"name": name, "label": name} for name in names]


def call_for(model: str) -> tuple[str, dict[str, Any]]:
    """Path and frame of a call: `owner/name` is an official model, `owner/name:version` any."""
    if ":" in model:
        return "predictions", {"version": model_path(model)}
    owner, slash, name = model_path(model).partition("/")
    if not slash or "/" in name:
        raise errors.ModelUnavailable(f'A model of Replicate is named owner/name, not "{model}".')
    return f"models/{owner}/{name}/predictions", {}


def urls_of(output: Any) -> list[str]:
    """The addresses of an output: one text, a list of them, or an object that holds either."""
    if isinstance(output, str) and output:
        return [output]
    if isinstance(output, dict):
        output = next((value for value in output.values() if isinstance(value, list | str)), None)
        return urls_of(output)
    if isinstance(output, list):
        return [item for item in output if isinstance(item, str) and item]
    return []
