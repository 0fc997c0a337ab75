"""What models of fal take, by the beginnings of their names: the schemas of 2026-11-21.

Prices and further models are the catalogue's.
"""

from dataclasses import replace

from providers.backends._inputs import Profile
from providers.types import Capabilities

SEED = {"seed": "seed"}
SAMPLING = {**SEED, "steps": "num_inference_steps", "guidance_scale": "guidance_scale"}
FORMATS = {"jpeg": "jpeg", "png": "png"}
FLUX_SIZES = Capabilities(min_side=256, max_side=2048, multiple_of=16, max_pixels=4 * 1024 * 1024)
COMMON_RATIOS = ("21:9", "16:9", "3:2", "4:3", "5:4", "1:1", "4:5", "3:4", "2:3", "9:16")

NANO_BANANA = Profile(
    size="aspect_ratio",
    ratios=COMMON_RATIOS,
    formats={**FORMATS, "webp": "webp"},
    fixed={"num_images": 1},
    extra=("safety_tolerance",),
)
CHECKER = ("enable_safety_checker",)
UNKNOWN = Profile(names=SEED, fixed={"num_images": 1}, limits=FLUX_SIZES)
KNOWN = (
    (
        # FLUX 3 takes neither seed nor number (schema of 2026-10-01).
        "blackforestlabs/flux-3/",
        Profile(
            size="aspect_ratio",
            ratios=(
                "21:9", "2:1", "16:9", "3:2", "7:5", "4:3", "5:4", "1:1",
                "4:5", "3:4", "5:7", "2:3", "9:16", "1:2",
            ),  # fmt: skip
            classes={"768sq": 768, "1k": 1024, "2k": 2048, "4k": 4096},
            formats=FORMATS,
            extra=("safety_tolerance", "enable_prompt_expansion", "version"),
        ),
    ),
    (
        "openai/gpt-image",
        Profile(
            names={"quality": "quality"},
            formats={**FORMATS, "webp": "webp"},
            fixed={"num_images": 1},
            limits=Capabilities(
                min_side=256,
                max_side=3840,
                multiple_of=16,
                min_pixels=655_360,
                max_pixels=8_294_400,
                max_ratio=3,
                qualities=("low", "medium", "high"),
            ),
        ),
    ),
    ("fal-ai/nano-banana-", replace(NANO_BANANA, classes={"1K": 1024, "2K": 2048, "4K": 4096})),
    ("fal-ai/nano-banana", NANO_BANANA),
    (
        "fal-ai/flux-2-flex",
        Profile(
            names=SAMPLING,
            formats=FORMATS,
            extra=("safety_tolerance", *CHECKER, "enable_prompt_expansion"),
            limits=FLUX_SIZES,
        ),
    ),
    *(
        (
            model,
            Profile(
                names=SEED, formats=FORMATS, extra=("safety_tolerance", *CHECKER), limits=FLUX_SIZES
            ),
        )
        for model in ("fal-ai/flux-2-pro", "fal-ai/flux-2-max", "fal-ai/flux-pro/")
    ),
    *(
        (
            model,
            Profile(
                names=SAMPLING,
                formats=FORMATS,
                fixed={"num_images": 1},
                extra=(*CHECKER, "acceleration"),
                limits=FLUX_SIZES,
            ),
        )
        for model in ("fal-ai/flux-2", "fal-ai/flux/", "fal-ai/flux-1/")
    ),
)  # fmt: skip
