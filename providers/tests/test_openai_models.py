"""What OpenAI's image models take, by the version in their names."""

import pytest

from providers.backends.openai import _offer
from providers.registry import make_provider
from providers.tests.hosted import checked
from providers.types import ConnectionConfig

MODEL = "gpt-image-2.5-flare"


@pytest.mark.parametrize(
    ("model", "qualities", "extra"),
    [
        ("gpt-image-1-mini", ("auto", "low", "medium", "high"), "input_fidelity"),
        ("gpt-image-2-2026-04-21", ("auto", "low", "medium", "high"), "moderation"),
        ("gpt-image-2.5-flare-2026-09-08", ("auto", "low", "medium", "high", "xhigh", "max"), ""),
        ("gpt-image-2.6-sunburst", ("auto", "low", "medium", "high", "xhigh", "max"), "complexity"),
        ("gpt-image-3", ("auto", "low", "medium", "high", "xhigh", "max"), "complexity"),
    ],
)
def test_capabilities_follow_the_version(model, qualities, extra):
    capabilities = make_provider(ConnectionConfig(name="a", kind="openai")).capabilities(model)
    assert capabilities.qualities == qualities
    assert extra in (*capabilities.extra, "")


@pytest.mark.parametrize(
    ("model", "asked", "sent"),
    [
        (MODEL, (1920, 1080), (1920, 1088)),
        (MODEL, (1536, 864), (1536, 864)),
        (MODEL, (3840, 2160), (3840, 2160)),
        (MODEL, (1440, 480), (1440, 480)),
        (MODEL, (3096, 1032), (3072, 1024)),
        ("gpt-image-1.5", (1920, 1080), (1536, 1024)),
    ],
)
def test_sizes_are_snapped_to_the_models_rule(model, asked, sent):
    validation = checked("openai", model, *asked)
    assert (validation.request.width, validation.request.height) == sent
    assert validation.ok


@pytest.mark.parametrize(
    ("model", "values", "field"),
    [
        ("gpt-image-2", {"quality": "xhigh"}, "quality"),
        (MODEL, {"extra": {"complexity": "low"}}, "extra.complexity"),
        (MODEL, {"extra": {"background": "pink"}}, "extra.background"),
        (MODEL, {"extra": {"output_compression": 101}}, "extra.output_compression"),
        (MODEL, {"extra": {"output_compression": "80"}}, "extra.output_compression"),
        (
            MODEL,
            {"output_format": "png", "extra": {"output_compression": 80}},
            "extra.output_compression",
        ),
        (
            MODEL,
            {"extra": {"background": "transparent", "output_compression": 80}},
            "extra.output_compression",
        ),
        (MODEL, {"output_format": "jpeg", "extra": {"background": "transparent"}}, "output_format"),
        (MODEL, {"output_format": "gif"}, "output_format"),
        (MODEL, {"reference_images": ("a",), "extra": {"moderation": "low"}}, "extra.moderation"),
        ("gpt-image-1.5", {"extra": {"input_fidelity": "low"}}, "extra.input_fidelity"),
        (MODEL, {"reference_images": ("a",) * 17}, "reference_images"),
        (MODEL, {"seed": 1}, "seed"),
        (MODEL, {"negative_prompt": "fog"}, "negative_prompt"),
    ],
)
def test_what_a_model_does_not_take_is_refused_by_name(model, values, field):
    assert field in [issue.field for issue in checked("openai", model, 1024, 1024, **values).errors]


@pytest.mark.parametrize(
    ("name", "purpose"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", "text"),
        ("olive-7b", "text"),
        ("sd-3.5-large", "image"),
        ("sd3-medium", "image"),
        ("stablediffusion", "image"),
        ("gpt-3.5-turbo-instruct", None),
        ("gpt-image-2.5-flare", "image"),
        ("gpt-realtime-2", None),
        ("gpt-4o-mini-search-preview", None),
    ],
)
def test_model_is_sorted_by_its_name(name, purpose):
    assert (_offer({"id": name}) or {}).get("purpose") == purpose
