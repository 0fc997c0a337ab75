import math

import pytest

from providers.types import Capabilities, ImageRequest
from providers.validation import parse_size, validate_request


def check(capabilities=None, **values):
    fields = {"prompt": "a", "model": "patterns", "width": 640, "height": 416} | values
    request = ImageRequest(**fields)
    return validate_request(request, capabilities or Capabilities(), "patterns (studio)")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("negative_prompt", "fog"),
        ("seed", 0),
        ("steps", 30),
        ("guidance_scale", 7.0),
        ("palette", ("#000000",)),
        ("title", "T"),
        ("kicker", "K"),
        ("footer", "F"),
        ("quality", "high"),
        ("output_format", "png"),
        ("reference_images", ("a.png",)),
    ],
)
def test_unsupported_parameter_is_refused_by_name(field, value):
    validation = check(**{field: value})
    assert [issue.field for issue in validation.errors] == [field]
    assert validation.errors[0].message == f"{field} is not taken by patterns (studio)."


def test_supported_parameters_pass():
    capabilities = Capabilities(
        negative_prompt=True,
        seed=True,
        steps=True,
        guidance_scale=True,
        palette=True,
        title=True,
        qualities=("high",),
        output_formats=("png",),
        reference_images=1,
        extra=("family",),
    )
    validation = check(
        capabilities,
        negative_prompt="fog",
        seed=0,
        steps=1,
        guidance_scale=0.0,
        palette=("#000000",),
        title="T",
        quality="high",
        output_format="png",
        reference_images=("a",),
        extra={"family": "flow"},
    )
    assert validation.issues == ()


def test_every_problem_is_told_at_once():
    fields = [issue.field for issue in check(prompt="", steps=3, seed=1, width=9999).errors]
    assert fields == ["prompt", "seed", "steps", "size"]


def test_unknown_own_option_is_refused_by_its_name():
    issue = check(Capabilities(extra=("family",)), extra={"sampler": "euler"}).errors[0]
    assert (issue.field, issue.message) == (
        "extra.sampler",
        "sampler is not taken by patterns (studio).",
    )


def test_star_lets_every_own_option_through():
    assert check(Capabilities(extra=("*",)), extra={"sampler": "euler"}).ok


@pytest.mark.parametrize(
    "name", ["n", "model", "quality", "size", "numberOfImages", "N", "num-images"]
)
def test_own_options_cannot_change_what_a_call_is_priced_by(name):
    issue = check(Capabilities(extra=("*",)), extra={name: 10}).errors[0]
    assert issue.message == f"{name} cannot be set among the extra settings."


def test_secret_among_own_options_is_refused_without_being_told():
    secret = "hf_0123456789abcdef"
    issue = check(Capabilities(extra=("*",)), extra={"loras": [{"hfToken": secret}]}).errors[0]
    assert "seems to hold a secret" in issue.message and secret not in str(issue)


def test_quality_outside_the_list_names_the_choices():
    message = check(Capabilities(qualities=("low", "high")), quality="ultra").errors[0].message
    assert message == "quality ultra is not taken by patterns (studio); it takes low, high."


def test_too_many_reference_images_name_the_limit():
    issue = check(Capabilities(reference_images=1), reference_images=("a", "b")).errors[0]
    assert issue.message == "2 reference_images given; patterns (studio) takes at most 1."


@pytest.mark.parametrize("prompt", ["", "  \n"])
def test_empty_prompt_is_refused(prompt):
    assert check(prompt=prompt).errors[0].message == "The prompt is empty."


def test_prompt_length_is_told_with_the_limit():
    message = check(Capabilities(max_prompt_length=1000), prompt="a" * 1001).errors[0].message
    assert message == "The prompt has 1,001 characters; patterns (studio) takes at most 1,000."


def test_prompt_of_exactly_the_limit_passes():
    assert check(Capabilities(max_prompt_length=3), prompt="abc").ok


@pytest.mark.parametrize(
    ("field", "value"),
    [("seed", -1), ("steps", 0), ("guidance_scale", math.nan), ("guidance_scale", -1.0)],
)
def test_impossible_number_is_refused(field, value):
    capabilities = Capabilities(seed=True, steps=True, guidance_scale=True)
    assert [issue.field for issue in check(capabilities, **{field: value}).errors] == [field]


# --- Sizes ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("width", "height", "sent"),
    [(640, 416, "640x416"), (641, 417, "640x416"), (630, 410, "624x416"), (64, 64, "64x64")],
)
def test_size_snaps_to_the_multiple(width, height, sent):
    validation = check(Capabilities(multiple_of=16), width=width, height=height)
    assert f"{validation.request.width}x{validation.request.height}" == sent
    assert validation.ok


def test_snapping_is_shown():
    issue = check(Capabilities(multiple_of=16), width=650).issues[0]
    assert (issue.severity, issue.requested, issue.sent) == ("snapped", "650x416", "656x416")
    assert (
        issue.message == "Size 650×416 becomes 656×416, the nearest that patterns (studio) draws."
    )


def test_snapping_stays_within_the_range():
    capabilities = Capabilities(multiple_of=32, min_side=50, max_side=1000)
    request = check(capabilities, width=50, height=1000).request
    assert (request.width, request.height) == (64, 992)


@pytest.mark.parametrize("width", [63, 4097])
def test_side_out_of_range_is_refused_with_the_range(width):
    message = check(width=width).errors[0].message
    assert message == f"Width {width} is not taken by patterns (studio): 64 to 4096 pixels."


def test_too_many_pixels_are_refused_with_the_limit():
    validation = check(Capabilities(max_pixels=1_000_000), width=1024, height=1024)
    assert "at most 1,000,000 pixels" in validation.errors[0].message


def test_snapping_up_never_passes_the_limit_of_pixels():
    capabilities = Capabilities(multiple_of=100, max_pixels=380 * 380)
    request = check(capabilities, width=380, height=380).request
    assert (request.width, request.height) == (300, 300)


@pytest.mark.parametrize(
    ("width", "height", "sent"),
    [
        (1024, 1024, (1024, 1024)),
        (1500, 1000, (1536, 1024)),
        (600, 900, (1024, 1536)),
        (20, 20, (1024, 1024)),
    ],
)
def test_fixed_sizes_take_the_nearest_shape(width, height, sent):
    capabilities = Capabilities(sizes=("1024x1024", "1536x1024", "1024x1536"))
    request = check(capabilities, width=width, height=height).request
    assert (request.width, request.height) == sent


def test_among_equal_shapes_the_nearest_area_wins():
    capabilities = Capabilities(sizes=("512x512", "1024x1024", "2048x2048"))
    assert check(capabilities, width=900, height=900).request.width == 1024


@pytest.mark.parametrize(("width", "height"), [(0, 10), (10, -1)])
def test_impossible_size_is_refused(width, height):
    assert check(width=width, height=height).errors[0].field == "size"


def test_refused_request_keeps_the_size_asked_for():
    assert check(width=9999).request.width == 9999


def test_size_is_read():
    assert parse_size("1536x1024") == (1536, 1024)


@pytest.mark.parametrize("text", ["", "x", "10", "10x", "axb", "0x5", "10x20x30", "-1x5", "²x3"])
def test_badly_written_size_is_an_error(text):
    with pytest.raises(ValueError, match="WIDTHxHEIGHT"):
        parse_size(text)


GPT_IMAGE = Capabilities(
    min_side=64,
    max_side=3840,
    multiple_of=16,
    min_pixels=655_360,
    max_pixels=8_294_400,
    max_ratio=3,
)


@pytest.mark.parametrize(
    ("width", "height", "sent"),
    [(1920, 1080, "1920x1088"), (960, 640, "992x672"), (640, 416, "1008x656")],
)
def test_too_small_a_size_grows_in_its_shape(width, height, sent):
    assert check(GPT_IMAGE, width=width, height=height).issues[0].sent == sent


def test_every_size_that_passes_keeps_the_models_whole_rule():
    for width in range(100, 3840, 97):
        for height in range(100, 3840, 89):
            validation = check(GPT_IMAGE, width=width, height=height)
            if validation.ok:
                sides = validation.request.width, validation.request.height
                assert all(side % 16 == 0 and side <= 3840 for side in sides), (width, height)
                assert 655_360 <= sides[0] * sides[1] <= 8_294_400, (width, height)
                assert max(sides) <= 3 * min(sides), (width, height)


def test_too_long_a_shape_is_refused_with_the_limit():
    message = check(GPT_IMAGE, width=3000, height=500).errors[0].message
    assert "3 times" in message


def test_seed_above_the_highest_is_refused_by_number():
    message = check(Capabilities(seed=True, max_seed=9), seed=10).errors[0].message
    assert message == "seed 10 is not taken by patterns (studio): at most 9."


def test_mask_is_refused_where_the_model_takes_none():
    issue = check(Capabilities(reference_images=1), reference_images=("a",), mask="m").errors[0]
    assert issue.field == "mask"


def test_mask_without_its_picture_is_refused():
    capabilities = Capabilities(reference_images=1, mask=True)
    assert "reference image" in check(capabilities, mask="m").errors[0].message


def test_own_option_outside_its_choices_names_them():
    capabilities = Capabilities(extra=("moderation",), choices={"moderation": ("auto", "low")})
    message = check(capabilities, extra={"moderation": "off"}).errors[0].message
    assert message.endswith("it takes auto, low.")
