"""Public copies: which of them the places of a post should serve, and how a file goes public.

A place serves a set: the same picture in several widths and formats, for some purposes. Each
copy is a rendition, brought from the private to the public storage.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from django.db.models import Q, QuerySet

from blog.markdown import typographic
from blog.models import Post
from imagegen.errors import StorageProblem
from imagegen.models import ImageOutput, ImageSlot, PublicCopy, Rendition
from imagegen.services.recipes import (
    Recipe,
    Variants,
    place_recipes,
    recipe_hash,
    social_recipe,
    wants_title,
)
from imagegen.services.watermarks import Treatments, read_treatments, watermark_for
from imagegen.storage import local_copy, originals, other_storages, published, save_file
from prompts.models import Role

logger = logging.getLogger("imagegen")

Key = tuple[int, str, str]  # slot, purpose, variant
AT_ONCE = 500  # rows of one statement; databases limit its length


@dataclass(frozen=True, kw_only=True)
class WantedCopy:
    """A copy that a slot should have."""

    slot_id: int
    purpose: str
    variant: str
    output: ImageOutput
    recipe: Recipe
    recipe_hash: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "recipe_hash", recipe_hash(self.recipe))

    @property
    def key(self) -> Key:
        return self.slot_id, self.purpose, self.variant

    def is_served_by(self, row: PublicCopy | None) -> bool:
        """Whether this live row is the copy that is wanted."""
        return (
            row is not None
            and row.recipe_hash == self.recipe_hash
            and row.output_id == self.output.pk
        )


def key_of(row: PublicCopy) -> Key:
    """What a copy is for; one live copy has it at a time."""
    return row.slot_id, row.purpose, row.variant


def is_public(post: Post | None) -> bool:
    """Whether readers may see the post, and so its pictures."""
    return post is not None and post.status == Post.Status.PUBLISHED


def wanted_copies(post: Post | None, treatments: Treatments | None = None) -> dict[Key, WantedCopy]:
    """The copies that a post should have now; none if it is not public.

    Only approved choices of wanted places count. The social card is made from a picture of
    its own, else from the hero. One query, those of `read_treatments` unless they are given,
    and one for a card in its style's colours.
    """
    if post is None or not is_public(post):
        return {}
    return copies_once_public(post, treatments)


def copies_once_public(post: Post, treatments: Treatments | None = None) -> dict[Key, WantedCopy]:
    """The copies that a post should have as soon as readers may see it."""
    wanted = _wanted_of(post, list(_slots_of(post)), treatments or read_treatments())
    return {copy.key: copy for copy in wanted}


def _slots_of(post: Post) -> QuerySet[ImageSlot]:
    slots = ImageSlot.objects.attached().filter(post=post, wanted=True)
    return slots.select_related("choice").order_by("pk")


def _wanted_of(post: Post, slots: list[ImageSlot], treatments: Treatments) -> Iterator[WantedCopy]:
    shown = {slot.pk: slot.choice for slot in slots if slot.choice and _is_shown(slot.choice)}
    hero = next((shown.get(slot.pk) for slot in slots if slot.role == Role.HERO), None)
    for slot in slots:
        own = shown.get(slot.pk)
        output = own or (hero if slot.role == Role.SOCIAL else None)
        if output is None:
            continue
        mark = watermark_for(output, treatments)
        if slot.role == Role.SOCIAL:
            with_title = own is None and wants_title(output)
            title = typographic(post.title, post.language) if with_title else ""
            variants = social_recipe(output, mark, title=title)
        else:
            variants = place_recipes(slot.role, output, mark)
        yield from _copies(slot, output, variants)


def _is_shown(output: ImageOutput) -> bool:
    return output.state == ImageOutput.State.APPROVED


def _copies(slot: ImageSlot, output: ImageOutput, variants: Variants) -> Iterator[WantedCopy]:
    for (purpose, variant), recipe in variants.items():
        yield WantedCopy(
            slot_id=slot.pk, purpose=purpose, variant=variant, output=output, recipe=recipe
        )


def new_copy(wanted: WantedCopy, rendition: Rendition) -> PublicCopy:
    """The row of a copy, not live and not saved yet."""
    digest, extension = rendition.sha256, rendition.path.rpartition(".")[2]
    return PublicCopy(
        slot_id=wanted.slot_id,
        purpose=wanted.purpose,
        variant=wanted.variant,
        output=wanted.output,
        rendition=rendition,
        recipe_hash=wanted.recipe_hash,
        path=f"pictures/{digest[:2]}/{digest[:32]}.{extension}",
        **{
            name: getattr(rendition, name)
            for name in ("format", "width", "height", "byte_size", "sha256")
        },
    )


def store_public(copy: PublicCopy) -> None:
    """Bring the rendition's file into the public storage, verified. Raises `StorageProblem`."""
    with local_copy(originals(), copy.rendition.path) as source:
        save_file(published(), copy.path, source, copy.sha256)


def remove_retired(which: Q) -> int:
    """Remove copies that are not live: the files first, then the rows. Returns how many."""
    rows = list(PublicCopy.objects.filter(which, live=False).values_list("pk", "path"))
    return sum(
        _remove(dict(rows[start : start + AT_ONCE])) for start in range(0, len(rows), AT_ONCE)
    )


def _remove(rows: dict[int, str]) -> int:
    """Remove retired rows, given as keys with the names of their files."""
    paths, storage = set(rows.values()), published()
    live = PublicCopy.objects.live().filter(path__in=paths)
    unneeded = paths.difference(live.values_list("path", flat=True))
    for path in unneeded:
        storage.delete(path)
    _remove_left_behind(unneeded)
    # Equal content has an equal name: somebody may just have come to need it.
    lost = [
        slot_id for slot_id, path in live.values_list("slot", "path") if not storage.exists(path)
    ]
    ImageSlot.objects.filter(pk__in=lost).update(publication_due=True)
    return PublicCopy.objects.filter(pk__in=list(rows), live=False).delete()[0]


def _remove_left_behind(paths: Iterable[str]) -> None:
    """Remove files from where a move left them too: a proxy may hand out that folder still.

    A storage that does not answer is given up; `prune --old-storage` finds what stays there.
    """
    for storage in other_storages("published"):
        try:
            for path in paths:
                storage.delete(path)
        except (StorageProblem, OSError):
            logger.warning("Withdrawn pictures may still lie where a move left them.")
