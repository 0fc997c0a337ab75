"""Against the real service: `REPLICATE_API_TOKEN=… pytest -m live` (costs about $0.01)."""

import pytest

from providers.tests.hosted import live_picture

pytestmark = [pytest.mark.live, pytest.mark.enable_socket, pytest.mark.timeout(300)]


def test_a_picture_is_drawn(tmp_path):
    picture, result, sink = live_picture(
        "replicate",
        "REPLICATE_API_TOKEN",
        "black-forest-labs/flux-schnell",
        1024,
        1024,
        tmp_path,
    )
    assert picture.startswith(b"\xff\xd8") and result.usage
    assert sink.handles[0].data["get"].startswith("https://api.replicate.com/")
