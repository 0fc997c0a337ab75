"""The contract of an adapter: tests that every adapter's test class inherits.

Subclass it in `test_<kind>.py`, set `kind` and what else differs, and run a service for it
(here or by a fixture) that answers well.
"""

import json
import uuid

import pytest

from providers.base import Provider
from providers.errors import ConfigurationError, ProviderProblem
from providers.registry import make_provider
from providers.tests.sinks import FolderSink
from providers.types import (
    Capabilities,
    ConnectionConfig,
    Handle,
    HealthLevel,
    ImageRequest,
    Recovery,
    Result,
)

SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF")


class ProviderContract:
    """What holds for every adapter. `kind`, `model` and `connection` say which and how."""

    kind: str
    model: str = "any"
    width: int = 640
    height: int = 416

    @pytest.fixture
    def connection(self) -> ConnectionConfig:
        return ConnectionConfig(name="mine", kind=self.kind, deadline=20.0)

    @pytest.fixture
    def provider(self, connection: ConnectionConfig) -> Provider:
        return make_provider(connection)

    @pytest.fixture
    def sink(self, tmp_path) -> FolderSink:
        return FolderSink(tmp_path)

    def request(self, **values) -> ImageRequest:
        """A request that the model takes."""
        fields = {"prompt": "A lighthouse in fog", "model": self.model}
        fields |= {"width": self.width, "height": self.height}
        return ImageRequest(**fields | values)

    def generate(self, provider: Provider, sink: FolderSink, **values) -> Result:
        return provider.generate(self.request(**values), str(uuid.uuid4()), sink)

    def test_unknown_option_of_the_connection_is_refused_by_name(self):
        config = ConnectionConfig(name="mine", kind=self.kind, options={"no_such_option": 1})
        with pytest.raises(ConfigurationError, match="mine has no option no_such_option"):
            make_provider(config)

    def test_declares_what_is_known_after_a_cut(self, provider):
        assert isinstance(provider.recovery, Recovery)

    def test_capabilities_survive_json(self, provider):
        capabilities = provider.capabilities(self.model)
        assert (
            Capabilities.from_dict(json.loads(json.dumps(capabilities.to_dict()))) == capabilities
        )

    def test_catalogue_row_wins_over_the_adapters_knowledge(self, provider):
        assert provider.capabilities(self.model, {"max_prompt_length": 7}).max_prompt_length == 7

    def test_good_request_passes_unchanged(self, provider):
        request = self.request()
        validation = provider.validate(request, provider.capabilities(self.model))
        assert (validation.request, validation.issues) == (request, ())

    def test_unsupported_option_is_refused_by_name(self, provider):
        request = self.request(extra={"no_such_option": 1})
        validation = provider.validate(request, provider.capabilities(self.model))
        assert "no_such_option is not taken by" in validation.errors[0].message

    def test_empty_prompt_is_refused(self, provider):
        validation = provider.validate(self.request(prompt=" "), provider.capabilities(self.model))
        assert [issue.field for issue in validation.errors] == ["prompt"]

    def test_result_names_spooled_files(self, provider, sink):
        result = self.generate(provider, sink)
        with open(result.files[0].path, "rb") as file:
            assert file.read(16).startswith(SIGNATURES)

    def test_no_part_file_stays_behind(self, provider, sink):
        result = self.generate(provider, sink)
        names = {path.name for path in sink.folder.iterdir() if path.is_file()}
        assert names == {file.path.rpartition("/")[2] for file in result.files}

    def test_result_survives_json(self, provider, sink):
        result = self.generate(provider, sink)
        assert Result.from_dict(json.loads(json.dumps(result.to_dict()))) == result

    def test_result_tells_its_facts(self, provider, sink):
        result = self.generate(provider, sink)
        assert result.model and result.parameters
        assert result.digital_source_type in ("trainedAlgorithmicMedia", "algorithmicMedia")

    def test_tells_what_it_sends(self, provider, sink):
        self.generate(provider, sink)
        assert sink.sent and len(json.dumps(sink.sent)) < 50_000

    def test_handle_is_small_json(self, provider):
        handle = provider.handle_for(str(uuid.uuid4()))
        assert handle is None or Handle(json.loads(json.dumps(handle.data))) == handle
        assert (handle is not None) == (provider.recovery is Recovery.LOOKUP)

    def test_nothing_is_kept_between_calls(self, provider, sink):
        before = dict(vars(provider))
        self.generate(provider, sink)
        assert vars(provider) == before

    @pytest.mark.parametrize("level", HealthLevel)
    def test_health_answers_each_level(self, provider, level):
        health = provider.health(level)
        assert (health.level, bool(health.message)) == (level, True)
        assert health.ok is not False

    def test_discovered_models_are_named(self, provider):
        assert all(entry["name"] for entry in provider.discover())

    def test_price_rule_that_cannot_be_read_is_a_named_problem(self, provider):
        with pytest.raises(ProviderProblem, match="price"):
            provider.estimate(self.request(), {"kind": "per_moon"})
