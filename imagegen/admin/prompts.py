"""What the pages need to show a prompt and a request as they were sent."""

import json
from typing import Any

from imagegen.models import GenerationJob
from providers.errors import ProviderProblem
from providers.models import ImageModel


def prompt_limit(job: GenerationJob | None) -> int | None:
    """How many characters the job's model takes; None if that is not known any more."""
    return prompt_limit_of(job.model) if job and job.model else None


def prompt_limit_of(model: ImageModel) -> int | None:
    """How many characters a model takes; None if its provider cannot tell."""
    try:
        return model.capabilities_object().max_prompt_length
    except ProviderProblem:
        return None


def pretty(data: Any) -> str:
    """JSON for people to read."""
    return json.dumps(data, indent=2, ensure_ascii=False, default=str)
