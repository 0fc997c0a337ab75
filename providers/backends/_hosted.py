"""What the adapters of hosted services share: whom the secret may be shown, reading what came back,
pictures to send along, and the usual questions about health.

The last part is for services with a queue: looking at a job by an address that the service named.
"""

import base64
import hashlib
import re
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar, Self

from providers import errors
from providers.addresses import split_origin
from providers.answers import HttpAnswer, problem_for
from providers.base import Provider
from providers.http import HttpClient
from providers.receiving import fetch_picture
from providers.types import (
    ConnectionConfig,
    Handle,
    Health,
    HealthLevel,
    ImageRequest,
    Recovery,
    Sink,
    SpoolFile,
)

LOOK_LIMIT = 20.0  # seconds that one look at a job or at the account may take
MAX_LOOK = 2 * 1024 * 1024  # bytes of its answer
MODEL_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)*(:\w+)?", re.ASCII)
SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"RIFF": "image/webp",
}


class Options:
    """Base of the options of a connection: frozen dataclasses that refuse unknown names."""

    @classmethod
    def read(cls, options: Mapping[str, Any], name: str) -> Self:
        """`ConfigurationError` names an option of the connection `name` that is unknown."""
        known = {item.name for item in fields(cls)}  # type: ignore[arg-type]
        if unknown := sorted(set(options) - known):
            raise errors.ConfigurationError(
                f"{name} has no option {', '.join(unknown)}.",
                hint=f"Known: {', '.join(sorted(known)) or 'none'}.",
            )
        return cls(**options)


@dataclass(frozen=True)
class NoOptions(Options):
    """For kinds that have no options of their own."""


@dataclass(frozen=True)
class QueueOptions(Options):
    """Options of a service with a queue: seconds from one look at a job to the next."""

    poll_interval: float | None = None

    def __post_init__(self) -> None:
        pause = 1 if self.poll_interval is None else self.poll_interval
        if not isinstance(pause, int | float) or isinstance(pause, bool) or not 0 < pause <= 60:
            raise errors.ConfigurationError("poll_interval must be a number of seconds up to 60.")


class HostedProvider(Provider):
    """A service on the internet that wants a secret and charges for pictures."""

    charges = True
    options_class: ClassVar[type[Options]] = NoOptions
    home: ClassVar[str]  # base URL of the service
    # Domains whose hosts may be shown the secret too, where the base URL is one of them.
    family: ClassVar[tuple[str, ...]] = ()
    account_path: ClassVar[str] = ""  # a GET that wants the secret and costs nothing

    def __init__(self, connection: ConnectionConfig) -> None:
        super().__init__(connection)
        self.options: Options = self.options_class.read(connection.options, connection.name)

    # --- To be given ----------------------------------------------------------------------

    @abstractmethod
    def secret_headers(self, secret: str) -> dict[str, str]:
        """How the service wants its secret."""

    def problem(self, answer: HttpAnswer) -> errors.ProviderProblem:
        """What a failed answer means: the service's own codes first, then the status."""
        return problem_for(answer, self.connection.name)

    # --- Calls ----------------------------------------------------------------------------

    def headers(self) -> dict[str, str]:
        """The headers that carry the secret; `ConfigurationError` without one."""
        if not self.connection.secret:
            raise errors.ConfigurationError(
                f"{self.connection.name} has no secret.",
                hint="Name the environment variable that holds it, and set that.",
            )
        return self.secret_headers(self.connection.secret)

    def client(self) -> HttpClient:
        return HttpClient(self.connection, self.home)

    def client_for(self, url: str) -> HttpClient:
        """A client that shows the secret to the host of `url`, if that may see it.

        The base URL's own origin may, and the other hosts of the service's family over HTTPS.
        `InvalidResponse` for any other: the service has no business to send the secret there.
        """
        own = self.client()
        try:
            scheme, host, port = split_origin(url)
        except ValueError:
            raise self._stray("an address that is none") from None
        if (scheme, host, port) == split_origin(own.base_url):
            return own
        trusted = self._is_family(split_origin(own.base_url)[1]) and self._is_family(host)
        if not trusted or scheme != "https" or port != 443:
            raise self._stray(host)
        # Private addresses are for the base URL's own host alone.
        elsewhere = replace(self.connection, base_url=f"https://{host}", private_network=False)
        return HttpClient(elsewhere)

    def _is_family(self, host: str) -> bool:
        return any(host == domain or host.endswith(f".{domain}") for domain in self.family)

    def _stray(self, where: str) -> errors.InvalidResponse:
        return errors.InvalidResponse(
            f"{self.connection.name} sent us to an address that is not its own.",
            hint=f"The secret is not shown to {where[:200]}.",
        )

    # --- Health ---------------------------------------------------------------------------

    def check_health(self, level: HealthLevel) -> Health:
        if level is HealthLevel.CONFIGURED:
            found = bool(self.connection.secret)
            return Health(level, found, "The secret is set." if found else "It has no secret.")
        try:
            if level is HealthLevel.REACHABLE:
                answer = self.ask_account({})
                return Health(level, True, f"It answers (HTTP {answer.status}).")
            return self._authenticated(self.ask_account(self.headers()))
        except errors.ProviderProblem as error:
            return Health(level, False, f"{error.message} {error.hint}".strip())

    def ask_account(self, headers: Mapping[str, str]) -> HttpAnswer:
        """One call that costs nothing, with or without the secret."""
        return self.client().request("GET", self.account_path, headers=headers, deadline=9.0)

    def _authenticated(self, answer: HttpAnswer) -> Health:
        level = HealthLevel.AUTHENTICATED
        if answer.ok:
            return Health(level, True, "The secret is accepted.")
        problem = self.problem(answer)
        if isinstance(problem, errors.AuthFailed | errors.AccessDenied | errors.QuotaExhausted):
            return Health(level, False, problem.message)
        return Health(level, None, f"It cannot be told now (HTTP {answer.status}).")


# --- Services with a queue --------------------------------------------------------------


class QueuedProvider(HostedProvider):
    """A service that takes a job, names addresses to look at it, and keeps the picture a while."""

    recovery = Recovery.HANDLE
    options_class: ClassVar[type[Options]] = QueueOptions
    options: QueueOptions

    def __init__(self, connection: ConnectionConfig) -> None:
        super().__init__(connection)
        if self.options.poll_interval is not None:
            self.poll_interval = self.options.poll_interval

    def look(self, url: str, deadline: float = LOOK_LIMIT) -> HttpAnswer:
        """One free look at a job; momentary trouble is an error that `collect` sits out."""
        client, limit = self.client_for(url), min(deadline, self.connection.deadline)
        try:
            return client.request(
                "GET", url, headers=self.headers(), deadline=limit, max_bytes=MAX_LOOK
            )
        except errors.InvalidResponse as error:
            raise errors.ProviderUnavailable(error.message, hint=error.hint) from error

    def look_problem(self, answer: HttpAnswer) -> errors.ProviderProblem:
        """What a failed look means by its status: the job itself goes on, or is forgotten."""
        name, status = self.connection.name, answer.status
        if status in (404, 410):
            return errors.JobLost(
                f"{name} does not know this job any more.",
                hint="It may have been drawn and charged.",
                code=str(status),
                request_id=answer.request_id,
            )
        if status == 429:
            return problem_for(answer, name)
        if status in (401, 402, 403):
            problem = problem_for(answer, name)
            problem.billed = "unknown"
            return problem
        return errors.ProviderUnavailable(
            f"{name} cannot tell about the job at the moment.",
            hint=f"HTTP {status}: {answer.excerpt()}",
        )

    def state_of(self, answer: HttpAnswer) -> dict[str, Any]:
        """The JSON object of a look that succeeded.

        Something else (a page of a proxy, say) tells nothing about the job, which is looked at
        again.
        """
        try:
            state = answer.json()
        except errors.InvalidResponse as error:
            state, reason = None, error.hint
        else:
            reason = "Expected a JSON object."
        if isinstance(state, dict):
            return state
        raise errors.ProviderUnavailable(
            f"{self.connection.name} cannot tell about the job at the moment.", hint=reason
        )

    def unknown_state(self, state: object) -> errors.ProviderUnavailable:
        """A state that is not documented: nobody knows whether it is the last one."""
        return errors.ProviderUnavailable(
            f"{self.connection.name} names a state of the job that we do not know.",
            hint=f"State: {str(state)[:100]}",
        )

    def fetch_all(self, urls: Sequence[str], sink: Sink) -> tuple[SpoolFile, ...]:
        """The pictures at the addresses that a finished job names, shown no secret."""
        if not urls:
            raise errors.InvalidResponse(f"{self.connection.name} finished without a picture.")
        config = replace(self.connection, base_url=self.client().base_url)
        return tuple(fetch_picture(config, url, sink) for url in urls[:10])

    def address_in(self, data: Mapping[str, Any], name: str) -> str:
        """The address `name` of an answer that took a job, checked before it is ever used."""
        url = text_in(data, name, self.connection.name)
        self.client_for(url)
        return url

    @staticmethod
    def stored(handle: Handle, name: str) -> str:
        """A text of the handle; `JobLost` when that is not one of ours."""
        value = handle.data.get(name)
        if isinstance(value, str) and value:
            return value
        raise errors.JobLost("The job cannot be found again: its handle is incomplete.")


# --- Reading answers --------------------------------------------------------------------


def text_in(data: Mapping[str, Any], name: str, who: str) -> str:
    """A text that must be there; `InvalidResponse` when it is not."""
    value = data.get(name)
    if isinstance(value, str) and value:
        return value
    raise errors.InvalidResponse(
        f"{who} answered in an unexpected shape.", hint=f"Expected a text as {name}."
    )


def object_of(answer: HttpAnswer, who: str) -> dict[str, Any]:
    """The JSON object of an answer; `InvalidResponse` when it is something else."""
    data = answer.json()
    if isinstance(data, dict):
        return data
    raise errors.InvalidResponse(
        f"{who} answered in an unexpected shape.",
        hint="Expected a JSON object.",
        request_id=answer.request_id,
    )


def error_of(answer: HttpAnswer) -> dict[str, Any]:
    """The JSON object of a failed answer, empty when it is none."""
    try:
        data = answer.json()
    except errors.InvalidResponse:
        return {}
    return data if isinstance(data, dict) else {}


def dict_in(data: Any, name: str) -> dict[str, Any]:
    """The object at `name`, empty when there is none."""
    value = data.get(name) if isinstance(data, dict) else None
    return value if isinstance(value, dict) else {}


def list_in(data: Any, name: str) -> list[Any]:
    """The list at `name`, empty when there is none."""
    value = data.get(name) if isinstance(data, dict) else None
    return value if isinstance(value, list) else []


def details_of(answer: HttpAnswer, code: str = "", told: object = "") -> dict[str, Any]:
    """What every error says besides its message; `told` is the service's own sentence."""
    return {
        "code": (code or str(answer.status))[:200],
        "request_id": answer.request_id,
        "hint": f"HTTP {answer.status}: {str(told)[:300] if told else answer.excerpt()}",
    }


def model_path(model: str) -> str:
    """`model` as a part of an address; `ModelUnavailable` when it cannot be one."""
    if MODEL_NAME.fullmatch(model) and ".." not in model:
        return model
    raise errors.ModelUnavailable(f'"{model[:100]}" cannot be the name of a model.')


# --- Pictures to send along -------------------------------------------------------------


@dataclass(frozen=True)
class Picture:
    """A local picture that goes out with a request."""

    content: bytes
    mime: str

    @classmethod
    def read(cls, path: str) -> Self:
        """`InvalidRequest` when the file is gone or no PNG, JPEG or WebP."""
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            raise errors.InvalidRequest(
                "A reference picture cannot be read.", hint=type(error).__name__
            ) from error
        for beginning, mime in SIGNATURES.items():
            if content.startswith(beginning):
                return cls(content, mime)
        raise errors.InvalidRequest("A reference picture is no PNG, JPEG or WebP.")

    @property
    def base64(self) -> str:
        return base64.b64encode(self.content).decode()

    @property
    def data_url(self) -> str:
        return f"data:{self.mime};base64,{self.base64}"

    @property
    def told(self) -> dict[str, Any]:
        """What is written down of it."""
        return {"sha256": hashlib.sha256(self.content).hexdigest(), "bytes": len(self.content)}


Writer = Callable[[Picture], Any]  # how a picture is written into a payload


def told(picture: Picture) -> dict[str, Any]:
    return picture.told


def pictures_of(request: ImageRequest) -> tuple[Picture, ...]:
    return tuple(Picture.read(path) for path in request.reference_images)
