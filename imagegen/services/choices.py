"""The choice of a place: which image it shows, and the audit trail of how that came about."""

from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import F, Q
from django.db.models.functions import Now

from imagegen.models import ImageOutput, ImageSlot, ReviewEvent
from imagegen.services.due import mark_due

Action = ReviewEvent.Action
CHOOSING = (Action.APPROVE, Action.CHOOSE, Action.OVERRIDE)


def lock_slot(slot_id: int) -> ImageSlot:
    """The place, held against others until the transaction ends."""
    return ImageSlot.objects.select_for_update().get(pk=slot_id)


def record_event(
    *,
    action: str,
    user: AbstractBaseUser | None,
    output: ImageOutput | None = None,
    slot: ImageSlot | None = None,
    **facts: Any,
) -> ReviewEvent:
    """Write down who did what, with snapshots of the names that may go."""
    title = slot.post_title if slot else output.post_title if output else ""
    return ReviewEvent.objects.create(
        action=action,
        output=output,
        slot=slot,
        post_title=title,
        text_hash=slot.text_hash if slot else "",
        made_by=user,
        made_by_name=user.get_username() if user else "",
        **facts,
    )


def set_choice(
    *, slot: ImageSlot, output: ImageOutput | None, text_hash: str | None = None
) -> ImageOutput | None:
    """Point a locked place to `output` (None: to nothing); return what it showed before.

    `text_hash` is the text it was chosen for; None: the place's present text. The public
    copies are due afterwards.
    """
    previous = slot.choice
    chosen_for = "" if output is None else text_hash if text_hash is not None else slot.text_hash
    ImageSlot.objects.filter(pk=slot.pk).update(
        choice=output,
        chosen_at=Now() if output else None,
        chosen_text_hash=chosen_for,
        from_hero=F("from_hero") if output is None else False,
    )
    slot.refresh_from_db(fields=["choice", "chosen_at", "chosen_text_hash", "from_hero"])
    mark_due(slots=[slot])
    return previous


def restore_choice(*, slot: ImageSlot, output: ImageOutput | None) -> ImageOutput | None:
    """Make `output` the choice again if it is still an approved image of this place.

    It keeps the text that it was once chosen for, so that a change since then still shows.
    Anything else leaves the place without a choice. Returns what the place shows now.
    """
    fit = (
        output is not None
        and output.slot_id == slot.pk
        and output.state == ImageOutput.State.APPROVED
    )
    if not fit:
        set_choice(slot=slot, output=None)
        return None
    last = ReviewEvent.objects.filter(output=output, slot=slot, action__in=CHOOSING).first()
    set_choice(slot=slot, output=output, text_hash=last.text_hash if last else "")
    return output


def last_choice(slot: ImageSlot) -> ImageOutput | None:
    """The image that was chosen last for a place that shows none now, if it is still approved."""
    chosen = Q(action__in=CHOOSING, output__state=ImageOutput.State.APPROVED)
    withdrawn = Q(
        action__in=(Action.UNWANT, Action.UNCHOOSE),
        previous_choice__state=ImageOutput.State.APPROVED,
    )
    event = (
        ReviewEvent.objects.filter(chosen | withdrawn, slot=slot)
        .select_related("output", "previous_choice")
        .order_by("-pk")
        .first()
    )
    if event is None:
        return None
    return event.output if event.action in CHOOSING else event.previous_choice
