"""OpenAI against its fake: the call, what is sent, what each answer becomes."""

import base64
import json
import uuid
from pathlib import Path

import pytest

from providers import errors
from providers.backends.openai_images import build_payload
from providers.registry import make_provider
from providers.tests.contract import ProviderContract
from providers.tests.fakes import pictures, recorded
from providers.tests.fakes.openai import KEY, FakeOpenAI
from providers.tests.hosted import ask, checked, reference
from providers.tests.servers import reply, serving
from providers.tests.sinks import FolderSink
from providers.types import ConnectionConfig, HealthLevel, ImageRequest

MODEL = "gpt-image-2.5-flare"


def connection(url, secret=KEY, **fields):
    values = {"private_network": True, "deadline": 5.0, "base_url": url + "/v1"} | fields
    return ConnectionConfig(name="mine", kind="openai", secret=secret, **values)


class TestOpenAI(ProviderContract):
    kind, model, width, height = "openai", MODEL, 1024, 1024

    @pytest.fixture
    def connection(self):
        with FakeOpenAI() as fake:
            yield connection(fake.url)


@pytest.fixture
def fake():
    with FakeOpenAI() as fake:
        yield fake


@pytest.fixture
def sink(tmp_path):
    (tmp_path / "spool").mkdir()
    return FolderSink(tmp_path / "spool")


def draw(fake, sink, model=MODEL, size=(1024, 1024), **values):
    return ask(make_provider(connection(fake.url)), sink, model, *size, **values)


def content(result):
    return Path(result.files[0].path).read_bytes()


# --- What is sent -----------------------------------------------------------------------


def payload(model=MODEL, width=1024, height=1024, **values):
    return build_payload(
        ImageRequest(prompt="A tree", model=model, width=width, height=height, **values)
    )


def test_call_has_one_picture_a_size_and_a_format():
    assert payload() == {
        "model": MODEL,
        "prompt": "A tree",
        "n": 1,
        "size": "1024x1024",
        "output_format": "jpeg",
    }


@pytest.mark.parametrize(
    ("asked", "extra", "sent"),
    [
        ("", {}, "jpeg"),
        ("", {"background": "opaque"}, "jpeg"),
        ("", {"background": "transparent"}, "png"),
        ("webp", {"background": "transparent"}, "webp"),
        ("png", {}, "png"),
    ],
)
def test_format_follows_the_setting_and_the_background(asked, extra, sent):
    assert payload(output_format=asked, extra=extra)["output_format"] == sent


@pytest.mark.parametrize("model", ["gpt-image-1.5", "gpt-image-2", MODEL, "chatgpt-image-latest"])
def test_response_format_is_never_sent(model):
    assert "response_format" not in payload(model)


def test_what_was_sent_is_what_was_told(fake, sink):
    extra = {"background": "opaque", "moderation": "low", "output_compression": 80}
    result = draw(fake, sink, quality="max", extra=extra)
    assert fake.requests[0].json() == sink.sent[0]
    assert {**result.parameters, "answered": None} == {**sink.sent[0], "answered": None}


def test_complexity_goes_to_a_model_that_takes_it(fake, sink):
    draw(fake, sink, "gpt-image-2.6-flare", extra={"complexity": "high"})
    assert fake.requests[0].json()["complexity"] == "high"


def test_reference_images_and_mask_go_as_a_form(fake, sink, tmp_path):
    (first, told_first), (second, told_second) = reference(tmp_path, 1), reference(tmp_path, 2)
    draw(fake, sink, reference_images=(first, second), mask=first)
    assert fake.requests[0].path == "/v1/images/edits"
    assert sink.sent[0]["image"] == [told_first, told_second]
    assert sink.sent[0]["mask"] == told_first


def test_files_arrive_whole_under_neutral_names(fake, sink, tmp_path):
    path, _ = reference(tmp_path)
    draw(fake, sink, reference_images=(path,))
    part = next(part for part in fake.requests[0].parts() if part.filename)
    assert (part.name, part.filename, part.content_type) == ("image[]", "image-1.png", "image/png")
    assert part.content == Path(path).read_bytes()


def test_missing_reference_image_is_refused_before_the_call(fake, sink, tmp_path):
    with pytest.raises(errors.InvalidRequest, match="not there any more"):
        draw(fake, sink, reference_images=(str(tmp_path / "gone.png"),))
    assert fake.requests == []


def test_reference_that_is_no_picture_is_refused_before_the_call(fake, sink, tmp_path):
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7")
    with pytest.raises(errors.InvalidRequest, match="neither PNG"):
        draw(fake, sink, reference_images=(str(tmp_path / "a.pdf"),))
    assert fake.requests == []


def test_nothing_of_the_environment_is_sent(fake, sink, monkeypatch):
    for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_API_KEY", "OPENAI_ADMIN_KEY"):
        monkeypatch.setenv(name, "from-outside")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Extra: from-outside")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    draw(fake, sink)
    assert "from-outside" not in str(fake.requests[0].headers)
    assert set(fake.requests[0].headers) == {
        "host", "user-agent", "accept", "accept-encoding", "connection", "content-type",
        "content-length", "authorization",
    }  # fmt: skip


def test_organization_and_project_of_the_connection_are_sent(fake, sink):
    options = {"organization": "org-1", "project": "proj-1"}
    provider = make_provider(connection(fake.url, options=options))
    ask(provider, sink, MODEL, 1024, 1024)
    headers = fake.requests[0].headers
    assert (headers["openai-organization"], headers["openai-project"]) == ("org-1", "proj-1")


@pytest.mark.parametrize("options", [{"colour": 1}, {"text_api": "letters"}, {"project": 7}])
def test_option_that_cannot_be_is_refused(options):
    with pytest.raises(errors.ConfigurationError):
        make_provider(ConnectionConfig(name="mine", kind="openai", options=options))


# --- What comes back --------------------------------------------------------------------


def test_retired_model_costs_nothing(fake, sink):
    with pytest.raises(errors.ModelUnavailable) as caught:
        draw(fake, sink, "dall-e-3")
    assert (caught.value.billed, fake.ledger) == ("no", [])


@pytest.mark.parametrize("size", [(480, 1440), (3840, 2160), (1536, 864), (816, 816)])
@pytest.mark.parametrize("quality", ["", "low", "max"])
def test_what_passes_here_passes_there(fake, sink, size, quality):
    validation = checked("openai", MODEL, *size, quality=quality)
    assert validation.ok
    draw(fake, sink, size=(validation.request.width, validation.request.height), quality=quality)


def test_picture_is_stored_as_it_came(fake, sink):
    assert content(draw(fake, sink)) == pictures.jpeg(64, 64)


def test_result_tells_usage_request_and_what_was_made(fake, sink):
    result = draw(fake, sink)
    assert result.usage["output_tokens"] == 272
    assert (result.request_id, result.model) == ("req_0", MODEL)
    assert result.parameters["answered"]["quality"] == "high"


def test_sink_hears_of_status_and_limits(fake, sink, monkeypatch):
    heard = []
    monkeypatch.setattr(sink, "headers", lambda *told: heard.append(told))
    draw(fake, sink)
    status, request_id, rate = heard[0]
    assert (status, request_id, rate["x-ratelimit-limit-images"]) == (200, "req_0", "5")


def test_more_pictures_than_asked_are_all_kept_and_told(fake, sink):
    fake.faults("more_images")
    result = draw(fake, sink)
    assert len(result.files) == 2
    assert "2 pictures instead of one" in result.notes[0]


@pytest.mark.parametrize("fault", ["no_images", "null_data", "empty_base64", "json_200:{}"])
def test_answer_without_a_picture_is_invalid_and_paid(fake, sink, fault):
    fake.faults(fault)
    with pytest.raises(errors.InvalidResponse) as caught:
        draw(fake, sink)
    assert (caught.value.billed, list(sink.folder.iterdir())) == ("yes", [])


@pytest.mark.parametrize("fault", ["truncated_base64", "invalid_base64", "html_200", "empty_200"])
def test_answer_that_cannot_be_read_leaves_no_file(fake, sink, fault):
    fake.faults(fault)
    with pytest.raises(errors.InvalidResponse):
        draw(fake, sink)
    assert list(sink.folder.iterdir()) == []


def test_picture_is_not_held_in_memory(sink):
    import tracemalloc

    draw_warm = reply(json.dumps({"data": [{"b64_json": "QUJD"}]}).encode())
    text = base64.b64encode(bytes(6_000_000))
    body = b'{"data": [{"b64_json": "' + text + b'"}]}'
    answers = [draw_warm, reply(body)]
    with serving(lambda sock, _: sock.sendall(answers.pop(0))) as server:
        provider = make_provider(connection(server.url))
        ask(provider, sink, MODEL, 1024, 1024)
        tracemalloc.start()
        ask(provider, sink, MODEL, 1024, 1024)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    # The sink of the tests reads its file to hash it; nothing else may hold the picture.
    assert peak < 7_500_000


# --- What goes wrong --------------------------------------------------------------------

ERRORS = [
    ("refused_input", errors.ContentRejected, "no"),
    ("refused_output", errors.ContentRejected, "unknown"),
    ("quota", errors.QuotaExhausted, "no"),
    ("hard_limit", errors.QuotaExhausted, "no"),
    ("rate_limit", errors.RateLimited, "no"),
    ("model_gone", errors.ModelUnavailable, "no"),
    ("unverified", errors.AccessDenied, "no"),
    ("bad_parameter", errors.InvalidRequest, "no"),
    ("status:500", errors.OutcomeUnknown, "unknown"),
    ("status:503:html", errors.OutcomeUnknown, "unknown"),
    ("status:408", errors.OutcomeUnknown, "unknown"),
    ("error_200", errors.InvalidResponse, "yes"),
    ("redirect:302:internal", errors.ConfigurationError, "no"),
    ("redirect:301:file", errors.ConfigurationError, "no"),
    ("refused", errors.ProviderUnavailable, "no"),
    ("reset", errors.OutcomeUnknown, "unknown"),
    ("cut_at:50%", errors.OutcomeUnknown, "unknown"),
    ("cut_head", errors.OutcomeUnknown, "unknown"),
]


@pytest.mark.parametrize(("fault", "kind", "billed"), ERRORS)
def test_each_failure_has_its_error(fake, sink, fault, kind, billed):
    fake.faults(fault)
    with pytest.raises(errors.ProviderProblem) as caught:
        draw(fake, sink)
    assert (type(caught.value), caught.value.billed) == (kind, billed)
    assert len(fake.calls()) <= 1


def test_call_ends_by_its_deadline(fake, sink):
    fake.faults("timeout")
    provider = make_provider(connection(fake.url, deadline=0.3))
    with pytest.raises(errors.OutcomeUnknown, match="in time"):
        ask(provider, sink, MODEL, 1024, 1024)


def test_silence_while_drawing_is_no_fault(fake, sink):
    fake.faults("delay:0.3")
    provider = make_provider(connection(fake.url, read_timeout=0.1))
    assert ask(provider, sink, MODEL, 1024, 1024).files


def test_refusal_tells_stage_and_categories(fake, sink):
    fake.faults("refused_output")
    with pytest.raises(errors.ContentRejected) as caught:
        draw(fake, sink)
    assert (caught.value.stage, caught.value.categories) == ("output", ("sexual",))


def test_slowing_down_tells_how_long(fake, sink):
    fake.faults("rate_limit")
    with pytest.raises(errors.RateLimited) as caught:
        draw(fake, sink)
    assert caught.value.retry_after == 51.84


def test_verification_is_explained(fake, sink):
    fake.faults("unverified")
    with pytest.raises(errors.AccessDenied) as caught:
        draw(fake, sink)
    assert "must be verified" in caught.value.hint and "platform.openai.com" in caught.value.hint


def test_secret_is_not_told_even_if_the_service_repeats_it(fake, sink):
    provider = make_provider(connection(fake.url, secret="pk-0123456789"))
    with pytest.raises(errors.AuthFailed) as caught:
        ask(provider, sink, MODEL, 1024, 1024)
    assert "0123456789" not in str(caught.value.to_dict())


def test_full_disk_is_not_taken_for_a_cut(fake, sink, monkeypatch):
    def full(self, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("providers.tests.sinks.FolderWriter.write", full)
    with pytest.raises(OSError, match="No space"):
        draw(fake, sink)


def test_other_hosts_never_get_the_secret(fake, sink):
    fake.faults("redirect:307:other")
    with pytest.raises(errors.ConfigurationError):
        draw(fake, sink)
    assert len(fake.requests) == 1


# --- Health and models ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("secret", "answers"),
    [(KEY, (True, True, True)), ("sk-wrong", (True, True, False)), ("", (False, True, False))],
)
def test_health_tells_how_far_it_works(fake, secret, answers):
    provider = make_provider(connection(fake.url, secret=secret))
    assert tuple(provider.health(level).ok for level in list(HealthLevel)[:3]) == answers


def test_health_costs_nothing(fake):
    provider = make_provider(connection(fake.url))
    for level in HealthLevel:
        provider.health(level)
    assert (fake.ledger, {request.method for request in fake.requests}) == ([], {"GET"})


def test_broken_service_is_not_reachable(fake):
    fake.faults("status:503", on="poll")
    health = make_provider(connection(fake.url)).health("reachable")
    assert (health.ok, health.message) == (False, "It answers with 503.")


def test_secret_without_the_right_to_list_models_cannot_tell():
    body = json.dumps(recorded.answers("openai")["no_scope"]["body"]).encode()
    for status in ("401 Unauthorized", "403 Forbidden"):
        with serving(lambda sock, _, said=status: sock.sendall(reply(body, said))) as server:
            assert make_provider(connection(server.url)).health("authenticated").ok is None


def test_models_are_sorted_into_pictures_and_texts(fake):
    models = {m["name"]: m["purpose"] for m in make_provider(connection(fake.url)).discover()}
    assert models == {
        "gpt-image-2": "image",
        "gpt-image-2.5-flare": "image",
        "gpt-image-2.6-flare": "image",
        "gpt-image-1.5": "image",
        "gpt-5-mini": "text",
    }


def test_announced_end_of_a_model_is_told(fake):
    models = make_provider(connection(fake.url)).discover()
    ends = {model["name"]: model["shutdown_at"] for model in models if "shutdown_at" in model}
    assert ends == {"gpt-image-1.5": "2026-12-01"}


def test_list_that_is_refused_is_a_named_problem(fake):
    with pytest.raises(errors.AuthFailed):
        make_provider(connection(fake.url, secret="sk-wrong")).discover()


def test_key_plays_no_part_in_the_call(fake, sink):
    key = str(uuid.uuid4())
    request = ImageRequest(prompt="A tree", model=MODEL, width=1024, height=1024)
    make_provider(connection(fake.url)).generate(request, key, sink)
    assert key not in fake.requests[0].body.decode() + str(fake.requests[0].headers)
