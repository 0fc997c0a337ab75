"""For the notices of the console: which models end, and what uses them."""

from typing import Any

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from prompts.services.retirement import Ending, Use, ending_models

register = template.Library()
NAMED = 6  # uses that a notice names; the others are counted


@register.simple_tag
def models_that_end() -> list[Ending]:
    """What ends within two months or has ended, and is in use."""
    return ending_models()


@register.filter
def named_uses(uses: tuple[Use, ...]) -> SafeString:
    """The first few uses with links to their pages, and how many there are besides."""
    rest = len(uses) - NAMED
    more = f" and {rest} more" if rest > 0 else ""
    links = format_html_join(", ", "{}", ((_link(use),) for use in uses[:NAMED]))
    return format_html("{}{}", links, more)


def _link(use: Use) -> Any:
    options = use.row._meta
    try:
        url = reverse(f"admin:{options.app_label}_{options.model_name}_change", args=[use.row.pk])
    except NoReverseMatch:
        return use.name
    return format_html('<a href="{}">{}</a>', url, use.name)
