"""Which kinds of provider there are, and their adapters, imported on first use.

Add a built-in kind with a line in `BUILT_IN`; a package of its own announces its kinds by the
entry-point group `frontispiece.providers`, as `name = package.module:Class`.
"""

import logging
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, wraps
from importlib import import_module
from typing import TYPE_CHECKING, Any

from providers.base import INTERFACE_VERSION, Provider
from providers.errors import ConfigurationError, ProviderProblem
from providers.types import ConnectionConfig

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

logger = logging.getLogger("providers")

GROUP = "frontispiece.providers"
# What is asked of an adapter outside of a call.
QUESTIONS = ("__init__", "capabilities", "validate", "estimate", "settle", "health", "discover")


@dataclass(frozen=True)
class Kind:
    """A kind of provider: its name on pages, and the class of its adapter in `backends/<kind>`.

    `secret_name` is the variable by which a key in the environment is found, `install_hint` tells
    how to install what it needs.
    """

    label: str
    adapter: str
    secret_name: str = ""
    install_hint: str = ""


BUILT_IN: dict[str, Kind] = {
    "studio": Kind("Studio (drawn here)", "StudioProvider"),
    "stub": Kind("Stub (tests)", "StubProvider"),
    "sdapi": Kind("Stable Diffusion (AUTOMATIC1111, Forge, SD.Next)", "SdApiProvider"),
    "openai": Kind("OpenAI", "OpenAIProvider", "OPENAI_API_KEY"),
    "openai_compatible": Kind("OpenAI-compatible gateway", "OpenAICompatibleProvider"),
    "comfyui": Kind("ComfyUI", "ComfyUIProvider"),
    "gemini": Kind("Google Gemini", "GeminiProvider", "GEMINI_API_KEY"),
    "bfl": Kind("Black Forest Labs", "BflProvider", "BFL_API_KEY"),
    "fal": Kind("fal", "FalProvider", "FAL_KEY"),
    "replicate": Kind("Replicate", "ReplicateProvider", "REPLICATE_API_TOKEN"),
    "stability": Kind("Stability AI", "StabilityProvider", "STABILITY_API_KEY"),
    "diffusers": Kind(
        "Diffusers (models on this machine)",
        "DiffusersProvider",
        install_hint="pip install -r requirements-diffusers.in",
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
        found = _plugin(kind)
        if isinstance(found, ConfigurationError):
            raise ConfigurationError(found.message, hint=found.hint)
        return found
    raise ConfigurationError(
        f'There is no provider of kind "{kind}".',
        hint=f"Known kinds: {', '.join(sorted(kinds()))}.",
    )


def make_provider(config: ConnectionConfig) -> Provider:
    """An adapter for this connection."""
    return get_provider_class(config.kind)(config)


@lru_cache
def broken_plugins() -> dict[str, str]:
    """Plugins that cannot be used, by name: whose they are, and why. Imports every plugin once."""
    broken = {
        entry.name: f"{_whose(entry)}: this is the name of a built-in provider."
        for entry in plugin_entries()
        if entry.name in BUILT_IN
    }
    for name in _plugins():
        try:
            get_provider_class(name)
        except ConfigurationError as error:
            broken[name] = error.in_full
    return broken


def plugin_entries() -> Iterable["EntryPoint"]:
    """What installed packages announce. Their list takes a while to read: not at start-up."""
    from importlib.metadata import entry_points

    return entry_points(group=GROUP)


def forget_plugins() -> None:
    """Read anew which plugins there are, when next asked."""
    for cached in (broken_plugins, get_provider_class, _plugin, _plugins):
        cached.cache_clear()


@lru_cache
def _plugins() -> dict[str, tuple["EntryPoint", ...]]:
    """Announced plugins by name; a built-in name cannot be taken over.

    More than one entry under a name means that two packages claim it.
    """
    found: dict[str, dict[tuple[str, str], EntryPoint]] = {}
    for entry in plugin_entries():
        if entry.name not in BUILT_IN:
            found.setdefault(entry.name, {})[_package(entry), entry.value] = entry
    return {name: tuple(entries.values()) for name, entries in found.items()}


@lru_cache
def _plugin(name: str) -> type[Provider] | ConfigurationError:
    """The plugin's adapter, or why there is none: a slow import that fails is tried once."""
    try:
        return _load_plugin(name, _plugins()[name])
    except ConfigurationError as error:
        return ConfigurationError(error.message, hint=error.hint)


def _load_built_in(name: str, kind: Kind) -> type[Provider]:
    try:
        found = getattr(import_module(f"providers.backends.{name}"), kind.adapter)
    except ImportError as error:
        raise ConfigurationError(
            f"{kind.label} needs a package that is not installed.",
            hint=f"{error}. {kind.install_hint}".strip(),
        ) from error
    return _checked(name, found)


def _load_plugin(name: str, entries: Sequence["EntryPoint"]) -> type[Provider]:
    """The one class announced under `name`, if it was made for this interface."""
    if len(entries) > 1:
        claims = ", ".join(sorted(f"{_package(entry)} ({entry.value})" for entry in entries))
        raise ConfigurationError(
            f'The provider plugin "{name}" is announced more than once, so none of them is used.',
            hint=f"Remove all but one of: {claims}.",
        )
    (entry,) = entries
    try:
        found = entry.load()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it must not stop the others
        raise ConfigurationError(
            f"{_whose(entry)} cannot be loaded.",
            hint=f"{entry.value}: {type(error).__name__}: {_first_line(error)}",
        ) from error
    checked = _checked(name, found)
    if (version := _made_for(checked)) != INTERFACE_VERSION:
        raise ConfigurationError(
            f"{_whose(entry)} was made for another version of the interface ({version}).",
            hint=f"This one has version {INTERFACE_VERSION}: install a release that fits it.",
        )
    return _careful(checked, _whose(entry))


def _careful(adapter: type[Provider], whose: str) -> type[Provider]:
    """The same adapter, whose own faults before and after a call are told as a provider's.

    Pages ask these questions too. What breaks within a call is the engine's business.
    """

    def asking(question: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(question)
        def ask(*args: Any, **kwargs: Any) -> Any:
            try:
                return question(*args, **kwargs)
            except (ProviderProblem, ValueError):
                raise
            except Exception as error:
                logger.exception("%s broke.", whose)
                raise ConfigurationError(
                    f"{whose} broke ({type(error).__name__} in {question.__name__}).",
                    hint="Its authors can mend it; the log has the details.",
                ) from error

        return ask

    careful = {name: asking(getattr(adapter, name)) for name in QUESTIONS}
    return type(adapter.__name__, (adapter,), {**careful, "__module__": adapter.__module__})


def _checked(name: str, found: object) -> type[Provider]:
    if isinstance(found, type) and issubclass(found, Provider):
        return found
    raise ConfigurationError(
        f'The provider "{name}" is no adapter.', hint="It must be a subclass of Provider."
    )


def _made_for(adapter: type[Provider]) -> object:
    """The version that an adapter names; what it inherits from `Provider` says nothing of it."""
    named = (vars(each) for each in adapter.__mro__ if each is not Provider)
    return next((each["interface_version"] for each in named if "interface_version" in each), 1)


def _whose(entry: "EntryPoint") -> str:
    return f'The provider plugin "{entry.name}" of the package {_package(entry)}'


def _package(entry: "EntryPoint") -> str:
    """Name and version of the package that announces a plugin."""
    if entry.dist is None:
        return "(unknown)"
    return f"{entry.dist.name or '(without a name)'} {entry.dist.version or ''}".rstrip()


def _first_line(error: BaseException) -> str:
    """The beginning of an error's text, without the folder that a module was found in."""
    lines = str(error).splitlines() or [""]
    return re.sub(r" \(/[^)]*\)", "", lines[0])[:300]
