"""Services that take a job, name addresses to look at it, and keep the picture for a while."""

import time
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, Self

from providers import errors
from providers.answers import HttpAnswer, dict_in, problem_for
from providers.backends._hosted import HostedProvider, body_of, object_of, text_in
from providers.backends._results import count_notes
from providers.options import Options, must_be
from providers.receiving import fetch_picture
from providers.types import ConnectionConfig, Handle, Recovery, Result, Sink, SpoolFile

LOOK_LIMIT = 20.0  # seconds that one look at a job may take
MAX_LOOK = 2 * 1024 * 1024  # bytes of its answer
MOST_PICTURES = 10
SHORTEST = 1.0  # seconds for a step that begins at the very end of a call


@dataclass(frozen=True, kw_only=True)
class QueueOptions(Options):
    """Options of a service with a queue."""

    poll_interval: float = 1.0  # seconds between the first two looks at a job

    def __post_init__(self) -> None:
        if not 0 < self.poll_interval <= 60:
            raise must_be("poll_interval", "a number of seconds up to 60")


class QueuedProvider(HostedProvider):
    """A service that takes a job, names addresses to look at it, and keeps the picture a while."""

    recovery = Recovery.HANDLE
    options_class = QueueOptions
    options: QueueOptions

    def __init__(self, connection: ConnectionConfig) -> None:
        super().__init__(connection)
        self.poll_interval = self.options.poll_interval
        self._end: float | None = None  # when the call that it is made for must end

    def lasting(self, seconds: float) -> Self:
        """Looks and downloads end with the call as well."""
        call = copy(self)
        call._end = time.monotonic() + seconds
        return call

    def _left(self, most: float) -> float:
        """Seconds that the next step may take, at least one."""
        most = min(most, self.connection.deadline)
        if self._end is None:
            return most
        return min(most, max(SHORTEST, self._end - time.monotonic()))

    def _is_over(self) -> bool:
        return self._end is not None and time.monotonic() >= self._end

    # --- Taking and stopping a job --------------------------------------------------------

    def send(
        self,
        path: str,
        payload: Mapping[str, Any],
        sent: Mapping[str, Any],
        sink: Sink,
        headers: Mapping[str, str],
    ) -> dict[str, Any]:
        """Send the call; what the service says of the job that it took."""
        sink.sending(sent)
        answer = self.client().request("POST", path, json=payload, headers=headers, sink=sink)
        if not answer.ok:
            raise self.problem(answer)
        return object_of(answer, self.connection.name)

    def address_in(self, data: Mapping[str, Any], name: str) -> str:
        """The address `name` of an answer that took a job, checked before it is ever used."""
        url = text_in(data, name, self.connection.name)
        self.client_for(url)
        return url

    def cancel_address_in(self, data: Mapping[str, Any], name: str) -> str:
        """The same, or "": a job that cannot be stopped is drawn and fetched all the same."""
        try:
            return self.address_in(data, name)
        except errors.InvalidResponse:
            return ""

    def stop(self, handle: Handle, name: str, method: str) -> str:
        """Ask to stop the job at the address `name` of the handle; its state then, if told."""
        if not (url := str(handle.data.get(name) or "")):
            return ""
        answer = self.client_for(url).request(
            method, url, headers=self.headers(), spends=False, deadline=10.0
        )
        return str(body_of(answer).get("status") or "") if answer.ok else ""

    # --- Looking --------------------------------------------------------------------------

    def look(self, url: str) -> HttpAnswer:
        """One free look at a job; momentary trouble is an error that `collect` sits out."""
        client, limit = self.client_for(url), self._left(LOOK_LIMIT)
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
            return object_of(answer, self.connection.name)
        except errors.InvalidResponse as error:
            raise errors.ProviderUnavailable(
                f"{self.connection.name} cannot tell about the job at the moment.", hint=error.hint
            ) from error

    def unknown_state(self, state: object) -> errors.ProviderUnavailable:
        """A state that is not documented: nobody knows whether it is the last one."""
        return errors.ProviderUnavailable(
            f"{self.connection.name} names a state of the job that we do not know.",
            hint=f"State: {str(state)[:100]}",
        )

    # --- The pictures ---------------------------------------------------------------------

    def result(
        self, handle: Handle, urls: Sequence[str], sink: Sink, *, model: str = "", **facts: Any
    ) -> Result:
        """What a finished job brought, by the addresses of its pictures."""
        files = self.fetch_all(urls, sink)
        notes = count_notes(self.connection.name, urls)
        if missing := len(urls) - len(files):
            notes += (f"{missing} of them could not be fetched.",)
        return Result(
            files=files,
            model=model or self.stored(handle, "model"),
            request_id=str(handle.data.get("id") or ""),
            parameters=dict_in(handle.data, "sent"),
            notes=notes,
            **facts,
        )

    def fetch_all(self, urls: Sequence[str], sink: Sink) -> tuple[SpoolFile, ...]:
        """The pictures at the addresses that a finished job names, shown no secret.

        One was asked for: further ones that cannot be fetched take nothing from it, and are not
        tried once the time of the call is up.
        """
        if not urls:
            raise errors.InvalidResponse(f"{self.connection.name} finished without a picture.")
        config = replace(self.connection, base_url=self.client().base_url)
        files: list[SpoolFile] = []
        problems: list[errors.ProviderProblem] = []
        for url in urls[:MOST_PICTURES]:
            if (files or problems) and self._is_over():
                break
            limit = self._left(self.connection.deadline)
            try:
                files.append(fetch_picture(config, url, sink, deadline=limit))
            except errors.ProviderProblem as problem:
                problems.append(problem)
        if not files:
            raise problems[0]
        return tuple(files)

    @staticmethod
    def stored(handle: Handle, name: str) -> str:
        """A text of the handle; `JobLost` when that is not one of ours."""
        value = handle.data.get(name)
        if isinstance(value, str) and value:
            return value
        raise errors.JobLost("The job cannot be found again: its handle is incomplete.")
