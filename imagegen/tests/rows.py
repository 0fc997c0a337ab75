"""Rows without files, for tests that look at decisions and pages only."""

import uuid
from typing import Any

from imagegen.models import Attempt, ImageOutput, ImageSlot
from imagegen.services import review


def make_output(slot: ImageSlot | None, **fields: Any) -> ImageOutput:
    """A candidate of the place; its file exists only in name."""
    name = uuid.uuid4()
    columns = {
        "uuid": name,
        "kind": ImageOutput.Kind.GENERATED,
        "slot": slot,
        "post": slot.post if slot else None,
        "post_title": slot.post_title if slot else "",
        "role": slot.role if slot else "",
        "path": f"originals/tests/2026-01-01/{name}.png",
        "preview_path": f"previews/tests/2026-01-01/{name}.jpg",
        "preview_width": 60,
        "preview_height": 40,
        "format": "PNG",
        "width": 120,
        "height": 80,
        "byte_size": 1000,
        "sha256": name.hex * 2,
        "dhash": 1,
        "colour": "#808080",
        "description": "A wall of stones",
        "connection_name": "studio",
        "model_name": "patterns",
        **fields,
    }
    return ImageOutput.objects.create(**columns)


def make_choice(slot: ImageSlot, **fields: Any) -> ImageOutput:
    """An approved image that the place shows."""
    return review.approve_output(output=make_output(slot, **fields), user=None)


def make_attempt(job, **fields: Any) -> Attempt:
    """A call of the ledger."""
    columns = {
        "number": 1,
        "epoch": 1,
        "connection_name": job.connection_name,
        "model_name": job.model_name,
        "recovery": "nothing",
        "request_hash": "0" * 64,
        "state": Attempt.State.STORED,
        **fields,
    }
    return Attempt.objects.create(job=job, **columns)
