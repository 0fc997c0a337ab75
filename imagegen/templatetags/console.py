"""Tags of the console's own templates: what its lists show, its pages show the same way."""

from typing import Any

from django import template

from imagegen.admin import display
from imagegen.admin.hints import hint_chip
from imagegen.services.overview import Overview, read_overview
from imagegen.services.wording import cost_range, money_text

register = template.Library()

register.filter("output_chip", display.output_chip)
register.filter("hint_chip", hint_chip)
register.filter("job_chip", display.job_chip)
register.filter("attempt_chip", display.attempt_chip)
register.filter("slot_chip", display.slot_chip)
register.filter("post_chip", display.post_chip)
register.filter("output_place", display.place_of_output)
register.filter("slot_place", display.place_of_slot)
register.filter("output_cost", display.output_cost)
register.filter("provider", display.provider_name)
register.filter("event_reason", display.event_reason)
register.filter("error_text", display.error_text)
register.filter("told_time", display.told_time)
register.filter("money", money_text)
register.filter("admin_link", display.link_to)


@register.simple_tag
def thumbnail(output: Any, size: str = "list") -> str:
    """The preview of an image in its box; sizes are list, card and page."""
    return display.thumbnail(output, size=size)


@register.simple_tag
def price(low: Any, high: Any) -> str:
    """An estimate from `low` to `high`."""
    return cost_range(low, high)


@register.simple_tag
def overview() -> Overview:
    """The figures of the first page."""
    return read_overview()
