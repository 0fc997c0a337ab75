"""fal against its fake: the call, what is sent, what each answer becomes."""

from types import SimpleNamespace

import pytest

from providers import errors
from providers.answers import HttpAnswer
from providers.backends import _queued
from providers.registry import make_provider
from providers.tests.contract import ProviderContract
from providers.tests.fakes.base import Reply
from providers.tests.fakes.fal import KEY, FakeFal
from providers.tests.hosted import ask, connect, reference
from providers.tests.queued import QueueRules
from providers.types import ConnectionConfig, Handle, HealthLevel, ImageRequest

MODEL = "fal-ai/flux-2-pro"
FLUX_3 = "blackforestlabs/flux-3/text-to-image"


class TestFal(ProviderContract):
    kind, model = "fal", MODEL

    @pytest.fixture
    def connection(self):
        with FakeFal() as fake:
            yield connect("fal", fake, KEY)


class TestFalQueue(QueueRules):
    kind, model, key, address_name = "fal", MODEL, KEY, "status_url"
    width, height = 256, 256


@pytest.fixture
def fake():
    with FakeFal() as fake:
        yield fake


def draw(fake, sink, model=MODEL, width=640, height=416, options=None, **values):
    provider = make_provider(connect("fal", fake, KEY, options=options or {}))
    return ask(provider, sink, model, width, height, **values)


def bare(**fields):
    return make_provider(ConnectionConfig(name="mine", kind="fal", secret=KEY, **fields))


def sent(fake):
    (call,) = fake.calls()
    return call.json()


# --- What is sent -----------------------------------------------------------------------


def test_flux_2_takes_pixels(fake, sink):
    draw(fake, sink, seed=7, output_format="png")
    assert sent(fake) == {
        "prompt": "A tree",
        "image_size": {"width": 640, "height": 416},
        "seed": 7,
        "output_format": "png",
    }


def test_flux_3_takes_ratio_and_class(fake, sink):
    draw(fake, sink, FLUX_3, 2736, 1536)
    body = sent(fake)
    assert (body["aspect_ratio"], body["resolution"]) == ("16:9", "2k")
    assert not {"seed", "num_images", "image_size"} & set(body)


def test_one_picture_is_asked_for_where_more_could_come(fake, sink):
    draw(fake, sink, "fal-ai/flux/dev", steps=20, guidance_scale=3.5)
    body = sent(fake)
    assert (body["num_images"], body["num_inference_steps"], body["guidance_scale"]) == (1, 20, 3.5)


def test_queue_is_told_not_to_repeat_a_failed_job(fake, sink):
    draw(fake, sink)
    assert fake.calls()[0].headers["x-fal-no-retry"] == "1"


def test_endpoint_for_edits_takes_references(fake, sink, tmp_path):
    path, told = reference(tmp_path)
    draw(fake, sink, "fal-ai/flux-2-pro/edit", reference_images=(path,))
    assert sent(fake)["image_urls"][0].startswith("data:image/png;base64,")
    assert sink.sent[0]["image_urls"] == [told]


def test_endpoint_for_texts_takes_no_references():
    assert bare().capabilities(MODEL).reference_images == 0
    assert bare().capabilities("fal-ai/flux/dev/image-to-image").reference_images == 1


def test_extra_setting_cannot_change_what_is_set_for_every_call(fake, sink):
    with pytest.raises(errors.InvalidRequest, match="num_images"):
        draw(fake, sink, "fal-ai/flux/dev", extra={"num_images": 4})
    assert fake.requests == []


def test_extra_setting_reaches_the_model(fake, sink):
    draw(fake, sink, extra={"safety_tolerance": "3"})
    assert sent(fake)["safety_tolerance"] == "3"


# --- Profiles of models that are not known ----------------------------------------------


def test_unknown_model_takes_only_what_nearly_all_take():
    capabilities = bare().capabilities("someone/new-model")
    assert capabilities.seed and not capabilities.negative_prompt and not capabilities.extra


def test_options_tell_what_another_model_takes(fake, sink):
    told = {
        "size": "width_height",
        "names": {"negative_prompt": "negative", "seed": "noise"},
        "formats": {"webp": "WEBP"},
        "fixed": {"batch": 1},
    }
    draw(
        fake,
        sink,
        "someone/new-model",
        options={"profiles": {"someone/new-model": told}},
        negative_prompt="people",
        seed=3,
    )
    assert sent(fake) == {
        "prompt": "A tree",
        "width": 640,
        "height": 416,
        "negative": "people",
        "noise": 3,
        "output_format": "WEBP",
        "batch": 1,
    }


@pytest.mark.parametrize(
    "told",
    [
        7,
        {"sizes": "image_size"},
        {"size": "metres"},
        {"size": "aspect_ratio"},
        {"size": "aspect_ratio", "ratios": ["wide"]},
        {"names": {"mood": "mood"}},
    ],
)
def test_profile_that_makes_no_sense_is_a_named_problem(told):
    provider = bare(options={"profiles": {"a/b": told}})
    with pytest.raises(errors.ConfigurationError, match="profile of a/b"):
        provider.capabilities("a/b")


def test_what_only_the_catalogue_promises_is_refused_before_any_call(fake, sink):
    with pytest.raises(errors.InvalidRequest, match="palette cannot be sent"):
        draw(fake, sink, palette=("#ff0000",))
    assert fake.requests == []


def test_what_the_catalogue_lets_through_is_sent_by_its_usual_name(fake, sink):
    draw(fake, sink, "someone/new-model", steps=20, output_format="avif")
    body = sent(fake)
    assert (body["num_inference_steps"], body["output_format"]) == (20, "avif")


def test_reference_for_a_model_that_may_take_none_is_refused(fake, sink, tmp_path):
    with pytest.raises(errors.InvalidRequest, match="how .* takes reference pictures"):
        draw(fake, sink, "someone/new-model", reference_images=(reference(tmp_path)[0],))
    assert fake.requests == []


# --- What comes back --------------------------------------------------------------------


def test_seed_is_kept(fake, sink):
    assert draw(fake, sink).seed == 42


def test_flagged_black_picture_is_a_refusal_that_is_paid(fake, sink):
    fake.faults("black_flagged")
    with pytest.raises(errors.ContentRejected) as caught:
        draw(fake, sink)
    problem = caught.value
    assert (problem.stage, problem.categories, problem.billed) == ("output", ("nsfw",), "yes")


def test_single_image_is_taken_too(fake, sink, monkeypatch):
    monkeypatch.setattr(
        FakeFal, "_response", lambda self, job: Reply.json({"image": {"url": job.urls[0]}})
    )
    assert len(draw(fake, sink).files) == 1


def test_flag_is_of_the_picture_at_its_place(fake, sink, monkeypatch):
    def respond(self, job):
        images = [None, {"url": job.urls[0]}]
        return Reply.json({"images": images, "has_nsfw_concepts": [True, False]})

    monkeypatch.setattr(FakeFal, "_response", respond)
    assert len(draw(fake, sink).files) == 1


def test_more_pictures_than_asked_for_are_kept_and_told(fake, sink):
    fake.faults("more_images")
    result = draw(fake, sink)
    assert len(result.files) == 2 and result.notes == ("mine made 2 pictures instead of one.",)


@pytest.mark.parametrize("trouble", ["status:404", "redirect:302:internal"])
def test_picture_too_many_that_cannot_be_fetched_takes_nothing_from_the_one(fake, sink, trouble):
    fake.faults("more_images")
    fake.faults(trouble, "", on="download")
    result = draw(fake, sink)
    assert len(result.files) == 1
    assert result.notes[1] == "1 of them could not be fetched."


def test_pictures_that_only_drip_end_with_the_call(sink, monkeypatch):
    clock, tried = [0.0], []

    def drip(config, url, sink, *, deadline):
        tried.append(url)
        clock[0] += deadline
        raise errors.OutcomeUnknown("It drips.")

    monkeypatch.setattr(_queued, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr(_queued, "fetch_picture", drip)
    provider = bare()
    provider._end = 5.0
    with pytest.raises(errors.OutcomeUnknown):
        provider.fetch_all([f"https://fal.media/{number}.png" for number in range(10)], sink)
    assert len(tried) == 1


@pytest.mark.parametrize(
    ("fault", "kind", "billed"),
    [
        ("refused_input", errors.ContentRejected, "unknown"),
        ("moderation_200", errors.ContentRejected, "unknown"),
        ("bad_parameter", errors.InvalidRequest, "no"),
        ("quota", errors.QuotaExhausted, "no"),
        ("rate_limit", errors.RateLimited, "no"),
        ("model_gone", errors.ModelUnavailable, "no"),
        ("job_failed", errors.ProviderError, "no"),
        ("job_cancelled", errors.Cancelled, "no"),
        ("status:500", errors.OutcomeUnknown, "unknown"),
        ("no_images", errors.InvalidResponse, "yes"),
    ],
)
def test_what_goes_wrong(fake, sink, fault, kind, billed):
    fake.faults(fault)
    with pytest.raises(errors.ProviderProblem) as caught:
        draw(fake, sink)
    assert (type(caught.value), caught.value.billed) == (kind, billed)


# --- Cancelling -------------------------------------------------------------------------


def waiting_job(fake, sink):
    fake.faults("slow_job")
    provider = make_provider(connect("fal", fake, KEY))
    request = ImageRequest(prompt="A tree", model=MODEL, width=640, height=416)
    return provider, provider.submit(request, "key", sink)


def test_waiting_job_is_cancelled(fake, sink):
    provider, handle = waiting_job(fake, sink)
    assert provider.cancel(handle) is True
    with pytest.raises(errors.Cancelled):
        provider.poll(handle, sink)


def test_running_job_is_not_said_to_be_cancelled(fake, sink):
    provider, handle = waiting_job(fake, sink)
    for _ in range(3):
        provider.poll(handle, sink)
    assert provider.cancel(handle) is False


def test_cancel_shows_the_secret_to_nobody_else(sink):
    handle = Handle({"cancel_url": "https://evil.example/cancel"})
    with pytest.raises(errors.InvalidResponse):
        bare().cancel(handle)


# --- About the service ------------------------------------------------------------------


def test_wrong_secret_is_found_out_by_health(fake):
    provider = make_provider(connect("fal", fake, "wrong"))
    assert provider.health(HealthLevel.REACHABLE).ok is True
    assert provider.health(HealthLevel.AUTHENTICATED).ok is False


def test_only_models_that_draw_are_discovered(fake):
    found = make_provider(connect("fal", fake, KEY)).discover()
    assert [entry["name"] for entry in found] == [MODEL]


def test_models_are_listed_on_the_services_other_host():
    assert bare().client_for("https://api.fal.ai/v1/models").base_url == "https://api.fal.ai"


@pytest.mark.parametrize("status", [400, 404, 409])
def test_end_of_a_job_that_says_no_more_than_a_status_may_be_billed(status):
    answer = HttpAnswer(status, {}, b'{"detail": ["no"]}')
    assert bare().problem(answer, queued=True).billed == "unknown"
