"""OpenAI's API, to be asked for texts alone."""

from providers.tests.fakes.openai import FakeOpenAI


class FakeWriter(FakeOpenAI):
    features = frozenset({"json"})
    protocol_faults = frozenset(
        {"refused_input", "quota", "rate_limit", "model_gone", "bad_parameter"}
    )
