"""Small pieces of pages: the prompt view and colour swatches."""

from collections.abc import Iterable

from django.template.loader import render_to_string
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from prompts.compose import ComposedPrompt

ORIGINS = {
    "template": "template",
    "post": "post",
    "section": "section",
    "style": "style",
    "format": "format",
    "example": "example",
    "draft": "written by a model",
    "hand": "by hand",
}


def render_prompt(composed: ComposedPrompt, limit: int | None = None) -> SafeString:
    """The exact prompt with its parts tinted by origin, legend, counter and copy button.

    `limit`: characters that the model takes. Needs the sheet `prompts/prompts.css`.
    """
    used = {part.origin for part in composed.parts}
    legend = [(origin, label) for origin, label in ORIGINS.items() if origin in used]
    counter = f"{composed.length:,} / {limit:,}" if limit else f"{composed.length:,} characters"
    context = {
        "prompt": composed,
        "legend": legend,
        "counter": counter,
        "too_long": bool(limit and composed.length > limit),
    }
    return render_to_string("prompts/_prompt_view.html", context)


def render_palette(palette: Iterable[str]) -> SafeString:
    """The colours of a palette side by side; their codes are read out and shown on hover."""
    colours = list(palette)
    if not colours:
        return format_html('<span class="palette-none">{}</span>', "none")
    swatches = format_html_join(
        "", '<i style="background:{}" title="{}"></i>', ((colour, colour) for colour in colours)
    )
    return format_html(
        '<span class="palette" role="img" aria-label="{}">{}</span>', ", ".join(colours), swatches
    )
