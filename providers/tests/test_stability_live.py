"""Against the real service: `STABILITY_API_KEY=… pytest -m live` (costs $0.03)."""

import pytest

from providers.tests.hosted import live_picture

pytestmark = [pytest.mark.live, pytest.mark.enable_socket, pytest.mark.timeout(300)]


def test_a_picture_is_drawn(tmp_path):
    picture, result, _ = live_picture(
        "stability", "STABILITY_API_KEY", "core", 1248, 1248, tmp_path
    )
    assert picture.startswith(b"\xff\xd8") and result.seed is not None
