"""What every page needs to know of the site."""

from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest

from blog.colour import NIGHT, PAPER, readable


def site(request: HttpRequest) -> dict[str, str]:
    """The site's name, description, address, and its accent as it can be read on both papers."""
    return {
        "site_name": settings.SITE_NAME,
        "site_description": settings.SITE_DESCRIPTION,
        "site_url": settings.SITE_URL,
        "accent": settings.SITE_ACCENT,
        **_accents(settings.SITE_ACCENT),
    }


@lru_cache(maxsize=4)
def _accents(colour: str) -> dict[str, str]:
    return {
        "accent_on_paper": readable(colour, PAPER),
        "accent_at_night": readable(colour, NIGHT),
    }
