"""Diffusers: models on this machine, drawn by Hugging Face's library in a process of its own.

https://huggingface.co/docs/diffusers/api/pipelines/overview, release 0.42, read in November 2026.
An optional extra: PyTorch is gigabytes, and is imported in that process alone. No network is used
unless the connection says so; only files that run no code when they are read are loaded.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from providers import errors
from providers.backends._results import seed_of_key, size_notes
from providers.backends.diffusers_child import INSTALL_HINT, Job, ModelSpec
from providers.backends.diffusers_process import Busy, Died, NotStarted, Overdue, run_job
from providers.base import Provider
from providers.keeping import plain_line
from providers.options import Options, must_be
from providers.types import (
    Capabilities,
    Health,
    HealthLevel,
    ImageRequest,
    Recovery,
    Result,
    Sink,
)

PACKAGES = ("torch", "diffusers", "transformers")
DTYPES = ("auto", "float32", "float16", "bfloat16")
FILE_FORMATS = ("png", "jpeg")
KILLED = -9  # how a process ends that the system takes for its memory
KINDS: dict[str, type[errors.ProviderProblem]] = {
    kind.__name__: kind
    for kind in (
        errors.AuthFailed,
        errors.ConfigurationError,
        errors.ContentRejected,
        errors.InvalidRequest,
        errors.InvalidResponse,
        errors.ModelUnavailable,
        errors.OutOfMemory,
        errors.ProviderError,
    )
}
CAPABILITIES = Capabilities(
    max_side=2048,
    multiple_of=8,
    output_formats=FILE_FORMATS,
    negative_prompt=True,
    seed=True,
    steps=True,
    guidance_scale=True,
)


@dataclass(frozen=True, kw_only=True)
class DiffusersOptions(Options):
    """Options of a connection."""

    # Names of models and where each is: a folder, or a repository's id on Hugging Face. A model
    # that is not in it is taken for a repository's id.
    models: Mapping[str, str] = field(default_factory=dict)
    download: bool = False  # fetch what is not on this machine
    device: str = "auto"  # else cuda, cuda:1, mps, cpu
    dtype: str = "auto"  # float16 on cuda, else float32
    variant: str = ""  # "fp16": the files of that name
    safety_checker: bool = True  # False: load without one
    idle: float = 600.0  # seconds without work after which the memory is given back

    def __post_init__(self) -> None:
        if not self.device:
            raise must_be("device", "auto, or the name of one")
        if self.dtype not in DTYPES:
            raise must_be("dtype", f"one of {', '.join(DTYPES)}")
        if not self.idle > 0:
            raise must_be("idle", "a number of seconds above 0")


class DiffusersProvider(Provider):
    # Nothing can be cut; the same key gives the same picture again, at no cost.
    recovery = Recovery.OWN_KEY
    options_class = DiffusersOptions
    options: DiffusersOptions

    def capabilities(self, model: str, row: Mapping[str, Any] | None = None) -> Capabilities:
        """What text-to-image pipelines commonly take; one that takes less refuses by name."""
        return CAPABILITIES.overlaid(row)

    def submit(self, request: ImageRequest, key: str, sink: Sink) -> Result:
        """Draw in the other process, straight into the spool. Nothing of it is billed."""
        end = time.monotonic() + self.connection.deadline
        seed = seed_of_key(key) if request.seed is None else request.seed
        payload = self.build_payload(request, seed)
        sink.sending({**payload, "model": request.model})
        with sink.open_spool() as spool:
            drawn = self._run(
                Job(model=self._spec(request.model), path=spool.path, **payload), sink, end
            )
            file = spool.close_file()
        asked = (request.width, request.height)
        return Result(
            files=(file,),
            model=request.model,
            seed=seed,
            parameters={**payload, "model": request.model, "pipeline": drawn["pipeline"]},
            notes=(*size_notes(asked, (drawn["width"], drawn["height"])), *drawn["notes"]),
        )

    def build_payload(self, request: ImageRequest, seed: int) -> dict[str, Any]:
        """What is handed over, without what is not given."""
        payload = {
            "prompt": request.prompt,
            "width": request.width,
            "height": request.height,
            "seed": seed,
            "output_format": request.output_format or FILE_FORMATS[0],
            "negative_prompt": request.negative_prompt or None,
            "steps": request.steps,
            "guidance_scale": request.guidance_scale,
        }
        return {name: value for name, value in payload.items() if value is not None}

    def _spec(self, model: str) -> ModelSpec:
        options = self.options
        return ModelSpec(
            name=model,
            source=options.models.get(model, model),
            download=options.download,
            device=options.device,
            dtype=options.dtype,
            variant=options.variant,
            safety_checker=options.safety_checker,
        )

    def _run(self, job: Job, sink: Sink, end: float) -> dict[str, Any]:
        """The facts about the drawn picture, or the error that kept it from being drawn."""
        try:
            outcome, facts = run_job(job, end=end, idle=self.options.idle, tell=sink.progress)
        except Busy as error:
            raise errors.ProviderUnavailable(
                f"{self.connection.name} is busy with another picture.",
                hint="It draws one at a time: set the limit of concurrent calls to 1.",
            ) from error
        except Overdue as error:
            raise errors.ProviderError(
                f"{self.connection.name} did not finish within "
                f"{self.connection.deadline:g} seconds, and was stopped.",
                hint="Loading a model counts: set deadline in the options, or use fewer steps.",
                billed="no",
            ) from error
        except Died as error:
            raise self._death(error) from error
        except NotStarted as error:
            raise errors.ProviderUnavailable(
                f"{self.connection.name} could not start its process.", hint=plain_line(str(error))
            ) from error
        if outcome == "failed":
            raise _problem(facts)
        return facts

    def _death(self, death: Died) -> errors.ProviderProblem:
        name, hint = self.connection.name, f"The process that draws ended ({death})."
        if death.exit_code == KILLED:
            text = f"{name} was killed, most likely for want of memory."
            return errors.OutOfMemory(text, hint=hint)
        return errors.ProviderError(f"{name} broke down while it drew.", hint=hint, billed="no")

    def check_health(self, level: HealthLevel) -> Health:
        """Whether the packages and the models' folders are there; nothing is loaded for it."""
        if level is not HealthLevel.CONFIGURED:
            return Health(level, True, "It draws on this machine and needs no key.")
        if missing := [name for name in PACKAGES if not _is_installed(name)]:
            text = f"Not installed: {', '.join(missing)}. {INSTALL_HINT}"
            return Health(level, False, text)
        folders = {
            name: Path(each) for name, each in self.options.models.items() if each[:1] == "/"
        }
        if gone := [name for name, folder in folders.items() if not folder.is_dir()]:
            return Health(level, False, f"The folder of {', '.join(gone)} is not there.")
        return Health(level, True, f"Models named in the options: {len(self.options.models)}.")

    def discover(self) -> list[dict[str, Any]]:
        """The models that the options name."""
        free = {"kind": "free"}
        return [{"name": name, "label": name, "price_rule": free} for name in self.options.models]


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):
        return False


def _problem(facts: Mapping[str, str]) -> errors.ProviderProblem:
    kind = KINDS[facts["kind"]]
    details = {"hint": facts["hint"], "code": facts["code"], "billed": "no"}
    if kind is errors.ContentRejected:
        return errors.ContentRejected(facts["message"], stage="output", **details)
    return kind(facts["message"], **details)  # type: ignore[arg-type]
