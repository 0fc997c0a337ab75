"""Single test runs: one picture from a prompt as it stands, without a post.

A trial is checked, priced, capped, queued and stored like any other picture. It lies under
`originals/tests/<date>/`.
"""

import secrets
from collections.abc import Mapping
from typing import Any, Unpack

from django.contrib.auth.models import AbstractBaseUser

from imagegen.errors import Refused
from imagegen.models import GenerationBatch
from imagegen.services.asking import Asking
from imagegen.services.batches import BatchPlan, GenerationOptions, create_batch
from imagegen.services.planning import PlannedJob, Planner, seeds_of
from imagegen.services.prompting import ArtDirection
from prompts.compose import ComposedPrompt, Part
from prompts.words import clean_text
from providers.errors import ProviderProblem
from providers.models import ImageModel
from providers.types import Capabilities, ImageRequest
from providers.validation import parse_size

SMALL = 512  # pixels: the side of a trial's picture where the model has no fixed sizes
TITLE = 80  # characters


def plan_trial(
    *,
    model: ImageModel,
    prompt: str,
    size: tuple[int, int] | None = None,
    negative: str = "",
    quality: str = "",
    output_format: str = "",
    seed: int | None = None,
    extra: Mapping[str, Any] | None = None,
) -> BatchPlan:
    """What one picture of `model` would take; a small one where no size is given.

    Changes nothing. Raises Refused with what stands in the way.
    """
    planner = Planner(GenerationOptions())
    try:
        capabilities = planner.capabilities(model)
        width, height = size or small_size(capabilities)
        text = clean_text(prompt)
        asked = ImageRequest(
            prompt=text,
            negative_prompt=clean_text(negative),
            model=model.name,
            width=width,
            height=height,
            quality=quality,
            output_format=output_format,
            seed=_seed(seed, capabilities),
            title=text[:TITLE] if capabilities.title else "",
            extra=dict(extra or {}),
        )
        item = planner.price(
            direction=ArtDirection(model=model), composed=_composed(asked), asked=asked
        )
    except ProviderProblem as problem:
        raise Refused(problem.in_full) from problem
    return BatchPlan(options=planner.house.options, items=[item])


def create_trial(
    *,
    plan: BatchPlan,
    user: AbstractBaseUser | None,
    **asking: Unpack[Asking],
) -> GenerationBatch:
    """Queue a planned trial. Raises Refused, NotPermitted."""
    item: PlannedJob = plan.items[0]
    asking.setdefault("title", f"A test of {item.direction.model}")
    return create_batch(plan=plan, user=user, kind=GenerationBatch.Kind.TEST, **asking)


def small_size(capabilities: Capabilities) -> tuple[int, int]:
    """A size that is cheap to draw: the smallest fixed one, or a square of about 512 pixels."""
    if capabilities.sizes:
        sizes = [parse_size(size) for size in capabilities.sizes]
        return min(sizes, key=lambda size: size[0] * size[1])
    side = min(max(SMALL, capabilities.min_side), capabilities.max_side)
    return side, side


def _seed(seed: int | None, capabilities: Capabilities) -> int | None:
    if seed is None and capabilities.seed:
        return secrets.randbelow(seeds_of(capabilities))
    return seed


def _composed(asked: ImageRequest) -> ComposedPrompt:
    """The prompt as one part, written by hand."""
    return ComposedPrompt(parts=(Part(asked.prompt, "hand"),), negative_text=asked.negative_prompt)
