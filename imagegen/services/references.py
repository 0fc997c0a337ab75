"""Reference pictures: named by their image in what is stored, files only while a call is made.

A stored request says `image:<uuid>` where an adapter gets a path, so that it names no folder of
a server, equal requests have equal fingerprints, and any machine can carry it out.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from imagegen.errors import StorageProblem
from imagegen.models import IllustrationPlan, ImageOutput
from imagegen.services.outputs import scratch_file
from imagegen.storage import local_copy, originals
from providers.pool import ChildDied, ChildTimeout, run_in_child
from providers.types import Capabilities, ImageRequest, TextRequest

PREFIX = "image:"
MASK = "region:"  # left, top, width and height as shares of the first reference picture
SECONDS = 30.0


def name_of(output: ImageOutput) -> str:
    """How a stored request names this image."""
    return f"{PREFIX}{output.uuid}"


def mask_name(region: tuple[float, float, float, float]) -> str:
    """How a stored request names the mask that lets a model paint inside `region` alone."""
    return MASK + ",".join(f"{share:g}" for share in region)


def with_reference(
    asked: ImageRequest, plan: IllustrationPlan | None, capabilities: Capabilities
) -> tuple[ImageRequest, tuple[str, ...]]:
    """The request with the plan's approved reference picture where the model takes one; and what
    there is to say where it is left out."""
    output = plan.reference if plan else None
    if output is None:
        return asked, ()
    if output.state != ImageOutput.State.APPROVED:
        return asked, ("The plan's reference picture is not approved, so it is not passed on.",)
    if not capabilities.reference_images:
        return asked, (f"{asked.model} takes no reference picture: the plan's is not passed on.",)
    return replace(asked, reference_images=(name_of(output), *asked.reference_images)), ()


@contextmanager
def local_files(request: ImageRequest) -> Iterator[ImageRequest]:
    """The request with a file of this machine for each image that it names.

    They are to be read only, and only within the block: where the storage is elsewhere they are
    copies that go with it. Raises StorageProblem for an image that is gone.
    """
    names = [*request.reference_images, request.mask]
    if not any(name.startswith((PREFIX, MASK)) for name in names):
        yield request
        return
    with ExitStack() as stack:
        references = tuple(_path(stack, name) for name in request.reference_images)
        mask = _path(stack, request.mask)
        if mask.startswith(MASK):
            mask = _painted_mask(stack, mask, references[0])
        yield replace(request, reference_images=references, mask=mask)


def _painted_mask(stack: ExitStack, name: str, picture: str) -> str:
    """A mask of the picture's size, made anew for each call: nothing needs to be kept."""
    from imagegen.imaging.cutting import mask_of

    region = tuple(float(share) for share in name.removeprefix(MASK).split(","))
    path = stack.enter_context(scratch_file(".png"))
    try:
        run_in_child(mask_of, picture, path, region, timeout=SECONDS)
    except (ChildDied, ChildTimeout, OSError) as error:
        raise StorageProblem("The mask of the edit could not be made.") from error
    return path


@contextmanager
def local_previews(request: TextRequest) -> Iterator[TextRequest]:
    """The request with the preview of each image that it names: enough to see what it shows."""
    with ExitStack() as stack:
        images = tuple(_path(stack, name, preview=True) for name in request.images)
        yield replace(request, images=images)


def _path(stack: ExitStack, name: str, *, preview: bool = False) -> str:
    if not name.startswith(PREFIX):
        return name
    output = ImageOutput.objects.filter(uuid=name.removeprefix(PREFIX)).first()
    if output is None:
        raise StorageProblem("A picture that the request refers to has been removed.")
    stored = output.preview_path if preview and output.preview_path else output.path
    try:
        return stack.enter_context(local_copy(originals(), stored))
    except OSError as error:
        raise StorageProblem(
            f"The original of image {output.pk}, which the request refers to, cannot be read."
        ) from error
