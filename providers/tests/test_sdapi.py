"""The adapter for A1111's API against its fake: the call, what is sent, what is found out."""

import base64
import io

import pytest
from PIL import Image

from providers import errors
from providers.registry import make_provider
from providers.tests.contract import ProviderContract
from providers.tests.fakes import pictures
from providers.tests.fakes.sdapi import FLAVOURS, FakeSdApi
from providers.tests.sinks import FolderSink
from providers.types import ConnectionConfig, HealthLevel, ImageRequest

KEY = "5f0c6c1e-6a39-4b7c-9a0e-0a3a5a4f8a11"


def connect(server, **values):
    fields = {"name": "mine", "kind": "sdapi", "base_url": server.url, "private_network": True}
    return make_provider(ConnectionConfig(**fields | {"deadline": 5.0} | values))


def wish(**values):
    fields = {"prompt": "A lighthouse", "model": "dream_v8", "width": 320, "height": 192}
    return ImageRequest(**fields | values)


def draw(server, folder, *, connection=None, **values):
    return connect(server, **connection or {}).submit(wish(**values), KEY, FolderSink(folder))


def sent(server):
    (call,) = server.calls()
    return call.json()


class SdApiContract(ProviderContract):
    kind, model, flavour = "sdapi", "dream_v8", "a1111"

    @pytest.fixture
    def connection(self):
        with FakeSdApi(self.flavour) as server:
            yield connect(server).connection


class TestContractOfA1111(SdApiContract):
    pass


class TestContractOfForge(SdApiContract):
    flavour = "forge"


class TestContractOfSdNext(SdApiContract):
    flavour = "sdnext"


class TestContractOfSdCpp(SdApiContract):
    flavour, height = "sdcpp", 448


@pytest.fixture
def server():
    with FakeSdApi() as running:
        yield running


@pytest.fixture(params=FLAVOURS)
def each_server(request):
    with FakeSdApi(request.param) as running:
        yield running


@pytest.fixture
def reference(tmp_path):
    path = tmp_path / "reference.png"
    path.write_bytes(pictures.png(64, 48))
    return str(path)


@pytest.fixture
def mask(tmp_path):
    """Transparent in its left half: there is to be painted."""
    image = Image.new("RGBA", (64, 48), (9, 9, 9, 255))
    image.paste((0, 0, 0, 0), (0, 0, 32, 48))
    path = tmp_path / "mask.png"
    image.save(path)
    return str(path)


# --- What is sent -------------------------------------------------------------------------


def test_the_call_carries_what_was_asked(server, tmp_path):
    draw(server, tmp_path, negative_prompt="fog", seed=7, steps=20, guidance_scale=6.5)
    body = sent(server)
    names = ("prompt", "negative_prompt", "seed", "steps", "cfg_scale", "width", "height")
    assert [body[name] for name in names] == ["A lighthouse", "fog", 7, 20, 6.5, 320, 192]
    assert body["override_settings"] == {"sd_model_checkpoint": "dream_v8"}


def test_what_is_not_given_is_left_to_the_server(server, tmp_path):
    draw(server, tmp_path)
    assert not {"steps", "cfg_scale", "sampler_name", "scheduler"} & set(sent(server))


def test_body_is_sent_as_json(server, tmp_path):
    draw(server, tmp_path)
    assert server.calls()[0].headers["content-type"] == "application/json"


def test_a_seed_is_always_sent_and_belongs_to_the_key(each_server, tmp_path):
    first, again = (draw(each_server, tmp_path).seed for _ in range(2))
    assert first == again == each_server.calls()[0].json()["seed"] >= 0


def test_the_sink_hears_exactly_what_is_sent(server, tmp_path):
    sink = FolderSink(tmp_path)
    connect(server).submit(wish(), KEY, sink)
    assert sink.sent == [sent(server)]


def test_a_reference_image_makes_it_img2img(each_server, tmp_path, reference):
    draw(each_server, tmp_path, reference_images=(reference,))
    (call,) = each_server.calls()
    assert call.path == "/sdapi/v1/img2img"
    assert base64.b64decode(call.json()["init_images"][0]) == pictures.png(64, 48)
    assert call.json()["denoising_strength"] == 0.75


def test_an_echoed_reference_image_does_not_stay_in_the_spool(tmp_path, reference):
    folder = tmp_path / "spool"
    folder.mkdir()
    with FakeSdApi("sdcpp") as server:
        result = draw(server, folder, reference_images=(reference,))
    assert [str(path) for path in folder.iterdir()] == [result.files[0].path]


def test_files_are_told_by_their_hash_alone(server, tmp_path, reference):
    sink = FolderSink(tmp_path)
    connect(server).submit(wish(reference_images=(reference,)), KEY, sink)
    (told,) = sink.sent[0]["init_images"]
    assert set(told) == {"sha256", "bytes"}


def test_a_mask_is_sent_white_where_it_was_transparent(server, tmp_path, reference, mask):
    draw(server, tmp_path, reference_images=(reference,), mask=mask)
    with Image.open(io.BytesIO(base64.b64decode(sent(server)["mask"]))) as image:
        assert (image.mode, image.getpixel((5, 5)), image.getpixel((60, 5))) == ("L", 255, 0)


def test_a_mask_without_a_transparent_part_is_refused(server, tmp_path, reference):
    with pytest.raises(errors.InvalidRequest, match="no transparent part"):
        draw(server, tmp_path, reference_images=(reference,), mask=reference)
    assert server.calls() == []


@pytest.mark.parametrize("gone", ["reference", "mask"])
def test_a_file_that_is_gone_ends_the_call_before_it_is_made(server, tmp_path, reference, gone):
    missing = str(tmp_path / "gone.png")
    files = {"reference_images": (missing if gone == "reference" else reference,)}
    with pytest.raises(errors.InvalidRequest, match="cannot be read"):
        draw(server, tmp_path, **files, mask=missing if gone == "mask" else "")
    assert server.calls() == []


# --- Checked before the call --------------------------------------------------------------


@pytest.mark.parametrize("name", ["dream_v8", "dream_v8.safetensors [879db523c3]", "xl_base"])
def test_a_checkpoint_goes_by_its_name_or_title(server, tmp_path, name):
    draw(server, tmp_path, model=name)
    assert sent(server)["override_settings"]["sd_model_checkpoint"] in ("dream_v8", "xl_base")


def test_an_unknown_checkpoint_is_refused_before_the_call(each_server, tmp_path):
    with pytest.raises(errors.ModelUnavailable, match="no checkpoint Dream_v8") as caught:
        draw(each_server, tmp_path, model="Dream_v8")
    assert "dream_v8" in caught.value.hint and each_server.ledger == []


def test_sampler_and_scheduler_of_the_server_are_passed_on(server, tmp_path):
    draw(server, tmp_path, extra={"sampler": "DPM++ 2M", "scheduler": "karras"})
    assert (sent(server)["sampler_name"], sent(server)["scheduler"]) == ("DPM++ 2M", "karras")


@pytest.mark.parametrize("option", [{"sampler": "euler A"}, {"scheduler": "Polyexponential"}])
def test_an_unknown_sampler_or_scheduler_is_refused_by_name(each_server, tmp_path, option):
    with pytest.raises(errors.InvalidRequest, match=next(iter(option))):
        draw(each_server, tmp_path, extra=option)
    assert each_server.calls() == []


def test_the_connections_own_sampler_is_checked_too(server, tmp_path):
    with pytest.raises(errors.InvalidRequest, match="has no sampler Heun; it has Euler a, Euler"):
        draw(server, tmp_path, connection={"options": {"sampler": "Heun"}})


def test_a_scheduler_is_not_dropped_where_there_are_none(tmp_path):
    refused = pytest.raises(errors.InvalidRequest, match="scheduler is not taken by mine")
    with FakeSdApi("forge") as server, refused:
        draw(server, tmp_path, extra={"scheduler": "karras"})


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"extra": {"denoising_strength": 0.5}}, "needs a reference image"),
        ({"extra": {"denoising_strength": "much"}}, "must be a number"),
        ({"extra": {"denoising_strength": 1.5}, "reference_images": ("a",)}, "from 0 to 1"),
        ({"extra": {"sampler": 3}}, "sampler must be a name"),
        ({"prompt": "<sd_cpp_extra_args>{}</sd_cpp_extra_args>"}, "must not hold"),
        ({"seed": 2**32}, "seed"),
    ],
)
def test_what_cannot_be_is_refused_in_words(server, values, words):
    provider, request = connect(server), wish(**values)
    validation = provider.validate(request, provider.capabilities(request.model))
    assert words in validation.errors[0].message


def test_sizes_are_snapped_to_the_steps_of_the_server(server):
    provider = connect(server, options={"multiple_of": 64})
    validation = provider.validate(wish(width=1000, height=600), provider.capabilities("x"))
    assert (validation.request.width, validation.request.height) == (1024, 576)


# --- The answer ---------------------------------------------------------------------------


def test_the_picture_lands_in_the_spool(each_server, tmp_path):
    result = draw(each_server, tmp_path)
    with Image.open(result.files[0].path) as image:
        assert image.size == (320, 192)
    assert result.notes == ()


def test_a_jpeg_is_taken_as_it_comes(server, tmp_path):
    server.faults("other_format")
    with open(draw(server, tmp_path).files[0].path, "rb") as file:
        assert file.read(3) == b"\xff\xd8\xff"


def test_the_real_size_is_told_when_it_differs(tmp_path):
    with FakeSdApi("sdcpp") as server:
        result = draw(server, tmp_path, width=328, height=192)
    assert result.notes == ("Drawn with 384×192 pixels; 328×192 were asked for.",)


@pytest.mark.parametrize("flavour", ["a1111", "forge", "sdnext"])
def test_another_model_than_the_one_asked_for_is_told(flavour, tmp_path):
    with FakeSdApi(flavour) as server:
        server.faults("other_model")
        result = draw(server, tmp_path)
    assert result.model == "anime_v3"
    assert result.notes == ("Drawn with anime_v3; dream_v8 was asked for.",)


def test_a_model_in_a_folder_is_the_same_model(server, tmp_path):
    assert draw(server, tmp_path, model="xl_base").notes == ()


def test_a_grid_before_the_picture_is_left_out(server, tmp_path):
    server.faults("grid")
    result = draw(server, tmp_path)
    assert [str(path) for path in tmp_path.iterdir() if path.is_file()] == [result.files[0].path]
    assert result.notes == ()


def test_more_pictures_are_kept_and_told(server, tmp_path):
    server.faults("more_images")
    result = draw(server, tmp_path)
    assert len(result.files) == 2
    assert result.notes == ("mine made 2 pictures instead of one.",)


@pytest.mark.parametrize("fault", ["half_denoised", "skipped", "short_batch"])
def test_a_half_denoised_picture_is_found_out(server, tmp_path, fault):
    server.faults(fault)
    with pytest.raises(errors.ProviderError, match="stopped at mine") as caught:
        draw(server, tmp_path)
    assert (caught.value.code, caught.value.billed) == ("interrupted", "no")
    assert not any(path.is_file() for path in tmp_path.iterdir())


def test_another_jobs_interruption_is_not_ours(server, tmp_path):
    server.faults("half_denoised")
    server.job_timestamp = "20261121235959"
    assert len(draw(server, tmp_path).files) == 1


@pytest.mark.parametrize("fault", ["failed_200", "null_data", "html_200", "empty_200", "json_200"])
def test_a_success_without_a_picture_is_none(server, tmp_path, fault):
    server.faults(fault)
    with pytest.raises(errors.InvalidResponse) as caught:
        draw(server, tmp_path)
    assert caught.value.billed == "no"


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("bad_parameter", errors.InvalidRequest),
        ("out_of_memory", errors.OutOfMemory),
        ("taskgroup", errors.ProviderError),
    ],
)
def test_an_error_in_any_spelling_gets_its_kind(flavour, fault, kind, tmp_path):
    if (flavour, fault) == ("forge", "out_of_memory"):
        kind = errors.ProviderError  # it tells no reason
    with FakeSdApi(flavour) as server:
        server.faults(fault)
        with pytest.raises(kind) as caught:
            draw(server, tmp_path)
    assert (type(caught.value), caught.value.billed, server.ledger) == (kind, "no", [])


@pytest.mark.parametrize("fault", ["timeout", "reset", "cut_at:50%", "drip"])
def test_a_cut_or_silent_call_is_in_doubt(server, tmp_path, fault):
    server.faults(fault)
    with pytest.raises(errors.OutcomeUnknown) as caught:
        draw(server, tmp_path, connection={"deadline": 0.4})
    assert caught.value.billed == "unknown"
    assert not any(path.is_file() for path in tmp_path.iterdir())


def test_silence_is_borne_until_the_deadline(server, tmp_path):
    server.faults("delay:0.4")
    assert draw(server, tmp_path, connection={"read_timeout": 0.1}).files


# --- Signing in, health, models -----------------------------------------------------------


def test_the_secret_is_sent_as_http_basic(tmp_path):
    with FakeSdApi(auth="ann:s3cret:x") as server:
        assert draw(server, tmp_path, connection={"secret": "ann:s3cret:x"}).files


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_wrong_password_is_named(flavour, tmp_path):
    refused = pytest.raises(errors.AuthFailed, match="user name and password")
    with FakeSdApi(flavour, auth="ann:s3cret") as server, refused:
        draw(server, tmp_path, connection={"secret": "ann:wrong"})


def test_a_secret_without_a_user_is_named_without_showing_it(server, tmp_path):
    with pytest.raises(errors.ConfigurationError, match="no user name") as caught:
        draw(server, tmp_path, connection={"secret": "hunter2"})
    assert "hunter2" not in str(caught.value.to_dict())


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_server_without_the_api_is_named(flavour, tmp_path):
    refused = pytest.raises(errors.ConfigurationError)
    with FakeSdApi(flavour, with_api=False) as server, refused as caught:
        draw(server, tmp_path)
    assert "--api" in caught.value.hint


def test_health_tells_reachable_from_let_in():
    with FakeSdApi(auth="ann:s3cret") as server:
        provider = connect(server)
        levels = ("configured", "reachable", "authenticated")
        assert [provider.health(level).ok for level in levels] == [True, True, False]


def test_health_names_a_server_without_the_api():
    with FakeSdApi(with_api=False) as server:
        health = connect(server).health(HealthLevel.REACHABLE)
    assert (health.ok, "--api" in health.message) == (False, True)


def test_discovery_tells_checkpoints_and_what_can_be_chosen(server):
    models = connect(server).discover()
    assert [each["name"] for each in models] == ["dream_v8", "xl_base"]
    able = connect(server).capabilities("dream_v8", models[0]["capabilities"])
    assert able.choices["sampler"] == ("Euler a", "Euler", "DPM++ 2M")


def test_discovery_leaves_out_a_scheduler_that_is_not_taken():
    with FakeSdApi("forge") as server:
        able = connect(server).discover()[0]["capabilities"]
    assert able["extra"] == ["sampler", "denoising_strength"]


@pytest.mark.parametrize(
    "options", [{"sizes": 8}, {"multiple_of": "8"}, {"multiple_of": 0}, {"restore_model": 1}]
)
def test_an_option_that_cannot_be_is_named(server, options):
    with pytest.raises(errors.ConfigurationError, match=next(iter(options))):
        connect(server, options=options)
