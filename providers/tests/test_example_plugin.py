"""The example plugin of the documentation, installed into a folder of its own and run."""

import importlib.util
import shutil
import sys
import tomllib
from pathlib import Path

import pytest

from providers import registry
from providers.pool import shutdown_pool
from providers.registry import broken_plugins, get_provider_class, kinds

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "example-plugin"


def install(source: Path, target: Path) -> None:
    """What an installer does with such a package, without a network or a build tool."""
    project = tomllib.loads((source / "pyproject.toml").read_text())["project"]
    name = project["name"].replace("-", "_")
    shutil.copytree(source / "src", target, dirs_exist_ok=True)
    facts = target / f"{name}-{project['version']}.dist-info"
    facts.mkdir()
    head = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (facts / "METADATA").write_text(head)
    lines = [
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in entries.items())
        for group, entries in project["entry-points"].items()
    ]
    (facts / "entry_points.txt").write_text("\n".join(lines))


def own_tests():
    """The tests that the example brings."""
    path = EXAMPLE / "tests" / "test_gradient.py"
    spec = importlib.util.spec_from_file_location("example_plugin_tests", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True, scope="module")
def installed(tmp_path_factory):
    """The example on the path, as an installed package; child processes must see it too."""
    folder = tmp_path_factory.mktemp("site-packages")
    install(EXAMPLE, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        registry.forget_plugins()
        shutdown_pool()
        yield folder
    for name in [name for name in sys.modules if name.startswith("frontispiece_gradient")]:
        del sys.modules[name]
    registry.forget_plugins()
    shutdown_pool()


TestContractOfGradient = own_tests().TestContractOfGradient


def test_kind_is_offered_without_importing_the_plugin():
    assert kinds()["gradient"] == "gradient (plugin)"


def test_plugin_is_loaded_from_its_package(installed):
    adapter = get_provider_class("gradient")
    assert Path(sys.modules[adapter.__module__].__file__).is_relative_to(installed)


def test_plugin_is_not_broken():
    assert "gradient" not in broken_plugins()


def test_message_names_the_package_once_it_is_broken(monkeypatch):
    monkeypatch.setattr(registry, "INTERFACE_VERSION", 99)
    registry.forget_plugins()
    told = broken_plugins()["gradient"]
    registry.forget_plugins()
    assert "of the package frontispiece-gradient 1.0 was made for another version" in told
