import sys
from importlib.metadata import EntryPoint

import pytest

from providers import registry
from providers.backends.stub import StubProvider
from providers.base import Provider
from providers.errors import ConfigurationError
from providers.registry import broken_plugins, get_provider_class, kinds, make_provider
from providers.tests import contract
from providers.types import ConnectionConfig


@pytest.fixture
def plugins(monkeypatch):
    """Announce plugins: name=target."""

    def announce(**targets):
        entries = [EntryPoint(name, target, registry.GROUP) for name, target in targets.items()]
        monkeypatch.setattr(registry, "plugin_entries", lambda: entries)
        registry._plugins.cache_clear()
        get_provider_class.cache_clear()

    yield announce
    monkeypatch.undo()
    registry._plugins.cache_clear()
    get_provider_class.cache_clear()


@pytest.mark.parametrize("kind", registry.BUILT_IN)
def test_built_in_kind_leads_to_its_adapter(kind):
    assert get_provider_class(kind).name == kind


@pytest.mark.parametrize("kind", registry.BUILT_IN)
def test_built_in_kind_has_a_contract_test(kind):
    __import__(f"providers.tests.test_{kind}")
    module = sys.modules[f"providers.tests.test_{kind}"]
    classes = [value for value in vars(module).values() if isinstance(value, type)]
    assert any(
        issubclass(each, contract.ProviderContract) and getattr(each, "kind", "") == kind
        for each in classes
    )


def test_adapter_is_made_for_a_connection():
    provider = make_provider(ConnectionConfig(name="a", kind="stub"))
    assert (type(provider), provider.connection.name) == (StubProvider, "a")


def test_unknown_kind_names_the_known_ones():
    with pytest.raises(ConfigurationError, match="magic") as caught:
        get_provider_class("magic")
    assert "studio" in caught.value.hint


def test_missing_package_names_the_way_to_install_it(monkeypatch):
    kind = registry.Kind("Far", "providers_no_such_module:X", "pip install far")
    monkeypatch.setitem(registry.BUILT_IN, "far", kind)
    with pytest.raises(ConfigurationError, match="not installed") as caught:
        get_provider_class("far")
    assert "pip install far" in caught.value.hint


def test_plugin_is_listed_and_loaded(plugins):
    plugins(mine="providers.backends.stub:StubProvider")
    assert "mine" in kinds()
    assert issubclass(get_provider_class("mine"), Provider)


def test_listing_kinds_imports_no_plugin(plugins):
    plugins(bad="no_such_package:X")
    assert "bad" in kinds()


@pytest.mark.parametrize("target", ["no_such_package:X", "math:pi", "math:no_such_name"])
def test_broken_plugin_is_isolated_and_listed(plugins, target):
    plugins(bad=target, good="providers.backends.stub:StubProvider")
    assert set(broken_plugins()) == {"bad"}
    assert get_provider_class("good")
    with pytest.raises(ConfigurationError, match="bad"):
        get_provider_class("bad")


def test_plugin_cannot_take_over_a_built_in_name(plugins):
    plugins(stub="math:pi")
    assert get_provider_class("stub") is StubProvider
    assert "built-in" in broken_plugins()["stub"]
