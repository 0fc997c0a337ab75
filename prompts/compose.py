"""Composing the exact prompt, with the origin of every part. Pure: no database, no network.

The texts of the parts, put together, are the prompt. Words of a post or section are data: they
are cleaned, clipped and inserted once, and never read as a template.
"""

import re
from collections.abc import Mapping
from typing import Literal

from prompts.builder import FormatWords, PromptBuilder, StyleWords
from prompts.parts import ComposedPrompt, ComposeError, MissingField, Origin, Part, PromptTooLong
from prompts.templating import TemplateError, UnknownPlaceholder, check_template, parse_template
from prompts.words import clean_text, clip_text

__all__ = [
    "ComposeError",
    "ComposedPrompt",
    "MissingField",
    "Part",
    "PromptTooLong",
    "TemplateError",
    "UnknownPlaceholder",
    "check_length",
    "check_template",
    "clean_text",
    "clip_text",
    "compose",
]

_SHORTEST = 40  # characters that a post's text keeps when a prompt is made to fit


def compose(
    *,
    template_text: str,
    values: Mapping[str, str],
    style: StyleWords | None = None,
    format: FormatWords | None = None,
    description: str = "",
    description_origin: Literal["example", "draft", "hand"] = "hand",
    hand: str = "",
    template_name: str = "",
    template_negative: str = "",
    negative: str = "",
    inline_negative: bool = False,
    limits: Mapping[str, int] | None = None,
    max_length: int | None = None,
) -> ComposedPrompt:
    """The exact prompt of a template filled in.

    `values`: the post's and section's fields by placeholder name (see `fields.FIELDS`).
    `description`: what the picture shows; from an example it may hold placeholders itself,
    written by hand or by a model it is taken as it stands. Description, style and format that
    the template does not place are put at its end, so that what was chosen is always sent, and
    never twice.
    `hand`: words that an editor adds for this picture, last.
    `template_negative`, the style's negatives and `negative` make the negative text;
    with `inline_negative` they enter the prompt as "Avoid: …" instead.
    `limits`: characters taken of a field, over the catalogue's. `max_length`: the model's limit
    in characters; the longest words of the post give way first, at a word's end.

    Raises TemplateError, MissingField, PromptTooLong.
    """
    room: dict[str, int] = {}
    asked_by = f"The template “{template_name}”" if template_name else "The template"
    negatives = _negative_terms(template_negative, style, negative)
    while True:
        builder = PromptBuilder(asked_by=asked_by, limits=limits or {}, room=room)
        builder.add_sources(values, style, format)
        builder.set_description(description, description_origin, hand)
        builder.fill(parse_template(template_text), "template")
        builder.append_unplaced()
        builder.append_sentence(clean_text(hand), "hand")
        if inline_negative:
            builder.append_negatives(negatives)
        composed = ComposedPrompt(
            parts=builder.finish(),
            negative_text="" if inline_negative else ", ".join(term for term, _ in negatives),
            clipped=tuple(sorted(builder.clipped)),
        )
        if max_length is None or composed.length <= max_length:
            return composed
        if not _tighten(room, builder.lengths, composed.length - max_length):
            raise PromptTooLong(composed.length, max_length)


def check_length(composed: ComposedPrompt, limit: int) -> None:
    """Raises PromptTooLong when the prompt has more than `limit` characters."""
    if composed.length > limit:
        raise PromptTooLong(composed.length, limit)


def _tighten(room: dict[str, int], lengths: Mapping[str, int], excess: int) -> bool:
    """Leaves less room to the longest words of the post; False when none can give way."""
    longest = max(lengths, key=lambda name: lengths[name], default="")
    if not longest or lengths[longest] <= _SHORTEST:
        return False
    room[longest] = max(_SHORTEST, lengths[longest] - excess)
    return True


def _negative_terms(
    template_negative: str, style: StyleWords | None, negative: str
) -> list[tuple[str, Origin]]:
    """Every term to avoid once, in order, with its origin."""
    texts: tuple[tuple[str, Origin], ...] = (
        (template_negative, "template"),
        (style.negative_fragment if style else "", "style"),
        (negative, "hand"),
    )
    terms: dict[str, tuple[str, Origin]] = {}
    for text, origin in texts:
        for term in re.split(r"[,\n]", text):
            if cleaned := clean_text(term).rstrip("."):
                terms.setdefault(cleaned.casefold(), (cleaned, origin))
    return list(terms.values())
