"""What the adapters make of the recorded answers of their services."""

import base64
import uuid
from pathlib import Path

import pytest

from providers import errors
from providers.registry import make_provider
from providers.tests.fakes import pictures, recorded
from providers.tests.fakes.bfl import KEY as BFL_KEY
from providers.tests.fakes.bfl import FakeBfl
from providers.tests.fakes.fal import KEY as FAL_KEY
from providers.tests.fakes.fal import FakeFal
from providers.tests.fakes.gemini import KEY as GEMINI_KEY
from providers.tests.fakes.gemini import FakeGemini
from providers.tests.fakes.replicate import KEY as REPLICATE_KEY
from providers.tests.fakes.replicate import FakeReplicate
from providers.tests.fakes.stability import KEY as STABILITY_KEY
from providers.tests.fakes.stability import FakeStability
from providers.tests.hosted import connect
from providers.tests.sinks import FolderSink
from providers.types import ConnectionConfig, Handle, ImageRequest

# The fake, its secret, what gives its last answer, a model and a size that this takes.
SERVICES = {
    "bfl": (FakeBfl, BFL_KEY, "_look", "flux-2-pro", (640, 416)),
    "fal": (FakeFal, FAL_KEY, "_response", "fal-ai/flux-2-pro", (640, 416)),
    "replicate": (FakeReplicate, REPLICATE_KEY, "_look", "owner/flux", (1024, 1024)),
    "gemini": (FakeGemini, GEMINI_KEY, "answer", "gemini-3-pro-image", (1024, 1024)),
    "stability": (FakeStability, STABILITY_KEY, "answer", "core", (1254, 1254)),
}
PICTURE = base64.b64encode(pictures.png(8, 8, 1)).decode()


def named(*, ends):
    return [
        pytest.param(kind, name, id=f"{kind}-{name}")
        for kind in SERVICES
        for name in recorded.problems(kind, ends=ends)
    ]


@pytest.mark.parametrize(("kind", "name"), named(ends=False))
def test_failed_call_becomes_its_error(kind, name):
    provider = make_provider(ConnectionConfig(name="mine", kind=kind, secret="k"))
    recorded.check(kind, name, provider.problem(recorded.http(kind, name)))


@pytest.mark.parametrize(("kind", "name"), named(ends=True))
def test_end_without_a_picture_becomes_its_error(kind, name, tmp_path, monkeypatch):
    service, key, last, model, (width, height) = SERVICES[kind]
    request = ImageRequest(prompt="A tree", model=model, width=width, height=height)
    with service() as fake, pytest.raises(errors.ProviderProblem) as caught:
        monkeypatch.setattr(fake, last, lambda *_: recorded.reply(kind, name, image=PICTURE))
        provider, sink = make_provider(connect(kind, fake, key)), FolderSink(tmp_path)
        answer = provider.submit(request, str(uuid.uuid4()), sink)
        if isinstance(answer, Handle):
            provider.poll(answer, sink)
    recorded.check(kind, name, caught.value)


@pytest.mark.parametrize("kind", SERVICES)
def test_every_answer_is_read(kind):
    fakes = Path(recorded.__file__).parent
    told = (fakes / f"{kind}.py").read_text() + (fakes / "queued.py").read_text()
    answers = recorded.answers(kind).items()
    assert [name for name, it in answers if "becomes" not in it and f'"{name}"' not in told] == []
