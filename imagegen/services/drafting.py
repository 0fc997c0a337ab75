"""The half of a job that writes a prompt: the model's answer becomes a draft (see `jobs`)."""

from imagegen.models import Attempt, GenerationJob, PromptDraft
from imagegen.services import texts
from imagegen.services.texts import request_of
from prompts.writing import EmptyPrompt, read_answer
from providers.types import TextResult


def obtain(job: GenerationJob, attempt: Attempt) -> TextResult:
    """The model's answer: the kept one, else by calling once."""
    return texts.obtain(job, attempt, request_of(job))


def store(*, job: GenerationJob, attempt: Attempt, answer: TextResult) -> None:
    """Fill the draft in and book the call; an answer without a prompt is paid and failed."""
    try:
        text = read_answer(answer.data)
    except EmptyPrompt as error:
        texts.end_empty(job=job, attempt=attempt, answer=answer, message=str(error))
        return
    drafts = PromptDraft.objects.filter(job=job)
    texts.book(
        job=job,
        attempt=attempt,
        answer=answer,
        keep=lambda name: drafts.update(text=text, model_name=name),
    )
