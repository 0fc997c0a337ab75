"""The adapter: what Frontispiece asks, and what it gets."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from providers.base import Provider
from providers.errors import InvalidRequest, ProviderUnavailable
from providers.options import Options, must_be
from providers.pool import ChildDied, ChildTimeout, run_in_child
from providers.types import (
    Capabilities,
    Health,
    HealthLevel,
    ImageRequest,
    Recovery,
    Result,
    Sink,
)

from .drawing import DIRECTIONS, draw_gradient

DRAWING_TIME = 20.0  # seconds

# What is not named here is refused by name before any call.
CAPABILITIES = Capabilities(
    max_side=2048,
    output_formats=("png",),
    seed=True,
    palette=True,
    extra=("direction",),
    choices={"direction": DIRECTIONS},
)


@dataclass(frozen=True, kw_only=True)
class GradientOptions(Options):
    """Options of a connection, as an administrator writes them."""

    direction: str = "down"

    def __post_init__(self) -> None:
        if self.direction not in DIRECTIONS:
            raise must_be("direction", f"one of {', '.join(DIRECTIONS)}")


class GradientProvider(Provider):
    """Two colours, one running into the other."""

    interface_version = 1
    # Nothing can be cut, and drawing again gives the same picture at no cost.
    recovery = Recovery.OWN_KEY
    options_class = GradientOptions
    options: GradientOptions

    def capabilities(self, model: str, row: Mapping[str, Any] | None = None) -> Capabilities:
        """The same for every model; a row of the catalogue may say more exactly."""
        return CAPABILITIES.overlaid(row)

    def submit(self, request: ImageRequest, key: str, sink: Sink) -> Result:
        """Draw in a child process, straight into the spool."""
        payload = self.build_payload(request, key)
        sink.sending(payload)
        with sink.open_spool() as spool:
            self._draw(spool.path, payload)
            file = spool.close_file()
        return Result(
            files=(file,),
            model=request.model,
            seed=payload["seed"],
            parameters=payload,
            description="A gradient of two colours.",
            digital_source_type="algorithmicMedia",
        )

    def build_payload(self, request: ImageRequest, key: str) -> dict[str, Any]:
        """What is drawn, as plain values. Without a seed the key decides."""
        digest = hashlib.sha256(key.encode()).digest()
        return {
            "prompt": request.prompt,
            "width": request.width,
            "height": request.height,
            "seed": int.from_bytes(digest[:4], "big") if request.seed is None else request.seed,
            "palette": list(request.palette[:2]),
            "direction": request.extra.get("direction", self.options.direction),
        }

    def _draw(self, path: str, payload: Mapping[str, Any]) -> None:
        try:
            run_in_child(draw_gradient, path, dict(payload), timeout=DRAWING_TIME)
        except ValueError as error:
            raise InvalidRequest(f"This gradient cannot be drawn: {error}") from error
        except (ChildDied, ChildTimeout) as error:
            raise ProviderUnavailable(
                "The gradient could not be finished; it will be tried again.", hint=str(error)
            ) from error

    def check_health(self, level: HealthLevel) -> Health:
        return Health(level, True, "It draws on this machine and needs no key.")

    def discover(self) -> list[dict[str, Any]]:
        """What `manage.py sync_models` puts into the catalogue."""
        free = {"kind": "free"}
        return [{"name": "two-colours", "label": "Two colours", "price_rule": free}]
