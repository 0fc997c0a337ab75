"""Models whose inputs have names of their own, on services that run many models.

A profile says what one model takes and how it calls that. The adapters know some; the option
`profiles` of a connection tells more, or tells better:

    {"profiles": {"owner/name": {"size": "width_height", "names": {"seed": "seed"}}}}
"""

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

from providers import errors
from providers.backends._hosted import refuse_the_rest
from providers.backends._pictures import Picture, Writer, pictures_of, told
from providers.backends._queued import QueuedProvider, QueueOptions
from providers.backends._shapes import named_shape, nominal_sizes, shape_of
from providers.types import Capabilities, ImageRequest

SIZES = ("image_size", "width_height", "custom", "aspect_ratio")
# Fields of a request that a model may take, and what most models call them.
FIELDS = {
    "seed": "seed",
    "negative_prompt": "negative_prompt",
    "steps": "num_inference_steps",
    "guidance_scale": "guidance_scale",
    "quality": "quality",
}
ONE_MEGAPIXEL = 1024  # side of its square


def as_data_url(picture: Picture) -> str:
    return picture.data_url


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What one model takes.

    `size` is how it takes its size: `image_size` as an object of width and height,
    `width_height` as two inputs, `custom` as two inputs beside the aspect ratio "custom",
    `aspect_ratio` as one of `ratios`, with the input `resolution` where there are `classes`
    (names, and the side of their square in pixels). `names` maps our fields to its inputs,
    `formats` our output formats to its own, the first being the default. `pictures` is the input
    of reference pictures, a list unless `most_pictures` is 1. `fixed` goes with every call.
    """

    size: str = "image_size"
    ratios: tuple[str, ...] = ()
    classes: Mapping[str, int] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    formats: Mapping[str, str] = field(default_factory=dict)
    pictures: str = ""
    most_pictures: int = 0
    fixed: Mapping[str, Any] = field(default_factory=dict)
    extra: tuple[str, ...] = ()
    limits: Capabilities = Capabilities()

    def capabilities(self) -> Capabilities:
        sides = list(self.classes.values()) or [ONE_MEGAPIXEL]
        sizes = nominal_sizes(self.ratios, sides) if self.size == "aspect_ratio" else ()
        return replace(
            self.limits,
            sizes=sizes,
            output_formats=tuple(self.formats),
            reference_images=self.most_pictures if self.pictures else 0,
            extra=self.extra,
            seed="seed" in self.names,
            negative_prompt="negative_prompt" in self.names,
            steps="steps" in self.names,
            guidance_scale="guidance_scale" in self.names,
        )

    def fill(
        self, request: ImageRequest, pictures: Sequence[Picture] = (), write: Writer = as_data_url
    ) -> dict[str, Any]:
        """The inputs for `request`; `write` says how a picture is written down."""
        inputs: dict[str, Any] = {"prompt": request.prompt, **self._size(request), **self.fixed}
        for name, usual in FIELDS.items():
            if (value := getattr(request, name)) not in (None, ""):
                # A catalogue row may let through what the profile does not name.
                inputs[self.names.get(name, usual)] = value
        if wanted := request.output_format or next(iter(self.formats), ""):
            inputs["output_format"] = self.formats.get(wanted, wanted)
        if pictures and not self.pictures:
            raise errors.InvalidRequest(
                f"It is not known how {request.model} takes reference pictures.",
                hint="Name the input as pictures in the option profiles of the connection.",
            )
        if pictures:
            written = [write(picture) for picture in pictures]
            inputs[self.pictures] = written[0] if self.most_pictures == 1 else written
        if taken := sorted(set(inputs) & set(request.extra)):
            raise errors.InvalidRequest(
                f"{', '.join(taken)} cannot be set among the extra settings.",
                hint="It has a field of its own, or is set for every call.",
            )
        return inputs | dict(request.extra)

    def _size(self, request: ImageRequest) -> dict[str, Any]:
        both = {"width": request.width, "height": request.height}
        if self.size == "image_size":
            return {"image_size": both}
        if self.size == "aspect_ratio":
            ratio, resolution = named_shape(request, self.ratios, self.classes)
            named = {"aspect_ratio": ratio}
            return named | ({"resolution": resolution} if resolution else {})
        return {"aspect_ratio": "custom", **both} if self.size == "custom" else both

    def told_better(self, told: Any, model: str) -> Self:
        """This profile with what an operator tells of `model`; may be `ConfigurationError`."""
        known = {item.name for item in fields(self)} - {"limits"}
        if not isinstance(told, Mapping) or not set(told) <= known:
            raise errors.ConfigurationError(
                f"The profile of {model} in the options cannot be read.",
                hint=f"It is an object of these names: {', '.join(sorted(known))}.",
            )
        values: dict[str, Any] = {
            name: tuple(v) if isinstance(v, list) else v for name, v in told.items()
        }
        try:
            better = replace(self, **values)
            better.check()
        except (TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
            raise errors.ConfigurationError(
                f"The profile of {model} in the options cannot be read.", hint=str(error)[:300]
            ) from error
        return better

    def check(self) -> None:
        """`ValueError` (or its like) with a reason when it makes no sense."""
        if self.size not in SIZES:
            raise ValueError(f"size is one of {', '.join(SIZES)}.")
        if self.size == "aspect_ratio" and not self.ratios:
            raise ValueError("Aspect ratios need the list ratios.")
        if unknown := sorted(set(self.names) - set(FIELDS)):
            raise ValueError(f"names knows no {', '.join(unknown)}.")
        for ratio in self.ratios:
            shape_of(ratio)
        self.capabilities().to_dict()


@dataclass(frozen=True, kw_only=True)
class ProfileOptions(QueueOptions):
    """`profiles` tells of models by name what the adapter does not know of them."""

    profiles: Mapping[str, Any] = field(default_factory=dict)

    def better(self, profile: Profile, model: str) -> Profile:
        """`profile` with what the options tell of `model`."""
        told = self.profiles.get(model)
        return profile if told is None else profile.told_better(told, model)


class ProfileProvider(QueuedProvider):
    """A service with a queue and many models, which name their inputs themselves."""

    options_class = ProfileOptions
    options: ProfileOptions

    @abstractmethod
    def profile(self, model: str) -> Profile:
        """What the model takes, as far as it is known."""

    def capabilities(self, model: str, row: Mapping[str, Any] | None = None) -> Capabilities:
        return self.profile(model).capabilities().overlaid(row)

    def inputs(self, request: ImageRequest) -> tuple[dict[str, Any], dict[str, Any]]:
        """The inputs of a call, and what is written down of it."""
        refuse_the_rest(request, (*FIELDS, "output_format", "reference_images"))
        profile, pictures = self.profile(request.model), pictures_of(request)
        written_down = {"model": request.model, **profile.fill(request, pictures, told)}
        return profile.fill(request, pictures), written_down


def find_profile(known: Iterable[tuple[str, Profile]], model: str, unknown: Profile) -> Profile:
    """The profile of the first beginning that `model` has, or `unknown`."""
    return next((profile for start, profile in known if model.startswith(start)), unknown)
