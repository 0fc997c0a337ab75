"""Writing the JSON beside an original again, from the database."""

from typing import Any

from django.utils import timezone

from imagegen.models import ImageOutput
from imagegen.services import outputs
from imagegen.storage import originals

FACTS = ("format", "width", "height", "byte_size", "sha256", "dhash", "colour")


def rewrite_sidecar(output: ImageOutput) -> bool:
    """Replace the sidecar of an image by one made from its rows."""
    output = ImageOutput.objects.select_related(
        "slot", "prompt", "attempt__job__batch", "created_by"
    ).get(pk=output.pk)
    originals().delete(outputs.sidecar_path(output.path))
    outputs.store_sidecar(output.path, sidecar_from_rows(output))
    return True


def sidecar_from_rows(output: ImageOutput) -> dict[str, Any]:
    """What the database knows about an original, in the shape of its sidecar."""
    sidecar: dict[str, Any] = {
        "version": outputs.SIDECAR_VERSION,
        "kind": output.kind,
        "file": {name: getattr(output, name) for name in FACTS},
        "parameters": output.parameters,
        "seed": output.seed,
        "cost": None if output.cost is None else str(output.cost),
        "description": output.description,
        "digital_source_type": output.digital_source_type,
        "ai_content": output.ai_content,
        "could_be_real": output.could_be_real,
        "style": {"name": output.style_name, "version": output.style_version},
        "place": outputs.place_of(output.slot, role=output.role),
        "times": {"booked_at": output.created_at, "rewritten_at": timezone.now()},
    }
    if output.prompt is not None:
        sidecar["prompt"] = outputs.prompt_facts(output.prompt)
    if output.attempt is not None:
        sidecar |= _facts_of_attempt(output)
    else:
        sidecar |= _facts_of_person(output)
    return sidecar


def _facts_of_person(output: ImageOutput) -> dict[str, Any]:
    """Who brought or cut the picture, and out of which."""
    name = output.created_by.get_username() if output.created_by else ""
    if output.parent is None:
        return {"uploaded_by": name}
    parent = {"image": str(output.parent.uuid), "sha256": output.parent.sha256}
    return {"edited_by": name, "parent": parent, "edit": output.edit}


def _facts_of_attempt(output: ImageOutput) -> dict[str, Any]:
    attempt = output.attempt
    assert attempt is not None  # noqa: S101 - for the type checker
    return {
        "provider": {
            "connection": output.connection_name,
            "model": output.model_name,
            "request_id": attempt.request_id,
        },
        "request": attempt.job.request,
        "lineage": outputs.lineage_of(attempt, output.number),
    }
