"""What can go wrong at a provider.

ProviderProblem
├── ConfigurationError     the connection is not set up: no secret, unknown kind, bad option
├── InvalidRequest         the provider (or its capabilities) does not take this request
├── AuthFailed             the secret is wrong or has been withdrawn
├── AccessDenied           the secret is right but may not do this
├── ModelUnavailable       the model is unknown, retired or not loaded
├── ContentRejected        refused for its content: a state of its own, never retried
├── QuotaExhausted         the account has no credit or quota left
├── RateLimited            too fast; try again after `retry_after` seconds
├── ProviderUnavailable    surely not run: no connection, refused, overloaded before the call
├── ProviderError          the provider ran the call and said that it failed
├── OutOfMemory            the machine that draws ran out of memory
├── OutcomeUnknown         sent, but no answer came: it may have run and may cost money
├── JobLost                the provider took the job and no longer knows it
├── InvalidResponse        it answered, but there is no usable picture in the answer
└── Cancelled              stopped on our own request

Two questions matter more than the name: `retryable` (the same call may be sent again by
itself, because it surely did not run) and `billed` (may it cost money).
"""

import math
from collections.abc import Iterable
from typing import Any, Literal

from providers.keeping import keepable, keepable_text

LONGEST = 2000  # characters of a stored sentence
Billed = Literal["no", "yes", "unknown"]


class ProviderProblem(Exception):
    """Base of all errors of a provider.

    `message` is a sentence for the editor, `hint` tells the operator where to look, `code`
    and `request_id` are the provider's own. Neither secrets nor whole answers belong in any
    of them. `retryable` and `billed` come from the class; an adapter that knows better
    passes them.
    """

    retryable: bool = False
    billed: Billed = "unknown"

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        code: str = "",
        request_id: str = "",
        retryable: bool | None = None,
        billed: Billed | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code
        self.request_id = request_id
        if retryable is not None:
            self.retryable = retryable
        if billed is not None:
            self.billed = billed

    @property
    def in_full(self) -> str:
        """Message and hint together, where there is but one place for both."""
        return f"{self.message} {self.hint}".strip()

    def to_dict(self) -> dict[str, Any]:
        """The error as small JSON, fit to be stored with an attempt."""
        return {
            "type": type(self).__name__,
            "message": keepable_text(self.message, LONGEST),
            "hint": keepable_text(self.hint, LONGEST),
            "code": keepable_text(self.code, 200),
            "request_id": keepable_text(self.request_id, 200),
            "retryable": self.retryable,
            "billed": self.billed,
        }


class ConfigurationError(ProviderProblem):
    """The connection cannot be used as it is set up; only the operator can mend it."""

    billed = "no"


class InvalidRequest(ProviderProblem):
    """The request itself is wrong for this model; changing it helps, repeating does not."""

    billed = "no"


class AuthFailed(ProviderProblem):
    """The provider does not accept the secret."""

    billed = "no"


class AccessDenied(ProviderProblem):
    """The account is known but may not use this model or function."""

    billed = "no"


class ModelUnavailable(ProviderProblem):
    """The model does not exist there, was retired or is not loaded."""

    billed = "no"


class ContentRejected(ProviderProblem):
    """Refused for its content; `stage` is "input" or "output", `categories` as named there.

    Whether a refusal costs money differs; an adapter that knows says so in `billed`.
    """

    def __init__(
        self, message: str, *, stage: str = "", categories: Iterable[str] = (), **details: Any
    ) -> None:
        super().__init__(message, **details)
        self.stage = stage
        self.categories = tuple(categories)

    def to_dict(self) -> dict[str, Any]:
        return super().to_dict() | {"stage": self.stage, "categories": keepable(self.categories)}


class QuotaExhausted(ProviderProblem):
    """No credit or quota is left; the connection should pause until someone tops it up."""

    billed = "no"


class RateLimited(ProviderProblem):
    """Sent too fast. `retry_after` is in seconds, None when the provider named no time."""

    retryable = True
    billed = "no"

    def __init__(self, message: str, *, retry_after: float | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        no_time = retry_after is None or math.isnan(retry_after)
        self.retry_after = None if no_time else max(0.0, retry_after or 0.0)

    def to_dict(self) -> dict[str, Any]:
        return super().to_dict() | {"retry_after": keepable(self.retry_after)}


class ProviderUnavailable(ProviderProblem):
    """The call surely did not run: nothing was sent, or a code documented as free came."""

    retryable = True
    billed = "no"


class ProviderError(ProviderProblem):
    """The provider ran the call and reported a failure of its own."""


class OutOfMemory(ProviderProblem):
    """Too large for the memory of the machine that draws; a smaller size may pass."""

    billed = "no"


class OutcomeUnknown(ProviderProblem):
    """The call was sent and no answer came. Never sent again without a person's word."""


class JobLost(ProviderProblem):
    """The provider accepted the job but does not know it any more."""


class InvalidResponse(ProviderProblem):
    """An answer came, and it holds no usable picture. Counted as paid unless known free."""

    billed = "yes"


class Cancelled(ProviderProblem):
    """The provider stopped the job because we asked it to."""
