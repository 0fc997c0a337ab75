"""fal: many models behind one queue.

API: https://fal.ai/docs/inference-api (queue), /docs/documentation/model-apis/errors and
/request-errors, /docs/documentation/model-apis/pricing; read 2026-11-21.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from providers import errors
from providers.addresses import split_origin
from providers.answers import HttpAnswer, dict_in, dicts_in, list_in, problem_for
from providers.backends._fal_models import KNOWN, UNKNOWN
from providers.backends._hosted import (
    body_of,
    details_of,
    model_path,
)
from providers.backends._inputs import Profile, ProfileProvider, find_profile
from providers.types import Handle, ImageRequest, Result, Sink

# Types of model errors whose input was looked at before anything ran (pydantic's).
CHECKED_FIRST = frozenset(
    {"missing", "value_error", "literal_error", "enum", "extra_forbidden", "less_than_equal",
     "greater_than_equal", "int_parsing", "string_type", "string_too_long", "image_too_small",
     "image_too_large", "image_load_error", "file_download_error", "file_too_large",
     "unsupported_image_format", "invalid_archive"}
)  # fmt: skip
# Platform errors after which surely no picture was begun.
NEVER_RAN = frozenset(
    {"startup_timeout", "runner_scheduling_failure", "runner_connection_refused",
     "runner_connection_timeout"}
)  # fmt: skip


class FalProvider(ProfileProvider):
    home = "https://queue.fal.run"
    family = ("fal.run", "fal.ai")
    secret_header = ("Authorization", "Key {}")

    def profile(self, model: str) -> Profile:
        """What is known of the model; reference pictures belong to endpoints of their own."""
        profile, last = find_profile(KNOWN, model, UNKNOWN), model.rpartition("/")[2]
        if last.startswith("edit"):
            profile = replace(profile, pictures="image_urls", most_pictures=10)
        elif last == "image-to-image":
            profile = replace(
                profile,
                pictures="image_url",
                most_pictures=1,
                extra=(*profile.extra, "strength"),
            )
        return self.options.better(profile, model)

    # --- The call -------------------------------------------------------------------------

    def submit(self, request: ImageRequest, key: str, sink: Sink) -> Handle:
        inputs, sent = self.inputs(request)
        # Otherwise the queue repeats a failed job by itself, up to ten times (2026-11).
        headers = self.headers() | {"X-Fal-No-Retry": "1"}
        job = self.send(model_path(request.model), inputs, sent, sink, headers)
        # The addresses cannot be built from the id: a part of the model's path is left out.
        return Handle(
            {
                "id": str(job.get("request_id") or ""),
                "status_url": self.address_in(job, "status_url"),
                "response_url": self.address_in(job, "response_url"),
                "cancel_url": self.cancel_address_in(job, "cancel_url"),
                "model": request.model,
                "sent": sent,
            }
        )

    def poll(self, handle: Handle, sink: Sink) -> Result | None:
        answer = self.look(self.stored(handle, "status_url"))
        if not answer.ok:
            raise self.look_problem(answer)
        status = str(self.state_of(answer).get("status") or "")
        if status in ("IN_QUEUE", "IN_PROGRESS"):
            return None
        if status != "COMPLETED":
            raise self.unknown_state(status)
        answer = self.look(self.stored(handle, "response_url"))
        if answer.ok:
            return self._result(handle, self.state_of(answer), sink)
        if is_of_job(answer):
            raise self.problem(answer, queued=True)
        raise self.look_problem(answer)

    def cancel(self, handle: Handle) -> bool:
        """True when the job was still waiting and has been taken out of the queue."""
        # CANCELLATION_REQUESTED only asks the model to stop; a look tells whether it did.
        return self.stop(handle, "cancel_url", "PUT") == "OK"

    # --- Answers --------------------------------------------------------------------------

    def _result(self, handle: Handle, body: Mapping[str, Any], sink: Sink) -> Result:
        images = list_in(body, "images") or [body.get("image")]
        flags = list_in(body, "has_nsfw_concepts")
        # The checker blackens what it flags; the picture has been drawn and charged.
        clean = [
            image
            for number, image in enumerate(images)
            if isinstance(image, dict) and flags[number : number + 1] != [True]
        ]
        if not clean and True in flags:
            raise errors.ContentRejected(
                f"{self.connection.name} blackened this picture for its content.",
                stage="output",
                categories=["nsfw"],
                code="has_nsfw_concepts",
                billed="yes",
                request_id=str(handle.data.get("id") or ""),
            )
        urls = [url for image in clean if isinstance(url := image.get("url"), str) and url]
        return self.result(handle, urls, sink, seed=body.get("seed"), usage=dict_in(body, "usage"))

    def problem(self, answer: HttpAnswer, queued: bool = False) -> errors.ProviderProblem:
        """What a failed answer means; `queued` tells that it is the end of a job.

        "Server errors (HTTP 500+) are never charged" (FAQ, 2026-11): that holds for jobs. Other
        answers of a server may hide one that runs.
        """
        body = body_of(answer)
        if items := dicts_in(body, "detail"):
            return self._model_problem(items, answer, queued)
        kind = platform_error(answer)
        if kind and queued:
            return self._platform_problem(kind, body, answer)
        sentence = str(body.get("detail") or "")
        if answer.status == 403 and "balance" in sentence.lower():
            # "User is locked. Reason: Exhausted balance."
            return errors.QuotaExhausted(
                f"{self.connection.name} has no credit left.", **details_of(answer, kind, sentence)
            )
        found = problem_for(answer, self.connection.name)
        if queued:
            found.billed = "unknown"  # a status alone does not tell that nothing was drawn
        return found

    def _model_problem(
        self, items: list[dict[str, Any]], answer: HttpAnswer, queued: bool
    ) -> errors.ProviderProblem:
        """An error of the model itself: a list of typed sentences."""
        who, first = self.connection.name, items[0]
        types = [str(item.get("type") or "") for item in items]
        places = ".".join(str(part) for part in list_in(first, "loc") if part != "body")
        details = details_of(answer, types[0], first.get("msg"))
        free = answer.status >= 500 or not queued or set(types) <= CHECKED_FIRST
        billed: errors.Billed = "no" if free else "unknown"
        if "content_policy_violation" in types:
            return errors.ContentRejected(
                f"{who} refused this picture for its content.",
                stage="input" if places.endswith("prompt") else "",
                billed=billed,
                **details,
            )
        if answer.status >= 500 or types[0] in ("generation_timeout", "no_media_generated"):
            again = queued and answer.headers.get("x-fal-retryable") == "true" and free
            if not queued:
                return problem_for(answer, who)
            return errors.ProviderError(
                f"{who} could not draw this picture.", billed=billed, retryable=again, **details
            )
        where = f" ({places})" if places else ""
        return errors.InvalidRequest(
            f"{who} does not take this request{where}.", billed=billed, **details
        )

    def _platform_problem(
        self, kind: str, body: Mapping[str, Any], answer: HttpAnswer
    ) -> errors.ProviderProblem:
        """An error of the machines that run the model."""
        who, details = self.connection.name, details_of(answer, kind, body.get("detail"))
        if kind == "client_cancelled":
            return errors.Cancelled("The picture was stopped.", billed="no", **details)
        if kind == "bad_request":
            return errors.InvalidRequest(f"{who} does not take this request.", **details)
        return errors.ProviderError(
            f"{who} could not draw this picture.",
            billed="no" if answer.status >= 500 else "unknown",
            retryable=kind in NEVER_RAN,
            **details,
        )

    # --- About the service ----------------------------------------------------------------

    def ask_account(self, headers: Mapping[str, str]) -> HttpAnswer:
        """The list of models, which answers 401 to a wrong key."""
        return self._list_models("limit=1", headers)

    def discover(self) -> list[dict[str, Any]]:
        found = []
        for entry in self.models_in(self._list_models("limit=500", self.headers())):
            about = dict_in(entry, "metadata")
            if about.get("category") in ("text-to-image", "image-to-image"):
                name = str(entry.get("endpoint_id") or "")
                label = str(about.get("display_name") or name)
                found.append({"name": name, "label": label})
        return [entry for entry in found if entry["name"]]

    def _list_models(self, query: str, headers: Mapping[str, str]) -> HttpAnswer:
        """Models are listed on another host of the service, or by a gateway itself."""
        base = self.client().base_url
        if self._is_family(split_origin(base)[1]):
            base = "https://api.fal.ai"
        url = f"{base}/v1/models?{query}"
        return self.client_for(url).request("GET", url, headers=headers, deadline=9.0)


def platform_error(answer: HttpAnswer) -> str:
    """The machine-readable kind of a platform's error, "" without one."""
    return answer.headers.get("x-fal-error-type") or str(body_of(answer).get("error_type") or "")


def is_of_job(answer: HttpAnswer) -> bool:
    """Whether a failed answer is the job's own end rather than trouble with the look."""
    return bool(platform_error(answer) or list_in(body_of(answer), "detail"))
