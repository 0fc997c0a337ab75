"""Against the real service: `BFL_API_KEY=… pytest -m live` (costs about $0.01)."""

import pytest

from providers.tests.hosted import live_picture

pytestmark = [pytest.mark.live, pytest.mark.enable_socket, pytest.mark.timeout(300)]


def test_a_picture_is_drawn(tmp_path):
    picture, result, sink = live_picture(
        "bfl", "BFL_API_KEY", "flux-2-klein-4b", 640, 416, tmp_path
    )
    assert picture.startswith((b"\x89PNG", b"\xff\xd8")) and result.cost
    assert sink.handles[0].data["polling_url"].startswith("https://api.")
