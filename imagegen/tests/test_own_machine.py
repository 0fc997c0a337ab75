"""Own hardware and a plugin, the whole way: found, asked for, drawn, stored, shown, checked."""

import io
import sys

import pytest
from django.core.management import call_command
from django.urls import reverse

from imagegen.models import Attempt, GenerationJob, ImageOutput
from imagegen.services import engine
from imagegen.tests.factories import make_post
from providers import registry
from providers.backends import diffusers_process
from providers.models import Connection
from providers.pool import shutdown_pool
from providers.tests.factories import make_connection
from providers.tests.fakes.sdapi import FakeSdApi
from providers.tests.test_diffusers import STAND_IN
from providers.tests.test_example_plugin import EXAMPLE, install

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["a1111", "sdcpp"])
def image_server(request):
    """A server with A1111's API, and the connection to it."""
    with FakeSdApi(request.param) as server:
        yield make_connection("far", kind="sdapi", base_url=server.url, private_network=True)


@pytest.fixture
def local_models(monkeypatch) -> Connection:
    monkeypatch.syspath_prepend(STAND_IN)
    yield make_connection("far", kind="diffusers", options={"models": {"small": "some/model"}})
    diffusers_process.end_process()


@pytest.fixture
def plugin(monkeypatch, tmp_path) -> Connection:
    """The example plugin, installed into a folder of its own."""
    install(EXAMPLE, tmp_path / "packages")
    monkeypatch.syspath_prepend(tmp_path / "packages")
    registry.forget_plugins()
    shutdown_pool()
    yield make_connection("far", kind="gradient")
    for name in [name for name in sys.modules if name.startswith("frontispiece_gradient")]:
        del sys.modules[name]
    registry.forget_plugins()
    shutdown_pool()


def draw() -> GenerationJob:
    """Find the models, ask for a hero, and work."""
    call_command("sync_models", "far", stdout=io.StringIO())
    post = make_post()
    call_command("generate_images", "--post", post.slug, "--slots", "hero", "--provider", "far")
    engine.work()
    return GenerationJob.objects.get()


def checked() -> str:
    out = io.StringIO()
    call_command("check_provider", "far", stdout=out)
    return out.getvalue()


def check_the_whole_way(client, administrator) -> None:
    """A picture is stored and paid with nothing, and the attempt tells what was sent."""
    job = draw()
    assert (job.state, ImageOutput.objects.count()) == ("stored", 1), job.error
    attempt = Attempt.objects.get()
    assert (attempt.cost, attempt.sent["width"] > 0) == (0, True)
    client.force_login(administrator)
    page = client.get(reverse("admin:imagegen_attempt_change", args=[attempt.pk]))
    assert str(attempt.sent["seed"]) in page.content.decode()
    assert "NO" not in checked()


@pytest.mark.usefixtures("image_server")
def test_image_server_draws_a_picture(client, administrator):
    check_the_whole_way(client, administrator)


@pytest.mark.usefixtures("local_models")
def test_models_of_this_machine_draw_a_picture(client, administrator):
    check_the_whole_way(client, administrator)


@pytest.mark.usefixtures("plugin")
def test_plugin_draws_a_picture(client, administrator):
    check_the_whole_way(client, administrator)
