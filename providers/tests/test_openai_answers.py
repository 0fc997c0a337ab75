"""What OpenAI and gateways answer with a 200, as recorded, and what becomes of it."""

from decimal import Decimal

import pytest

from providers import errors
from providers.catalogue import read_catalogue
from providers.registry import make_provider
from providers.tests.fakes import recorded
from providers.tests.hosted import ask
from providers.tests.servers import serving
from providers.tests.sinks import FolderSink
from providers.types import ConnectionConfig, TextRequest

KINDS = ("openai", "openai_compatible")
ENDS = [(kind, name) for kind in KINDS for name in recorded.problems(kind, ends=True)]
GAPS = {
    "background": "opaque", "model": "gpt-5-mini", "output_format": "jpeg", "picture": "QUJD",
    "quality": "high", "size": "1024x1024", "text": '{"prompt": "A lighthouse in fog"}',
}  # fmt: skip
SCHEMA = {"type": "object", "properties": {"prompt": {"type": "string"}}, "required": ["prompt"]}
TEXTS = ("chat", "response", "thoughts")


def told(kind, name, tmp_path):
    """The result that an adapter makes of a recorded answer."""
    answer = recorded.reply(kind, name, **GAPS).whole()
    with serving(lambda sock, _: sock.sendall(answer)) as server:
        config = ConnectionConfig(
            name="mine", kind=kind, base_url=f"{server.url}/v1", private_network=True, deadline=5.0
        )
        provider, sink = make_provider(config), FolderSink(tmp_path)
        if not name.startswith(TEXTS):
            return ask(provider, sink, "gpt-image-2", 1024, 1024)
        question = TextRequest(model="any", instructions="Write.", data="A post.", schema=SCHEMA)
        return provider.write(question, "key", sink)


@pytest.mark.parametrize(("kind", "name"), ENDS)
def test_success_that_is_none_becomes_its_error(kind, name, tmp_path):
    with pytest.raises(errors.ProviderProblem) as caught:
        told(kind, name, tmp_path)
    recorded.check(kind, name, caught.value)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("openai", "chat"),
        ("openai", "response"),
        ("openai_compatible", "thoughts"),
        ("openai_compatible", "thoughts_in_parts"),
    ],
)
def test_text_is_read(kind, name, tmp_path):
    assert told(kind, name, tmp_path).data == {"prompt": "A lighthouse in fog"}


@pytest.mark.parametrize(
    ("kind", "name", "cost"),
    [
        ("openai", "generated", "0.008205"),  # 9 of text for $5, 272 of a picture for $30
        ("openai", "edited", "0.009757"),  # and 194 of a reference picture for $8
        ("openai_compatible", "base64", "0.008585"),
    ],
)
def test_picture_is_settled_to_the_millionth(kind, name, cost, tmp_path):
    rules = {model.name: model.price_rule for model in read_catalogue("openai").models}
    provider = make_provider(ConnectionConfig(name="mine", kind=kind))
    usage = told(kind, name, tmp_path).usage
    assert provider.settle(usage, rules["gpt-image-2"]) == Decimal(cost)


@pytest.mark.parametrize(
    "name",
    [name for name, it in recorded.answers("openai").items() if it.get("status", 200) == 200],
)
def test_answer_is_of_the_type_of_the_package(name):
    from openai import types
    from openai.types.chat import ChatCompletion
    from openai.types.responses import Response

    kinds = {"chat": ChatCompletion, "response": Response}
    kind = kinds.get(name.partition("_")[0], types.ImagesResponse)
    body = recorded.filled(recorded.answers("openai")[name]["body"], GAPS)
    if name == "models":
        kind, body = types.Model, body["data"][0]
    assert not kind.model_validate(body).model_extra
