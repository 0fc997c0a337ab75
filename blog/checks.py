"""System checks: settings that the blog's pages depend on."""

from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from blog.colour import is_hex

CONTEXT_PROCESSOR = "blog.context_processors.site"


@register(Tags.urls)
def check_site_url(app_configs, **kwargs) -> list[CheckMessage]:
    """Feeds, canonical addresses and social cards are built on SITE_URL."""
    parts = urlsplit(settings.SITE_URL)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return [
            Error(
                f"SITE_URL is “{settings.SITE_URL}”, which is no address of a site.",
                hint="Write it with its scheme, such as https://blog.example.org.",
                id="blog.E001",
            )
        ]
    if parts.path.strip("/") or parts.query or parts.fragment:
        return [
            Error(
                f"SITE_URL is “{settings.SITE_URL}”; the blog lies at the root of its host.",
                hint=f"Write {parts.scheme}://{parts.netloc}.",
                id="blog.E002",
            )
        ]
    return []


@register(Tags.templates)
def check_accent(app_configs, **kwargs) -> list[CheckMessage]:
    """The accent goes into a style attribute of every page."""
    if is_hex(settings.SITE_ACCENT):
        return []
    return [
        Error(
            f"SITE_ACCENT is “{settings.SITE_ACCENT}”, which is no colour in hexadecimal.",
            hint="Write it as #rrggbb, such as #a8431f.",
            id="blog.E003",
        )
    ]


@register(Tags.templates)
def check_context_processor(app_configs, **kwargs) -> list[CheckMessage]:
    """Every page shows the site's name."""
    for engine in settings.TEMPLATES:
        if CONTEXT_PROCESSOR in engine.get("OPTIONS", {}).get("context_processors", ()):
            return []
    return [
        Error(
            "The templates do not know the site's name and address.",
            hint=f"Add {CONTEXT_PROCESSOR} to the context processors in TEMPLATES.",
            id="blog.E004",
        )
    ]


@register(Tags.files)
def check_storage(app_configs, **kwargs) -> list[CheckMessage]:
    """Pictures that come with posts lie in the storage "originals"."""
    if "originals" in settings.STORAGES:
        return []
    return [
        Error(
            "There is no storage named “originals”, where pictures of posts are kept.",
            hint="Add it to STORAGES.",
            id="blog.E005",
        )
    ]


@register(Tags.urls, deploy=True)
def check_public_address(app_configs, **kwargs) -> list[CheckMessage]:
    """A site that is deployed is not at this machine's own address."""
    if urlsplit(settings.SITE_URL).hostname not in ("localhost", "127.0.0.1", "::1"):
        return []
    return [
        Warning(
            "SITE_URL is an address of this machine; feeds and social cards would point at it.",
            hint="Set SITE_URL to the address that readers use.",
            id="blog.W001",
        )
    ]
