"""Gemini against its fake: the call, what is sent, what each answer becomes."""

import json

import pytest

from providers import errors
from providers.backends.gemini import build_payload
from providers.registry import make_provider
from providers.tests.contract import ProviderContract
from providers.tests.fakes import pictures
from providers.tests.fakes.gemini import KEY, FakeGemini
from providers.tests.hosted import ask, connect, reference
from providers.types import ConnectionConfig, HealthLevel, ImageRequest

MODEL = "gemini-nano-banana-2.1"


class TestGemini(ProviderContract):
    kind, model, width, height = "gemini", MODEL, 1264, 848

    @pytest.fixture
    def connection(self):
        with FakeGemini() as fake:
            yield connect("gemini", fake, KEY)


@pytest.fixture
def fake():
    with FakeGemini() as fake:
        yield fake


def draw(fake, sink, secret=KEY, width=1264, height=848, **values):
    provider = make_provider(connect("gemini", fake, secret))
    return ask(provider, sink, MODEL, width, height, **values)


def payload(width=1264, height=848, **values):
    return build_payload(
        ImageRequest(prompt="A tree", model=MODEL, width=width, height=height, **values)
    )


# --- What is sent -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("width", "height", "ratio", "size"),
    [
        (1024, 1024, "1:1", "1K"),
        (2048, 2048, "1:1", "2K"),
        (5504, 3072, "16:9", "4K"),
        (848, 1264, "2:3", "1K"),
        (3072, 384, "8:1", "1K"),
        (3168, 1344, "21:9", "2K"),
    ],
)
def test_size_is_sent_as_ratio_and_class(width, height, ratio, size):
    config = payload(width, height)["generationConfig"]["imageConfig"]
    assert config == {"aspectRatio": ratio, "imageSize": size}


def test_every_size_it_lists_has_a_ratio_and_class():
    provider = make_provider(ConnectionConfig(name="mine", kind="gemini"))
    sizes = [size.split("x") for size in provider.capabilities(MODEL).sizes]
    shapes = [payload(int(w), int(h))["generationConfig"]["imageConfig"] for w, h in sizes]
    assert len({json.dumps(shape) for shape in shapes}) == len(sizes) == 42


def test_size_of_no_ratio_is_refused():
    with pytest.raises(errors.InvalidRequest, match="1000×300"):
        payload(1000, 300)


def test_only_a_picture_is_asked_for():
    assert payload()["generationConfig"]["responseModalities"] == ["IMAGE"]


def test_own_options_are_sent():
    config = payload(seed=7, extra={"temperature": 0.4, "thinking_level": "high"})[
        "generationConfig"
    ]
    assert (config["seed"], config["temperature"]) == (7, 0.4)
    assert config["thinkingConfig"] == {"thinkingLevel": "HIGH"}


def test_reference_is_sent_before_the_prompt_and_told_by_its_hash(fake, sink, tmp_path):
    path, told = reference(tmp_path)
    draw(fake, sink, reference_images=(path,))
    parts = fake.calls()[0].json()["contents"][0]["parts"]
    assert parts[0]["inlineData"]["mimeType"] == "image/png" and parts[1] == {"text": "A tree"}
    assert sink.sent[0]["contents"][0]["parts"][0]["inlineData"]["data"] == told


def test_secret_goes_into_its_header_and_nowhere_else(fake, sink):
    draw(fake, sink)
    request = fake.calls()[0]
    assert request.headers["x-goog-api-key"] == KEY and KEY not in request.target
    assert KEY not in json.dumps(sink.sent)


def test_missing_secret_is_told_before_any_call(fake, sink):
    with pytest.raises(errors.ConfigurationError, match="no secret"):
        draw(fake, sink, secret="")
    assert fake.requests == []


def test_name_that_would_leave_the_path_is_refused(fake, sink):
    provider = make_provider(connect("gemini", fake, KEY))
    with pytest.raises(errors.ModelUnavailable):
        ask(provider, sink, "../../other", 1024, 1024)
    assert fake.requests == []


def test_what_only_the_catalogue_promises_is_refused_before_any_call(fake, sink):
    with pytest.raises(errors.InvalidRequest, match="negative_prompt, mood cannot be sent"):
        draw(fake, sink, negative_prompt="people", extra={"mood": 1})
    assert fake.requests == []


# --- What comes back --------------------------------------------------------------------


def test_usage_and_request_id_are_kept(fake, sink):
    result = draw(fake, sink)
    assert result.usage["candidatesTokenCount"] == 1120
    assert (result.request_id, result.model) == ("answer-1", MODEL)


def test_usage_settles_the_cost(fake, sink):
    rule = {
        "kind": "image_tokens",
        "text_input": "1.50",
        "image_input": "1.50",
        "image_output": "30.00",
        "text_output": "7.50",
        "tokens": 1120,
    }
    provider = make_provider(connect("gemini", fake, KEY))
    cost = provider.settle(draw(fake, sink).usage, rule)
    assert str(cost) == "0.035118"


def test_another_model_is_told_to_the_editor(fake, sink):
    fake.faults("other_model")
    assert "gemini-elsewhere" in draw(fake, sink).notes[0]


def test_drafts_of_thinking_are_no_results(fake, sink, monkeypatch):
    real = FakeGemini._drawn

    def with_draft(self, request):
        body = real(self, request)
        parts = body["candidates"][0]["content"]["parts"]
        parts.insert(0, {**parts[0], "thought": True})
        return body

    monkeypatch.setattr(FakeGemini, "_drawn", with_draft)
    assert len(draw(fake, sink).files) == 1


def test_long_signature_of_thoughts_is_taken(fake, sink, monkeypatch):
    real = FakeGemini._drawn

    def signed(self, request):
        body = real(self, request)
        body["candidates"][0]["content"]["parts"][0]["thoughtSignature"] = "A" * 3_000_000
        return body

    monkeypatch.setattr(FakeGemini, "_drawn", signed)
    assert len(draw(fake, sink).files) == 1


def test_limit_is_of_the_picture_and_not_of_its_base64(fake, sink, monkeypatch):
    monkeypatch.setattr(FakeGemini, "draw", lambda *_: pictures.padded(pictures.png(8, 8), 90_000))
    provider = make_provider(connect("gemini", fake, KEY, max_bytes=92_000))
    assert ask(provider, sink, MODEL, 1024, 1024).files[0].size == 90_000


def test_larger_picture_is_refused(fake, sink, monkeypatch):
    monkeypatch.setattr(FakeGemini, "draw", lambda *_: pictures.padded(pictures.png(8, 8), 95_000))
    provider = make_provider(connect("gemini", fake, KEY, max_bytes=92_000))
    with pytest.raises(errors.InvalidResponse, match="more than"):
        ask(provider, sink, MODEL, 1024, 1024)


# --- Health -----------------------------------------------------------------------------


def test_wrong_secret_is_found_out_by_health(fake):
    health = make_provider(connect("gemini", fake, "wrong")).health(HealthLevel.AUTHENTICATED)
    assert health.ok is False and "does not accept the secret" in health.message


def test_missing_secret_is_not_configured():
    provider = make_provider(ConnectionConfig(name="mine", kind="gemini"))
    assert provider.health(HealthLevel.CONFIGURED).ok is False


def test_only_models_that_draw_are_discovered(fake):
    found = make_provider(connect("gemini", fake, KEY)).discover()
    assert [entry["name"] for entry in found] == [MODEL]
