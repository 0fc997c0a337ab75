"""What is sent: the options of a connection, the body of a call and its files."""

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from providers import errors
from providers.backends._pictures import Picture, pictures_of
from providers.options import Options, must_be
from providers.pool import ChildDied, ChildTimeout, run_in_child
from providers.types import ImageRequest, Issue

STRENGTH = 0.75  # how far a picture may leave its reference image; the servers' own default
EXTRA = ("sampler", "scheduler", "denoising_strength")
MASK_TIME = 30.0  # seconds
# stable-diffusion.cpp reads further arguments, file names among them, out of a prompt that has
# this in it (read in its source in November 2026).
ARGUMENTS_IN_PROMPT = "<sd_cpp_extra_args>"


@dataclass(frozen=True, kw_only=True)
class SdApiOptions(Options):
    """Options of a connection."""

    # Forge draws sides rounded down to 8 pixels, stable-diffusion.cpp up to 64.
    multiple_of: int = 8
    max_side: int = 2048
    sampler: str = ""  # used where a request names none; empty: the server's own
    scheduler: str = ""
    restore_model: bool = True  # load the server's own checkpoint again after each call

    def __post_init__(self) -> None:
        for name in ("multiple_of", "max_side"):
            if getattr(self, name) < 1:
                raise must_be(name, "a number of pixels")


def own_issues(request: ImageRequest) -> Iterator[Issue]:
    """What the capabilities cannot say."""
    strength = request.extra.get("denoising_strength")
    if strength is not None:
        text = ""
        if isinstance(strength, bool) or not isinstance(strength, int | float):
            text = "denoising_strength must be a number."
        elif not (math.isfinite(strength) and 0 <= strength <= 1):
            text = "denoising_strength must be a number from 0 to 1."
        elif not request.reference_images:
            text = "denoising_strength needs a reference image."
        if text:
            yield Issue("extra.denoising_strength", text, "error", strength)
    for name in ("sampler", "scheduler"):
        if not isinstance(request.extra.get(name, ""), str):
            yield Issue(f"extra.{name}", f"{name} must be a name.", "error")
    for field in ("prompt", "negative_prompt"):
        if ARGUMENTS_IN_PROMPT in getattr(request, field):
            yield Issue(field, f"The {field} must not hold {ARGUMENTS_IN_PROMPT}.", "error")


def build_payload(
    request: ImageRequest, options: SdApiOptions, checkpoint: str, seed: int
) -> dict[str, Any]:
    """The body of a call, without the files of its reference image."""
    extra = request.extra
    payload = {
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt,
        "width": request.width,
        "height": request.height,
        "seed": seed,
        "steps": request.steps,
        "cfg_scale": request.guidance_scale,
        "sampler_name": extra.get("sampler") or options.sampler or None,
        "scheduler": extra.get("scheduler") or options.scheduler or None,
        "batch_size": 1,
        "n_iter": 1,
        "send_images": True,
        "save_images": False,
        "override_settings": {"sd_model_checkpoint": checkpoint},
        "override_settings_restore_afterwards": options.restore_model,
    }
    if request.reference_images:
        payload["denoising_strength"] = extra.get("denoising_strength", STRENGTH)
        payload["resize_mode"] = 1  # crop the reference to our shape, do not stretch it
    if request.mask:
        payload["inpainting_fill"] = 1  # begin with what the reference shows there
        payload["inpaint_full_res"] = False  # paint in the picture as a whole
    return {name: value for name, value in payload.items() if value is not None}


def files_of(request: ImageRequest) -> tuple[dict[str, Any], dict[str, Any]]:
    """The files of a call as it takes them, and as they are written down."""
    if not request.reference_images:
        return {}, {}
    pictures = pictures_of(request)
    sent: dict[str, Any] = {"init_images": [picture.base64 for picture in pictures]}
    written: dict[str, Any] = {"init_images": [picture.told for picture in pictures]}
    if request.mask:
        mask = Picture(_mask_of(request.mask), "image/png")
        sent["mask"], written["mask"] = mask.base64, mask.told
    return sent, written


# --- Masks --------------------------------------------------------------------------------


def _mask_of(path: str) -> bytes:
    try:
        return run_in_child(white_where_transparent, path, timeout=MASK_TIME)
    except OSError as error:
        raise errors.InvalidRequest(
            "The mask cannot be read.", hint=type(error).__name__
        ) from error
    except ValueError as error:
        raise errors.InvalidRequest(str(error)) from error
    except (ChildTimeout, ChildDied) as error:
        raise errors.ProviderUnavailable(
            "The mask could not be read.", hint=f"{error} Look at the memory of this machine."
        ) from error


def white_where_transparent(path: str) -> bytes:
    """Our mask as these servers take it: a grey PNG, white where to paint. Runs in a child."""
    from PIL import Image, ImageChops

    with Image.open(path) as image:
        if not image.has_transparency_data:
            raise ValueError("The mask has no transparent part, which is where to paint.")
        alpha = image.convert("RGBA").getchannel("A")
    target = io.BytesIO()
    ImageChops.invert(alpha).save(target, "PNG", compress_level=1)
    return target.getvalue()
