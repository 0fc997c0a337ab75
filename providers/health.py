"""What is known of a connection: health by level, and the table of what its models take."""

from dataclasses import replace

from django.utils import timezone
from django.utils.formats import date_format

from providers.errors import ProviderProblem
from providers.models import Connection, ImageModel
from providers.types import Capabilities, Health, HealthLevel

UNPROVEN = "Never yet run against the real service."


def check_connection(connection: Connection) -> list[Health]:
    """Every level of health in rising order; after a failure the service is not asked again."""
    answers: list[Health] = []
    for level in HealthLevel:
        if level is HealthLevel.PROVEN:
            answers.append(proven(connection))
        elif any(answer.ok is False for answer in answers):
            answers.append(Health(level, None, "Not looked at."))
        else:
            answers.append(_ask(connection, level))
    return answers


def _ask(connection: Connection, level: HealthLevel) -> Health:
    try:
        return replace(connection.provider().health(level), level=level)
    except ProviderProblem as problem:
        return Health(level, False, problem.in_full)


def proven(connection: Connection) -> Health:
    """Whether a real call has ever succeeded, and when the last one did."""
    if connection.proven_at is None:
        return Health(HealthLevel.PROVEN, None, UNPROVEN)
    when = date_format(timezone.localtime(connection.proven_at), "j M Y, H:i")
    return Health(HealthLevel.PROVEN, True, f"A real call succeeded on {when}.")


def feature_rows(capabilities: Capabilities) -> list[tuple[str, str]]:
    """(what, how much) for each feature, in plain words."""
    switches = ("negative_prompt", "seed", "steps", "guidance_scale", "palette", "title")
    switched = {name: "yes" if getattr(capabilities, name) else "no" for name in switches}
    if capabilities.seed and capabilities.max_seed is not None:
        switched["seed"] = f"0 to {capabilities.max_seed:,}"
    return [
        ("size", _size(capabilities)),
        ("prompt", f"{capabilities.max_prompt_length:,} characters"),
        *switched.items(),
        ("quality", ", ".join(capabilities.qualities) or "no"),
        ("output_format", ", ".join(capabilities.output_formats) or "no"),
        ("reference_images", str(capabilities.reference_images or "no")),
        ("mask", "yes" if capabilities.mask else "no"),
        ("own options", _options(capabilities)),
    ]


def _size(capabilities: Capabilities) -> str:
    if capabilities.sizes:
        return ", ".join(capabilities.sizes)
    parts = [f"{capabilities.min_side} to {capabilities.max_side} pixels a side"]
    if capabilities.multiple_of > 1:
        parts.append(f"in steps of {capabilities.multiple_of}")
    if capabilities.max_ratio:
        parts.append(f"at most {capabilities.max_ratio}:1")
    low, high = capabilities.min_pixels, capabilities.max_pixels
    if low and high:
        parts.append(f"{low:,} to {high:,} in all")
    elif low or high:
        parts.append(f"at {'most' if high else 'least'} {high or low:,} in all")
    return ", ".join(parts)


def _options(capabilities: Capabilities) -> str:
    """The model's own options, each with what it may be where that is known."""
    names = [
        f"{name} ({', '.join(choices)})" if (choices := capabilities.choices.get(name)) else name
        for name in capabilities.extra
    ]
    return ", ".join("any" if name == "*" else name for name in names) or "none"


def feature_table(models: list[ImageModel]) -> list[tuple[str, list[str]]]:
    """(feature, one cell per model) over all `models`."""
    columns = [_column(model) for model in models]
    if not columns:
        return []
    return [(name, [column[name] for column in columns]) for name in columns[0]]


def _column(model: ImageModel) -> dict[str, str]:
    """The features of one model; one that writes texts has none of a picture's."""
    if model.purpose == ImageModel.Purpose.TEXT:
        return {name: "-" for name, _ in feature_rows(Capabilities())} | {"size": "writes texts"}
    return dict(feature_rows(model.capabilities_object()))
