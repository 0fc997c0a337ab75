"""What models of Replicate take, by the beginnings of their names: the schemas of 2026-11-21.

Prices and further models are the catalogue's.
"""

from dataclasses import replace

from providers.backends._inputs import Profile
from providers.types import Capabilities

SEED = {"seed": "seed"}
# The first is what is asked for without a wish.
FORMATS = {"jpeg": "jpg", "webp": "webp", "png": "png"}
COMMON_RATIOS = ("16:9", "3:2", "4:3", "1:1", "3:4", "2:3", "9:16")
FLUX_RATIOS = ("21:9", *COMMON_RATIOS[:3], "5:4", "1:1", "4:5", *COMMON_RATIOS[4:], "9:21")
FILE_QUALITY = ("output_quality",)

FLUX_2 = Profile(
    size="custom",
    names=SEED,
    formats=FORMATS,
    pictures="input_images",
    most_pictures=8,
    extra=("safety_tolerance", *FILE_QUALITY),
    limits=Capabilities(min_side=256, max_side=2048, multiple_of=32),
)
FLUX_DEV = Profile(
    size="aspect_ratio",
    ratios=FLUX_RATIOS,
    names={**SEED, "steps": "num_inference_steps"},
    formats=FORMATS,
    fixed={"num_outputs": 1},
    extra=("disable_safety_checker", "go_fast", *FILE_QUALITY),
)
# Nearly every model takes a prompt, an aspect ratio and a seed; a wrong guess is a free 422.
UNKNOWN = Profile(size="aspect_ratio", ratios=COMMON_RATIOS, names=SEED)
KNOWN = (
    (
        "black-forest-labs/flux-2-flex",
        replace(
            FLUX_2,
            names={**SEED, "steps": "steps", "guidance_scale": "guidance"},
            most_pictures=10,
            extra=(*FLUX_2.extra, "prompt_upsampling"),
        ),
    ),
    ("black-forest-labs/flux-2-", FLUX_2),
    (
        "black-forest-labs/flux-1.1-pro-ultra",
        Profile(
            size="aspect_ratio",
            ratios=FLUX_RATIOS,
            classes={"": 2048},
            names=SEED,
            formats={"jpeg": "jpg", "png": "png"},
            pictures="image_prompt",
            most_pictures=1,
            extra=("safety_tolerance", "raw", "image_prompt_strength"),
        ),
    ),
    (
        "black-forest-labs/flux-1.1-pro",
        Profile(
            size="custom",
            names=SEED,
            formats=FORMATS,
            pictures="image_prompt",
            most_pictures=1,
            extra=("safety_tolerance", "prompt_upsampling", *FILE_QUALITY),
            limits=Capabilities(min_side=256, max_side=1440, multiple_of=32),
        ),
    ),
    (
        "black-forest-labs/flux-dev",
        replace(
            FLUX_DEV,
            names={**FLUX_DEV.names, "guidance_scale": "guidance"},
            pictures="image",
            most_pictures=1,
            extra=(*FLUX_DEV.extra, "prompt_strength"),
        ),
    ),
    ("black-forest-labs/flux-schnell", FLUX_DEV),
    (
        "google/nano-banana",
        Profile(
            size="aspect_ratio",
            ratios=("21:9", *COMMON_RATIOS, "4:5", "5:4"),
            formats={"jpeg": "jpg", "png": "png"},
            pictures="image_input",
            most_pictures=10,
        ),
    ),
)
