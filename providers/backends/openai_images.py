"""What OpenAI's image models take, and requests as their API wants them. Pure but for files.

Parameters as in the types of openai 3.52.0; sizes, limits and dates read 2026-11-21.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import IO, Any

from providers import errors
from providers.backends._pictures import format_of
from providers.types import Capabilities, ImageRequest, Issue

VERSION = re.compile(r"gpt-image-(\d+)(?:\.(\d+))?")
FIXED_SIZES = ("1024x1024", "1536x1024", "1024x1536")
QUALITIES = ("auto", "low", "medium", "high")
FORMATS = ("png", "jpeg", "webp")
BACKGROUNDS = ("auto", "opaque", "transparent")
MAX_REFERENCE = 50_000_000  # bytes, "less than 50MB" each
MAX_MASK = 4_000_000

GPT_IMAGE = Capabilities(
    sizes=FIXED_SIZES,
    qualities=QUALITIES,
    output_formats=FORMATS,
    reference_images=16,
    mask=True,
    extra=("background", "moderation", "output_compression"),
    choices={"background": BACKGROUNDS, "moderation": ("auto", "low")},
)
# Any size with sides divisible by 16, from 1:3 to 3:1; nothing narrower than 480 has the pixels.
GPT_IMAGE_2 = replace(
    GPT_IMAGE,
    sizes=(),
    min_side=480,
    max_side=3840,
    multiple_of=16,
    min_pixels=655_360,
    max_pixels=8_294_400,
    max_ratio=3,
)
DALLE = Capabilities(
    sizes=("256x256", "512x512", "1024x1024", "1792x1024", "1024x1792"),
    qualities=("standard", "hd"),
    max_prompt_length=4000,
    extra=("style",),
    choices={"style": ("vivid", "natural")},
)
# A model of somebody else behind a gateway: its catalogue row has to say more.
UNKNOWN = Capabilities(min_side=64, max_side=4096, multiple_of=8)


def is_gpt_image(model: str) -> bool:
    return bool(VERSION.search(model)) or "chatgpt-image" in model


def family(model: str) -> Capabilities:
    """The capabilities of a GPT Image model by its version; the newest known for a newer one."""
    found = VERSION.search(model)
    version = (int(found[1]), int(found[2] or 0)) if found else (1, 5)
    if version < (2, 0):
        return _with(GPT_IMAGE, input_fidelity=("low",) if "mini" in model else ("low", "high"))
    capabilities = GPT_IMAGE_2
    if version >= (2, 5):  # gpt-image-2 answers "xhigh" with 400
        capabilities = replace(capabilities, qualities=(*QUALITIES, "xhigh", "max"))
    if version >= (2, 6):
        capabilities = _with(capabilities, complexity=("low", "medium", "high"))
    return capabilities


def _with(capabilities: Capabilities, **options: tuple[str, ...]) -> Capabilities:
    """The capabilities with more own options and what these may be."""
    return replace(
        capabilities,
        extra=(*capabilities.extra, *options),
        choices={**capabilities.choices, **options},
    )


def without(capabilities: Capabilities, dropped: tuple[str, ...]) -> Capabilities:
    """The capabilities when some parameters are never sent: they are refused by name."""
    off: dict[str, Any] = {"extra": tuple(n for n in capabilities.extra if n not in dropped)}
    for parameter, field in (("quality", "qualities"), ("output_format", "output_formats")):
        if parameter in dropped:
            off[field] = ()
    for name in ("negative_prompt", "seed", "steps", "guidance_scale", "mask"):
        if name in dropped:
            off[name] = False
    return replace(capabilities, **off)


def own_issues(request: ImageRequest) -> Iterator[Issue]:
    """What capabilities cannot say: options that do not go together."""
    extra, output_format = request.extra, request.output_format
    if extra.get("background") == "transparent" and output_format == "jpeg":
        yield _error("output_format", "A transparent background needs png or webp.", "jpeg")
    if (level := extra.get("output_compression")) is not None:
        whole = isinstance(level, int) and not isinstance(level, bool)
        if not (whole and 0 <= level <= 100):
            yield _error("output_compression", "output_compression must be 0 to 100.", level)
        elif (output_format or _default_format(extra)) == "png":
            yield _error("output_compression", "output_compression needs jpeg or webp.", level)
    if request.reference_images and "moderation" in extra:
        yield _error("moderation", "moderation is not taken together with reference images.")
    if not request.reference_images and "input_fidelity" in extra:
        yield _error("input_fidelity", "input_fidelity needs a reference image.")


def _error(name: str, message: str, requested: Any = None) -> Issue:
    field = name if name == "output_format" else f"extra.{name}"
    return Issue(field, message, "error", requested)


def build_payload(
    request: ImageRequest, *, legacy: bool = False, usual: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The parameters of `images.generate`; of `images.edit` too, but for its files.

    `usual` ones are sent where the request itself says nothing else.

    One picture a call: with more, a failure in the middle would be a loss of all of them.
    `response_format` goes to `legacy` (DALL·E) models alone; GPT Image answers it with 400.
    """
    own = {
        "quality": request.quality,
        "output_format": request.output_format,
        "negative_prompt": request.negative_prompt,
        "seed": request.seed,
        "steps": request.steps,
        "guidance_scale": request.guidance_scale,
        **request.extra,
    }
    given = {name: value for name, value in own.items() if value not in (None, "")}
    asked = {**(usual or {}), **given}
    payload = {
        "model": request.model,
        "prompt": request.prompt,
        "n": 1,
        "size": f"{request.width}x{request.height}",
    }
    if legacy:
        payload["response_format"] = "b64_json"
    elif is_gpt_image(request.model):
        payload["output_format"] = _default_format(asked)
    return payload | asked


def _default_format(asked: Mapping[str, Any]) -> str:
    """JPEG where nothing needs alpha: a tenth of the bytes of PNG, made and decoded fastest.

    WebP is smaller still, but costs twice the time to decode; both carry C2PA.
    """
    return "png" if asked.get("background") == "transparent" else "jpeg"


# --- Files ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Upload:
    """An open picture on its way to the service. Its name tells nothing of this machine."""

    name: str
    file: IO[bytes]
    mime: str
    sha256: str
    size: int

    def described(self) -> dict[str, Any]:
        return {"sha256": self.sha256, "bytes": self.size}

    def part(self) -> tuple[str, IO[bytes], str]:
        return self.name, self.file, self.mime


@contextmanager
def opened(paths: tuple[str, ...], name: str, limit: int) -> Iterator[list[Upload]]:
    """The pictures at `paths`, open; `InvalidRequest` when one is missing, odd or too large."""
    with ExitStack() as stack:
        uploads = []
        for number, path in enumerate(paths):
            try:
                file = stack.enter_context(open(path, "rb"))
            except OSError as error:
                raise errors.InvalidRequest(
                    f"A picture to send ({name} {number + 1}) is not there any more."
                ) from error
            uploads.append(_upload(file, f"{name}-{number + 1}", limit))
        yield uploads


def _upload(file: IO[bytes], name: str, limit: int) -> Upload:
    kind = format_of(file.read(8))
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    size = file.tell()
    file.seek(0)
    if not kind:
        raise errors.InvalidRequest(f"A picture to send ({name}) is neither PNG, JPEG nor WebP.")
    if size > limit:
        raise errors.InvalidRequest(
            f"A picture to send ({name}) has {size:,} bytes; at most {limit:,} are taken."
        )
    return Upload(f"{name}.{kind}", file, f"image/{kind}", digest, size)
