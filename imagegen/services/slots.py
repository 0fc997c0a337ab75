"""The places for pictures of a post: made, kept up to date, wanted or not, moved."""

import hashlib
from collections.abc import Sequence

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models.functions import Now

from blog.models import Post, Section
from imagegen.errors import Refused
from imagegen.models import GenerationJob, ImageOutput, ImageSlot, ReviewEvent
from imagegen.services.access import require
from imagegen.services.choices import (
    last_choice,
    lock_slot,
    record_event,
    restore_choice,
    set_choice,
)
from imagegen.services.due import mark_due
from prompts.models import Role

Action, Reason = ReviewEvent.Action, ImageSlot.Reason
FOLLOWED = ("post_title", "section_heading", "text_hash", "wanted")


def check_attached(slot: ImageSlot) -> None:
    """Raise Refused if the place has lost its post or its section."""
    if slot.post_id is None or (slot.role == Role.SECTION and slot.section_id is None):
        raise Refused("This place belongs to no post or section any more; attach it first.")


def text_fingerprint(text: str) -> str:
    """SHA-256 of the text; differences of white space alone do not count."""
    return hashlib.sha256(" ".join(text.split()).encode("utf-8", "surrogatepass")).hexdigest()


def slot_text(slot: ImageSlot) -> str:
    """The text that a place illustrates: its section, or the post's title and lead."""
    return _text_of(slot.role, slot.post, slot.section)


def _text_of(role: str, post: Post | None, section: Section | None) -> str:
    if role == Role.SECTION:
        return f"{section.heading}\n{section.body}" if section else ""
    if post is None:
        return ""
    return f"{post.title}\n{post.lead}"


def ensure_slots(*, post: Post) -> list[ImageSlot]:
    """Make the places that the post lacks, bring the others up to date; all in reading order.

    A hero, a social card made from it, and one place per section. May be called at any time:
    it changes only what differs, in a number of statements that does not follow the number of
    sections (but for the size limit of one statement). What a person chose stays chosen.
    """
    with transaction.atomic():
        sections = list(Section.objects.filter(post=post).order_by("position"))
        blank = _blank_slots(post, sections)
        present = _present_slots(post)
        missing = [slot for key, slot in blank.items() if key not in present]
        _follow(post, sections, missing)
        if missing:
            ImageSlot.objects.bulk_create(missing, ignore_conflicts=True, batch_size=500)
            present = _present_slots(post)
        slots = [present[key] for key in blank]
        if changed := _follow(post, sections, slots):
            ImageSlot.objects.bulk_update(changed, FOLLOWED, batch_size=100)
    return slots


def _present_slots(post: Post) -> dict[str | int, ImageSlot]:
    """The post's attached places: by role, sections' by the section's id."""
    rows = ImageSlot.objects.attached().filter(post=post)
    return {slot.section_id or slot.role: slot for slot in rows}


def _blank_slots(post: Post, sections: Sequence[Section]) -> dict[str | int, ImageSlot]:
    """A new place for everything in the post that may have one, in reading order."""
    slots: dict[str | int, ImageSlot] = {
        Role.HERO: ImageSlot(post=post, role=Role.HERO),
        Role.SOCIAL: ImageSlot(post=post, role=Role.SOCIAL, from_hero=True),
    }
    for section in sections:
        slots[section.pk] = ImageSlot(post=post, role=Role.SECTION, section=section)
    return slots


def _follow(post: Post, sections: Sequence[Section], slots: Sequence[ImageSlot]) -> list[ImageSlot]:
    """Bring snapshots, fingerprints and rule-made wishes up to date; return what changed."""
    ranks: dict[int | None, int] = {section.pk: rank for rank, section in enumerate(sections)}
    changed = []
    for slot in slots:
        section = sections[ranks[slot.section_id]] if slot.section_id else None
        before = [getattr(slot, name) for name in FOLLOWED]
        slot.post_title = post.title[:500]
        slot.section_heading = section.heading[:500] if section else ""
        slot.text_hash = text_fingerprint(_text_of(slot.role, post, section))
        if slot.wanted_by == Reason.RULE and section is not None:
            slot.wanted = _wanted_by_rule(slot, section, ranks[section.pk])
        if before != [getattr(slot, name) for name in FOLLOWED]:
            changed.append(slot)
    return changed


def _wanted_by_rule(slot: ImageSlot, section: Section, rank: int) -> bool:
    """The first n sections, those that hold a picture already excepted. A rule never takes
    away a picture that was chosen."""
    if slot.choice_id:
        return True
    within = not settings.SECTION_PICTURES or rank < settings.SECTION_PICTURES
    return within and not section.has_picture


def detach_slot(*, section: Section) -> None:
    """Keep the place of a section that is about to be removed, with its pictures.

    A place that nothing hangs on goes with its section.
    """
    slot = ImageSlot.objects.filter(section=section).first()
    if slot is None:
        return
    with transaction.atomic():
        if _is_bare(slot):
            slot.delete()
            return
        ImageSlot.objects.filter(pk=slot.pk).update(
            section=None, section_heading=section.heading[:500]
        )
        slot.refresh_from_db(fields=["section", "section_heading"])
        record_event(action=Action.DETACH, user=None, slot=slot)
        if slot.choice_id:
            mark_due(slots=[slot])


def _is_bare(slot: ImageSlot) -> bool:
    """No image, job, public copy or word of an editor would be lost with it."""
    return not (
        slot.brief
        or slot.caption
        or slot.outputs.exists()
        or slot.jobs.exists()
        or slot.copies.exists()
        or slot.drafts.exists()
    )


def attach_slot(*, slot: ImageSlot, section: Section, user: AbstractBaseUser | None) -> ImageSlot:
    """Give a detached place, with its pictures, to a section; the detached place survives.

    An empty place of that section is removed. One with pictures hands them over, and what it
    shows to readers stays the choice; otherwise the detached place's own choice returns.
    Raises Refused if the place is not detached.
    """
    require(user, "approve")
    with transaction.atomic():
        slot = lock_slot(slot.pk)
        if not ImageSlot.objects.detached().filter(pk=slot.pk).exists():
            raise Refused("This place belongs to a post already; only a detached one can move.")
        present = ImageSlot.objects.select_for_update().filter(section=section).first()
        heir = slot.choice
        if present is not None:
            heir = present.choice or heir
            _hand_over(source=present, target=slot)
        ImageSlot.objects.filter(pk=slot.pk).update(
            post=section.post,
            post_title=section.post.title[:500],
            role=Role.SECTION,
            section=section,
            section_heading=section.heading[:500],
            wanted=True,
            wanted_by=Reason.HAND,
            from_hero=False,
            text_hash=text_fingerprint(_text_of(Role.SECTION, section.post, section)),
        )
        ImageOutput.objects.filter(slot=slot).update(
            post=section.post, post_title=section.post.title[:500]
        )
        slot = lock_slot(slot.pk)
        record_event(action=Action.ATTACH, user=user, slot=slot, previous_choice=slot.choice)
        if heir is not None:
            heir.refresh_from_db(fields=["slot", "state"])
        restore_choice(slot=slot, output=heir)
    return slot


def _hand_over(*, source: ImageSlot, target: ImageSlot) -> None:
    """Move everything that hangs on `source` to `target`, then remove `source`."""
    target.copies.live().update(live=False, changed_at=Now())
    for related in ("outputs", "jobs", "events", "alts", "copies", "drafts", "alt_drafts"):
        getattr(source, related).update(slot=target)
    ImageSlot.objects.filter(pk=target.pk).update(
        brief=target.brief or source.brief, caption=target.caption or source.caption
    )
    source.delete()


def set_wanted(
    *,
    slot: ImageSlot,
    wanted: bool,
    user: AbstractBaseUser | None,
    own_social: bool = False,
) -> ImageSlot:
    """Say by hand whether a place wants a picture; no rule changes that afterwards.

    Not wanted: what it shows is withdrawn, and comes back when it is wanted again. For a
    social card `own_social` says whether it wants a picture of its own or is made from the
    hero. Raises Refused when nothing would change.
    """
    require(user, "generate")
    with transaction.atomic():
        slot = lock_slot(slot.pk)
        from_hero = wanted and slot.role == Role.SOCIAL and not own_social
        if slot.wanted == wanted and (slot.role != Role.SOCIAL or slot.from_hero == from_hero):
            raise Refused(_already(slot))
        previous = slot.choice
        ImageSlot.objects.filter(pk=slot.pk).update(
            wanted=wanted, wanted_by=Reason.HAND, from_hero=from_hero
        )
        slot.wanted, slot.wanted_by, slot.from_hero = wanted, Reason.HAND, from_hero
        action = Action.WANT if wanted else Action.UNWANT
        if wanted and from_hero and previous:
            action = Action.UNCHOOSE
        record_event(action=action, user=user, slot=slot, previous_choice=previous)
        if previous and action != Action.WANT:
            set_choice(slot=slot, output=None)
        elif wanted and not from_hero and not previous and (last := last_choice(slot)):
            restore_choice(slot=slot, output=last)
        else:
            _mark_card_due(slot)
    return slot


def _mark_card_due(slot: ImageSlot) -> None:
    """A social card appears or goes although its choice has not changed."""
    if slot.role == Role.SOCIAL:
        mark_due(slots=[slot])


def _already(slot: ImageSlot) -> str:
    if not slot.wanted:
        return f"“{slot}” is not wanted already."
    if slot.from_hero:
        return f"“{slot}” is made from the hero already."
    return f"“{slot}” is wanted already."


def slots_under_way(slots: Sequence[ImageSlot]) -> set[int]:
    """Which of these places have a job queued or running."""
    return set(
        GenerationJob.objects.filter(
            slot__in=slots,
            kind=GenerationJob.Kind.IMAGE,
            state__in=GenerationJob.OPEN_STATES,
        ).values_list("slot_id", flat=True)
    )
