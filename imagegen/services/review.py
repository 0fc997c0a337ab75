"""Deciding about images: approve, reject, take back, choose, upload instead, ask again, comment.

Every decision is guarded by the state it starts from, needs its permission, and leaves a
`ReviewEvent`. What readers get follows by itself (`due.mark_due`).
"""

from typing import Any, Unpack

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from blog.cleaning import showable
from imagegen.errors import InvalidTransition, Refused
from imagegen.models import GenerationBatch, ImageOutput, ImageSlot, ReviewEvent
from imagegen.services import disclosure
from imagegen.services.access import require
from imagegen.services.alts import checked_alt, keep_alt
from imagegen.services.asking import Asking, queue_plan
from imagegen.services.batches import BatchPlan, GenerationOptions, plan_batch, write_jobs
from imagegen.services.choices import (
    CHOOSING,
    lock_slot,
    record_event,
    restore_choice,
    set_choice,
)
from imagegen.services.slots import check_attached
from imagegen.services.uploads import store_upload
from imagegen.services.wording import count_text
from imagegen.states import transition

State, Action = ImageOutput.State, ReviewEvent.Action
LONGEST_COMMENT = 2000
User = AbstractBaseUser | None


def approve_output(
    *,
    output: ImageOutput,
    user: User,
    note: str = "",
    alt: str | None = None,
    decorative: bool = False,
    could_be_real: bool | None = None,
) -> ImageOutput:
    """Approve a candidate and make it the choice of its place, with its alt text.

    `could_be_real` answers the question whether it could be taken for a photograph of
    something real; where the policy of labels turns on it, an answer is needed.

    Without `alt` the default one is kept, unless one is there already (`alts.keep_alt`). The
    image chosen before stays approved. In a place that is not wanted the image is approved and
    shown nowhere until the place is wanted again. Raises InvalidTransition, Refused,
    NotPermitted.
    """
    require(user, "approve")
    alt = checked_alt(alt)
    if could_be_real is None and disclosure.must_be_asked(output):
        raise Refused(f"Answer first: {disclosure.QUESTION}", field="could_be_real")
    with transaction.atomic():
        transition(output, State.APPROVED, sources=[State.CANDIDATE], reject_reason="")
        if could_be_real is not None:
            disclosure.answer_question(
                output=output, user=user, could_be_real=could_be_real, note=note
            )
        slot = lock_slot(output.slot_id) if output.slot_id else None
        previous = None
        if slot is not None:
            keep_alt(slot=slot, output=output, user=user, text=alt, decorative=decorative)
            previous = slot.choice
            if slot.wanted:
                set_choice(slot=slot, output=output)
        record_event(
            action=Action.APPROVE,
            user=user,
            output=output,
            slot=slot,
            from_state=State.CANDIDATE,
            to_state=State.APPROVED,
            note=note,
            previous_choice=previous,
        )
    return output


def reject_output(*, output: ImageOutput, user: User, reason: str, note: str = "") -> ImageOutput:
    """Reject a candidate for one of the known reasons. An approved image is taken back first."""
    require(user, "approve")
    if reason not in ImageOutput.RejectReason.values:
        known = ", ".join(ImageOutput.RejectReason.values)
        raise Refused(f"Say why the image is rejected: {known}.")
    if output.state == State.APPROVED:
        raise InvalidTransition(
            "This image is approved. Take the approval back first, then reject it."
        )
    with transaction.atomic():
        transition(output, State.REJECTED, sources=[State.CANDIDATE], reject_reason=reason)
        record_event(
            action=Action.REJECT,
            user=user,
            output=output,
            slot=output.slot,
            from_state=State.CANDIDATE,
            to_state=State.REJECTED,
            reason=reason,
            note=note,
        )
    return output


def undo_review(*, output: ImageOutput, user: User, note: str = "") -> ImageOutput:
    """Take a decision back: the image is a candidate again.

    If it was the choice of its place, the choice before it returns when that is still
    approved; otherwise the place shows nothing.
    """
    require(user, "approve")
    before = output.state
    with transaction.atomic():
        if before == State.CANDIDATE:
            raise InvalidTransition("There is no decision about this image to take back.")
        transition(output, State.CANDIDATE, sources=[before], reject_reason="")
        slot = lock_slot(output.slot_id) if output.slot_id else None
        was_choice = slot is not None and slot.choice_id == output.pk
        record_event(
            action=Action.UNDO,
            user=user,
            output=output,
            slot=slot,
            from_state=before,
            to_state=State.CANDIDATE,
            note=note,
            previous_choice=output if was_choice else None,
        )
        if slot is not None and was_choice:
            restore_choice(slot=slot, output=_choice_before(slot, output))
    return output


def _choice_before(slot: ImageSlot, output: ImageOutput) -> ImageOutput | None:
    """What the place showed when `output` was last chosen."""
    event = (
        ReviewEvent.objects.filter(output=output, slot=slot, action__in=CHOOSING)
        .select_related("previous_choice")
        .first()
    )
    return event.previous_choice if event else None


def choose_output(*, output: ImageOutput, user: User, note: str = "") -> ImageOutput:
    """Make an approved image the choice of its place (again)."""
    require(user, "approve")
    with transaction.atomic():
        slot = _slot_of(output)
        state = ImageOutput.objects.values_list("state", flat=True).get(pk=output.pk)
        if state != State.APPROVED:
            raise InvalidTransition("Only an approved image can be chosen; approve it first.")
        if not slot.wanted:
            raise Refused(f"“{slot}” is not wanted; want it first.")
        if slot.choice_id == output.pk:
            raise InvalidTransition("This image is the choice of its place already.")
        previous = set_choice(slot=slot, output=output)
        record_event(
            action=Action.CHOOSE,
            user=user,
            output=output,
            slot=slot,
            note=note,
            previous_choice=previous,
        )
    return output


def _slot_of(output: ImageOutput) -> ImageSlot:
    """The image's place, locked. Raises Refused for an image without one."""
    if output.slot_id is None:
        raise Refused("This image belongs to no place, so it cannot be chosen.")
    return lock_slot(output.slot_id)


def keep_choice(*, slot: ImageSlot, user: User, note: str = "") -> ImageSlot:
    """Say that the chosen image still fits, although the text has changed since."""
    require(user, "approve")
    with transaction.atomic():
        slot = lock_slot(slot.pk)
        if slot.choice is None:
            raise Refused("This place shows no image that could be kept.")
        if not slot.is_stale:
            raise InvalidTransition("The text has not changed since the image was chosen.")
        set_choice(slot=slot, output=slot.choice)
        record_event(
            action=Action.CHOOSE,
            user=user,
            output=slot.choice,
            slot=slot,
            note=note or "Kept after the text had changed.",
            previous_choice=slot.choice,
        )
    return slot


def comment_on(
    *,
    user: User,
    note: str,
    output: ImageOutput | None = None,
    slot: ImageSlot | None = None,
) -> ReviewEvent:
    """Leave a comment on an image or a place."""
    require(user, "approve")
    note = showable(note).strip()
    if not note:
        raise Refused("Write the comment first.")
    if len(note) > LONGEST_COMMENT:
        raise Refused(f"A comment may have {LONGEST_COMMENT} characters; this has {len(note)}.")
    if output is None and slot is None:
        raise Refused("Say what the comment is about.")
    return record_event(
        action=Action.COMMENT,
        user=user,
        output=output,
        slot=slot or (output.slot if output else None),
        note=note,
    )


def regenerate_slot(
    *,
    slot: ImageSlot,
    user: User,
    door: str,
    note: str = "",
    options: GenerationOptions | None = None,
    idempotency_key: str | None = None,
) -> GenerationBatch:
    """Ask for one more candidate for a place. Raises Refused with what stands in the way."""
    require(user, "generate")
    check_askable(slot)
    return ask_again(
        plan=plan_batch(slots=[slot], options=options),
        user=user,
        door=door,
        note=note,
        title=f"Another try: {slot}",
        idempotency_key=idempotency_key,
    )


def ask_again(
    *, plan: BatchPlan, user: User, note: str = "", **asking: Unpack[Asking]
) -> GenerationBatch:
    """Queue a plan of further candidates, and write down for each place who wanted another."""
    require(user, "generate")

    def write(batch: GenerationBatch) -> None:
        write_jobs(batch, plan)
        for item in plan.items:
            record_event(action=Action.REGENERATE, user=user, slot=item.slot, note=note)

    asking.setdefault("title", f"Another try for {count_text(len(plan.items), 'place')}")
    return queue_plan(plan, write, user=user, kind=GenerationBatch.Kind.REGENERATE, **asking)


def check_askable(slot: ImageSlot) -> None:
    """Raise Refused unless images may be asked for this place."""
    check_attached(slot)
    if not slot.wanted:
        raise Refused(f"“{slot}” is not wanted; want it first.")
    if slot.from_hero:
        raise Refused("This social card is made from the hero; ask for one of its own first.")


def override_slot(
    *,
    slot: ImageSlot,
    user: User,
    file: Any,
    alt: str = "",
    decorative: bool = False,
    digital_source_type: str = "",
) -> ImageOutput:
    """Put an uploaded picture in a place: stored, approved and chosen at once.

    The place is wanted by that. Raises Refused for a file that is not a usable picture; then
    nothing stays behind.
    """
    require(user, "override")
    alt = checked_alt(alt) or ""
    output = store_upload(
        slot=slot, file=file, user=user, alt=alt, digital_source_type=digital_source_type
    )
    with transaction.atomic():
        transition(output, State.APPROVED, sources=[State.CANDIDATE])
        slot = lock_slot(slot.pk)
        if not slot.wanted:
            ImageSlot.objects.filter(pk=slot.pk).update(
                wanted=True, wanted_by=ImageSlot.Reason.HAND
            )
        keep_alt(slot=slot, output=output, user=user, text=alt, decorative=decorative)
        previous = set_choice(slot=slot, output=output)
        record_event(
            action=Action.OVERRIDE,
            user=user,
            output=output,
            slot=slot,
            from_state=State.CANDIDATE,
            to_state=State.APPROVED,
            previous_choice=previous,
        )
    return output
