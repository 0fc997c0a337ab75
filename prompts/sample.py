"""A short post to show what a template makes of one."""

from dataclasses import dataclass
from typing import Any

from prompts.compose import ComposedPrompt, compose
from prompts.models import (
    ImagePromptExample,
    ImageSetting,
    PromptTemplate,
    Role,
    RoleDefault,
)
from providers.errors import ConfigurationError
from providers.types import Capabilities

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


@dataclass(frozen=True)
class Preview:
    """A prompt of the sample post; `limit`: characters that the model takes, if it is known."""

    prompt: ComposedPrompt
    limit: int | None


def preview_template(template: PromptTemplate) -> Preview:
    """The prompt that a template makes of the sample post in its role's default look.

    Raises ComposeError.
    """
    default = _role_default(template.role)
    return _preview(
        template,
        template.role,
        default,
        style=default.style if default else None,
        format=default.format if default else None,
    )


def preview_example(example: ImagePromptExample) -> Preview:
    """The prompt that an example makes of the sample post, by the template it would meet.

    Raises ComposeError.
    """
    template = example.setting.template if example.setting else None
    role = example.format.usage if example.format else Role.HERO
    template = template or PromptTemplate.objects.filter(role=role, is_default=True).first()
    made_with = example if example.model else example.setting or _role_default(role)
    return _preview(
        template,
        Role.SECTION,
        made_with,
        style=example.style,
        format=example.format,
        description=example.description,
        description_origin="example",
    )


def _preview(
    template: PromptTemplate | None,
    role: str,
    made_with: ImagePromptExample | ImageSetting | None,
    **parts: Any,
) -> Preview:
    capabilities = _capabilities(made_with)
    prompt = compose(
        template_text=template.text if template else "",
        template_name=template.name if template else "",
        template_negative=template.negative if template else "",
        values=POST | SECTION if role == Role.SECTION else POST,
        inline_negative=not (capabilities and capabilities.negative_prompt),
        **parts,
    )
    return Preview(prompt, capabilities.max_prompt_length if capabilities else None)


def _role_default(role: str) -> ImagePromptExample | ImageSetting | None:
    """The example or setting that a role uses, with what it names."""
    names = ("style", "format", "model__connection")
    related = [f"{kind}__{name}" for kind in ("example", "setting") for name in names]
    default = RoleDefault.objects.select_related(*related).filter(role=role).first()
    return (default.example or default.setting) if default else None


def _capabilities(made_with: ImagePromptExample | ImageSetting | None) -> Capabilities | None:
    """What the model takes; None without a model, or with one whose adapter is not there."""
    if made_with is None or made_with.model is None:
        return None
    try:
        return made_with.model.capabilities_object()
    except ConfigurationError:
        return None
