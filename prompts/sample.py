"""A short post to show what a template makes of one."""

from prompts.compose import ComposedPrompt, compose
from prompts.models import (
    ImageFormat,
    ImagePromptExample,
    ImageStyle,
    PromptTemplate,
    Role,
    RoleDefault,
)

POST = {
    "post.title": "A winter of drystone walls",
    "post.summary": "What a season of lifting stones teaches about weight, patience and water.",
    "post.text": (
        "The wall above the farm fell in the February storm. Forty metres of it lay in the grass "
        "like something poured out. Nobody had touched it for ninety years, and nobody now "
        "living had seen how it began."
    ),
    "post.headings": "Why no mortar; Reading the stones; Where the water goes",
    "post.tags": "craft, landscape",
    "post.author": "Ines Carrow",
    "post.language": "en",
    "post.slug": "a-winter-of-drystone-walls",
}
SECTION = {
    "section.heading": "Why no mortar",
    "section.text": (
        "The stones are held by weight and friction alone, so that the wall can settle, breathe "
        "and let the rain through. Mortar would keep the water in, and the first hard frost would "
        "burst it."
    ),
    "section.anchor": "why-no-mortar",
}


def preview_template(template: PromptTemplate) -> ComposedPrompt:
    """The prompt that a template makes of the sample post in its role's default look.

    Raises ComposeError.
    """
    style, format = _default_look(template.role)
    return compose(
        template_text=template.text,
        template_name=template.name,
        template_negative=template.negative,
        values=_values(template.role),
        style=style,
        format=format,
        inline_negative=True,
    )


def preview_example(example: ImagePromptExample) -> ComposedPrompt:
    """The prompt that an example makes of the sample post, by the template it would meet.

    Raises ComposeError.
    """
    template = example.setting.template if example.setting else None
    if template is None:
        role = example.format.usage if example.format else Role.HERO
        template = PromptTemplate.objects.filter(role=role, is_default=True).first()
    return compose(
        template_text=template.text if template else "",
        template_name=template.name if template else "",
        template_negative=template.negative if template else "",
        values=_values(Role.SECTION),
        style=example.style,
        format=example.format,
        description=example.description,
        description_origin="example",
        inline_negative=True,
    )


def _values(role: str) -> dict[str, str]:
    return POST | SECTION if role == Role.SECTION else POST


def _default_look(role: str) -> tuple[ImageStyle | None, ImageFormat | None]:
    """Style and format of a role's default, where it names them."""
    related = ("example__style", "example__format", "setting__style", "setting__format")
    default = RoleDefault.objects.select_related(*related).filter(role=role).first()
    chosen = (default.example or default.setting) if default else None
    return (chosen.style, chosen.format) if chosen else (None, None)
