"""Against a real server with A1111's API: `SDAPI_URL=http://… pytest -m live` (free)."""

import os
import uuid

import pytest

from providers.measuring import picture_size
from providers.registry import make_provider
from providers.tests.sinks import FolderSink
from providers.types import ConnectionConfig, HealthLevel, ImageRequest

URL = os.environ.get("SDAPI_URL", "")
pytestmark = [
    pytest.mark.live,
    pytest.mark.timeout(600),
    pytest.mark.enable_socket,
    pytest.mark.skipif(not URL, reason="SDAPI_URL names no server"),
]


@pytest.fixture
def provider():
    return make_provider(
        ConnectionConfig(
            name="live",
            kind="sdapi",
            base_url=URL,
            secret=os.environ.get("SDAPI_AUTH", ""),
            private_network=True,
            options={"multiple_of": 64},
            deadline=600.0,
        )
    )


def test_server_lets_us_in(provider):
    health = provider.health(HealthLevel.AUTHENTICATED)
    assert health.ok, health.message


def test_a_picture_is_drawn(provider, tmp_path):
    model = provider.discover()[0]["name"]
    request = ImageRequest(prompt="A lighthouse", model=model, width=256, height=192, steps=4)
    result = provider.generate(request, str(uuid.uuid4()), FolderSink(tmp_path))
    assert picture_size(result.files[0].path) == (256, 192)
