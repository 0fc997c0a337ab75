"""Run with Frontispiece on the path: every adapter inherits the tests of the contract."""

from providers.tests.contract import ProviderContract
from providers.types import Recovery


class TestContractOfGradient(ProviderContract):
    kind, model = "gradient", "two-colours"

    def test_same_seed_gives_same_picture(self, provider, sink):
        one, two = (self.generate(provider, sink, seed=7) for _ in range(2))
        assert one.files[0].sha256 == two.files[0].sha256

    def test_direction_of_the_connection_is_used(self, provider):
        assert provider.build_payload(self.request(), "key")["direction"] == "down"

    def test_unknown_direction_is_refused(self, provider):
        request = self.request(extra={"direction": "inwards"})
        validation = provider.validate(request, provider.capabilities(self.model))
        assert "it takes down, up, right, left" in validation.errors[0].message

    def test_drawing_again_is_safe(self, provider):
        assert provider.recovery is Recovery.OWN_KEY
