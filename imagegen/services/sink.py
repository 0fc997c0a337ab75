"""How an adapter's news reach the ledger while a call is under way."""

import math
import time
from collections.abc import Mapping
from typing import Any

from django.db.models import Q

from imagegen.faults import faultpoint
from imagegen.models import Attempt, GenerationJob
from imagegen.services.calls import let_go_of_database
from imagegen.services.spool import Spool, SpoolWriter
from imagegen.states import transition
from providers.keeping import keepable
from providers.types import Handle

PROGRESS_EVERY = 1.0  # seconds


class AttemptSink:
    """Writes what an adapter tells of one attempt at once, and opens its spool.

    What is followed by a wait for the provider gives the database's connection back.
    """

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._spool = Spool(attempt.key)
        self._told = 0.0

    def sending(self, parameters: Mapping[str, Any]) -> None:
        """What goes out next: written down first, so that a failed call can be read too."""
        Attempt.objects.filter(pk=self._attempt.pk, epoch=self._attempt.epoch).update(
            sent=keepable(parameters)
        )
        let_go_of_database()

    def headers(self, status: int, request_id: str, rate: Mapping[str, str]) -> None:
        """The answer has begun: from now on we know that the request arrived."""
        changes: dict[str, Any] = {"status_code": status, "request_id": request_id[:200]}
        self._attempt.status_code, self._attempt.request_id = status, request_id[:200]
        if rate:
            changes["result"] = self._attempt.result = {"rate": keepable(rate)}
        rows = Attempt.objects.filter(pk=self._attempt.pk, epoch=self._attempt.epoch)
        rows.update(**changes)
        faultpoint("headers")

    def handle(self, handle: Handle) -> None:
        """The provider's name for the job: with it a restart collects instead of paying."""
        data = dict(handle.data)
        if self._attempt.state == Attempt.State.SUBMITTED:
            Attempt.objects.filter(pk=self._attempt.pk, epoch=self._attempt.epoch).update(
                handle=data
            )
        else:
            transition(
                self._attempt,
                Attempt.State.SUBMITTED,
                where=Q(epoch=self._attempt.epoch),
                handle=data,
            )
        faultpoint("handle")
        let_go_of_database()

    def progress(self, fraction: float) -> None:
        """0 to 1; written at most once a second."""
        known = not math.isnan(fraction)
        if known and time.monotonic() - self._told >= PROGRESS_EVERY:
            self._told = time.monotonic()
            GenerationJob.objects.filter(pk=self._attempt.job_id, epoch=self._attempt.epoch).update(
                progress=min(max(fraction, 0.0), 1.0)
            )
            let_go_of_database()

    def open_spool(self) -> SpoolWriter:
        return self._spool.open_file()
