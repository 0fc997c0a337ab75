import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from providers import registry
from providers.backends.stub import StubProvider
from providers.base import Provider
from providers.errors import ConfigurationError
from providers.registry import broken_plugins, get_provider_class, kinds, make_provider
from providers.tests import contract
from providers.tests.fakes import recorded
from providers.types import ConnectionConfig

SERVICES = sorted(set(registry.BUILT_IN) - {"studio", "stub", "diffusers"})  # over a wire


class Package:
    """As much of an installed package as the registry looks at."""

    def __init__(self, name, version="1.0"):
        self.name, self.version = name, version


def entry_of(name, target, package=None):
    entry = EntryPoint(name, target, registry.GROUP)
    if package is not None:
        vars(entry)["dist"] = Package(package)
    return entry


class OldPlugin(StubProvider):
    interface_version = 0


class HeirOfOldPlugin(OldPlugin):
    pass


class HastyPlugin(StubProvider):
    def __init__(self, connection):
        raise RuntimeError("a secret text")


class ForgetfulPlugin(StubProvider):
    def capabilities(self, model, row=None):
        return self.missing

    def check_health(self, level):
        return self.missing


@pytest.fixture
def plugins(monkeypatch):
    """Announce plugins: name=target."""

    def announce(**targets):
        announce_all(*(entry_of(name, target) for name, target in targets.items()))

    def announce_all(*entries):
        monkeypatch.setattr(registry, "plugin_entries", lambda: entries)
        registry.forget_plugins()

    announce.all = announce_all
    yield announce
    monkeypatch.undo()
    registry.forget_plugins()


@pytest.mark.parametrize("kind", registry.BUILT_IN)
def test_built_in_kind_leads_to_its_adapter(kind):
    assert get_provider_class(kind).__name__ == registry.BUILT_IN[kind].adapter


@pytest.mark.parametrize("kind", registry.BUILT_IN)
def test_built_in_kind_has_a_contract_test(kind):
    __import__(f"providers.tests.test_{kind}")
    module = sys.modules[f"providers.tests.test_{kind}"]
    classes = [value for value in vars(module).values() if isinstance(value, type)]
    assert any(
        issubclass(each, contract.ProviderContract) and getattr(each, "kind", "") == kind
        for each in classes
    )


@pytest.mark.parametrize("kind", SERVICES)
def test_service_has_a_live_test(kind):
    live = Path(__file__).parent.glob("test_*_live.py")
    assert any(f'"{kind}"' in path.read_text() for path in live)


@pytest.mark.parametrize("kind", SERVICES)
def test_service_has_recorded_answers(kind):
    """Good ones that its fake gives, and some that must become errors."""
    told = ["becomes" in answer for answer in recorded.answers(kind).values()]
    assert True in told and False in told


def test_adapter_is_made_for_a_connection():
    provider = make_provider(ConnectionConfig(name="a", kind="stub"))
    assert (type(provider), provider.connection.name) == (StubProvider, "a")


def test_unknown_kind_names_the_known_ones():
    with pytest.raises(ConfigurationError, match="magic") as caught:
        get_provider_class("magic")
    assert "studio" in caught.value.hint


def test_missing_package_names_the_way_to_install_it(monkeypatch):
    kind = registry.Kind("Far", "FarProvider", install_hint="pip install far")
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


@pytest.mark.parametrize("name", ["OldPlugin", "HeirOfOldPlugin"])
def test_plugin_for_another_interface_is_broken(plugins, name):
    plugins(old=f"{__name__}:{name}", good="providers.backends.stub:StubProvider")
    assert set(broken_plugins()) == {"old"}
    assert "another version of the interface (0)" in broken_plugins()["old"]


def test_inherited_version_is_not_the_plugins_own(plugins, monkeypatch):
    """A plugin that names no version was made for the first one, whatever is current now."""
    monkeypatch.setattr(registry, "INTERFACE_VERSION", 2)
    plugins(mine="providers.backends.stub:StubProvider")
    assert "another version of the interface (1)" in broken_plugins()["mine"]


def test_message_names_the_package_of_a_broken_plugin(plugins):
    plugins.all(entry_of("bad", "no_such_package:X", "acme-pictures"))
    assert "of the package acme-pictures 1.0 cannot be loaded" in broken_plugins()["bad"]


def test_name_that_two_packages_claim_is_refused(plugins):
    target = "providers.backends.stub:StubProvider"
    plugins.all(entry_of("mine", target, "acme"), entry_of("mine", target, "brand"))
    with pytest.raises(ConfigurationError, match='"mine" is announced more than once') as caught:
        get_provider_class("mine")
    assert "acme 1.0" in caught.value.hint and "brand 1.0" in caught.value.hint
    assert set(broken_plugins()) == {"mine"}


def test_package_that_is_found_twice_claims_a_name_once(plugins):
    target = "providers.backends.stub:StubProvider"
    plugins.all(entry_of("mine", target, "acme"), entry_of("mine", target, "acme"))
    assert issubclass(get_provider_class("mine"), StubProvider)


def test_plugin_that_ends_the_program_is_only_broken(plugins, tmp_path, monkeypatch):
    (tmp_path / "leaving_plugin.py").write_text("raise SystemExit(3)")
    monkeypatch.syspath_prepend(tmp_path)
    plugins(bad="leaving_plugin:X")
    assert "SystemExit" in broken_plugins()["bad"]


def test_reason_names_no_folder(plugins, tmp_path, monkeypatch):
    (tmp_path / "lacking_plugin.py").write_text("from json import no_such_name")
    monkeypatch.syspath_prepend(tmp_path)
    plugins(bad="lacking_plugin:X")
    assert "cannot import name 'no_such_name' from 'json'" in broken_plugins()["bad"]
    assert "/" not in broken_plugins()["bad"]


@pytest.mark.parametrize(
    ("plugin", "ask"),
    [
        (HastyPlugin, lambda provider: provider),
        (ForgetfulPlugin, lambda provider: provider.capabilities("any")),
        (ForgetfulPlugin, lambda provider: provider.health("reachable")),
    ],
)
def test_plugin_that_breaks_when_asked_stops_nobody(plugins, plugin, ask):
    plugins(mine=f"{__name__}:{plugin.__name__}")
    with pytest.raises(ConfigurationError, match=r'plugin "mine".* broke') as caught:
        ask(make_provider(ConnectionConfig(name="a", kind="mine")))
    assert "a secret text" not in f"{caught.value.message}{caught.value.hint}"


def test_plugin_that_cannot_be_imported_is_tried_once(plugins, monkeypatch):
    tries = []

    def load(entry):
        tries.append(entry.name)
        raise ImportError("no")

    monkeypatch.setattr(EntryPoint, "load", load)
    plugins(mine="somewhere:Class")
    for _ in range(3):
        with pytest.raises(ConfigurationError, match="cannot be loaded"):
            get_provider_class("mine")
    assert tries == ["mine"]
