"""What the tests of hosted adapters share."""

import hashlib
import os
import uuid
from pathlib import Path

import pytest

from providers.registry import make_provider
from providers.tests.fakes import pictures
from providers.tests.fakes.base import FakeService
from providers.tests.sinks import FolderSink
from providers.types import ConnectionConfig, ImageRequest, Result, Validation

PATHS = {"bfl": "/v1", "gemini": "/v1beta", "replicate": "/v1"}  # behind the host in base URLs


def connect(kind: str, fake: FakeService, secret: str, **fields) -> ConnectionConfig:
    """A connection to a fake service."""
    values = {"name": "mine", "private_network": True, "deadline": 5.0} | fields
    base_url = fake.url + PATHS.get(kind, "")
    return ConnectionConfig(kind=kind, base_url=base_url, secret=secret, **values)


def ask(provider, sink: FolderSink, model: str, width: int, height: int, **values) -> Result:
    request = ImageRequest(
        **{"prompt": "A tree", "model": model, "width": width, "height": height} | values
    )
    return provider.generate(request, str(uuid.uuid4()), sink)


def checked(kind: str, model: str, width: int, height: int, **values) -> Validation:
    """What becomes of a request before any call."""
    provider = make_provider(ConnectionConfig(name="mine", kind=kind))
    request = ImageRequest(prompt="A tree", model=model, width=width, height=height, **values)
    return provider.validate(request, provider.capabilities(model))


def reference(folder: Path, seed: int = 1) -> tuple[str, dict]:
    """The path of a picture to send along, and what may be written down of it."""
    content = pictures.png(32, 32, seed)
    path = folder / f"reference-{seed}.png"
    path.write_bytes(content)
    return str(path), {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def live_picture(kind: str, secret_name: str, model: str, width: int, height: int, folder: Path):
    """One real picture; skips without the key."""
    if not (secret := os.environ.get(secret_name)):
        pytest.skip(f"{secret_name} is not set")
    provider = make_provider(ConnectionConfig(name="live", kind=kind, secret=secret))
    sink = FolderSink(folder)
    result = ask(provider, sink, model, width, height, prompt="A lighthouse in fog, ink drawing")
    return Path(result.files[0].path).read_bytes(), result, sink
