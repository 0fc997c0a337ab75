"""Alt texts: one for each place, image and language, or decorative by choice; never the prompt.

What a person writes counts. What the embedded provider says of its own picture counts as long as
nobody changes it: it knows what it drew. What a vision model drafts counts once a person has taken
it over (`describing`). A program's pattern beside a section's text is decoration unless somebody
says otherwise: reading it out adds nothing.
"""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from blog.cleaning import showable
from imagegen.errors import Refused
from imagegen.imaging.xmp import DRAWN_BY_PROGRAM
from imagegen.models import LONGEST_ALT, AltDraft, ImageOutput, ImageSlot, SlotAlt
from imagegen.services.access import require
from imagegen.services.choices import lock_slot
from imagegen.services.due import mark_due
from prompts.models import Role

User = AbstractBaseUser | None
Source = SlotAlt.Source


def write_alt(
    *,
    output: ImageOutput,
    user: User,
    text: str,
    decorative: bool = False,
    language: str = "",
) -> SlotAlt:
    """Write and accept the alt text of an image in its place; `language` "" is the post's."""
    require(user, "approve")
    text = checked_alt(text) or ""
    if not text and not decorative:
        raise Refused("Write the alt text, or say that the picture is decorative.", field="alt")
    if output.slot_id is None:
        raise Refused("This image belongs to no place.")
    with transaction.atomic():
        slot = lock_slot(output.slot_id)
        alt, _ = SlotAlt.objects.update_or_create(
            slot=slot,
            output=output,
            language=language or alt_language(slot),
            defaults=_accepted(user, text, decorative, _source(output, text)),
        )
        if slot.choice_id == output.pk:
            mark_due(slots=[slot])
    return alt


def keep_alt(
    *, slot: ImageSlot, output: ImageOutput, user: User, text: str | None, decorative: bool
) -> None:
    """The alt text that goes with an approval: as written, else the default if there is none."""
    key: dict[str, Any] = {"slot": slot, "output": output, "language": alt_language(slot)}
    if text or decorative:
        values = _accepted(user, text or "", decorative, _source(output, text or ""))
        SlotAlt.objects.update_or_create(**key, defaults=values)
    elif is_decoration(output, slot):
        SlotAlt.objects.get_or_create(**key, defaults=_accepted(user, "", True, Source.GENERATOR))
    elif output.description:
        values = _accepted(user, output.description, False, Source.GENERATOR)
        SlotAlt.objects.get_or_create(**key, defaults=values)


def is_decoration(output: ImageOutput, slot: ImageSlot | None) -> bool:
    """Whether a picture only adorns the text beside it: a program's pattern in a section."""
    by_program = output.digital_source_type == DRAWN_BY_PROGRAM
    in_section = slot is not None and slot.role == Role.SECTION
    return by_program and in_section and not (output.parameters or {}).get("title")


def first_words(output: ImageOutput, slot: ImageSlot | None) -> tuple[str, bool]:
    """What a form offers before anybody has decided: the alt text, and whether decorative."""
    drafts = AltDraft.objects.filter(output=output, slot=slot).exclude(text="")
    draft = drafts.first() if slot is not None else None
    if is_decoration(output, slot):
        return (draft.text if draft else ""), True
    return (draft.text if draft else output.description), False


def alt_language(slot: ImageSlot) -> str:
    """The language in which a place's alt text is written first: the post's."""
    return (slot.post.language if slot.post else "") or settings.LANGUAGE_CODE


def checked_alt(text: str | None) -> str | None:
    """The alt text in one line, without control characters. Raises Refused if it is too long."""
    if text is None:
        return None
    text = " ".join(showable(text).split())
    if len(text) > LONGEST_ALT:
        raise Refused(
            f"The alt text has {len(text)} characters; {LONGEST_ALT} fit. Say it shorter."
        )
    return text


def _source(output: ImageOutput, text: str) -> str:
    """Whose words they are: unchanged drafts stay their writer's, whoever takes them over."""
    if text and text == output.description:
        return Source.GENERATOR
    if text and AltDraft.objects.filter(output=output, text=text).exists():
        return Source.MODEL
    return Source.HUMAN


def _accepted(user: User, text: str, decorative: bool, source: str) -> dict[str, Any]:
    """The columns of an alt text; without a person nobody is named as having accepted it."""
    return {
        "text": "" if decorative else text,
        "decorative": decorative,
        "source": source,
        "accepted_by": user,
        "accepted_at": timezone.now() if user else None,
    }
