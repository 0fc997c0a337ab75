"""Which places an act of asking is about."""

from collections.abc import Collection, Sequence

from django.db.models import OuterRef, QuerySet, Subquery

from blog.models import Post
from imagegen.models import GenerationJob, ImageSlot
from prompts.models import Role

DEFAULT_ROLES = (Role.HERO, Role.SECTION)


def select_slots(
    *,
    posts: QuerySet[Post] | Sequence[Post],
    roles: Collection[str] = DEFAULT_ROLES,
    only_missing: bool = False,
    only_failed: bool = False,
    limit: int | None = None,
) -> list[ImageSlot]:
    """Wanted places of these posts in reading order: hero, social card, sections.

    A social card is made from the hero; only where the role `social` is named here is a
    picture of its own meant. `only_missing`: no choice, no candidate, no job under way.
    `only_failed`: nothing to show for it, and its newest job failed or was refused.
    """
    slots = ImageSlot.objects.attached().filter(post__in=posts, role__in=roles, wanted=True)
    if only_missing or only_failed:
        own = slots.filter(pk__in=ImageSlot.objects.missing())
        cards = _cards_without_own_picture(slots) if Role.SOCIAL in roles else slots.none()
        slots = slots.filter(pk__in=own.values("pk")) | slots.filter(pk__in=cards.values("pk"))
    if only_failed:
        own_jobs = GenerationJob.objects.filter(slot=OuterRef("pk"), kind=GenerationJob.Kind.IMAGE)
        newest = own_jobs.order_by("-pk")
        slots = slots.annotate(last_state=Subquery(newest.values("state")[:1])).filter(
            last_state__in=[GenerationJob.State.FAILED, GenerationJob.State.REFUSED]
        )
    # The post apart: a join would carry its whole text once for every section. The section by
    # a join: prefetching a one-to-one field fails on SQLite beyond 1,000 rows (Django 5.2).
    rows = slots.select_related("section", "draft").prefetch_related("post__tags", "post__sections")
    rows = rows.order_by("post_id", "pk")
    ordered = sorted(rows, key=_reading_order)
    return ordered[:limit] if limit is not None else ordered


def ask_for_own_card(*, slots: Sequence[ImageSlot]) -> None:
    """From now on these social cards want a picture of their own instead of the hero's."""
    keys = [slot.pk for slot in slots if slot.role == Role.SOCIAL and slot.from_hero]
    ImageSlot.objects.filter(pk__in=keys, from_hero=True).update(from_hero=False)


def _cards_without_own_picture(slots: QuerySet[ImageSlot]) -> QuerySet[ImageSlot]:
    """Social cards that are made from the hero and have no job of their own under way."""
    drawing = GenerationJob.objects.filter(kind=GenerationJob.Kind.IMAGE)
    busy = drawing.filter(state__in=GenerationJob.OPEN_STATES).values("slot")
    return slots.filter(role=Role.SOCIAL, from_hero=True, choice=None).exclude(pk__in=busy)


def _reading_order(slot: ImageSlot) -> tuple:
    place = {Role.HERO: 0, Role.SOCIAL: 1}.get(Role(slot.role), 2)
    return slot.post_id, place, slot.section.position if slot.section else 0
