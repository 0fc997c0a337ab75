"""What the adapters of hosted services share: whom the secret may be shown, the usual questions
about health, and reading what came back.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from providers import errors
from providers.addresses import split_origin
from providers.answers import HttpAnswer, dicts_in, problem_for
from providers.base import Provider
from providers.http import HttpClient
from providers.receiving import MAX_JSON, JsonSpooler
from providers.types import Health, HealthLevel, ImageRequest, Sink, SpoolFile

# What libraries for addresses agree on; a backslash is one thing to some and another to others.
PLAIN_ADDRESS = re.compile(r"https?://[A-Za-z0-9.-]+(:\d+)?([/?#][!-\[\]-~]*)?")
MODEL_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)*(:\w+)?", re.ASCII)


class HostedProvider(Provider):
    """A service on the internet that wants a secret and charges for pictures."""

    charges = True
    home: ClassVar[str]  # base URL of the service
    # Domains whose hosts may be shown the secret too, where the base URL is one of them.
    family: ClassVar[tuple[str, ...]] = ()
    account_path: ClassVar[str] = ""  # a GET that wants the secret and costs nothing
    secret_header: ClassVar[tuple[str, str]] = ("Authorization", "Bearer {}")

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
        name, form = self.secret_header
        return {name: form.format(self.connection.secret)}

    def draw(
        self, path: str, keys: Collection[str], sink: Sink, max_json: int = MAX_JSON, **sending: Any
    ) -> tuple[Any, list[SpoolFile], HttpAnswer]:
        """One call that answers with pictures: (its JSON, their files, its head).

        `keys` are the properties that hold base64, of which at most `max_bytes` once decoded;
        `sending` is what goes with the request.
        """
        with JsonSpooler(sink, keys, max_json=max_json) as spooler:
            answer = self.client().request(
                "POST",
                path,
                stream_to=spooler,
                max_bytes=self.connection.max_bytes * 4 // 3,
                sink=sink,
                **sending,
            )
            if not answer.ok:
                raise self.problem(answer)
            return spooler.finish(), spooler.files, answer

    def client(self) -> HttpClient:
        return HttpClient(self.connection, self.home)

    def client_for(self, url: str) -> HttpClient:
        """A client that shows the secret to the host of `url`, if that may see it.

        The base URL's own origin may, and the other hosts of the service's family over HTTPS.
        `InvalidResponse` for any other: the service has no business to send the secret there.
        """
        own = self.client()
        try:
            scheme, host, port = split_origin(url if PLAIN_ADDRESS.fullmatch(url) else "")
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

    # --- About the service ----------------------------------------------------------------

    def models_in(self, answer: HttpAnswer) -> list[dict[str, Any]]:
        """The entries of a list of models; the error that a failed answer is."""
        if not answer.ok:
            raise self.problem(answer)
        return dicts_in(body_of(answer), "models")

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
            return Health(level, False, error.in_full)

    def ask_account(self, headers: Mapping[str, str]) -> HttpAnswer:
        """One call that costs nothing, with or without the secret."""
        return self.client().request("GET", self.account_path, headers=headers, deadline=9.0)

    def _authenticated(self, answer: HttpAnswer) -> Health:
        level = HealthLevel.AUTHENTICATED
        if answer.ok and body_of(answer):
            return Health(level, True, "The secret is accepted.")
        if answer.ok:
            return Health(level, False, "It answers, but not as this service does.")
        problem = self.problem(answer)
        if isinstance(problem, errors.AuthFailed | errors.AccessDenied | errors.QuotaExhausted):
            return Health(level, False, problem.message)
        return Health(level, None, f"It cannot be told now (HTTP {answer.status}).")


# --- Reading answers --------------------------------------------------------------------


def text_in(data: Mapping[str, Any], name: str, who: str) -> str:
    """A text that must be there; `InvalidResponse` when it is not."""
    value = data.get(name)
    if isinstance(value, str) and value:
        return value
    raise errors.InvalidResponse(
        f"{who} answered in an unexpected shape.",
        hint=f"Expected a text as {name}; it says: {str(dict(data))[:200]}",
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


def body_of(answer: HttpAnswer) -> dict[str, Any]:
    """The JSON object of an answer, a failed one mostly; empty when it is none."""
    try:
        data = answer.json()
    except errors.InvalidResponse:
        return {}
    return data if isinstance(data, dict) else {}


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


# --- Requests ---------------------------------------------------------------------------

OPTIONAL = (
    "negative_prompt", "seed", "steps", "guidance_scale", "quality", "output_format", "palette",
    "title", "kicker", "footer", "mask", "reference_images",
)  # fmt: skip


def refuse_the_rest(
    request: ImageRequest, carried: Collection[str], extra: Collection[str] | None = None
) -> None:
    """`InvalidRequest` when the request has a field or an extra setting that is not carried.

    A catalogue row may let through what an adapter cannot send; it is not dropped in silence.
    """
    given = [name for name in OPTIONAL if getattr(request, name) not in (None, "", ())]
    left = [name for name in given if name not in carried]
    if extra is not None:
        left += [name for name in request.extra if name not in extra]
    if left:
        raise errors.InvalidRequest(
            f"{', '.join(left)} cannot be sent to {request.model}.",
            hint="The capabilities of the model promise more than its adapter can do.",
        )
