"""From spooled files to stored originals and booked rows."""

import logging
import os
import uuid
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from imagegen.errors import ImagegenError, StorageProblem, Undecodable
from imagegen.faults import faultpoint
from imagegen.imaging.xmp import DRAWN_BY_PROGRAM, GENERATED, PARTLY_GENERATED
from imagegen.models import LONGEST_ALT, Attempt, GenerationJob, ImageOutput
from imagegen.services import alike, endings, money, outputs
from imagegen.services.review import approve_output
from imagegen.services.spool import Spool
from imagegen.states import transition
from imagegen.storage import reason
from providers import errors
from providers.services import note_success
from providers.types import Result

logger = logging.getLogger("imagegen")
WAIT_FOR_STORAGE = timedelta(seconds=60)


@dataclass(frozen=True, kw_only=True)
class Stored:
    """One original in the store, ready to be booked as number `number` of its attempt."""

    number: int
    uuid: uuid.UUID
    fields: dict[str, Any]


def store_result(*, job: GenerationJob, attempt: Attempt, result: Result) -> None:
    """Decode, store and book what arrived.

    An undecodable file is kept in quarantine. If the store refuses (disk full) or no child
    process starts, the job waits and is tried again from the spool, free of charge.
    """
    result = replace(result, digital_source_type=_source_of(job, result))
    try:
        stored, reasons = _store_files(job, attempt, result)
    except (StorageProblem, OSError) as error:
        told = f"A file failed: {reason(error)}." if isinstance(error, OSError) else str(error)
        logger.error("Job %s waits for the storage: %s", job.pk, told)
        facts = {"kind": "StorageProblem", "message": told, "billed": "no", "retryable": True}
        endings.end_job(
            job=job,
            state=GenerationJob.State.QUEUED,
            error=facts,
            run_after=Now() + WAIT_FOR_STORAGE,
        )
        return
    if stored:
        _book(job, attempt, result, stored)
        faultpoint("booked")
        Spool(attempt.key).remove()
        if job.connection_id is not None:
            note_success(connection_id=job.connection_id)
    else:
        _end_without_image(job, attempt, result, reasons)


def _store_files(
    job: GenerationJob, attempt: Attempt, result: Result
) -> tuple[list[Stored], list[str]]:
    """Store every file that can be decoded; return these, and why the others cannot."""
    stored, reasons = [], []
    for number, file in enumerate(result.files):
        try:
            examined = _examine(job, Spool(attempt.key), file.path, result)
        except Undecodable as error:
            reasons.append(str(error))
        else:
            stored.append(_store(job, attempt, result, number, examined))
    return stored, reasons


def _examine(job: GenerationJob, spool: Spool, path: str, result: Result) -> outputs.Examined:
    """Look at a received file. One that is no picture goes to quarantine, and is `Undecodable`."""
    if spool.is_quarantined(path):
        raise Undecodable("The file could not be decoded.")
    if not os.path.exists(path):
        raise Undecodable("The image had arrived, but its spool file is gone.")
    by_program = result.digital_source_type == DRAWN_BY_PROGRAM
    try:
        return outputs.examine_file(
            path, wanted_size=_wanted_size(job), drawn_by_program=by_program
        )
    except Undecodable:
        spool.quarantine(path)
        raise


def _store(
    job: GenerationJob, attempt: Attempt, result: Result, number: int, examined: outputs.Examined
) -> Stored:
    """Put a file among the originals, with its sidecar."""
    name = uuid.uuid5(attempt.key, str(number))
    original = outputs.store_original(
        source_path=result.files[number].path,
        examined=examined,
        directory=outputs.original_directory(job.slot, asked_at=job.created_at),
        name=name,
        sidecar=outputs.sidecar_for_attempt(
            attempt=attempt,
            job=job,
            examined=examined,
            result=result,
            number=number,
        ),
    )
    faultpoint("stored")
    fields = outputs.output_fields(examined, original, said=result.digital_source_type)
    fields["hints"] = alike.with_likeness(fields, post=job.slot.post if job.slot else None)
    return Stored(number=number, uuid=name, fields=fields)


def _wanted_size(job: GenerationJob) -> tuple[int, int] | None:
    """The size that was asked for, in pixels."""
    width, height = job.request.get("width"), job.request.get("height")
    return (width, height) if width and height else None


def _book(job: GenerationJob, attempt: Attempt, result: Result, stored: list[Stored]) -> None:
    """One transaction: outputs, attempt, job and money, by the holder of the lease only."""
    with transaction.atomic():
        endings.end_job(job=job, state=GenerationJob.State.STORED, error=None)
        cost = money.settle(attempt=attempt, cost=result.cost)
        transition(attempt, Attempt.State.STORED, cost=cost, finished_at=Now())
        created = [_create_output(job, attempt, result, item) for item in stored]
        if job.batch.approve and created[0].slot_id:
            _approve_on_arrival(created[0], job)
        faultpoint("booking")


def _approve_on_arrival(output: ImageOutput, job: GenerationJob) -> None:
    """Approve what its batch wants approved; what cannot be (any more) waits for review."""
    try:
        with transaction.atomic():
            approve_output(output=output, user=job.batch.asked_by, note="Approved on arrival.")
    except ImagegenError as error:
        logger.warning("Image %s of job %s waits for review: %s", output.pk, job.pk, error)


def _create_output(
    job: GenerationJob, attempt: Attempt, result: Result, item: Stored
) -> ImageOutput:
    """The row of one original. Only the first image of an answer carries its cost."""
    slot = job.slot
    return ImageOutput.objects.create(
        **item.fields,
        uuid=item.uuid,
        **_kind(job),
        slot=slot,
        post=slot.post if slot else None,
        post_title=slot.post_title if slot else "",
        role=job.role,
        attempt=attempt,
        number=item.number,
        description=result.description[:LONGEST_ALT],
        prompt=job.prompt,
        prompt_text=job.prompt.text,
        connection_name=job.connection_name,
        model_name=result.model or job.model_name,
        style_name=job.style_name,
        style_version=job.style_version,
        parameters=result.parameters or job.request,
        seed=result.seed,
        cost=attempt.cost if item.number == 0 else None,
        duration=_seconds(attempt),
        created_by=job.batch.asked_by,
    )


def _kind(job: GenerationJob) -> dict[str, Any]:
    """Whether it is a picture of its own or an edit of another."""
    if job.parent is None:
        return {"kind": ImageOutput.Kind.GENERATED}
    edit = {"by": "provider", "instruction": job.prompt.text, "mask": job.request.get("mask", "")}
    return {"kind": ImageOutput.Kind.EDITED, "parent": job.parent, "edit": edit}


def _source_of(job: GenerationJob, result: Result) -> str:
    """The IPTC term of what arrived: a person's picture that a model changed is a composite."""
    said = result.digital_source_type
    by_person = job.parent is not None and job.parent.digital_source_type != GENERATED
    return PARTLY_GENERATED if by_person and said == GENERATED else said


def _seconds(attempt: Attempt) -> float | None:
    """How long the call took, by the database's clock."""
    times = Attempt.objects.filter(pk=attempt.pk).values_list("sent_at", "received_at").get()
    return (times[1] - times[0]).total_seconds() if all(times) else None


def _end_without_image(
    job: GenerationJob, attempt: Attempt, result: Result, reasons: list[str]
) -> None:
    """An answer without any usable image."""
    told = " ".join(reasons) or "The answer held no image."
    hint = "What came is kept in the spool's quarantine folder." if reasons else ""
    problem = errors.InvalidResponse(told, hint=hint, billed="yes")
    endings.end_with_unusable_answer(job=job, attempt=attempt, problem=problem, cost=result.cost)
