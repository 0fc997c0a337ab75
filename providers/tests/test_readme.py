import re
from pathlib import Path

import pytest

from providers import errors
from providers.registry import BUILT_IN, get_provider_class

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")


def section(kind: str) -> str:
    """The README's section about an adapter, "" without one."""
    found = re.search(rf"^### `{kind}`.*?(?=^##|\Z)", README, re.MULTILINE | re.DOTALL)
    return found[0] if found else ""


@pytest.mark.parametrize("kind", BUILT_IN)
def test_adapter_has_a_section_that_tells_of_cut_connections(kind):
    assert "cut connection" in section(kind)


@pytest.mark.parametrize("kind", BUILT_IN)
def test_adapter_is_in_the_feature_table(kind):
    assert f"`{kind}`" in README.split("## Adapters")[0]


@pytest.mark.parametrize("name", ["capabilities", "submit", "poll", "cancel", "check_health"])
def test_interface_is_explained(name):
    assert f"`{name}" in README
    assert hasattr(get_provider_class("stub"), name)


@pytest.mark.parametrize("kind", errors.ProviderProblem.__subclasses__())
def test_every_error_is_explained(kind):
    assert f"`{kind.__name__}`" in README
