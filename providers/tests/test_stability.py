"""Stability against its fake: the call, what is sent, what each answer becomes."""

import pytest

from providers import errors
from providers.registry import make_provider
from providers.tests.contract import ProviderContract
from providers.tests.fakes.stability import KEY, FakeStability
from providers.tests.hosted import ask, connect, reference
from providers.types import ConnectionConfig, HealthLevel, ImageRequest

MODEL = "sd3.5-large"


class TestStability(ProviderContract):
    kind, model, width, height = "stability", MODEL, 1216, 832

    @pytest.fixture
    def connection(self):
        with FakeStability() as fake:
            yield connect("stability", fake, KEY)


class TestStabilityUltra(TestStability):
    model = "ultra"


@pytest.fixture
def fake():
    with FakeStability() as fake:
        yield fake


def draw(fake, sink, model=MODEL, width=1216, height=832, **values):
    provider = make_provider(connect("stability", fake, KEY))
    return ask(provider, sink, model, width, height, **values)


def form(fake):
    (call,) = fake.calls()
    return {part.name: part for part in call.parts()}


def bare():
    return make_provider(ConnectionConfig(name="mine", kind="stability", secret=KEY))


# --- What is sent -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "endpoint"),
    [("ultra", "ultra"), ("stable-image-core", "core"), ("sd3.5-medium", "sd3")],
)
def test_model_decides_the_endpoint(fake, sink, model, endpoint):
    draw(fake, sink, model)
    assert fake.calls()[0].path == f"/v2beta/stable-image/generate/{endpoint}"


def test_everything_goes_as_parts_of_a_form(fake, sink):
    draw(
        fake,
        sink,
        negative_prompt="people",
        seed=7,
        guidance_scale=4.5,
        output_format="png",
        extra={"style_preset": "line-art"},
    )
    assert {name: part.text for name, part in form(fake).items()} == {
        "prompt": "A tree",
        "negative_prompt": "people",
        "seed": "7",
        "cfg_scale": "4.5",
        "output_format": "png",
        "style_preset": "line-art",
        "aspect_ratio": "3:2",
        "mode": "text-to-image",
        "model": MODEL,
    }


def test_answer_is_asked_for_as_json(fake, sink):
    draw(fake, sink)
    assert fake.calls()[0].headers["accept"] == "application/json"


def test_reference_makes_it_image_to_image(fake, sink, tmp_path):
    path, told = reference(tmp_path)
    result = draw(fake, sink, reference_images=(path,), extra={"strength": 0.4})
    parts = form(fake)
    assert (parts["mode"].text, parts["strength"].text) == ("image-to-image", "0.4")
    assert parts["image"].content.startswith(b"\x89PNG") and "aspect_ratio" not in parts
    assert sink.sent[0]["image"] == told and "size" in result.notes[0]


def test_strength_has_a_default(fake, sink, tmp_path):
    draw(fake, sink, reference_images=(reference(tmp_path)[0],))
    assert form(fake)["strength"].text == "0.6"


def test_every_size_it_lists_has_a_ratio(fake, sink):
    for model in ("ultra", "core", MODEL):
        sizes = [size.split("x") for size in bare().capabilities(model).sizes]
        for width, height in sizes[:2]:
            draw(fake, sink, model, int(width), int(height))
    assert len(fake.ledger) == 6 and len(sizes) == 9


@pytest.mark.parametrize("model", ["sdxl", "dall-e-3", "upscale"])
def test_model_of_another_kind_is_refused_before_any_call(fake, sink, model):
    with pytest.raises(errors.ModelUnavailable):
        draw(fake, sink, model)
    assert fake.requests == []


def issues(model=MODEL, **values):
    provider = bare()
    fields = {"prompt": "A tree", "model": model, "width": 1024, "height": 1024}
    request = ImageRequest(**fields | values)
    return [
        issue.field for issue in provider.validate(request, provider.capabilities(model)).errors
    ]


@pytest.mark.parametrize(
    ("model", "values", "field"),
    [
        (MODEL, {"seed": 0}, "seed"),
        (MODEL, {"seed": 2**32}, "seed"),
        (MODEL, {"output_format": "webp"}, "output_format"),
        (MODEL, {"extra": {"style_preset": "cubist"}}, "extra.style_preset"),
        ("sd3.5-large-turbo", {"negative_prompt": "people"}, "negative_prompt"),
        (MODEL, {"extra": {"strength": 0.5}}, "extra.strength"),
        (MODEL, {"extra": {"strength": 7}, "reference_images": ("a.png",)}, "extra.strength"),
        ("core", {"guidance_scale": 4.0}, "guidance_scale"),
        ("core", {"reference_images": ("a.png",)}, "reference_images"),
        ("ultra", {"prompt": "x" * 10_001}, "prompt"),
    ],
)
def test_what_a_model_does_not_take_is_refused(model, values, field):
    assert issues(model, **values) == [field]


def test_good_request_has_no_issues():
    assert issues(seed=7, negative_prompt="people", guidance_scale=4.0) == []


def test_what_only_the_catalogue_promises_is_refused_before_any_call(fake, sink):
    with pytest.raises(errors.InvalidRequest, match="steps, guidance_scale cannot be sent"):
        draw(fake, sink, "core", steps=20, guidance_scale=4.0)
    assert fake.requests == []


# --- What comes back --------------------------------------------------------------------


def test_seed_is_kept(fake, sink):
    assert draw(fake, sink).seed == 343940597


@pytest.mark.parametrize("fault", ["json_200:[]", "empty_base64"])
def test_answer_without_a_picture_counts_as_paid(fake, sink, fault):
    fake.faults(fault)
    with pytest.raises(errors.InvalidResponse) as caught:
        draw(fake, sink)
    assert caught.value.billed == "yes"


# --- Health -----------------------------------------------------------------------------


def test_wrong_secret_is_found_out_by_health(fake):
    provider = make_provider(connect("stability", fake, "wrong"))
    assert provider.health(HealthLevel.REACHABLE).ok is True
    assert provider.health(HealthLevel.AUTHENTICATED).ok is False
