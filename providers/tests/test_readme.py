import base64
import json
import re
from pathlib import Path

import pytest

from providers import errors
from providers.registry import BUILT_IN, get_provider_class
from providers.tests.servers import reply, serving
from providers.tests.sinks import FolderSink
from providers.types import ConnectionConfig, ImageRequest

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
GUIDE = Path(__file__).resolve().parents[2] / "docs" / "adding-a-provider.md"


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


def test_adapter_of_the_guide_draws(tmp_path):
    code: dict = {}
    exec(re.search(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)[1], code)  # noqa: S102
    answer = reply(json.dumps({"b64": base64.b64encode(b"a picture").decode()}).encode())
    with serving(lambda connection, request: connection.sendall(answer)) as server:
        config = ConnectionConfig(
            name="mine", kind="x", base_url=server.url, secret="key", private_network=True
        )
        wish = ImageRequest(prompt="A lantern", model="one", width=1024, height=1024)
        result = code["LanternProvider"](config).generate(wish, "key", FolderSink(tmp_path))
    assert Path(result.files[0].path).read_bytes() == b"a picture"
    assert b"Authorization: Bearer key" in server.requests[0]
