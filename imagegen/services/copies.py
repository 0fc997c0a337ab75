"""Public copies: which a post should have, by recipe, and how one is made.

A recipe names all that goes into a copy: the original, the way it is made, and the facts
written into it. Equal recipes make equal copies; a new alt text makes a new copy.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from blog.models import Post
from imagegen.errors import StorageProblem
from imagegen.models import ImageOutput, ImageSlot, PublicCopy, SlotAlt
from imagegen.services.outputs import scratch_file
from imagegen.storage import hash_file, local_copy, originals, published, save_file
from prompts.models import Role
from providers.pool import run_in_child

RECIPE_VERSION = 1
ENCODE_SECONDS = 30.0
MAX_WIDTH = 1600
Key = tuple[int, str]


@dataclass(frozen=True, kw_only=True)
class WantedCopy:
    """A copy that a slot should have."""

    slot_id: int
    purpose: str
    output: ImageOutput
    recipe: dict[str, Any]
    recipe_hash: str = field(init=False)

    def __post_init__(self) -> None:
        text = json.dumps(self.recipe, sort_keys=True, separators=(",", ":"))
        object.__setattr__(self, "recipe_hash", hashlib.sha256(text.encode()).hexdigest())

    @property
    def key(self) -> Key:
        return self.slot_id, self.purpose


def is_public(post: Post | None) -> bool:
    """Whether readers may see the post, and so its pictures."""
    return post is not None and post.status == Post.Status.PUBLISHED


def wanted_copies(post: Post | None) -> dict[Key, WantedCopy]:
    """The copies that a post should have now, by slot and purpose; none if it is not public.

    Only approved choices of wanted places count. The social card is made from a picture of
    its own, else from the hero. Two queries.
    """
    if post is None or not is_public(post):
        return {}
    slots = list(
        ImageSlot.objects.attached()
        .filter(post=post, wanted=True)
        .select_related("choice")
        .order_by("pk")
    )
    shown = {slot.pk: slot for slot in slots if _is_shown(slot)}
    alts = _alts_of(shown.values(), post.language)
    hero = next((slot for slot in shown.values() if slot.role == Role.HERO), None)
    wanted = [
        _web_copy(slot, alts.get(slot.pk, ""), post)
        for slot in shown.values()
        if slot.role != Role.SOCIAL
    ]
    for slot in slots:
        source = (shown.get(slot.pk) or hero) if slot.role == Role.SOCIAL else None
        if source is not None:
            wanted.append(_social_copy(slot, source, alts.get(source.pk, ""), post))
    return {copy.key: copy for copy in wanted}


def _is_shown(slot: ImageSlot) -> bool:
    return slot.choice is not None and slot.choice.state == ImageOutput.State.APPROVED


def _alts_of(slots: Iterable[ImageSlot], language: str) -> dict[int, str]:
    """Alt texts of the slots' choices: in the language, else in any; decorative ones "".

    The page asks in the same order (`imagegen.templatetags.pictures`).
    """
    choices = {slot.pk: slot.choice_id for slot in slots}
    alts: dict[int, str] = {}
    for alt in SlotAlt.objects.filter(slot__in=choices).order_by("pk"):
        if choices[alt.slot_id] != alt.output_id:
            continue
        if alt.language == language or alt.slot_id not in alts:
            alts[alt.slot_id] = alt.text
    return alts


def _web_copy(slot: ImageSlot, alt: str, post: Post) -> WantedCopy:
    assert slot.choice is not None  # noqa: S101 - for the type checker
    make = {"way": "web", "max_width": MAX_WIDTH}
    return WantedCopy(
        slot_id=slot.pk,
        purpose=PublicCopy.Purpose.WEB,
        output=slot.choice,
        recipe=_recipe(slot.choice, make, alt, post),
    )


def _social_copy(slot: ImageSlot, source: ImageSlot, alt: str, post: Post) -> WantedCopy:
    """The card of `slot`, made from the choice of `source` (itself, or the hero)."""
    assert source.choice is not None  # noqa: S101 - for the type checker
    make: dict[str, Any] = {"way": "crop"}
    if source is not slot and settings.SOCIAL_CARD == "text":
        make = {"way": "text", "title": post.title, "site": settings.SITE_NAME}
    return WantedCopy(
        slot_id=slot.pk,
        purpose=PublicCopy.Purpose.SOCIAL,
        output=source.choice,
        recipe=_recipe(source.choice, make, alt, post),
    )


def _recipe(output: ImageOutput, make: dict[str, Any], alt: str, post: Post) -> dict[str, Any]:
    generated = output.kind != ImageOutput.Kind.UPLOADED
    return {
        "version": RECIPE_VERSION,
        "image": str(output.uuid),
        "original": output.sha256,
        "make": make,
        "facts": {
            "digital_source_type": output.digital_source_type,
            "alt": alt,
            "language": post.language,
            "credit": settings.SITE_NAME,
            "model": output.model_name if generated else "",
        },
    }


@dataclass(frozen=True, kw_only=True)
class EncodedCopy:
    """An encoded copy in a scratch file, and the public name that its content gives it."""

    source: str
    path: str
    width: int
    height: int
    byte_size: int
    sha256: str


def make_copy(wanted: WantedCopy, *, store: Callable[[EncodedCopy], None]) -> None:
    """Encode the copy in a child process and hand it to `store`, which must keep it.

    The scratch file is gone afterwards. Raises `StorageProblem` if the original is missing
    or no longer what was stored.
    """
    storage = originals()
    output = wanted.output
    if hash_file(storage, output.path) != output.sha256:
        raise StorageProblem(f"The original of image {output.pk} has changed since it was stored.")
    with local_copy(storage, output.path) as source, scratch_file(".jpg") as target:
        function, arguments = _encoder(wanted.recipe)
        facts = run_in_child(function, source, target, *arguments, timeout=ENCODE_SECONDS)
        digest = facts["sha256"]
        store(EncodedCopy(source=target, path=f"pictures/{digest[:2]}/{digest[:32]}.jpg", **facts))


def _encoder(recipe: dict[str, Any]) -> tuple[Callable[..., dict], tuple[Any, ...]]:
    # Here and not above: the web processes never encode and start without Pillow.
    from imagegen.imaging import cards, encode

    make, facts = recipe["make"], recipe["facts"]
    if make["way"] == "web":
        return encode.web_copy, (facts, make["max_width"])
    if make["way"] == "text":
        return cards.text_card, (facts, make["title"], make["site"])
    return encode.social_copy, (facts,)


def store_public(copy: EncodedCopy) -> None:
    """Put the encoded copy into the public storage, verified. Raises `StorageProblem`."""
    save_file(published(), copy.path, copy.source, copy.sha256)
