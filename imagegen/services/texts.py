"""What jobs that ask a text model share: which one, their rows, the call and its books.

No text service can be asked for a call again, so one that a stopped worker had sent is in doubt.
The answer is small: it is kept in the attempt itself, in the same statement that says that it
came.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from imagegen.errors import Refused
from imagegen.models import Attempt, GenerationBatch, GenerationJob, ImageSlot
from imagegen.services import calls, endings, money
from imagegen.services.sink import AttemptSink
from imagegen.states import transition
from providers.errors import InvalidResponse
from providers.models import ImageModel
from providers.services import note_success
from providers.types import TextRequest, TextResult

State = Attempt.State


# --- Which model ------------------------------------------------------------------------


def text_models() -> list[ImageModel]:
    """Models that can write, the site's own choice first."""
    rows = list(ImageModel.objects.usable().for_texts().select_related("connection"))
    chosen = settings.PROMPT_WRITER_MODEL
    return sorted(rows, key=lambda row: (full_name(row) != chosen, not row.is_default, row.name))


def full_name(model: ImageModel) -> str:
    """As settings and commands name a model: connection:model."""
    return f"{model.connection.name}:{model.name}"


def find_text_model(name: str = "") -> ImageModel:
    """The model called `name` (connection:model), else the site's. Raises Refused."""
    wanted = name or settings.PROMPT_WRITER_MODEL
    models = text_models()
    if not wanted and models:
        return models[0]
    found = next((row for row in models if full_name(row) == wanted), None)
    if found is None:
        known = ", ".join(full_name(row) for row in models) or "none yet"
        none = "No text model is set up."
        lacks = f"There is no usable text model “{wanted}”." if wanted else none
        raise Refused(f"{lacks} Usable: {known}.")
    return found


# --- Asking -----------------------------------------------------------------------------


def new_job(
    *,
    kind: str,
    batch: GenerationBatch,
    position: int,
    slot: ImageSlot,
    model: ImageModel,
    request: TextRequest,
    cost: tuple[Decimal, Decimal],
    language: str,
) -> GenerationJob:
    """The row of one wanted text."""
    return GenerationJob.objects.create(
        kind=kind,
        batch=batch,
        position=position,
        slot=slot,
        role=slot.role,
        connection=model.connection,
        connection_name=model.connection.name,
        model=model,
        model_name=model.name,
        request=request.to_dict(),
        language=language,
        estimate_low=cost[0],
        estimate_high=cost[1],
    )


# --- The call and its books -------------------------------------------------------------


def request_of(job: GenerationJob) -> TextRequest:
    """The request as stored; the pictures in it are named by image, not by file."""
    return TextRequest.from_dict(job.request)


def obtain(job: GenerationJob, attempt: Attempt, request: TextRequest) -> TextResult:
    """The model's answer: the kept one, else by calling once with `request`."""
    if attempt.state == State.RECEIVED:
        return TextResult.from_dict(attempt.result)
    if attempt.state != State.RESERVED:
        raise calls.unanswered(attempt)
    provider = calls.provider_of(job, attempt)
    calls.begin_call(attempt)
    result = provider.write(request, str(attempt.key), AttemptSink(attempt))
    transition(
        attempt,
        State.RECEIVED,
        where=Q(epoch=attempt.epoch),
        received_at=Now(),
        result=result.to_dict(),
        request_id=(result.request_id or attempt.request_id)[:200],
    )
    return result


def book(
    *, job: GenerationJob, attempt: Attempt, answer: TextResult, keep: Callable[[str], Any]
) -> None:
    """Let `keep` write its row (it gets the model's name) and book the call, in one go."""
    cost = calls.cost_of(job=job, attempt=attempt, cost=answer.cost, usage=answer.usage)
    with transaction.atomic():
        endings.end_job(job=job, state=GenerationJob.State.STORED, error=None)
        actual = money.settle(attempt=attempt, cost=cost)
        transition(attempt, State.STORED, cost=actual, finished_at=Now())
        keep((answer.model or job.model_name)[:200])
    if job.connection_id is not None:
        note_success(connection_id=job.connection_id)


def end_empty(*, job: GenerationJob, attempt: Attempt, answer: TextResult, message: str) -> None:
    """An answer without the text that was wanted: paid and failed."""
    problem = InvalidResponse(message, hint="Ask again, or write it by hand.", billed="yes")
    cost = calls.cost_of(job=job, attempt=attempt, cost=answer.cost, usage=answer.usage)
    endings.end_with_unusable_answer(job=job, attempt=attempt, problem=problem, cost=cost)
