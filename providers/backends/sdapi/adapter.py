"""The adapter itself: one held POST for a picture, and questions before and after it.

What is asked beforehand (checkpoints, samplers, schedulers) is asked for each call, because these
servers drop what they do not know without a word. `/progress` and `/interrupt` name no job: the
first tells of whoever's picture is being drawn, the second would stop it. So there is no
percentage, and nothing is ever interrupted.
"""

import base64
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from providers import errors
from providers.answers import HttpAnswer, dict_in, list_in
from providers.backends._results import count_notes, seed_of_key, size_notes
from providers.backends.sdapi.answers import (
    checkpoint_named,
    facts_of,
    first_picture,
    info_of,
    is_same_checkpoint,
    model_used,
    problem_of,
    seed_of,
)
from providers.backends.sdapi.payload import (
    EXTRA,
    SdApiOptions,
    build_payload,
    files_of,
    own_issues,
)
from providers.base import Provider
from providers.http import HttpClient
from providers.keeping import plain_line
from providers.measuring import picture_size
from providers.receiving import JsonSpooler
from providers.types import (
    Capabilities,
    Health,
    HealthLevel,
    ImageRequest,
    Recovery,
    Result,
    Sink,
    SpoolFile,
    Validation,
)

PICTURES = "images"
ECHOES = ("init_images", "mask")  # stable-diffusion.cpp sends them back (November 2026)
MOST_NAMES = 500  # of a list of samplers or schedulers
ASKING = 10.0  # seconds for each question before and after the call


class SdApiProvider(Provider):
    recovery = Recovery.NOTHING
    options_class = SdApiOptions
    options: SdApiOptions

    def capabilities(self, model: str, row: Mapping[str, Any] | None = None) -> Capabilities:
        """What these servers take for any checkpoint."""
        return Capabilities(
            max_side=self.options.max_side,
            multiple_of=self.options.multiple_of,
            negative_prompt=True,
            seed=True,
            max_seed=2**32 - 1,
            steps=True,
            guidance_scale=True,
            reference_images=1,
            mask=True,
            extra=EXTRA,
        ).overlaid(row)

    def validate(self, request: ImageRequest, capabilities: Capabilities) -> Validation:
        """The base's checks and those of our own options."""
        base = super().validate(request, capabilities)
        return Validation(base.request, (*base.issues, *own_issues(base.request)))

    # --- The call -------------------------------------------------------------------------

    def submit(self, request: ImageRequest, key: str, sink: Sink) -> Result:
        """Draw one picture. No error is billed: it is somebody's own machine.

        A doubt stays one all the same: where a picture has a price, it is not drawn twice.
        """
        end = time.monotonic() + self.connection.deadline
        try:
            return self._draw(request, key, sink, end)
        except errors.OutcomeUnknown:
            raise
        except errors.ProviderProblem as problem:
            problem.billed = "no"
            raise

    def _draw(self, request: ImageRequest, key: str, sink: Sink, end: float) -> Result:
        for issue in own_issues(request):
            raise errors.InvalidRequest(issue.message)
        checkpoint = self._checkpoint(request.model, end)
        seed = seed_of_key(key) if request.seed is None else request.seed
        payload = build_payload(request, self.options, str(checkpoint["model_name"]), seed)
        self._check_choices(payload, end)
        files, told = files_of(request)
        parameters = payload | told
        sink.sending(parameters)
        answer, data, spooled = self._post(payload | files, sink, end)
        info = info_of(data)
        pictures = self._pictures(data, info, spooled, answer)
        self._check_interruption(info, pictures, end)
        used = model_used(info)
        other = used and not is_same_checkpoint(checkpoint, used)
        told_model = f"Drawn with {used}; {request.model} was asked for."
        return Result(
            files=tuple(pictures),
            model=used if other else request.model,
            seed=seed_of(info, seed),
            request_id=answer.request_id,
            parameters=parameters | facts_of(info),
            notes=(
                *((told_model,) if other else ()),
                *count_notes(self.connection.name, pictures),
                *_odd_sizes(request, pictures),
            ),
        )

    def _post(
        self, payload: Mapping[str, Any], sink: Sink, end: float
    ) -> tuple[HttpAnswer, Mapping[str, Any], list[SpoolFile]]:
        """The one call: its answer, the JSON in it, and every file that came with it."""
        # Silence is how these servers work: only the deadline ends a call.
        client = HttpClient(replace(self.connection, read_timeout=self.connection.deadline))
        reference = "init_images" in payload
        with JsonSpooler(sink, (PICTURES, *ECHOES) if reference else (PICTURES,)) as spooler:
            answer = client.request(
                "POST",
                f"sdapi/v1/{'img2img' if reference else 'txt2img'}",
                json=payload,
                headers=self._headers(),
                stream_to=spooler,
                deadline=_left(end),
                sink=sink,
            )
            if not answer.ok:
                raise problem_of(answer, self.connection.name)
            data = spooler.finish()
        return answer, data if isinstance(data, Mapping) else {}, spooler.files

    def _pictures(
        self,
        data: Mapping[str, Any],
        info: Mapping[str, Any],
        spooled: Sequence[SpoolFile],
        answer: HttpAnswer,
    ) -> list[SpoolFile]:
        """The pictures of an answer, without its grids and echoes."""
        names = {f"spool:{number}": file for number, file in enumerate(spooled)}
        found = [names[str(each)] for each in list_in(data, PICTURES) if str(each) in names]
        pictures = found[first_picture(info) :]
        _forget(file for file in spooled if file not in pictures)
        if not pictures:
            # SD.Next answers so when the drawing failed (July 2026).
            raise errors.InvalidResponse(
                f"{self.connection.name} answered without a picture.",
                hint="Look at the server's own log: its answer tells no reason.",
                request_id=answer.request_id,
            )
        if len(pictures) < len(list_in(info, "all_seeds")):
            raise self._interrupted(pictures)
        return pictures

    def _check_interruption(
        self, info: Mapping[str, Any], pictures: Sequence[SpoolFile], end: float
    ) -> None:
        """An interrupted drawing comes as a good answer; only /progress tells, until the next job.

        A server that does not answer this, or tells of another job, says nothing about ours.
        """
        try:
            answer = self._get("progress?skip_current_image=true", end)
            data = answer.json() if answer.ok else {}
        except errors.ProviderProblem:
            return
        state = dict_in(data, "state")
        if state.get("interrupted") is not True and state.get("skipped") is not True:
            return
        theirs, ours = state.get("job_timestamp"), info.get("job_timestamp")
        if not theirs or not ours or theirs == ours:
            raise self._interrupted(pictures)

    def _interrupted(self, pictures: Sequence[SpoolFile]) -> errors.ProviderError:
        _forget(pictures)
        return errors.ProviderError(
            f"The picture was stopped at {self.connection.name} before it was finished.",
            hint="Somebody interrupted or skipped it there.",
            code="interrupted",
        )

    # --- What the server has --------------------------------------------------------------

    def _checkpoint(self, model: str, end: float) -> Mapping[str, Any]:
        """The server's entry for `model`. An unknown one would be ignored with a 200."""
        entries = [each for each in self._list("sd-models", end) if each.get("model_name")]
        if (found := checkpoint_named(model, entries)) is not None:
            return found
        names = ", ".join(str(each["model_name"]) for each in entries[:20])
        raise errors.ModelUnavailable(
            f"{self.connection.name} has no checkpoint {model}.",
            hint=f"It has {names}." if names else "It has none at all.",
        )

    def _check_choices(self, payload: Mapping[str, Any], end: float) -> None:
        """Names are compared exactly: stable-diffusion.cpp draws with its default for others."""
        for field, route in (("sampler_name", "samplers"), ("scheduler", "schedulers")):
            if (value := payload.get(field)) is None:
                continue
            what, names = field.removesuffix("_name"), self._names(route, end)
            if not names:
                raise errors.InvalidRequest(
                    f"{what} is not taken by {self.connection.name}, which lists none.",
                    hint="Older servers name the scheduler within the sampler (DPM++ 2M Karras).",
                )
            if value not in names:
                raise errors.InvalidRequest(
                    f"{self.connection.name} has no {what} {value}; it has {', '.join(names)}."
                )

    def _names(self, route: str, end: float) -> tuple[str, ...]:
        """The names in a list of the server; empty where it has no such list."""
        try:
            entries = self._list(route, end)
        except errors.ConfigurationError:
            return ()
        names = [each.get(name) for each in entries for name in ("name", "label")]
        return tuple(dict.fromkeys(str(name)[:200] for name in names if name))[:MOST_NAMES]

    def _list(self, route: str, end: float) -> list[Mapping[str, Any]]:
        answer = self._get(route, end)
        if not answer.ok:
            raise problem_of(answer, self.connection.name)
        return [each for each in _listed(answer.json()) if isinstance(each, Mapping)]

    def _get(self, route: str, end: float) -> HttpAnswer:
        return HttpClient(self.connection).request(
            "GET",
            f"sdapi/v1/{route}",
            headers=self._headers(),
            deadline=min(_left(end), ASKING),
        )

    def _headers(self) -> dict[str, str]:
        """HTTP Basic: the secret is "user:password"."""
        secret = self.connection.secret
        if not secret:
            return {}
        if ":" not in secret:
            raise errors.ConfigurationError(
                f"The secret of {self.connection.name} is no user name and password.",
                hint='Write it as "user:password".',
            )
        return {"Authorization": f"Basic {base64.b64encode(secret.encode()).decode()}"}

    # --- About the service ----------------------------------------------------------------

    def check_health(self, level: HealthLevel) -> Health:
        """Whether it is set up, is there, and lets us in."""
        if not self.connection.base_url:
            return Health(level, False, "It has no base URL.")
        headers = self._headers()
        if level is HealthLevel.CONFIGURED:
            return Health(level, True, f"{'With' if headers else 'Without'} user and password.")
        answer = self._get("sd-models", time.monotonic() + ASKING)
        if level is HealthLevel.REACHABLE and answer.status in (401, 403):
            return Health(level, True, "It answers and asks for a user name and a password.")
        if not answer.ok:
            problem = problem_of(answer, self.connection.name)
            return Health(level, False, problem.in_full)
        count = len(_listed(answer.json()))
        return Health(level, True, f"It answers; checkpoints: {count}.")

    def discover(self) -> list[dict[str, Any]]:
        """The server's checkpoints, with the samplers and schedulers that it has."""
        end = time.monotonic() + 3 * ASKING
        choices = {name: self._names(f"{name}s", end) for name in ("sampler", "scheduler")}
        able = {
            "extra": [name for name in EXTRA if choices.get(name, True)],
            "choices": {name: list(names) for name, names in choices.items() if names},
        }
        return [
            {
                "name": str(entry["model_name"]),
                "label": plain_line(str(entry.get("title") or entry["model_name"])),
                "capabilities": able,
                "price_rule": {"kind": "free"},
            }
            for entry in self._list("sd-models", end)
            if entry.get("model_name")
        ]


def _left(end: float) -> float:
    """Seconds until `end`, at least a moment: a limit of none would mean the default."""
    return max(0.01, end - time.monotonic())


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _forget(files: Iterable[SpoolFile]) -> None:
    """Remove files that are no pictures of ours from the spool."""
    for file in files:
        with suppress(OSError):
            os.unlink(file.path)


def _odd_sizes(request: ImageRequest, pictures: Sequence[SpoolFile]) -> Iterator[str]:
    asked = (request.width, request.height)
    for size in dict.fromkeys(picture_size(file.path) for file in pictures):
        if size is not None:
            yield from size_notes(asked, size)
