"""Against the real API: `OPENAI_API_KEY=… pytest -m live` (costs about $0.02).

`OPENAI_COMPATIBLE_URL` and `OPENAI_COMPATIBLE_MODEL` (and `_KEY`, if it wants one) name a gateway.
"""

import os
from pathlib import Path

import pytest

from providers.registry import make_provider
from providers.tests.hosted import ask, live_picture, reference
from providers.tests.sinks import FolderSink
from providers.types import ConnectionConfig, TextRequest

pytestmark = [pytest.mark.live, pytest.mark.enable_socket, pytest.mark.timeout(300)]
MODEL = "gpt-image-2.5-flare"
SCHEMA = {
    "type": "object",
    "properties": {"prompt": {"type": "string"}},
    "required": ["prompt"],
    "additionalProperties": False,
}


@pytest.fixture
def provider():
    if not (secret := os.environ.get("OPENAI_API_KEY")):
        pytest.skip("OPENAI_API_KEY is not set")
    return make_provider(ConnectionConfig(name="live", kind="openai", secret=secret))


def test_a_picture_is_drawn(tmp_path):
    picture, result, sink = live_picture("openai", "OPENAI_API_KEY", MODEL, 1024, 1024, tmp_path)
    assert picture.startswith(b"\xff\xd8\xff")
    assert result.usage["output_tokens"] > 0
    assert result.request_id and sink.statuses == [200]


def test_provenance_is_kept(tmp_path):
    picture, _, _ = live_picture("openai", "OPENAI_API_KEY", MODEL, 1024, 1024, tmp_path)
    assert b"c2pa" in picture


def test_a_picture_is_edited(provider, tmp_path):
    path, _ = reference(tmp_path)
    result = ask(
        provider, FolderSink(tmp_path), MODEL, 1024, 1024, quality="low", reference_images=(path,)
    )
    assert result.files[0].size > 1000


@pytest.mark.parametrize("api", ["responses", "chat"])
def test_a_text_is_written(provider, tmp_path, api):
    config = ConnectionConfig(
        name="live", kind="openai", secret=provider.connection.secret, options={"text_api": api}
    )
    request = TextRequest(
        model="gpt-5-mini", instructions="Write one sentence.", data="Fog.", schema=SCHEMA
    )
    result = make_provider(config).write(request, "key", FolderSink(tmp_path))
    assert result.data["prompt"] and result.usage["output_tokens"] > 0


def test_the_key_is_accepted_and_models_are_listed(provider):
    assert provider.health("authenticated").ok
    assert MODEL in [model["name"] for model in provider.discover()]


def test_a_gateway_draws(tmp_path):
    url, model = (os.environ.get(f"OPENAI_COMPATIBLE_{name}") for name in ("URL", "MODEL"))
    if not (url and model):
        pytest.skip("OPENAI_COMPATIBLE_URL and OPENAI_COMPATIBLE_MODEL are not set")
    config = ConnectionConfig(
        name="live",
        kind="openai_compatible",
        base_url=url,
        secret=os.environ.get("OPENAI_COMPATIBLE_KEY", ""),
        private_network=True,
    )
    result = ask(make_provider(config), FolderSink(tmp_path), model, 512, 512)
    assert Path(result.files[0].path).stat().st_size > 1000
