"""Replicate against its fake: the call, what is sent, what each answer becomes."""

import pytest

from providers import errors
from providers.answers import HttpAnswer
from providers.backends.replicate import urls_of
from providers.registry import make_provider
from providers.tests.contract import ProviderContract
from providers.tests.fakes.replicate import KEY, FakeReplicate
from providers.tests.hosted import ask, connect, reference
from providers.tests.queued import QueueRules
from providers.types import ConnectionConfig, HealthLevel, ImageRequest

MODEL = "black-forest-labs/flux-2-pro"
DEV = "black-forest-labs/flux-dev"


class TestReplicate(ProviderContract):
    kind, model = "replicate", MODEL

    @pytest.fixture
    def connection(self):
        with FakeReplicate() as fake:
            yield connect("replicate", fake, KEY)


class TestReplicateQueue(QueueRules):
    kind, model, key, address_name = "replicate", MODEL, KEY, "get"
    width, height = 256, 256


@pytest.fixture
def fake():
    with FakeReplicate() as fake:
        yield fake


def draw(fake, sink, model=MODEL, width=640, height=416, **values):
    provider = make_provider(connect("replicate", fake, KEY))
    return ask(provider, sink, model, width, height, **values)


def bare(**fields):
    return make_provider(ConnectionConfig(name="mine", kind="replicate", secret=KEY, **fields))


# --- What is sent -----------------------------------------------------------------------


def test_flux_2_takes_pixels_as_a_custom_ratio(fake, sink):
    draw(fake, sink, seed=7, output_format="png")
    (call,) = fake.calls()
    assert call.path == f"/v1/models/{MODEL}/predictions"
    assert call.json() == {
        "input": {
            "prompt": "A tree",
            "aspect_ratio": "custom",
            "width": 640,
            "height": 416,
            "seed": 7,
            "output_format": "png",
        }
    }


def test_flux_dev_takes_a_ratio_and_makes_one_picture(fake, sink):
    draw(fake, sink, DEV, 1360, 768, steps=28, guidance_scale=3.0)
    inputs = fake.calls()[0].json()["input"]
    assert (inputs["aspect_ratio"], inputs["num_outputs"]) == ("16:9", 1)
    assert (inputs["num_inference_steps"], inputs["guidance"]) == (28, 3.0)
    assert "width" not in inputs and "resolution" not in inputs


def test_model_with_a_version_is_called_by_it(fake, sink):
    draw(fake, sink, "someone/model:0123abcd", 1024, 1024)
    (call,) = fake.calls()
    assert call.path == "/v1/predictions"
    assert call.json()["version"] == "someone/model:0123abcd"


@pytest.mark.parametrize("model", ["flux", "a/b/c", "a/../b", "a b/c", ""])
def test_name_that_is_none_is_refused_before_any_call(fake, sink, model):
    with pytest.raises(errors.ModelUnavailable):
        draw(fake, sink, model, 1024, 1024)
    assert fake.requests == []


@pytest.mark.parametrize(("model", "name"), [(MODEL, "input_images"), (DEV, "image")])
def test_reference_is_sent_as_the_model_wants_it(fake, sink, tmp_path, model, name):
    path, told = reference(tmp_path)
    draw(fake, sink, model, 1024, 1024, reference_images=(path,))
    value = fake.calls()[0].json()["input"][name]
    assert "data:image/png;base64," in str(value) and isinstance(value, list) == (name[-1] == "s")
    assert sink.sent[0][name] in (told, [told])


def test_answer_is_not_waited_for_on_the_line(fake, sink):
    draw(fake, sink)
    assert "prefer" not in fake.calls()[0].headers


def test_what_only_the_catalogue_promises_is_refused_before_any_call(fake, sink):
    with pytest.raises(errors.InvalidRequest, match="mask cannot be sent"):
        draw(fake, sink, mask="mask.png")
    assert fake.requests == []


# --- What comes back --------------------------------------------------------------------


def test_seed_is_read_from_the_logs_unless_it_was_ours(fake, sink):
    assert draw(fake, sink).seed == 4711
    assert draw(fake, sink, seed=7).seed == 7


def test_usage_is_kept(fake, sink):
    assert draw(fake, sink).usage == {"predict_time": 1.5, "image_count": 1}


@pytest.mark.parametrize(
    ("output", "urls"),
    [
        ("https://a/1", ["https://a/1"]),
        (["https://a/1", "https://a/2"], ["https://a/1", "https://a/2"]),
        ({"images": ["https://a/1"]}, ["https://a/1"]),
        ({"seed": 7, "image": "https://a/1"}, ["https://a/1"]),
        (None, []),
        ([None, 7], []),
        ({}, []),
        ("", []),
    ],
)
def test_output_comes_in_several_shapes(output, urls):
    assert urls_of(output) == urls


@pytest.mark.parametrize(
    ("fault", "kind", "billed"),
    [
        ("refused_input", errors.ContentRejected, "unknown"),
        ("moderation_200", errors.ContentRejected, "unknown"),
        ("out_of_memory", errors.OutOfMemory, "unknown"),
        ("job_failed", errors.ProviderError, "unknown"),
        ("job_cancelled", errors.Cancelled, "no"),
        ("bad_parameter", errors.InvalidRequest, "no"),
        ("quota", errors.QuotaExhausted, "no"),
        ("rate_limit", errors.RateLimited, "no"),
        ("model_gone", errors.ModelUnavailable, "no"),
        ("status:500", errors.OutcomeUnknown, "unknown"),
        ("no_images", errors.InvalidResponse, "yes"),
    ],
)
def test_what_goes_wrong(fake, sink, fault, kind, billed):
    fake.faults(fault)
    with pytest.raises(errors.ProviderProblem) as caught:
        draw(fake, sink)
    assert (type(caught.value), caught.value.billed) == (kind, billed)


def test_wait_without_end_is_none():
    body = b'{"detail": "Slow down.", "retry_after": %s}' % (b"9" * 400)
    assert bare().problem(HttpAnswer(429, {}, body)).retry_after is None


# --- Cancelling and health --------------------------------------------------------------


def test_prediction_is_cancelled(fake, sink):
    fake.faults("slow_job")
    provider = make_provider(connect("replicate", fake, KEY))
    request = ImageRequest(prompt="A tree", model=MODEL, width=640, height=416)
    handle = provider.submit(request, "key", sink)
    assert provider.cancel(handle) is True
    with pytest.raises(errors.Cancelled) as caught:
        provider.poll(handle, sink)
    assert caught.value.billed == "unknown"


def test_wrong_secret_is_found_out_by_health(fake):
    provider = make_provider(connect("replicate", fake, "wrong"))
    assert provider.health(HealthLevel.REACHABLE).ok is True
    assert provider.health(HealthLevel.AUTHENTICATED).ok is False


def test_listed_models_are_discovered(fake):
    found = make_provider(connect("replicate", fake, KEY)).discover()
    assert [entry["name"] for entry in found] == [MODEL]


@pytest.mark.parametrize("pause", [0, -1, "soon", 100, True])
def test_pause_between_looks_must_be_a_time(pause):
    with pytest.raises(errors.ConfigurationError, match="poll_interval"):
        bare(options={"poll_interval": pause})
