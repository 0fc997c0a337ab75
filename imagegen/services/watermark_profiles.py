"""Watermarks themselves: saving, removing, and bringing a whole archive up to date.

Whatever changes how pictures are marked runs in `following_watermarks` and has the places that
show them published anew.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, count

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils.text import slugify

from blog.models import Post
from imagegen.errors import Refused
from imagegen.models import ImageOutput, ImageSlot, WatermarkProfile
from imagegen.services.access import require
from imagegen.services.due import mark_due
from imagegen.services.watermark_files import check_text
from imagegen.services.watermarks import (
    Spec,
    Treatments,
    User,
    Watermarking,
    read_treatments,
    resolve,
    spec_of,
)
from imagegen.services.wording import count_text

Kind, Position = WatermarkProfile.Kind, WatermarkProfile.Position
CHUNK = 500  # places that are marked due at a time
FEW_POSTS = 50  # up to so many have a task each, as after any other change
MOST_TASKS = 4
SLICE = 20.0  # seconds after which the part of an archive lets other tasks pass
STANDARD_OPACITY, TILED_OPACITY = 0.72, 0.22
STANDARD_SIZE = {Kind.TEXT: 0.035, Kind.LOGO: 0.15}


def save_profile(*, profile: WatermarkProfile, user: User) -> WatermarkProfile:
    """Save a new or changed watermark; places whose pictures it changes are due.

    Its version rises with each change of how it looks. Saved as the site's own it takes the
    place of the one before. Raises Refused with what is wrong, NotPermitted.
    """
    require(user, "configure")
    check_profile(profile)
    with following_watermarks():
        profile.slug = profile.slug or _free_slug(profile.name)
        stored = WatermarkProfile.objects.filter(pk=profile.pk).first()
        if stored is not None:
            profile.version = stored.version + (_look(stored) != _look(profile))
        if profile.is_default:
            others = WatermarkProfile.objects.exclude(pk=profile.pk)
            others.filter(is_default=True).update(is_default=False)
        profile.save()
    return profile


def _free_slug(name: str) -> str:
    """What commands call a new watermark: a word that no other has, and that means none else."""
    word = slugify(name)[:90] or "watermark"
    taken = {*Watermarking.values, *WatermarkProfile.objects.values_list("slug", flat=True)}
    candidates = chain([word], (f"{word}-{number}" for number in count(2)))
    return next(candidate for candidate in candidates if candidate not in taken)


def _look(profile: WatermarkProfile) -> Spec:
    return {**spec_of(profile), "version": 0}


def check_profile(profile: WatermarkProfile) -> None:
    """Raise Refused, with a sentence, unless a mark can be made by this profile."""
    if profile.kind == Kind.LOGO and not profile.logo_path:
        raise Refused("Choose a file for the logo.")
    if profile.kind == Kind.TEXT:
        profile.text = " ".join(profile.text.split())
        if not profile.text:
            raise Refused("Write the text of the watermark, such as © and a name.")
        check_text(profile.text)
    for name, value, low, high in (
        ("margin", profile.margin, 0, 0.25),
        ("size", profile.size, 0.01, 1),
        ("opacity", profile.opacity, 0.05, 1),
    ):
        if not low <= value <= high:
            raise Refused(f"The {name} must be {low:g} to {high:g}; it is {value:g}.")


def remove_profile(*, profile: WatermarkProfile, user: User) -> None:
    """Remove a watermark. Pictures that had chosen it follow their style or the site again.

    The file of a logo stays, for a worker may be reading it.
    """
    require(user, "configure")
    with transaction.atomic():
        _lock_profiles()
        _mark_places(places_of(profile))
        chosen = ImageOutput.objects.filter(watermark=profile)
        chosen.update(watermarking=Watermarking.INHERIT, watermark=None)
        profile.delete()


def standard_opacity(position: str) -> float:
    """How strong a mark is where nobody says it: one that is repeated much less."""
    return TILED_OPACITY if position == Position.TILED else STANDARD_OPACITY


def standard_size(kind: str) -> float:
    """How large a mark is where nobody says it, as a share of the short side."""
    return STANDARD_SIZE[Kind(kind)]


@contextmanager
def following_watermarks() -> Iterator[None]:
    """A transaction in which watermarks or treatments of styles are changed.

    At its end the places are due whose pictures are marked otherwise than before.
    """
    with transaction.atomic():
        _lock_profiles()
        before = read_treatments()
        yield
        after = read_treatments()
        _mark([group for group in _groups() if group.differs(before, after)])


def _lock_profiles() -> None:
    """One change at a time, so that none judges by what another is changing."""
    rows = WatermarkProfile.objects.select_for_update(no_key=True).order_by("pk")
    list(rows.values_list("pk"))


# --- The archive ------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far the pictures of a watermark are: places that show it, and those still to do."""

    places: int
    due: int

    @property
    def done(self) -> int:
        return self.places - self.due

    def __str__(self) -> str:
        places = count_text(self.places, "place")
        return f"{places}, {self.due:,} to be published anew" if self.due else places


@dataclass(frozen=True, kw_only=True)
class _Group:
    """Places whose pictures have made the same choice; a whole archive has few of them."""

    watermarking: str
    chosen: int | None
    style_name: str
    places: int
    due: int

    def profile(self, treatments: Treatments) -> WatermarkProfile | None:
        return resolve(treatments, self.watermarking, self.chosen, self.style_name)

    def shows(self, profile: WatermarkProfile, treatments: Treatments) -> bool:
        return self.profile(treatments) == profile

    def differs(self, before: Treatments, after: Treatments) -> bool:
        old, new = self.profile(before), self.profile(after)
        return (old and spec_of(old)) != (new and spec_of(new))

    @property
    def where(self) -> Q:
        return Q(
            choice__watermarking=self.watermarking,
            choice__watermark=self.chosen,
            choice__style_name=self.style_name,
        )


def _shown() -> QuerySet[ImageSlot]:
    """Places of posts with an approved picture; whether readers may see it is not asked."""
    slots = ImageSlot.objects.filter(post__isnull=False)
    return slots.filter(choice__state=ImageOutput.State.APPROVED)


def _groups(posts: QuerySet[Post] | None = None) -> list[_Group]:
    names = ("choice__watermarking", "choice__watermark", "choice__style_name")
    counts = (Count("pk"), Count("pk", filter=Q(publication_due=True)))
    places = _shown() if posts is None else _shown().filter(post__in=posts)
    rows = places.order_by().values_list(*names).annotate(places=counts[0], due=counts[1])
    return [
        _Group(watermarking=how, chosen=chosen, style_name=style, places=places, due=due)
        for how, chosen, style, places, due in rows
    ]


def _places(groups: list[_Group]) -> QuerySet[ImageSlot]:
    which = Q()
    for group in groups:
        which |= group.where
    return _shown().filter(which) if groups else ImageSlot.objects.none()


def _mark(groups: list[_Group]) -> None:
    """Have the places of these groups published anew."""
    _mark_places(_places(groups))


def _mark_places(places: QuerySet[ImageSlot]) -> int:
    """Have these places published anew; returns how many they are."""
    rows = list(places.order_by("pk").values_list("pk", "post_id"))
    keys = [key for key, _ in rows]
    if len({post for _, post in rows}) <= FEW_POSTS:
        mark_due(slots=ImageSlot.objects.filter(pk__in=keys))
        return len(keys)
    for start in range(0, len(keys), CHUNK):
        chunk = ImageSlot.objects.filter(pk__in=keys[start : start + CHUNK])
        list(chunk.select_for_update(no_key=True).order_by("pk").values_list("pk"))
        chunk.update(publication_due=True)
    transaction.on_commit(_send_tasks, robust=True)
    return len(keys)


def _send_tasks() -> None:
    """A few tasks for a whole archive: one for each post would keep the person waiting."""
    from imagegen.tasks import publish_archive_task

    parts = max(1, min(settings.WORKER_THREADS - 1, MOST_TASKS))
    for part in range(parts):
        publish_archive_task.enqueue(part, parts)


def publish_part(*, part: int, parts: int, after: int = 0, seconds: float = SLICE) -> int | None:
    """Publish due posts, of `parts` parts the one, for some seconds.

    Returns the post after which to go on, or None at the end. What cannot be done stays due,
    and is tried again as any place is.
    """
    from imagegen.services.publishing import places_to_publish, publish_pictures

    until = time.monotonic() + seconds
    due = places_to_publish().filter(post_id__gt=after).order_by("post_id")
    for post_id in due.values_list("post_id", flat=True).distinct():
        if post_id % parts != part:
            continue
        publish_pictures(post_id=post_id)
        if time.monotonic() >= until:
            return post_id
    return None


def places_of(profile: WatermarkProfile) -> QuerySet[ImageSlot]:
    """Places whose pictures bear the watermark."""
    treatments = read_treatments()
    return _places([group for group in _groups() if group.shows(profile, treatments)])


def reapply(
    *, profile: WatermarkProfile, user: User, posts: QuerySet[Post] | None = None
) -> Progress:
    """Have the whole archive of a watermark, or that of some posts, looked through.

    That happens in the background; `progress` tells how far it is. What bears the present look
    already is left as it is.
    """
    require(user, "configure")
    with transaction.atomic():
        places = places_of(profile)
        marked = _mark_places(places if posts is None else places.filter(post__in=posts))
    return Progress(places=marked, due=marked)


def progress(*profiles: WatermarkProfile, posts: QuerySet[Post] | None = None) -> list[Progress]:
    """For each watermark how many places (of posts) show it, and how many are still due."""
    treatments, groups = read_treatments(), _groups(posts)
    shown_by = [[group for group in groups if group.shows(row, treatments)] for row in profiles]
    return [
        Progress(places=sum(group.places for group in shown), due=sum(group.due for group in shown))
        for shown in shown_by
    ]
