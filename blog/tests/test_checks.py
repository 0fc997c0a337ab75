"""System checks and the accent colour."""

import pytest

from blog import checks
from blog.colour import NIGHT, PAPER, contrast, is_hex, readable


def ids(messages):
    return [message.id for message in messages]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://blog.example.org", []),
        ("http://localhost:8000", []),
        ("blog.example.org", ["blog.E001"]),
        ("ftp://example.org", ["blog.E001"]),
        ("", ["blog.E001"]),
        ("https://example.org/blog", ["blog.E002"]),
    ],
)
def test_site_url(settings, address, expected):
    settings.SITE_URL = address
    found = checks.check_site_url(None)
    assert ids(found) == expected and all(message.hint for message in found)


@pytest.mark.parametrize("accent", ["red", "#abc", "#12345g", "", "#a8431f;x"])
def test_accent_that_is_no_hex_colour_is_refused(settings, accent):
    settings.SITE_ACCENT = accent
    assert ids(checks.check_accent(None)) == ["blog.E003"]


def test_missing_context_processor_is_named(settings):
    settings.TEMPLATES = [{"OPTIONS": {"context_processors": []}}]
    assert ids(checks.check_context_processor(None)) == ["blog.E004"]


def test_missing_storage_is_named(settings):
    settings.STORAGES = {"default": {}}
    assert ids(checks.check_storage(None)) == ["blog.E005"]


def test_deployed_site_needs_a_public_address(settings):
    settings.SITE_URL = "http://localhost:8000"
    assert ids(checks.check_public_address(None)) == ["blog.W001"]
    settings.SITE_URL = "https://blog.example.org"
    assert checks.check_public_address(None) == []


def test_settings_as_shipped_pass(settings):
    for check in (checks.check_accent, checks.check_context_processor, checks.check_storage):
        assert check(None) == []


@pytest.mark.parametrize("colour", ["#ffff00", "#000000", "#ffffff", "#a8431f", "#777777"])
@pytest.mark.parametrize("paper", [PAPER, NIGHT])
def test_any_accent_becomes_readable(colour, paper):
    assert contrast(readable(colour, paper), paper) >= 4.5


def test_readable_accent_stays_as_it_is():
    assert readable("#a8431f", PAPER) == "#a8431f"


def test_contrast_of_black_and_white():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


def test_hex_colours():
    assert is_hex("#A8431f") and not is_hex("#A8431f ")
