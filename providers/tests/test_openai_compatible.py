"""Gateways that speak like OpenAI, against a fake one: profiles, addresses, models by any name."""

from pathlib import Path

import pytest

from providers import errors
from providers.registry import make_provider
from providers.tests.contract import ProviderContract
from providers.tests.fakes import pictures
from providers.tests.fakes.openai import FakeGateway, FakeLinks
from providers.tests.hosted import ask, reference
from providers.types import ConnectionConfig, ImageRequest

MODEL = "stablediffusion"


def connection(fake, secret="", **fields):
    values = {"private_network": True, "deadline": 5.0, "base_url": fake.url + "/v1"} | fields
    return ConnectionConfig(name="mine", kind="openai_compatible", secret=secret, **values)


class TestOpenAICompatible(ProviderContract):
    kind, model = "openai_compatible", MODEL

    @pytest.fixture
    def connection(self):
        with FakeLinks() as fake:
            yield connection(fake)


@pytest.fixture
def fake():
    with FakeGateway() as fake:
        yield fake


def draw(fake, sink, model=MODEL, secret="", options=None, **values):
    provider = make_provider(connection(fake, secret, options=options or {}))
    return ask(provider, sink, model, 512, 512, **values)


def adapter(**options):
    return make_provider(ConnectionConfig(name="a", kind="openai_compatible", options=options))


# --- What is sent -----------------------------------------------------------------------


def test_model_of_any_name_gets_a_prompt_and_a_size(fake, sink):
    draw(fake, sink)
    assert fake.requests[0].json() == {
        "model": MODEL,
        "prompt": "A tree",
        "n": 1,
        "size": "512x512",
    }


def test_secret_is_sent_only_if_there_is_one(fake, sink):
    draw(fake, sink)
    draw(fake, sink, secret="sk-gateway")
    sent = [request.headers.get("authorization") for request in fake.requests]
    assert sent == [None, "Bearer sk-gateway"]


def test_legacy_profile_asks_for_base64_in_the_old_way(fake, sink):
    extra = {"style": "natural"}
    draw(fake, sink, options={"profile": "legacy_dalle"}, quality="hd", extra=extra)
    body = fake.requests[0].json()
    assert (body["response_format"], body["quality"], body["style"]) == (
        "b64_json",
        "hd",
        "natural",
    )
    assert "output_format" not in body


def test_needed_parameter_can_be_added(fake, sink):
    fake.needs = {"response_format"}
    draw(fake, sink, options={"send_params": {"response_format": "b64_json"}})
    assert fake.requests[0].json()["response_format"] == "b64_json"


def test_added_parameter_gives_way_to_the_request(fake, sink):
    options = {"send_params": {"quality": "low", "output_format": "webp"}}
    draw(fake, sink, "gpt-image-2", options=options, quality="high")
    body = fake.requests[0].json()
    assert (body["quality"], body["output_format"]) == ("high", "webp")


@pytest.mark.parametrize("name", ["moderation", "style", "input_fidelity", "response_format"])
@pytest.mark.parametrize("references", [0, 1])
def test_any_parameter_can_be_added_to_either_call(fake, sink, tmp_path, name, references):
    pictures = (reference(tmp_path)[0],) * references
    options = {"send_params": {name: "low"}}
    draw(fake, sink, "gpt-image-2", options=options, reference_images=pictures)
    assert b"low" in fake.requests[0].body and name.encode() in fake.requests[0].body


def test_transparent_background_of_the_connection_asks_for_a_format_with_alpha(fake, sink):
    draw(fake, sink, "gpt-image-2", options={"send_params": {"background": "transparent"}})
    assert fake.requests[0].json()["output_format"] == "png"


def test_refused_parameter_can_be_dropped(fake, sink):
    fake.refuses = {"output_format", "n"}
    draw(fake, sink, "gpt-image-2", options={"drop_params": ["output_format", "n"]})
    assert set(fake.requests[0].json()) == {"model", "prompt", "size"}


def test_extra_body_goes_along_and_is_told(fake, sink):
    draw(fake, sink, options={"extra_body": {"steps": {"first": 3}}})
    assert fake.requests[0].json()["steps"] == {"first": 3}
    assert sink.sent == [fake.requests[0].json()]


def test_row_of_the_catalogue_opens_more(fake, sink):
    provider = make_provider(connection(fake))
    row = {"seed": True, "negative_prompt": True, "extra": ["step"], "qualities": ["fine"]}
    capabilities = provider.capabilities(MODEL, row)
    request = ImageRequest(
        prompt="A tree", model=MODEL, width=512, height=512, seed=7, negative_prompt="fog",
        quality="fine", extra={"step": 25},
    )  # fmt: skip
    assert provider.validate(request, capabilities).ok
    provider.submit(request, "key", sink)
    sent = fake.requests[0].json()
    assert (sent["seed"], sent["negative_prompt"], sent["step"]) == (7, "fog", 25)


def test_dropped_parameter_is_refused_when_an_editor_sets_it():
    provider = adapter(drop_params=["quality", "background"])
    request = ImageRequest(
        prompt="A tree", model="gpt-image-2", width=1024, height=1024, quality="low",
        extra={"background": "opaque"},
    )  # fmt: skip
    found = provider.validate(request, provider.capabilities("gpt-image-2"))
    assert [issue.field for issue in found.errors] == ["quality", "extra.background"]


@pytest.mark.parametrize("model", ["openai/gpt-image-2", "azure/gpt-image-2", "gpt-image-2"])
def test_gpt_image_is_known_behind_a_prefix(model):
    assert adapter().capabilities(model).max_ratio == 3


@pytest.mark.parametrize(
    "options",
    [
        {"profile": "sd"},
        {"drop_params": "quality"},
        {"drop_params": ["model"]},
        {"drop_params": ["image"]},
        {"send_params": ["n"]},
        {"send_params": {"prompt": "x"}},
        {"send_params": {"n": 4}},
        {"send_params": {"size": "512x512"}},
        {"extra_body": "x"},
        {"extra_body": {"model": "another"}},
        {"extra_body": {"stream": True}},
        {"colour": "red"},
    ],
)
def test_option_that_cannot_be_is_refused(options):
    with pytest.raises(errors.ConfigurationError):
        adapter(**options)


# --- Answers ----------------------------------------------------------------------------


def test_picture_is_fetched_where_the_answer_says(sink):
    with FakeLinks() as fake:
        result = draw(fake, sink, secret="sk-gateway")
    assert Path(result.files[0].path).read_bytes() == pictures.png(32, 32)
    assert [request.path for request in fake.requests] == ["/v1/images/generations", "/files/0"]
    assert "authorization" not in fake.requests[1].headers


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("expired_url", errors.JobLost),
        ("private_url", errors.InvalidResponse),
        ("file_url", errors.InvalidResponse),
        ("foreign_http_url", errors.InvalidResponse),
    ],
)
def test_address_that_is_of_no_use_was_paid(fake, sink, fault, kind):
    fake.faults(fault)
    with pytest.raises(kind) as caught:
        draw(fake, sink)
    assert (caught.value.billed, len(fake.calls())) == ("yes", 1)


def test_failed_download_does_not_call_again(sink, monkeypatch):
    monkeypatch.setattr("providers.receiving.PAUSE", 0.01)
    with FakeLinks() as fake:
        fake.faults("status:500", on="download")
        with pytest.raises(errors.OutcomeUnknown):
            draw(fake, sink)
        assert (len(fake.calls()), len(fake.ledger)) == (1, 1)


def test_one_picture_is_enough_where_another_cannot_be_had(sink):
    with FakeLinks() as fake:
        fake.faults("more_images")
        fake.faults("", "status:404", on="download")
        assert len(draw(fake, sink).files) == 1


def test_addresses_without_end_are_not_all_followed(sink):
    with FakeLinks() as fake:
        address = fake.put_file(pictures.png(8, 8))
        listed = ",".join([f'{{"url": "{address}"}}'] * 50)
        fake.faults(f'json_200:{{"data": [{listed}]}}')
        assert len(draw(fake, sink).files) == 10


def test_other_model_is_told(fake, sink):
    fake.faults("other_model")
    result = draw(fake, sink)
    assert result.model == "another-model"
    assert "another-model" in result.notes[0]


@pytest.mark.parametrize(
    "answer",
    [
        '{"detail": "no image", "data": []}',
        '{"data": [null, 7, {"url": null}]}',
        '{"data": [{"b64_json": "https://"}]}',
        '{"data": {"url": "x"}}',
    ],
)
def test_success_without_a_picture_is_found_out(fake, sink, answer):
    fake.faults(f"json_200:{answer}")
    with pytest.raises(errors.InvalidResponse):
        draw(fake, sink)


def test_data_address_is_a_picture_too(fake, sink):
    fake.faults('json_200:{"data": [{"url": "data:image/png;base64,iVBORw0KGgo="}]}')
    result = draw(fake, sink)
    assert Path(result.files[0].path).read_bytes().startswith(b"\x89PNG")


def test_revised_prompt_is_kept(fake, sink):
    fake.faults('json_200:{"data": [{"b64_json": "QUJD", "revised_prompt": "A tall tree"}]}')
    assert draw(fake, sink).parameters["revised_prompt"] == "A tall tree"


# --- Health -----------------------------------------------------------------------------


def test_without_an_address_it_is_not_configured():
    assert adapter().health("configured").ok is False


def test_without_a_secret_it_is_configured(fake):
    health = make_provider(connection(fake)).health("configured")
    assert (health.ok, "without a secret" in health.message) == (True, True)


def test_gateway_without_a_list_of_models_cannot_tell(fake):
    fake.faults("status:404", on="poll")
    assert make_provider(connection(fake)).health("authenticated").ok is None


def test_size_that_is_not_passed_on_is_told():
    provider = adapter(drop_params=["size"])
    request = ImageRequest(prompt="A wall", model="any", width=1024, height=1024)
    validation = provider.validate(request, provider.capabilities("any"))
    assert "draws in its own" in validation.issues[-1].message
