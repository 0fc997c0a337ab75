"""Against the real Gemini API: `GEMINI_API_KEY=… pytest -m live` (costs about $0.04)."""

import pytest

from providers.tests.hosted import live_picture

pytestmark = [pytest.mark.live, pytest.mark.enable_socket, pytest.mark.timeout(300)]


def test_a_picture_is_drawn(tmp_path):
    picture, result, _ = live_picture(
        "gemini", "GEMINI_API_KEY", "gemini-nano-banana-2.1", 1264, 848, tmp_path
    )
    assert picture.startswith((b"\x89PNG", b"\xff\xd8"))
    assert result.usage["candidatesTokenCount"] > 0
