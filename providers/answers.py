"""An HTTP answer, reading its JSON, and what its status usually means.

An adapter looks at its service's own codes first and falls back to this.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from providers import errors
from providers.keeping import one_line

# Values of one answer. Each takes a hundred bytes of memory and more, however few on the wire.
MOST_VALUES = 1_000_000
REQUEST_ID_HEADERS = ("x-request-id", "request-id", "x-fal-request-id", "cf-ray")


@dataclass(frozen=True)
class HttpAnswer:
    """Status, headers (names in lower case) and body; `body` is None when it was spooled."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def request_id(self) -> str:
        """The service's own id of this call, "" when it named none."""
        return next(
            (self.headers[name][:200] for name in REQUEST_ID_HEADERS if self.headers.get(name)), ""
        )

    @property
    def rate(self) -> dict[str, str]:
        """The headers that speak of limits."""
        return {
            name[:100]: value[:200]
            for name, value in self.headers.items()
            if "ratelimit" in name or name == "retry-after"
        }

    def json(self) -> Any:
        """The body as JSON; `InvalidResponse` when it is none."""
        try:
            return read_json(self.body or b"")
        except (ValueError, RecursionError) as error:
            raise errors.InvalidResponse(
                "The provider's answer cannot be read.",
                hint=f"Expected JSON, got: {self.excerpt()}",
                request_id=self.request_id,
            ) from error

    def excerpt(self, limit: int = 200) -> str:
        """The beginning of the body as one plain line, for an operator."""
        text = (self.body or b"")[: 4 * limit].decode("utf-8", "replace")
        return one_line(text, limit) or "an empty answer"


def read_json(data: bytes | bytearray) -> Any:
    """`data` as JSON; `ValueError` when it is none or has too many values to be held."""
    if sum(data.count(mark) for mark in b",[{") > MOST_VALUES:
        raise ValueError("It has too many values.")
    return json.loads(data)


def dict_in(data: Any, name: str) -> dict[str, Any]:
    """The object at `name` of some JSON, empty when there is none."""
    value = data.get(name) if isinstance(data, dict) else None
    return value if isinstance(value, dict) else {}


def list_in(data: Any, name: str) -> list[Any]:
    """The list at `name`, empty when there is none."""
    value = data.get(name) if isinstance(data, dict) else None
    return value if isinstance(value, list) else []


def dicts_in(data: Any, name: str) -> list[dict[str, Any]]:
    """The objects in the list at `name`; whatever else is in it is passed over."""
    return [item for item in list_in(data, name) if isinstance(item, dict)]


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds to wait by the Retry-After header (seconds or a date); None without a usable one."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, IndexError, OverflowError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - (now or datetime.now(UTC))).total_seconds())


def problem_for(answer: HttpAnswer, name: str, *, message: str = "") -> errors.ProviderProblem:
    """The error for a failed answer of the connection `name`, by its status alone.

    Only what surely did not run is retryable. A 5xx, 408 or 409 leaves the outcome unknown:
    such answers have been charged for. So does a 1xx, after which the real answer is to come.
    """
    details: dict[str, Any] = {
        "code": str(answer.status),
        "request_id": answer.request_id,
        "hint": f"HTTP {answer.status}: {answer.excerpt()}",
    }
    status = answer.status
    if status == 429:
        return errors.RateLimited(
            message or f"{name} asks us to slow down.",
            retry_after=retry_after(answer.headers),
            **details,
        )
    if status in PLAIN:
        kind, sentence = PLAIN[status]
        return kind(message or sentence.format(name=name), **details)
    if status >= 500 or status in (408, 409) or status < 200:
        return errors.OutcomeUnknown(
            message or f"{name} broke off with an error. The picture may have been charged.",
            **details,
        )
    if 300 <= status < 400:
        return errors.ConfigurationError(
            message or f"{name} redirects to another address, which is not followed.", **details
        )
    return errors.InvalidRequest(message or f"{name} does not take this request.", **details)


PLAIN: dict[int, tuple[type[errors.ProviderProblem], str]] = {
    401: (errors.AuthFailed, "{name} does not accept the secret."),
    402: (errors.QuotaExhausted, "{name} has no credit left."),
    403: (errors.AccessDenied, "{name} does not allow this with the secret in use."),
    404: (errors.ModelUnavailable, "{name} does not know this model or address."),
    410: (errors.ModelUnavailable, "{name} has retired this model."),
}
