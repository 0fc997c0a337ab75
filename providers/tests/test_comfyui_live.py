"""Against a real ComfyUI: `COMFYUI_URL=http://… pytest -m live` (free).

`COMFYUI_WORKFLOW` names a file in API format; without one a plain graph is run with the first
checkpoint that the server has.
"""

import json
import os
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from providers import errors
from providers.backends.comfyui.hosts import servers_of
from providers.backends.comfyui.options import ComfyOptions
from providers.measuring import picture_size
from providers.registry import make_provider
from providers.tests.sinks import FolderSink
from providers.tests.workflows import make_graph
from providers.types import ConnectionConfig, Handle, HealthLevel, ImageRequest
from providers.workflows.check import choices_of, missing_on
from providers.workflows.graph import Graph

URL = os.environ.get("COMFYUI_URL", "")
FILE = os.environ.get("COMFYUI_WORKFLOW", "")
pytestmark = [
    pytest.mark.live,
    pytest.mark.timeout(900),
    pytest.mark.enable_socket,
    pytest.mark.skipif(not URL, reason="COMFYUI_URL names no server"),
]


def asked(config):
    """What the server says of its node classes."""
    (server,) = servers_of(config, ComfyOptions(), seconds=60)
    return server.ask("object_info", 60)


@pytest.fixture
def provider():
    """An adapter with a workflow that the server can run."""
    config = ConnectionConfig(
        name="live",
        kind="comfyui",
        base_url=URL,
        secret=os.environ.get("COMFYUI_SECRET", ""),
        private_network=True,
        deadline=800.0,
    )
    if FILE:
        graph = json.loads(Path(FILE).read_text(encoding="utf-8"))
    else:
        loader = asked(config)["CheckpointLoaderSimple"]["input"]["required"]
        checkpoint = choices_of(loader["ckpt_name"])[0]
        graph = make_graph(n4={"ckpt_name": checkpoint}, n3={"steps": 4})
    return make_provider(replace(config, workflows={"any": {"graph": graph, "version": 1}}))


def draw(provider, tmp_path, key):
    request = ImageRequest(prompt="A lighthouse in fog", model="any", width=256, height=192, seed=5)
    sent = provider.validate(request, provider.capabilities("any")).request
    return sent, provider.generate(sent, key, FolderSink(tmp_path))


@pytest.mark.parametrize("level", [HealthLevel.REACHABLE, HealthLevel.AUTHENTICATED])
def test_health(provider, level):
    assert provider.health(level).ok is True


def test_server_has_what_the_workflow_needs(provider):
    graph = Graph.parse(provider.connection.workflows["any"]["graph"])
    assert missing_on(graph, asked(provider.connection)) == []


def test_a_picture_is_drawn_and_found_again(provider, tmp_path):
    key = str(uuid.uuid4())
    sent, result = draw(provider, tmp_path, key)
    assert picture_size(result.files[0].path) == (sent.width, sent.height)
    again = provider.collect(Handle({"id": key}), FolderSink(tmp_path))
    assert again.files[0].sha256 == result.files[0].sha256


def test_same_request_twice_gives_two_files(provider, tmp_path):
    results = [draw(provider, tmp_path, str(uuid.uuid4()))[1] for _ in range(2)]
    assert len({result.files[0].path for result in results}) == 2


def test_job_can_be_stopped(provider, tmp_path):
    request = ImageRequest(prompt="A tree", model="any", width=1024, height=1024, seed=6)
    handle = provider.submit(request, str(uuid.uuid4()), FolderSink(tmp_path))
    if not provider.cancel(handle):
        pytest.skip("it was finished before it could be stopped")
    with pytest.raises((errors.Cancelled, errors.JobLost)):
        provider.poll(handle, FolderSink(tmp_path))
