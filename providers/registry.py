"""Which kinds of provider there are, and their adapters, imported on first use.

Add a built-in kind here; a package of its own announces its kinds by the entry-point group
`frontispiece.providers`, as `name = package.module:Class`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING

from providers.base import Provider
from providers.errors import ConfigurationError
from providers.types import ConnectionConfig

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "frontispiece.providers"


@dataclass(frozen=True)
class Kind:
    """A kind of provider: its name on pages, where its adapter is, how to install what it needs.

    `secret_name` is the variable by which a key in the environment is found.
    """

    label: str
    path: str
    install_hint: str = ""
    secret_name: str = ""


BUILT_IN: dict[str, Kind] = {
    "studio": Kind("Studio (drawn here)", "providers.backends.studio:StudioProvider"),
    "stub": Kind("Stub (tests)", "providers.backends.stub:StubProvider"),
    "sdapi": Kind(
        "Stable Diffusion (AUTOMATIC1111, Forge, SD.Next)",
        "providers.backends.sdapi:SdApiProvider",
    ),
    "gemini": Kind(
        "Google Gemini",
        "providers.backends.gemini:GeminiProvider",
        secret_name="GEMINI_API_KEY",  # noqa: S106 - the name of a variable
    ),
}


def kinds() -> dict[str, str]:
    """Every kind that can be chosen, with its label. Imports no adapter."""
    plugins = {name: f"{name} (plugin)" for name in _plugins()}
    return plugins | {name: kind.label for name, kind in BUILT_IN.items()}


@lru_cache
def get_provider_class(kind: str) -> type[Provider]:
    """The adapter of `kind`. `ConfigurationError` when unknown, broken or not installed."""
    if kind in BUILT_IN:
        return _load_built_in(kind, BUILT_IN[kind])
    if kind in _plugins():
        return _load_plugin(_plugins()[kind])
    raise ConfigurationError(
        f'There is no provider of kind "{kind}".',
        hint=f"Known kinds: {', '.join(sorted(kinds()))}.",
    )


def make_provider(config: ConnectionConfig) -> Provider:
    """An adapter for this connection."""
    return get_provider_class(config.kind)(config)


def broken_plugins() -> dict[str, str]:
    """Plugins that cannot be used, with the reason. Imports every plugin to find out."""
    broken = {
        entry.name: f'"{entry.name}" is the name of a built-in provider.'
        for entry in plugin_entries()
        if entry.name in BUILT_IN
    }
    for name in _plugins():
        try:
            get_provider_class(name)
        except ConfigurationError as error:
            broken[name] = f"{error.message} {error.hint}".strip()
    return broken


def plugin_entries() -> Iterable["EntryPoint"]:
    """What installed packages announce. Their list takes a while to read: not at start-up."""
    from importlib.metadata import entry_points

    return entry_points(group=GROUP)


@lru_cache
def _plugins() -> dict[str, "EntryPoint"]:
    """Announced plugins by name; a built-in name cannot be taken over."""
    return {entry.name: entry for entry in plugin_entries() if entry.name not in BUILT_IN}


def _load_built_in(name: str, kind: Kind) -> type[Provider]:
    module, _, attribute = kind.path.partition(":")
    try:
        found = getattr(import_module(module), attribute)
    except ImportError as error:
        raise ConfigurationError(
            f"{kind.label} needs a package that is not installed.",
            hint=f"{error}. {kind.install_hint}".strip(),
        ) from error
    return _checked(name, found)


def _load_plugin(entry: "EntryPoint") -> type[Provider]:
    try:
        found = entry.load()
    except Exception as error:  # noqa: BLE001 - whatever a plugin does must not stop the others
        raise ConfigurationError(
            f'The provider plugin "{entry.name}" cannot be loaded.',
            hint=f"{entry.value}: {type(error).__name__}: {error}",
        ) from error
    return _checked(entry.name, found)


def _checked(name: str, found: object) -> type[Provider]:
    if isinstance(found, type) and issubclass(found, Provider):
        return found
    raise ConfigurationError(
        f'The provider "{name}" is no adapter.', hint="It must be a subclass of Provider."
    )
