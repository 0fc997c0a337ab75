"""The studio as a provider: the contract, its own refusals, seeds, files and a light start."""

import subprocess
import sys
import uuid
from decimal import Decimal
from pathlib import Path

import pytest
from PIL import Image

from providers import pool
from providers.backends.studio import FAMILIES, LAYOUTS, adapter
from providers.errors import InvalidRequest, ModelUnavailable, ProviderUnavailable
from providers.registry import make_provider
from providers.tests.contract import ProviderContract
from providers.tests.sinks import FolderSink
from providers.types import ConnectionConfig, ImageRequest

ROOT = Path(__file__).parents[2]
KEY = "5f0c6c1e-6a39-4b7c-9a0e-0a3a5a4f8a11"

LIGHT_START = """
import sys
from providers.registry import get_provider_class
get_provider_class("studio")
print(sorted({"numpy", "PIL", "django"} & set(sys.modules)))
"""


class TestContractOfPatterns(ProviderContract):
    kind, model = "studio", "patterns"


class TestContractOfCovers(ProviderContract):
    kind, model = "studio", "covers"


@pytest.fixture
def studio():
    return make_provider(ConnectionConfig(name="studio", kind="studio"))


@pytest.fixture
def drawn_here(monkeypatch):
    """Draw in this process: the pool has tests of its own."""
    monkeypatch.setattr(adapter, "run_in_child", lambda f, *args, timeout: f(*args))


def wish(model="patterns", **values):
    fields = {"prompt": "A lighthouse in fog", "model": model, "width": 320, "height": 256}
    return ImageRequest(**fields | values)


def draw(studio, folder, key=KEY, **values):
    return studio.submit(wish(**values), key, FolderSink(folder))


def messages(studio, request):
    validation = studio.validate(request, studio.capabilities(request.model))
    return [issue.message for issue in validation.errors]


def test_start_loads_no_drawing_library():
    found = subprocess.run(
        [sys.executable, "-c", LIGHT_START], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"


def test_an_unknown_model_is_refused(studio):
    with pytest.raises(ModelUnavailable, match='no model "oils"'):
        studio.capabilities("oils")


def test_patterns_take_no_title(studio):
    assert messages(studio, wish(title="Fog")) == ["title is not taken by patterns (studio)."]


def test_covers_take_texts_and_layout(studio):
    request = wish("covers", title="Fog", kicker="Sea", footer="x", extra={"layout": "poster"})
    assert messages(studio, request) == []


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"extra": {"family": "cubism"}}, f"choose one of {', '.join(FAMILIES)}"),
        ({"extra": {"layout": "brochure"}}, f"choose one of {', '.join(LAYOUTS)}"),
        ({"extra": {"family": ["flow"]}}, "There is no pattern family"),
        ({"palette": ("#1f5aa8", "blue")}, "'blue' is not a colour"),
        ({"width": 2000, "height": 300}, "at most four times the short one"),
        ({"width": 200, "height": 300}, "256 to 2048 pixels"),
        ({"steps": 20}, "steps is not taken"),
        ({"output_format": "gif"}, "it takes png, jpeg"),
    ],
)
def test_what_the_studio_cannot_draw_is_refused_in_words(studio, values, words):
    (message,) = messages(studio, wish("covers", **values))
    assert words in message


@pytest.mark.usefixtures("drawn_here")
@pytest.mark.parametrize(("file_format", "kind"), [("", "PNG"), ("png", "PNG"), ("jpeg", "JPEG")])
def test_the_file_has_format_and_size_asked_for(studio, tmp_path, file_format, kind):
    result = draw(studio, tmp_path, output_format=file_format)
    with Image.open(result.files[0].path) as image:
        assert (image.format, image.size) == (kind, (320, 256))


@pytest.mark.usefixtures("drawn_here")
def test_the_result_is_free_described_and_marked(studio, tmp_path):
    result = draw(studio, tmp_path, model="covers", title="Fog", extra={"layout": "split"})
    assert result.cost == Decimal(0)
    assert result.description.startswith("Fog. Title card with ")
    assert result.digital_source_type == "algorithmicMedia"
    assert result.parameters["layout"] == "split"


@pytest.mark.usefixtures("drawn_here")
def test_the_result_tells_what_was_left_out_of_a_title(studio, tmp_path):
    result = draw(studio, tmp_path, model="covers", title="Fog 霧")
    assert result.notes == ("1 character of the title cannot be shown and was left out.",)


@pytest.mark.usefixtures("drawn_here")
def test_a_given_seed_counts_whatever_the_key(studio, tmp_path):
    one, two = (draw(studio, tmp_path, key=str(uuid.uuid4()), seed=7) for _ in range(2))
    assert (one.seed, one.files[0].sha256) == (7, two.files[0].sha256)


@pytest.mark.usefixtures("drawn_here")
def test_without_a_seed_the_key_decides(studio, tmp_path):
    first, again = (draw(studio, tmp_path) for _ in range(2))
    other = draw(studio, tmp_path, key=str(uuid.uuid4()))
    assert first.files[0].sha256 == again.files[0].sha256 != other.files[0].sha256
    assert first.seed == again.seed != other.seed


@pytest.mark.parametrize("size", [(9000, 9000), (100, 100)])
def test_a_wrong_request_that_slipped_through_is_the_requests_fault(studio, tmp_path, size):
    with pytest.raises(InvalidRequest, match="each side must be 256 to 2048"):
        draw(studio, tmp_path, width=size[0], height=size[1])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("failure", [pool.ChildDied, pool.ChildTimeout])
def test_a_lost_child_costs_nothing_and_may_be_repeated(studio, tmp_path, monkeypatch, failure):
    def dies(*args, timeout):
        raise failure("killed")

    monkeypatch.setattr(adapter, "run_in_child", dies)
    with pytest.raises(ProviderUnavailable) as caught:
        draw(studio, tmp_path)
    assert (caught.value.retryable, caught.value.billed) == (True, "no")


def test_discovery_names_both_models_as_free(studio):
    models = studio.discover()
    assert [m["name"] for m in models] == ["patterns", "covers"]
    assert {m["price_rule"]["kind"] for m in models} == {"free"}
