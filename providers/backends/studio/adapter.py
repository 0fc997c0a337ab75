"""The studio as a provider: no key, no network, no cost. Draws in the shared child processes."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from providers.backends._results import seed_of_key
from providers.backends.studio.options import (
    FILE_FORMATS,
    MAX_SIDE,
    MIN_SIDE,
    check_family,
    check_layout,
    check_size,
    parse_hex,
)
from providers.backends.studio.rendering import render_to_file
from providers.base import Provider
from providers.errors import InvalidRequest, ModelUnavailable, ProviderUnavailable
from providers.pool import ChildDied, ChildTimeout, run_in_child
from providers.types import (
    Capabilities,
    Health,
    HealthLevel,
    ImageRequest,
    Issue,
    Recovery,
    Result,
    Sink,
    Validation,
)

DRAWING_TIME = 30.0  # seconds; a picture takes well under one

_COMMON: dict[str, Any] = {
    "min_side": MIN_SIDE,
    "max_side": MAX_SIDE,
    "output_formats": FILE_FORMATS,
    "seed": True,
    "palette": True,
}
MODELS: dict[str, tuple[str, Capabilities]] = {
    "patterns": ("Patterns", Capabilities(**_COMMON, extra=("family",))),
    "covers": (
        "Covers with title",
        Capabilities(**_COMMON, title=True, extra=("family", "layout")),
    ),
}


class StudioProvider(Provider):
    """Generative patterns and typographic covers, drawn here.

    The same request with the same seed gives the same picture; without a seed the attempt's
    key decides, so that every new attempt looks different and a repeated one does not.
    """

    recovery = Recovery.OWN_KEY

    def capabilities(self, model: str, row: Mapping[str, Any] | None = None) -> Capabilities:
        """What `patterns` (no text) and `covers` (with title) take."""
        if model not in MODELS:
            raise ModelUnavailable(
                f'The studio has no model "{model}".', hint=f"It has {' and '.join(MODELS)}."
            )
        return MODELS[model][1].overlaid(row)

    def validate(self, request: ImageRequest, capabilities: Capabilities) -> Validation:
        """The base's checks and the studio's own: shape, colours, family and layout."""
        base = super().validate(request, capabilities)
        return Validation(base.request, (*base.issues, *_own_issues(base)))

    def submit(self, request: ImageRequest, key: str, sink: Sink) -> Result:
        """Draw the picture in a child process, straight into the spool."""
        seed = seed_of_key(key) if request.seed is None else request.seed
        file_format = request.output_format or FILE_FORMATS[0]
        specification = _specification(request, seed)
        sink.sending({"model": request.model, "output_format": file_format, **specification})
        with sink.open_spool() as spool:
            drawn = self._draw(specification, spool.path, file_format)
            file = spool.close_file()
        parameters = {
            name: drawn[name] for name in ("family", "layout", "palette", "width", "height")
        }
        return Result(
            files=(file,),
            model=request.model,
            seed=seed,
            cost=Decimal(0),
            parameters={**parameters, "seed": seed, "output_format": file_format},
            description=drawn["description"],
            digital_source_type="algorithmicMedia",
            notes=tuple(drawn["notes"]),
        )

    def _draw(self, data: dict[str, Any], path: str, file_format: str) -> dict[str, Any]:
        try:
            return run_in_child(render_to_file, data, path, file_format, timeout=DRAWING_TIME)
        except ValueError as error:
            raise InvalidRequest(str(error)) from error
        except (ChildTimeout, ChildDied) as error:
            raise ProviderUnavailable(
                "The studio could not finish this picture; it will be tried again.",
                hint=f"{error} Look at the memory and the load of this machine.",
            ) from error

    def check_health(self, level: HealthLevel) -> Health:
        """Always ready: nothing to reach, nobody to ask."""
        return Health(level, True, "The studio draws on this machine and needs no key.")

    def discover(self) -> list[dict[str, Any]]:
        """The two models, free of charge."""
        return [
            {
                "name": name,
                "label": label,
                "capabilities": able.to_dict(),
                "price_rule": {"kind": "free"},
            }
            for name, (label, able) in MODELS.items()
        ]


def _specification(request: ImageRequest, seed: int) -> dict[str, Any]:
    """The fields of a `StudioSpec` for a request."""
    return {
        "width": request.width,
        "height": request.height,
        "palette": list(request.palette),
        "seed": seed,
        "prompt": request.prompt,
        "family": request.extra.get("family", ""),
        "layout": request.extra.get("layout", ""),
        "title": request.title,
        "kicker": request.kicker,
        "footer": request.footer,
    }


def _own_issues(validation: Validation) -> Iterator[Issue]:
    """What the capabilities cannot express. Nothing is said twice about the size."""
    request = validation.request
    if not any(issue.field == "size" for issue in validation.errors):
        yield from _issue("size", check_size, request.width, request.height)
    for colour in request.palette:
        yield from _issue("palette", parse_hex, colour)
    yield from _issue("extra.family", check_family, request.extra.get("family", ""))
    yield from _issue("extra.layout", check_layout, request.extra.get("layout", ""))


def _issue(field: str, check, *values: Any) -> Iterator[Issue]:
    try:
        check(*values)
    except ValueError as error:
        yield Issue(field, str(error), "error", values[0] if len(values) == 1 else None)
