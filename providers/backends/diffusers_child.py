"""The process that draws with the `diffusers` library. PyTorch is imported here alone.

It is spawned, never forked (CUDA cannot be used after a fork), takes one job after another from a
pipe, and keeps the last model in memory. What goes wrong is answered as plain values.
"""

import gc
import inspect
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from providers.keeping import plain_line
from providers.pool import end_with

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

INSTALL_HINT = "Install what it needs: pip install -r requirements-diffusers.in"
MOST_TOKENS = 100_000  # a tokenizer without a limit tells a huge one
MEMORY_WORDS = ("out of memory", "not enough memory", "can't allocate memory")
Tell = Callable[[float], None]


@dataclass(eq=False)
class Failure(Exception):
    """An error by the name that it has in `providers/errors.py`, with its texts."""

    kind: str
    message: str
    hint: str = ""
    code: str = ""


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """A pipeline as it is loaded. `source` is a folder or a repository's id."""

    name: str
    source: str
    download: bool = False
    device: str = "auto"
    dtype: str = "auto"
    variant: str = ""
    safety_checker: bool = True


@dataclass(frozen=True, kw_only=True)
class Job:
    """One picture, written to `path`. What is None is left to the pipeline."""

    model: ModelSpec
    path: str
    prompt: str
    width: int
    height: int
    seed: int
    output_format: str = "png"
    negative_prompt: str | None = None
    steps: int | None = None
    guidance_scale: float | None = None

    def arguments(self) -> dict[str, Any]:
        """As pipelines name them, without what is not given."""
        given = {
            "prompt": self.prompt,
            "negative_prompt": self.negative_prompt,
            "width": self.width,
            "height": self.height,
            "num_inference_steps": self.steps,
            "guidance_scale": self.guidance_scale,
        }
        return {name: value for name, value in given.items() if value is not None}


def serve(pipe: "Connection", parent: int, idle: float) -> None:
    """Draw until nothing has come for `idle` seconds, or the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to end
    threading.Thread(target=end_with, args=(parent,), daemon=True).start()
    for name in ("HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_PROGRESS_BARS"):
        os.environ[name] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    painter = Painter()
    with suppress(EOFError, ConnectionError):
        while pipe.poll(idle):
            job = pipe.recv()
            pipe.send(("begun", None))
            pipe.send(painter.answer(job, lambda fraction: pipe.send(("progress", fraction))))


class Painter:
    """Holds one pipeline, and draws with it."""

    def __init__(self) -> None:
        self._spec: ModelSpec | None = None
        self._pipeline: Any = None

    def answer(self, job: Job, tell: Tell) -> tuple[str, dict[str, Any]]:
        """("done", facts), or ("failed", the fields of a `Failure`)."""
        try:
            if job.model != self._spec:
                self._load(job.model)
            return "done", draw(self._pipeline, job, tell)
        except Failure as failure:
            return "failed", asdict(failure)
        except Exception as error:  # noqa: BLE001 - told to the parent, which raises it
            return "failed", asdict(failure_of(error, job.model))
        finally:
            gc.collect()

    def _load(self, spec: ModelSpec) -> None:
        self._pipeline = self._spec = None
        gc.collect()  # room for the next one
        try:
            self._pipeline = load(spec)
        except (OSError, ValueError, KeyError, AttributeError) as error:
            raise loading_failure(error, spec) from error
        self._spec = spec


def load(spec: ModelSpec) -> Any:
    """The pipeline on its device. Only safetensors: other files run code when they are read."""
    import torch
    from diffusers import DiffusionPipeline

    device = best_device(torch) if spec.device == "auto" else spec.device
    half = device.startswith("cuda")
    dtype = ("float16" if half else "float32") if spec.dtype == "auto" else spec.dtype
    options: dict[str, Any] = {
        "dtype": getattr(torch, dtype),
        "local_files_only": not spec.download,
        "use_safetensors": True,
    }
    if spec.variant:
        options["variant"] = spec.variant
    if not spec.safety_checker:
        options |= {"safety_checker": None, "requires_safety_checker": False}
    _quieten()
    pipeline = DiffusionPipeline.from_pretrained(spec.source, **options)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(device)


def _quieten() -> None:
    """Neither bars nor prompts in the worker's log; what matters is told with the result."""
    from diffusers.utils import logging as diffusers_log
    from transformers.utils import logging as transformers_log

    for log in (diffusers_log, transformers_log):
        log.set_verbosity_error()
        log.disable_progress_bar()


def best_device(torch: Any) -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def draw(pipeline: Any, job: Job, tell: Tell) -> dict[str, Any]:
    """Draw into the job's file and tell what was drawn."""
    import torch

    takes = inspect.signature(pipeline.__call__).parameters
    arguments = job.arguments()
    if refused := sorted(set(arguments) - set(takes)):
        kind = type(pipeline).__name__
        raise Failure("InvalidRequest", f"{', '.join(refused)} is not taken by a {kind}.")
    if "callback_on_step_end" in takes:
        arguments["callback_on_step_end"] = _told(tell)
    # Schedulers carry state from call to call (huggingface/diffusers#1606).
    pipeline.scheduler = type(pipeline.scheduler).from_config(pipeline.scheduler.config)
    # On the CPU, a seed means the same picture on any hardware.
    generator = torch.Generator(device="cpu").manual_seed(job.seed)
    with torch.inference_mode():
        output = pipeline(**arguments, generator=generator)
    # The checker hands back a black picture and a flag beside it.
    if any(getattr(output, "nsfw_content_detected", None) or ()):
        raise Failure("ContentRejected", "The safety checker of the model refused this picture.")
    facts = {"pipeline": type(pipeline).__name__, "notes": _unread(pipeline, job.prompt)}
    return _saved(output.images[0], job) | facts


def _told(tell: Tell) -> Callable[..., dict[str, Any]]:
    def on_step_end(pipeline: Any, step: int, timestep: Any, values: Any) -> dict[str, Any]:
        tell((step + 1) / max(1, pipeline.num_timesteps))
        return values if isinstance(values, dict) else {}

    return on_step_end


def _unread(pipeline: Any, prompt: str) -> list[str]:
    """A note where the prompt is longer than the longest of the pipeline's tokenizers reads."""
    names = ("tokenizer", "tokenizer_2", "tokenizer_3", "tokenizer_4")
    readers = [each for name in names if (each := getattr(pipeline, name, None)) is not None]
    limits = {each.model_max_length: each for each in readers}
    if not limits or (most := max(limits)) > MOST_TOKENS:
        return []
    count = len(limits[most](prompt).input_ids)
    if count <= most:
        return []
    return [f"The model reads {most} tokens of the prompt's {count}: its end was not read."]


def _saved(image: Any, job: Job) -> dict[str, Any]:
    image = image.convert("RGB")
    if all(high == 0 for _, high in image.getextrema()):
        raise Failure(
            "InvalidResponse",
            "The picture came out black.",
            "Half precision often does this: set dtype to float32 or bfloat16.",
        )
    if job.output_format == "png":
        image.save(job.path, "PNG", compress_level=1)
    else:
        image.save(job.path, "JPEG", quality=92, subsampling=0)
    return {"width": image.width, "height": image.height}


# --- Errors -------------------------------------------------------------------------------


def failure_of(error: Exception, spec: ModelSpec) -> Failure:
    """What an exception of the libraries means, by its class and its words."""
    hint = f"{type(error).__name__}: {plain_line(str(error))}"
    words = str(error).lower()
    if isinstance(error, ImportError) or "failed to import" in words:
        text = "Drawing on this machine needs packages that are not installed."
        return Failure("ConfigurationError", text, f"{INSTALL_HINT} ({hint})")
    if isinstance(error, MemoryError) or _is_memory(error):
        return Failure("OutOfMemory", "This machine has too little memory for this picture.", hint)
    if isinstance(error, TypeError | ValueError):
        return Failure("InvalidRequest", f"{spec.name} does not take this request.", hint)
    return Failure("ProviderError", f"{spec.name} could not draw this picture.", hint)


def loading_failure(error: Exception, spec: ModelSpec) -> Failure:
    """Why a model could not be loaded: it is not there, not ours to have, or damaged."""
    hint = f"{type(error).__name__}: {plain_line(str(error))}"
    names = {cls.__name__ for each in _chain(error) for cls in type(each).__mro__}
    if "GatedRepoError" in names or _status(error) in (401, 403):
        text = f"{spec.name} is given only to those who have accepted its licence."
        return Failure("AuthFailed", text, f"Accept it on its page, and set HF_TOKEN. {hint}")
    if isinstance(error, ImportError) or _is_memory(error):
        return failure_of(error, spec)
    where = "" if spec.download else " Nothing is downloaded unless the connection says so."
    return Failure("ModelUnavailable", f"{spec.name} could not be loaded.", hint + where)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen = 0
    while error is not None and seen < 8:
        yield error
        error, seen = error.__cause__ or error.__context__, seen + 1


def _status(error: BaseException) -> int | None:
    """The HTTP status of the model hub's refusal, if that is what this is."""
    responses = (getattr(each, "response", None) for each in _chain(error))
    statuses = (getattr(response, "status_code", None) for response in responses)
    return next((status for status in statuses if isinstance(status, int)), None)


def _is_memory(error: BaseException) -> bool:
    named = type(error).__name__ == "OutOfMemoryError"
    return named or any(word in str(error).lower() for word in MEMORY_WORDS)
