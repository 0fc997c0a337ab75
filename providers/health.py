"""What is known of a connection: health by level, and the table of what its models take."""

from dataclasses import replace

from providers.errors import ProviderProblem
from providers.models import Connection, ImageModel
from providers.types import Capabilities, Health, HealthLevel


def check_connection(connection: Connection) -> list[Health]:
    """Every level of health in rising order; after a failure the rest is not asked."""
    answers: list[Health] = []
    for level in HealthLevel:
        if any(answer.ok is False for answer in answers):
            answers.append(Health(level, None, "Not looked at."))
            continue
        try:
            answers.append(replace(connection.provider().health(level), level=level))
        except ProviderProblem as problem:
            answers.append(Health(level, False, f"{problem.message} {problem.hint}".strip()))
    return answers


def feature_rows(capabilities: Capabilities) -> list[tuple[str, str]]:
    """(what, how much) for each feature, in plain words."""
    size = (
        ", ".join(capabilities.sizes)
        if capabilities.sizes
        else f"{capabilities.min_side} to {capabilities.max_side} pixels a side"
    )
    if not capabilities.sizes and capabilities.multiple_of > 1:
        size += f", in steps of {capabilities.multiple_of}"
    if not capabilities.sizes and capabilities.max_pixels:
        size += f", {capabilities.max_pixels:,} in all"
    switches = ("negative_prompt", "seed", "steps", "guidance_scale", "palette", "title")
    return [
        ("size", size),
        ("prompt", f"{capabilities.max_prompt_length:,} characters"),
        *((name, "yes" if getattr(capabilities, name) else "no") for name in switches),
        ("quality", ", ".join(capabilities.qualities) or "no"),
        ("output_format", ", ".join(capabilities.output_formats) or "no"),
        ("reference_images", str(capabilities.reference_images or "no")),
        ("own options", ", ".join(capabilities.extra).replace("*", "any") or "none"),
    ]


def feature_table(models: list[ImageModel]) -> list[tuple[str, list[str]]]:
    """(feature, one cell per model) over all `models`."""
    columns = [dict(feature_rows(model.capabilities_object())) for model in models]
    if not columns:
        return []
    return [(name, [column[name] for column in columns]) for name in columns[0]]
