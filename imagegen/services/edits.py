"""Edits: a crop, a focal point, a part painted anew by a provider. The original stays as it is.

An edit makes a new image with its parent; only the focal point is a fact of the image itself.
A region is (left, top, width, height) as shares of the picture, each from 0 to 1.
"""

import math
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Unpack

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from imagegen.errors import Refused
from imagegen.models import GenerationBatch, ImageOutput, ReviewEvent
from imagegen.services import outputs
from imagegen.services.access import require
from imagegen.services.asking import Asking
from imagegen.services.batches import BatchPlan, GenerationOptions, create_batch
from imagegen.services.choices import lock_slot, record_event
from imagegen.services.disclosure import marks_at_arrival
from imagegen.services.due import mark_due
from imagegen.services.planning import Planner
from imagegen.services.prompting import ArtDirection
from imagegen.services.references import mask_name, name_of
from imagegen.storage import local_copy, originals
from prompts.compose import ComposedPrompt, Part
from prompts.words import clean_text
from providers.errors import ProviderProblem
from providers.models import ImageModel
from providers.pool import ChildDied, ChildTimeout, run_in_child
from providers.types import ImageRequest

SECONDS = 30.0
SMALLEST = 0.02  # share of a side that a region must have
SHORTEST = 64  # pixels of a side that is left
MAX_INSTRUCTION = 2000
MAX_DEPTH = 50
User = AbstractBaseUser | None
Region = tuple[float, float, float, float]


# --- The focal point --------------------------------------------------------------------


def set_focus(*, output: ImageOutput, x: float, y: float, user: User) -> ImageOutput:
    """Say what crops are made around: shares from the left and from the top."""
    require(user, "approve")
    if not all(math.isfinite(share) and 0 <= share <= 1 for share in (x, y)):
        raise Refused("The focal point lies in the picture: two numbers from 0 to 1.")
    with transaction.atomic():
        slot = lock_slot(output.slot_id) if output.slot_id else None
        ImageOutput.objects.filter(pk=output.pk).update(focal_x=x, focal_y=y, focal_by_hand=True)
        record_event(
            action=ReviewEvent.Action.FOCUS,
            user=user,
            output=output,
            slot=slot,
            note=f"{x:.0%} from the left, {y:.0%} from the top.",
        )
        if slot is not None and slot.choice_id == output.pk:
            mark_due(slots=[slot])
    output.refresh_from_db(fields=["focal_x", "focal_y", "focal_by_hand"])
    return output


# --- A crop -----------------------------------------------------------------------------


def crop_output(
    *, output: ImageOutput, region: Sequence[float], user: User, note: str = ""
) -> ImageOutput:
    """A part of an image as a new candidate of the same place. Raises Refused."""
    require(user, "override")
    wanted = check_region(region)
    if min(wanted[2] * output.width, wanted[3] * output.height) < SHORTEST:
        raise Refused(f"What is left must have at least {SHORTEST} pixels a side.")
    name = uuid.uuid4()
    edit = {"by": "crop", "region": list(wanted)}
    with outputs.scratch_file(".png") as path:
        _cut(output, path, wanted)
        examined = outputs.examine_file(path)
        stored = outputs.store_original(
            source_path=path,
            examined=examined,
            directory=outputs.original_directory(output.slot),
            name=name,
            sidecar=_sidecar(output, examined.facts(), edit, user),
        )
    fields = outputs.output_fields(examined, stored, said=output.digital_source_type)
    fields |= {"hints": [], "ai_content": output.ai_content}
    try:
        with transaction.atomic():
            made = ImageOutput.objects.create(
                **fields, **_inherited(output), uuid=name, edit=edit, created_by=user
            )
            record_event(
                action=ReviewEvent.Action.EDIT, user=user, output=made, slot=made.slot, note=note
            )
    except BaseException:
        outputs.remove_original(stored.path)
        raise
    return made


def _cut(output: ImageOutput, path: str, region: Region) -> None:
    # Here and not above: the web processes never decode and start without Pillow.
    from imagegen.imaging.cutting import cut_out

    try:
        with local_copy(originals(), output.path) as source:
            run_in_child(cut_out, source, path, region, output.digital_source_type, timeout=SECONDS)
    except (ChildDied, ChildTimeout, OSError) as error:
        raise Refused("The picture could not be cut just now. Try again.") from error


def _inherited(parent: ImageOutput) -> dict[str, Any]:
    """What a part of a picture shares with the whole."""
    names = (
        "slot", "post", "post_title", "role", "description", "prompt", "prompt_text",
        "connection_name", "model_name", "style_name", "style_version", "could_be_real",
        "watermark", "watermarking",
    )  # fmt: skip
    return {"kind": ImageOutput.Kind.EDITED, "parent": parent} | {
        name: getattr(parent, name) for name in names
    }


def _sidecar(
    parent: ImageOutput, file: dict[str, Any], edit: dict[str, Any], user: User
) -> dict[str, Any]:
    return {
        "version": outputs.SIDECAR_VERSION,
        "kind": "edited",
        "file": file,
        "parent": {"image": str(parent.uuid), "sha256": parent.sha256},
        "edit": edit,
        "description": parent.description,
        **marks_at_arrival(parent.digital_source_type),
        "place": outputs.place_of(parent.slot, role=parent.role),
        "edited_by": user.get_username() if user else "",
        "times": {"stored_at": timezone.now()},
    }


def check_region(region: Sequence[float]) -> Region:
    """Raise Refused unless it is a part of a picture and no mere line."""
    if len(region) != 4 or not all(math.isfinite(share) for share in region):
        raise Refused("Say the part by four numbers: left, top, width and height.")
    left, top, width, height = (round(float(share), 5) for share in region)
    inside = left >= 0 and top >= 0 and left + width <= 1.0001 and top + height <= 1.0001
    if not inside or width < SMALLEST or height < SMALLEST:
        raise Refused("The part must lie inside the picture and be more than a line of it.")
    return left, top, min(width, 1 - left), min(height, 1 - top)


# --- An edit by a provider --------------------------------------------------------------


def editing_models() -> list[ImageModel]:
    """Usable models that take a picture to work from."""
    found = []
    for model in ImageModel.objects.usable().for_pictures().select_related("connection"):
        try:
            capabilities = model.capabilities_object()
        except ProviderProblem:
            continue
        if capabilities.reference_images:
            found.append(model)
    return found


def plan_edit(
    *,
    output: ImageOutput,
    model: ImageModel,
    instruction: str,
    region: Sequence[float] | None = None,
) -> BatchPlan:
    """What having the image changed as `instruction` says would take; only inside `region`
    where one is given. Changes nothing. Raises Refused."""
    text = clean_text(instruction)
    if not text:
        raise Refused("Say what should be different.")
    if len(text) > MAX_INSTRUCTION:
        raise Refused(f"That is longer than {MAX_INSTRUCTION:,} characters.")
    planner = Planner(GenerationOptions())
    asked = ImageRequest(
        prompt=text,
        model=model.name,
        width=output.width,
        height=output.height,
        reference_images=(name_of(output),),
        mask=mask_name(check_region(region)) if region else "",
    )
    try:
        item = planner.price(
            direction=ArtDirection(model=model),
            composed=ComposedPrompt(parts=(Part(text, "hand"),)),
            asked=asked,
            slot=output.slot,
        )
    except ProviderProblem as problem:
        raise Refused(problem.in_full) from problem
    return BatchPlan(options=planner.house.options, items=[replace(item, parent=output)])


def create_edit(
    *,
    plan: BatchPlan,
    user: User,
    **asking: Unpack[Asking],
) -> GenerationBatch:
    """Queue a planned edit; what comes back is a candidate with its parent."""
    parent = plan.items[0].parent
    assert parent is not None  # noqa: S101 - plan_edit names it
    asking.setdefault("title", f"An edit of image {parent.pk}")
    return create_batch(plan=plan, user=user, kind=GenerationBatch.Kind.EDIT, **asking)


# --- Lineage ----------------------------------------------------------------------------


def lineage(output: ImageOutput) -> list[tuple[int, ImageOutput]]:
    """The tree that the image belongs to, root first, each with its depth; alone: empty."""
    root, seen = output, {output.pk}
    while root.parent_id is not None and root.parent_id not in seen and len(seen) < MAX_DEPTH:
        seen.add(root.parent_id)
        root = root.parent
    tree = list(_branch(root, 0, set()))
    return tree if len(tree) > 1 else []


def _branch(output: ImageOutput, depth: int, seen: set[int]) -> Iterator[tuple[int, ImageOutput]]:
    if output.pk in seen or depth > MAX_DEPTH:
        return
    seen.add(output.pk)
    yield depth, output
    for child in output.children.order_by("pk")[:MAX_DEPTH]:
        yield from _branch(child, depth + 1, seen)
