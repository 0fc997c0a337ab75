"""The interface of an adapter and the fixed order of a call.

An adapter is synchronous, runs in a worker's thread, keeps nothing on itself between calls
and knows no Django. The base class refuses every optional thing; an adapter switches on
what it can carry faithfully by its `capabilities`.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, ClassVar, Self

from providers.errors import (
    AccessDenied,
    AuthFailed,
    ConfigurationError,
    JobLost,
    OutcomeUnknown,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
)
from providers.options import Options
from providers.prices import cost_of_usage, price_of
from providers.types import (
    AnyRequest,
    Capabilities,
    ConnectionConfig,
    Handle,
    Health,
    HealthLevel,
    ImageRequest,
    Price,
    Recovery,
    Result,
    Sink,
    TextRequest,
    TextResult,
    Validation,
)
from providers.validation import validate_request

# Raised when an adapter written before would no longer work.
INTERFACE_VERSION = 1


class Provider(ABC):
    """One service, reached by one connection.

    Must be given: `recovery`, `capabilities` and `submit`; `poll` too where `submit` returns a
    `Handle`. All errors are those of `providers/errors.py`.
    """

    # Which interface an adapter was written for; a plugin names it in its own class.
    interface_version: ClassVar[int] = INTERFACE_VERSION
    recovery: Recovery = Recovery.NOTHING
    # Whether its calls cost money: such a connection needs a monthly cap before it is enabled.
    charges: ClassVar[bool] = False
    # What its connections may set; `options` are those of this one.
    options_class: ClassVar[type[Options]] = Options
    options: Options
    # Seconds between two looks at a queued job: the first pause and the longest.
    poll_interval: float = 1.0
    poll_interval_max: float = 5.0

    def __init__(self, connection: ConnectionConfig) -> None:
        self.connection = connection
        self.options = self.options_class.read(connection.options, connection.name)

    # --- Before a call ------------------------------------------------------------------

    @abstractmethod
    def capabilities(self, model: str, row: Mapping[str, Any] | None = None) -> Capabilities:
        """What `model` takes. `row` is the catalogue's JSON, which wins where it says more.

        A model that this adapter cannot know is a `ModelUnavailable`.
        """

    def validate(self, request: ImageRequest, capabilities: Capabilities) -> Validation:
        """The request as it may be sent. Called by form, command and engine alike.

        Refuses by name what the model does not take and snaps sizes, saying so.
        """
        return validate_request(request, capabilities, f"{request.model} ({self.connection.name})")

    def estimate(self, request: AnyRequest, price_rule: Mapping[str, Any]) -> Price:
        """What this call will cost, from the catalogue's price rule."""
        try:
            return price_of(price_rule, request)
        except ValueError as error:
            raise ConfigurationError(
                f"The price of {request.model} cannot be read: {error}",
                hint="Correct the price rule of the model in the admin.",
            ) from error

    def settle(self, usage: Mapping[str, Any], price_rule: Mapping[str, Any]) -> Decimal | None:
        """What a finished call cost by the usage that the service told; None: not known."""
        return cost_of_usage(price_rule, usage)

    # --- The call -----------------------------------------------------------------------

    @abstractmethod
    def submit(self, request: ImageRequest, key: str, sink: Sink) -> Handle | Result:
        """Send the request once. `key` is the attempt's own id, a UUID as text.

        Returns the result, or a handle where the service has a queue. Never repeats a
        request by itself.
        """

    def poll(self, handle: Handle, sink: Sink) -> Result | None:
        """Look once after a queued job: its result, or None while it is not ready.

        Raises `JobLost` when the service does not know the job, and the job's own error
        when it failed.
        """
        raise NotImplementedError(f"{type(self).__name__} answers at once and has nothing to poll")

    def cancel(self, handle: Handle) -> bool:
        """Ask to stop this one job. True when the service confirmed it."""
        return False

    def handle_for(self, key: str) -> Handle | None:
        """The handle that a call with `key` will have, where we choose the id (LOOKUP)."""
        return None

    def lasting(self, seconds: float) -> Self:
        """The adapter for one call that ends in so many seconds: a copy where it remembers that."""
        return self

    def generate(
        self,
        request: ImageRequest,
        key: str,
        sink: Sink,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Result:
        """`submit` and `collect` in one, within the connection's deadline."""
        end, call = clock() + self.connection.deadline, self.lasting(self.connection.deadline)
        known = call.handle_for(key)
        if known is not None:
            sink.handle(known)
        answer = call.submit(request, key, sink)
        if isinstance(answer, Result):
            return answer
        if answer != known:
            sink.handle(answer)
        try:
            return call.collect(answer, sink, end=end, clock=clock, sleep=sleep)
        except JobLost as lost:
            if lost.billed == "no":  # it had been taken; nobody can tell whether it ran
                lost.billed = "unknown"
            raise

    def collect(
        self,
        handle: Handle,
        sink: Sink,
        *,
        end: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Result:
        """Poll a job until it is ready or `end` (by `clock`; default: a whole deadline) passes.

        A look that fails for a moment costs nothing and is repeated. One that is not allowed
        says nothing about the job: `OutcomeUnknown`. When time is up the job may still
        finish: `OutcomeUnknown` where it can be found later, else `JobLost`. Without any time
        left there is one look, which may take a whole deadline.
        """
        left = self.connection.deadline if end is None else end - clock()
        end = clock() + left
        call = self.lasting(left if left > 0 else self.connection.deadline)
        pause = self.poll_interval
        while True:
            wait = pause
            try:
                if (result := call.poll(handle, sink)) is not None:
                    return result
            except RateLimited as error:
                wait = max(pause, error.retry_after or 0.0)
            except ProviderUnavailable:
                wait = pause
            except (AuthFailed, AccessDenied, ConfigurationError, QuotaExhausted) as error:
                # The question was refused. Of the job, which may have cost money, it says nothing.
                raise OutcomeUnknown(
                    f"{self.connection.name} took the job but lets nobody ask for it: "
                    f"{error.message}",
                    hint=error.hint,
                ) from error
            if clock() + wait >= end:
                raise self._overdue()
            sleep(wait)
            pause = min(pause * 1.5, self.poll_interval_max)

    def _overdue(self) -> OutcomeUnknown | JobLost:
        text = (
            f"{self.connection.name} took the job but did not finish it "
            f"within {self.connection.deadline:g} seconds."
        )
        if self.recovery is Recovery.NOTHING:
            return JobLost(text, hint="This service cannot be asked for it later.")
        return OutcomeUnknown(text, hint="Look again later: the job may still finish there.")

    def write(self, request: TextRequest, key: str, sink: Sink) -> TextResult:
        """Ask a text model once. Never repeats a request by itself."""
        raise ConfigurationError(
            f"{self.connection.name} writes no texts.",
            hint="Choose a model of an OpenAI-compatible provider.",
        )

    # --- About the service --------------------------------------------------------------

    def health(self, level: HealthLevel | str) -> Health:
        """Answer one level of health. An adapter overrides `check_health`, not this."""
        level = HealthLevel(level)
        if level is HealthLevel.PROVEN:
            return Health(level, None, "A picture from a real call proves it.")
        return self.check_health(level)

    def check_health(self, level: HealthLevel) -> Health:
        """Look at `configured`, `reachable` or `authenticated`; costs no money."""
        return Health(level, None, "This adapter cannot tell.")

    def discover(self) -> list[dict[str, Any]]:
        """Models that the service offers: dicts with `name`, and what it tells of them.

        That is any of `label`, `purpose`, `capabilities`, `price_rule`, `shutdown_at` and
        `successor`. An empty list where the service cannot be asked.
        """
        return []
