"""Models on this machine: the process that draws, with a stand-in for the libraries in it."""

import os
import threading
import time
from pathlib import Path

import pytest
from PIL import Image

from providers import errors
from providers.backends import diffusers, diffusers_process
from providers.registry import make_provider
from providers.tests.contract import ProviderContract
from providers.tests.sinks import FolderSink
from providers.types import ConnectionConfig, ImageRequest

STAND_IN = Path(__file__).parent / "fakes" / "diffusers_packages"
KEY = "5f0c6c1e-6a39-4b7c-9a0e-0a3a5a4f8a11"


@pytest.fixture(autouse=True, scope="module")
def libraries():
    """The stand-in is found first, by this process and by those that it spawns."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(STAND_IN)
        yield
        diffusers_process.end_process()


def connect(**values):
    fields = {"name": "here", "kind": "diffusers", "deadline": 20.0}
    return make_provider(ConnectionConfig(**fields | values))


def draw(folder, prompt="A lighthouse", *, connection=None, **values):
    fields = {"prompt": prompt, "model": "some/model", "width": 64, "height": 48}
    request = ImageRequest(**fields | values)
    return connect(**connection or {}).submit(request, KEY, FolderSink(folder))


def process_id():
    child = diffusers_process._child
    return child and child.process.pid


class TestContractOfDiffusers(ProviderContract):
    kind, model = "diffusers", "some/model"


def test_picture_is_written_into_the_spool(tmp_path):
    with Image.open(draw(tmp_path).files[0].path) as image:
        assert (image.format, image.size) == ("PNG", (64, 48))


def test_jpeg_is_written_where_it_is_asked_for(tmp_path):
    with Image.open(draw(tmp_path, output_format="jpeg").files[0].path) as image:
        assert image.format == "JPEG"


def test_the_process_stays_for_the_next_picture(tmp_path):
    draw(tmp_path)
    first = process_id()
    draw(tmp_path)
    assert process_id() == first != os.getpid()


def test_without_a_seed_the_key_decides(tmp_path):
    one, two = draw(tmp_path), draw(tmp_path)
    assert one.seed == two.seed
    assert one.files[0].sha256 == two.files[0].sha256 != draw(tmp_path, seed=5).files[0].sha256


def test_steps_are_told_as_they_are_done(tmp_path):
    sink = FolderSink(tmp_path)
    request = ImageRequest(prompt="A", model="some/model", width=64, height=48)
    connect().submit(request, KEY, sink)
    assert sink.fractions == [0.5, 1.0]


def test_parameters_are_told_before_the_call(tmp_path):
    sink = FolderSink(tmp_path)
    request = ImageRequest(prompt="BREAK", model="some/model", width=64, height=48, steps=3)
    with pytest.raises(errors.ProviderError):
        connect().submit(request, KEY, sink)
    assert (sink.sent[0]["steps"], sink.sent[0]["model"]) == (3, "some/model")


def test_another_size_is_told(tmp_path):
    assert "Drawn with 56×48 pixels; 60×48" in draw(tmp_path, width=60).notes[0]


def test_an_unread_end_of_the_prompt_is_told(tmp_path):
    notes = draw(tmp_path, "word " * 30).notes
    assert notes == ("The model reads 20 tokens of the prompt's 30: its end was not read.",)


@pytest.mark.parametrize(
    ("values", "kind", "words"),
    [
        ({"prompt": "NSFW"}, errors.ContentRejected, "safety checker"),
        ({"prompt": "BLACK"}, errors.InvalidResponse, "black"),
        ({"prompt": "MEMORY"}, errors.OutOfMemory, "too little memory"),
        ({"prompt": "WRONG"}, errors.InvalidRequest, "does not take"),
        ({"prompt": "BREAK"}, errors.ProviderError, "could not draw"),
        ({"model": "gated"}, errors.AuthFailed, "licence"),
        ({"model": "missing"}, errors.ModelUnavailable, "could not be loaded"),
        ({"model": "too/large"}, errors.OutOfMemory, "too little memory"),
        ({"model": "half-installed"}, errors.ConfigurationError, "not installed"),
        ({"model": "plain", "steps": 3}, errors.InvalidRequest, "num_inference_steps is not"),
    ],
)
def test_what_goes_wrong_gets_its_name_and_is_free(tmp_path, values, kind, words):
    with pytest.raises(kind, match=words) as caught:
        draw(tmp_path, **values)
    assert (type(caught.value), caught.value.billed) == (kind, "no")
    assert not any(path.is_file() for path in tmp_path.iterdir())


def test_a_flagged_picture_was_refused_after_drawing(tmp_path):
    with pytest.raises(errors.ContentRejected) as caught:
        draw(tmp_path, "NSFW")
    assert caught.value.stage == "output"


def test_no_path_of_the_machine_is_told(tmp_path):
    with pytest.raises(errors.ProviderError) as caught:
        draw(tmp_path, "BREAK")
    assert "/opt" not in str(caught.value.to_dict())


def test_missing_packages_are_named_with_the_way_to_install_them(tmp_path):
    with pytest.raises(errors.ConfigurationError) as caught:
        draw(tmp_path, model="half-installed")
    assert "requirements-diffusers.in" in caught.value.hint


def test_a_failure_leaves_the_process_at_work(tmp_path):
    draw(tmp_path)
    first = process_id()
    with pytest.raises(errors.OutOfMemory):
        draw(tmp_path, "MEMORY")
    assert draw(tmp_path).files and process_id() == first


# --- The process ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prompt", "kind"), [("DIE", errors.ProviderError), ("KILLED", errors.OutOfMemory)]
)
def test_a_process_that_dies_is_free_and_replaced(tmp_path, prompt, kind):
    with pytest.raises(kind) as caught:
        draw(tmp_path, prompt)
    assert (type(caught.value), caught.value.billed) == (kind, "no")
    assert draw(tmp_path).files


def test_the_deadline_ends_the_process(tmp_path):
    draw(tmp_path)
    first = process_id()
    started = time.monotonic()
    with pytest.raises(errors.ProviderError, match="did not finish within 0.3 seconds"):
        draw(tmp_path, "HANG", connection={"deadline": 0.3})
    assert time.monotonic() - started < 2
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)


def test_one_job_at_a_time(tmp_path):
    draw(tmp_path)
    slow = threading.Thread(
        target=lambda: pytest.raises(
            errors.ProviderError, draw, tmp_path, "HANG", connection={"deadline": 0.6}
        )
    )
    slow.start()
    time.sleep(0.1)
    with pytest.raises(errors.ProviderUnavailable, match="busy with another picture"):
        draw(tmp_path, connection={"deadline": 0.1})
    slow.join()


def test_an_idle_process_gives_its_memory_back_and_is_replaced(tmp_path):
    diffusers_process.end_process()
    brief = {"options": {"idle": 0.05}}
    draw(tmp_path, connection=brief)
    diffusers_process._child.process.join(5.0)
    assert not diffusers_process._child.process.is_alive()
    assert draw(tmp_path, connection=brief).files
    diffusers_process.end_process()


def test_a_process_that_cannot_be_started_is_no_fault_of_the_request(tmp_path, monkeypatch):
    def unable(idle):
        raise BlockingIOError("no more processes")

    diffusers_process.end_process()
    monkeypatch.setattr(diffusers_process, "Child", unable)
    with pytest.raises(errors.ProviderUnavailable, match="could not start"):
        draw(tmp_path)


def test_a_sink_that_fails_stops_the_drawing(tmp_path):
    class Full(FolderSink):
        def progress(self, fraction):
            raise OSError("disk full")

    request = ImageRequest(prompt="A", model="some/model", width=64, height=48)
    with pytest.raises(OSError, match="disk full"):
        connect().submit(request, KEY, Full(tmp_path))
    assert process_id() is None


# --- Options and health ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"modles": {}},
        {"models": ["a"]},
        {"dtype": "int8"},
        {"download": "yes"},
        {"idle": 0},
        {"device": ""},
        {"safety_checker": None},
    ],
)
def test_an_option_that_cannot_be_is_named(options):
    with pytest.raises(errors.ConfigurationError, match=next(iter(options))):
        connect(options=options)


def test_a_model_is_found_where_the_options_say():
    spec = connect(options={"models": {"turbo": "/srv/turbo"}})._spec("turbo")
    assert (spec.source, spec.download) == ("/srv/turbo", False)


def test_models_of_the_options_are_discovered():
    models = connect(options={"models": {"turbo": "/srv/turbo"}}).discover()
    assert [(each["name"], each["price_rule"]) for each in models] == [("turbo", {"kind": "free"})]


def test_health_names_a_folder_that_is_gone():
    health = connect(options={"models": {"turbo": "/no/such/folder"}}).health("configured")
    assert (health.ok, health.message) == (False, "The folder of turbo is not there.")


def test_health_names_missing_packages(monkeypatch):
    monkeypatch.setattr(diffusers, "PACKAGES", ("json", "no_such_package_here"))
    health = connect().health("configured")
    assert (health.ok, "no_such_package_here. Install" in health.message) == (False, True)
