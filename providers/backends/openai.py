"""OpenAI: GPT Image models by the Images API, and text models for prompts.

https://developers.openai.com/api/reference/resources/images, read 2026-11-21 in the stored
documentation and in the types of openai 3.52.0. The API is synchronous, takes no idempotency key
and cannot be asked later what became of a call: nothing is known after a cut connection.

The `openai` package writes the requests; they go over `HttpClient` (`openai_transport.py`), and the
body of the answer is taken from the stream, its base64 decoded into the spool as it comes. The file
stays as it came, with the C2PA record that OpenAI puts in.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, ClassVar

from providers import errors
from providers.answers import HttpAnswer, dict_in, dicts_in
from providers.backends import openai_images as images
from providers.backends import openai_texts as texts
from providers.backends._results import count_notes
from providers.backends.openai_errors import Told, known_problem, problem
from providers.backends.openai_options import OpenAIOptions
from providers.base import Provider
from providers.http import HttpClient
from providers.receiving import JsonSpooler, fetch_picture
from providers.types import (
    Capabilities,
    Health,
    HealthLevel,
    ImageRequest,
    Recovery,
    Result,
    Sink,
    SpoolFile,
    TextRequest,
    TextResult,
    Validation,
)

BASE_URL = "https://api.openai.com/v1"
HEALTH_TIME = 8.0  # seconds
MAX_PICTURES = 10  # of one answer; one is asked for
MAX_LIST = 4 * 1024 * 1024  # bytes of a list of models
ANSWERED = ("background", "output_format", "quality", "size")
# What both methods of the package name; the rest goes into the body as it is.
NAMED = frozenset({"model", "prompt"})
IMAGE_NAMES = re.compile(
    r"image|dall-?e|diffusion|flux|sdxl|(?<![a-z])sd[-\d]|imagen|recraft|ideogram|seedream|hidream",
    re.IGNORECASE,
)
OTHER_NAMES = re.compile(
    r"embed|tts|whisper|audio|speech|realtime|transcri|moderation|rerank|video|sora|"
    r"(?<![a-z])live(?![a-z])|search|turbo-instruct|davinci|babbage|codex|computer-use|deep-research",
    re.IGNORECASE,
)


class OpenAIProvider(Provider):
    recovery = Recovery.NOTHING
    charges = True
    base_url: ClassVar[str] = BASE_URL
    options_class = OpenAIOptions
    options: OpenAIOptions

    # --- Before a call ------------------------------------------------------------------

    def capabilities(self, model: str, row: Mapping[str, Any] | None = None) -> Capabilities:
        """By the version in its name; which models are retired is the catalogue's business."""
        return images.family(model).overlaid(row)

    def validate(self, request: ImageRequest, capabilities: Capabilities) -> Validation:
        found = super().validate(request, capabilities)
        return replace(found, issues=(*found.issues, *images.own_issues(request)))

    def build_payload(self, request: ImageRequest) -> dict[str, Any]:
        """The parameters of a call as they are sent, but for files."""
        return images.build_payload(request)

    # --- Pictures -----------------------------------------------------------------------

    def submit(self, request: ImageRequest, key: str, sink: Sink) -> Result:
        end = time.monotonic() + self.connection.deadline
        payload = self.build_payload(request)
        with (
            images.opened(request.reference_images, "image", images.MAX_REFERENCE) as pictures,
            images.opened(_one(request.mask), "mask", images.MAX_MASK) as masks,
            JsonSpooler(sink, ["b64_json"], max_files=MAX_PICTURES) as spooler,
        ):
            sent = dict(payload)
            uploads: dict[str, Any] = {}
            if pictures:
                sent["image"] = [picture.described() for picture in pictures]
                uploads["image"] = [picture.part() for picture in pictures]
            if masks:
                sent["mask"] = masks[0].described()
                uploads["mask"] = masks[0].part()
            sink.sending(sent)
            method = "images.edit" if pictures else "images.generate"
            head = self._call(method, _arguments(payload) | uploads, spooler.write, sink)
            answer = spooler.finish()
        files = self._pictures(answer, spooler.files, head, sink, end)
        return self._result(request, answer, files, head, sent)

    def _pictures(
        self, answer: Any, spooled: list[SpoolFile], head: HttpAnswer, sink: Sink, end: float
    ) -> list[SpoolFile]:
        """The files of an answer, downloaded where it gives addresses; or the error that it is."""
        files: list[SpoolFile] = []
        for entry in dicts_in(answer, "data")[:MAX_PICTURES]:
            inline, url = entry.get("b64_json"), entry.get("url")
            if found := _spooled(inline, spooled):
                files.append(found)
            elif isinstance(address := url or inline, str) and address:  # some mix the two up
                left = max(0.1, end - time.monotonic())
                config = replace(self.connection, base_url=self._http().base_url)
                try:
                    files.append(fetch_picture(config, address, sink, deadline=left))
                except errors.ProviderProblem:
                    if not files:
                        raise
                    break  # one was asked for and is here
        if not files:
            self._raise_error_in(answer, head)
            raise errors.InvalidResponse(
                f"{self.connection.name} answered without a picture.", request_id=head.request_id
            )
        return files

    def _result(
        self,
        request: ImageRequest,
        answer: dict[str, Any],
        files: list[SpoolFile],
        head: HttpAnswer,
        sent: dict[str, Any],
    ) -> Result:
        told = {name: answer[name] for name in ANSWERED if isinstance(answer.get(name), str)}
        parameters = sent | ({"answered": told} if told else {})
        for entry in dicts_in(answer, "data"):
            if revised := entry.get("revised_prompt"):
                parameters["revised_prompt"] = revised
        notes = list(count_notes(self.connection.name, files))
        model = answer.get("model")
        model = model if isinstance(model, str) and model else request.model
        if model.rpartition("/")[2] != request.model.rpartition("/")[2]:
            notes.append(f"{self.connection.name} says that it drew with {model}.")
        return Result(
            files=tuple(files),
            model=model,
            usage=dict_in(answer, "usage"),
            request_id=head.request_id,
            parameters=parameters,
            notes=tuple(notes),
        )

    # --- Texts --------------------------------------------------------------------------

    def write(self, request: TextRequest, key: str, sink: Sink) -> TextResult:
        with images.opened(request.images, "image", images.MAX_REFERENCE) as pictures:
            sent = texts.described(self._text_arguments(request, []), pictures)
            sink.sending(sent | dict(self.extra_body))
            urls = [texts.data_url(picture) for picture in pictures]
            arguments = self._text_arguments(request, urls) | {"extra_body": self.extra_body}
        parts: list[bytes] = []
        method = "chat.completions.create" if self._by_chat else "responses.create"
        head = self._call(method, arguments, parts.append, sink, max_bytes=texts.MAX_ANSWER)
        answer = replace(head, body=b"".join(parts)).json()
        self._raise_error_in(answer, head)
        if not isinstance(answer, dict):
            raise errors.InvalidResponse(
                f"{self.connection.name} gave no text.", request_id=head.request_id
            )
        model = answer.get("model")
        return TextResult(
            data=texts.Reading(self.connection.name, head, request).data(answer),
            model=model if isinstance(model, str) and model else request.model,
            usage=texts.usage_of(answer),
            request_id=head.request_id,
        )

    @property
    def extra_body(self) -> Mapping[str, Any]:
        """What goes into the body of every call besides."""
        return {}

    @property
    def _by_chat(self) -> bool:
        return self.options.text_api == "chat"

    def _text_arguments(self, request: TextRequest, urls: list[str]) -> dict[str, Any]:
        effort = self.options.reasoning_effort
        if self._by_chat:
            arguments = texts.chat_arguments(request, urls)
            return arguments | ({"reasoning_effort": effort} if effort else {})
        arguments = texts.responses_arguments(request, urls)
        return arguments | ({"reasoning": {"effort": effort}} if effort else {})

    # --- The service --------------------------------------------------------------------

    def check_health(self, level: HealthLevel) -> Health:
        if level is HealthLevel.CONFIGURED:
            return self._configured()
        answer = self._models(HEALTH_TIME)
        if level is HealthLevel.REACHABLE:
            return Health(level, answer.status < 500, f"It answers with {answer.status}.")
        if answer.status == 404:
            return Health(level, None, "It has no list of models to ask for.")
        if answer.ok:
            return Health(level, True, "The secret is accepted.")
        if answer.status in (401, 403) and b"scope" in (answer.body or b""):
            return Health(level, None, "The secret is known, but may not list the models.")
        found = self._problem(answer)
        return Health(level, False, found.in_full)

    def _configured(self) -> Health:
        level = HealthLevel.CONFIGURED
        if not self.connection.secret:
            return Health(level, False, "No secret: name its environment variable.")
        return Health(level, True, f"Calls go to {self._http().base_url}.")

    def discover(self) -> list[dict[str, Any]]:
        """Models for pictures and texts by their names; the list is no proof of access."""
        answer = self._models(self.connection.deadline)
        if not answer.ok:
            raise self._problem(answer)
        return [offer for entry in dicts_in(answer.json(), "data") if (offer := _offer(entry))]

    def _models(self, deadline: float) -> HttpAnswer:
        return self._http().request(
            "GET", "models", headers=self._headers(), deadline=deadline, max_bytes=MAX_LIST
        )

    # --- The wire -----------------------------------------------------------------------

    def _http(self) -> HttpClient:
        """The API says nothing while it draws: only the deadline ends that silence."""
        limit = max(self.connection.read_timeout, self.connection.deadline)
        return HttpClient(replace(self.connection, read_timeout=limit), self.base_url)

    def _headers(self) -> dict[str, str]:
        headers = {
            "OpenAI-Organization": self.options.organization,
            "OpenAI-Project": self.options.project,
        }
        if self.connection.secret:
            headers["Authorization"] = f"Bearer {self.connection.secret}"
        return {name: value for name, value in headers.items() if value}

    def _call(
        self,
        method: str,
        arguments: Mapping[str, Any],
        take: Callable[[bytes], object],
        sink: Sink,
        max_bytes: int | None = None,
    ) -> HttpAnswer:
        """One call of the package's `method`; the body of a success goes to `take`."""
        with self._sending(method, sink, max_bytes) as send, send(**arguments) as response:
            for chunk in response.iter_bytes():
                take(chunk)
            headers = {name.lower(): value for name, value in response.headers.items()}
            return HttpAnswer(response.status_code, headers)

    @contextmanager
    def _sending(self, method: str, sink: Sink, max_bytes: int | None) -> Iterator[Any]:
        """The package's `method` with a streamed answer, and its errors as ours."""
        import openai

        from providers.backends.openai_transport import Wire, make_client

        wire = Wire(http=self._http(), headers=self._headers(), sink=sink, max_bytes=max_bytes)
        try:
            resource: Any = make_client(wire)
            *path, last = method.split(".")
            for name in path:
                resource = getattr(resource, name)
            yield getattr(resource.with_streaming_response, last)
        except openai.APIStatusError as error:
            names = {name.lower(): value for name, value in error.response.headers.items()}
            answer = HttpAnswer(error.status_code, names, error.response.content)
            raise self._problem(answer) from error
        except openai.OpenAIError as error:
            # Cuts and time-outs come as our own errors; what the package finds is in doubt.
            raise errors.OutcomeUnknown(
                f"The call to {self.connection.name} ended without an answer.",
                hint=type(error).__name__,
            ) from error

    def _problem(self, answer: HttpAnswer) -> errors.ProviderProblem:
        return problem(answer, self.connection.name)

    def _raise_error_in(self, answer: Any, head: HttpAnswer) -> None:
        """Gateways put errors into a 200 (2026-11); one without a code that we know was paid."""
        told = Told.read(answer)
        if told is None:
            return
        known = known_problem(told, head, self.connection.name)
        raise known or errors.InvalidResponse(
            f"{self.connection.name} answered with an error.",
            code=told.code or told.type,
            hint=told.message,
            request_id=head.request_id,
        )


def _one(path: str) -> tuple[str, ...]:
    return (path,) if path else ()


def _arguments(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The payload as either method of the package takes it, whatever parameters it names."""
    named = {name: value for name, value in payload.items() if name in NAMED}
    other = {name: value for name, value in payload.items() if name not in NAMED}
    return {**named, "extra_body": other}


def _spooled(value: Any, files: list[SpoolFile]) -> SpoolFile | None:
    """The file that stands for a picture's base64."""
    mark, _, number = str(value).partition(":")
    if mark == "spool" and number.isdecimal() and int(number) < len(files):
        return files[int(number)]
    return None


def _offer(entry: Mapping[str, Any]) -> dict[str, Any] | None:
    """A model as the catalogue takes it; None for what neither draws nor writes."""
    name = entry.get("id")
    if not isinstance(name, str) or not name:
        return None
    purpose = "image" if IMAGE_NAMES.search(name) else "text"
    if purpose == "text" and OTHER_NAMES.search(name):
        return None
    offer = {"name": name, "label": name, "purpose": purpose}
    if isinstance(day := entry.get("shutdown_date"), str) and day:
        offer["shutdown_at"] = day
    return offer
