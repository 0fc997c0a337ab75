"""Images that are really stored, for tests of what is made from them."""

import uuid
from typing import Any

import pytest

from imagegen.models import ImageOutput, ImageSlot
from imagegen.services import importing, outputs, renditions, review
from imagegen.services.disclosure import ai_content_of
from imagegen.tests import pictures as made


@pytest.fixture
def in_this_process(monkeypatch):
    """Child functions run here: the pool has tests of its own."""
    for module in (outputs, renditions, importing):
        monkeypatch.setattr(
            module, "run_in_child", lambda function, *args, timeout: function(*args)
        )


def put_output(slot: ImageSlot, *, seed: int = 0, data: bytes = b"", **fields: Any) -> ImageOutput:
    """A candidate of the slot whose files are in the private storage."""
    name = uuid.uuid4()
    with outputs.scratch_file() as path:
        with open(path, "wb") as file:
            file.write(data or made.png(seed, (120, 80)))
        examined = outputs.examine_file(path)
        stored = outputs.store_original(
            source_path=path,
            examined=examined,
            directory=outputs.original_directory(slot),
            name=name,
            sidecar={"file": examined.facts()},
        )
    columns = {
        **outputs.output_fields(examined, stored),
        "uuid": name,
        "kind": ImageOutput.Kind.GENERATED,
        "slot": slot,
        "post": slot.post,
        "post_title": slot.post_title,
        "role": slot.role,
        "description": "A wall of stones",
        "digital_source_type": "trainedAlgorithmicMedia",
        "model_name": "painter-1",
        **fields,
    }
    columns["ai_content"] = fields.get("ai_content") or ai_content_of(
        columns["digital_source_type"]
    )
    return ImageOutput.objects.create(**columns)


def choose(slot: ImageSlot, **fields: Any) -> ImageOutput:
    """A stored image, approved and chosen."""
    return review.approve_output(output=put_output(slot, **fields), user=None)
