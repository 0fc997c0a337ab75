"""The half of a job that writes: asking a text model, taking its prompt in as a draft.

See `jobs` for what the two functions owe each other. No text service can be asked for a call
again, so one that a stopped worker had sent is in doubt. The answer is small: it is kept in the
attempt itself, in the same statement that says that it came.
"""

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from imagegen.models import Attempt, GenerationJob, PromptDraft
from imagegen.services import calls, endings, money
from imagegen.services.sink import AttemptSink
from imagegen.states import transition
from prompts.writing import EmptyPrompt, read_answer
from providers.errors import InvalidResponse
from providers.services import note_success
from providers.types import TextRequest, TextResult

State = Attempt.State


def request_of(job: GenerationJob) -> TextRequest:
    """The request as stored."""
    return TextRequest.from_dict(job.request)


def obtain(job: GenerationJob, attempt: Attempt) -> TextResult:
    """The model's answer: the kept one, else by calling once."""
    if attempt.state == State.RECEIVED:
        return TextResult.from_dict(attempt.result)
    if attempt.state != State.RESERVED:
        raise calls.unanswered(attempt)
    provider = calls.provider_of(job, attempt)
    calls.begin_call(attempt)
    request = request_of(job)
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


def store(*, job: GenerationJob, attempt: Attempt, answer: TextResult) -> None:
    """Fill the draft in and book the call; an answer without a prompt is paid and failed."""
    cost = calls.cost_of(job=job, attempt=attempt, cost=answer.cost, usage=answer.usage)
    try:
        text = read_answer(answer.data)
    except EmptyPrompt as error:
        problem = InvalidResponse(str(error), hint="Ask again, or write it by hand.")
        endings.end_with_problem(job=job, attempt=attempt, problem=problem)
        return
    with transaction.atomic():
        endings.end_job(job=job, state=GenerationJob.State.STORED, error=None)
        actual = money.settle(attempt=attempt, cost=cost)
        transition(attempt, State.STORED, cost=actual, finished_at=Now())
        PromptDraft.objects.filter(job=job).update(
            text=text, model_name=(answer.model or job.model_name)[:200]
        )
    if job.connection_id is not None:
        note_success(connection_id=job.connection_id)
