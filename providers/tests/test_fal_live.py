"""Against the real service: `FAL_KEY=… pytest -m live` (costs about $0.01)."""

import pytest

from providers.tests.hosted import live_picture

pytestmark = [pytest.mark.live, pytest.mark.enable_socket, pytest.mark.timeout(300)]


def test_a_picture_is_drawn(tmp_path):
    picture, result, sink = live_picture(
        "fal", "FAL_KEY", "fal-ai/flux/schnell", 512, 384, tmp_path
    )
    assert picture.startswith((b"\x89PNG", b"\xff\xd8")) and result.seed is not None
    assert "fal.run" in sink.handles[0].data["status_url"]
