"""What a place is illustrated with, and the exact prompt that comes of it.

For each part the first that says something wins: what was asked for this time, the post's
plan, the site's default for the role.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from blog.markdown import plain_text
from blog.models import Post
from imagegen.errors import Refused
from imagegen.models import IllustrationPlan, ImageSlot, PromptDraft
from prompts.compose import ComposedPrompt, ComposeError, compose
from prompts.models import (
    ImageFormat,
    ImagePromptExample,
    ImageSetting,
    ImageStyle,
    PromptTemplate,
    RoleDefault,
    StyleState,
    UnknownVersion,
)
from providers.models import Connection, ImageModel
from providers.services import default_of
from providers.types import Capabilities

Source = ImagePromptExample | ImageSetting
POST_TEXT = 1500  # characters
SECTION_TEXT = 1200


@dataclass(frozen=True, kw_only=True)
class GenerationOptions:
    """What was asked for this time; what is None follows the plan, then the site's default."""

    example: ImagePromptExample | None = None
    setting: ImageSetting | None = None
    style: ImageStyle | None = None
    connection: Connection | None = None
    model: ImageModel | None = None
    description: str = ""
    as_written: bool = False  # the description is the whole prompt: no template around it


@dataclass(frozen=True, kw_only=True)
class ArtDirection:
    """Everything that decides how one place is illustrated; of a trial only the model."""

    model: ImageModel
    template: PromptTemplate | None = None
    format: ImageFormat | None = None
    style: StyleState | None = None
    setting: ImageSetting | None = None
    example: ImagePromptExample | None = None
    notes: tuple[str, ...] = ()

    @property
    def own_setting(self) -> ImageSetting | None:
        """The setting, if its model-specific values are meant for this model."""
        setting = self.setting
        if setting is None or setting.model_id in (None, self.model.pk):
            return setting
        return None


@dataclass
class House:
    """The site's and the posts' choices, read once for many places."""

    options: GenerationOptions
    plans: dict[int, IllustrationPlan] = field(default_factory=dict)
    _states: dict[tuple[int, int | None], StyleState] = field(default_factory=dict)

    @cached_property
    def defaults(self) -> dict[str, RoleDefault]:
        related = ("example__setting", "setting")
        return {row.role: row for row in RoleDefault.objects.select_related(*related)}

    @cached_property
    def templates(self) -> dict[str, PromptTemplate]:
        return {row.role: row for row in PromptTemplate.objects.filter(is_default=True)}

    @cached_property
    def formats(self) -> dict[str, ImageFormat]:
        rows = ImageFormat.objects.order_by("-pk")
        return {row.usage: row for row in rows}

    @cached_property
    def models(self) -> dict[int, ImageModel]:
        return {row.pk: row for row in ImageModel.objects.select_related("connection")}

    @cached_property
    def styles(self) -> dict[int, ImageStyle]:
        return {row.pk: row for row in ImageStyle.objects.all()}

    def load_plans(self, post_ids: set[int]) -> None:
        """Read the plans of these posts with their choices."""
        rows = IllustrationPlan.objects.filter(post__in=post_ids).select_related("reference")
        rows = rows.prefetch_related("choices__example__setting", "choices__setting")
        self.plans |= {plan.post_id: plan for plan in rows}

    def _pinned(self, style_id: int, version: int | None) -> StyleState:
        """A style at the version that a plan holds it to."""
        key = (style_id, version)
        if key not in self._states:
            try:
                self._states[key] = self.styles[style_id].at(version)
            except UnknownVersion as error:
                raise Refused(f"{error} Choose another version in the post's plan.") from error
        return self._states[key]

    def direction_for(self, slot: ImageSlot) -> ArtDirection:
        """Decide for one place. Raises Refused with what is missing and where to set it."""
        sources = self._sources(slot)
        example = sources[0] if sources and isinstance(sources[0], ImagePromptExample) else None
        setting = next((row for row in sources if isinstance(row, ImageSetting)), None)
        model, notes = self._model(sources, setting)
        template = (setting.template if setting else None) or self.templates.get(slot.role)
        if template is None:
            raise Refused(
                f"There is no default prompt template for {slot.get_role_display().lower()} "
                "pictures. Mark one as default in the admin."
            )
        return ArtDirection(
            model=model,
            template=template,
            format=_first(sources, "format") or self.formats.get(slot.role),
            style=self._style(slot, sources),
            setting=setting,
            example=example,
            notes=notes,
        )

    def _sources(self, slot: ImageSlot) -> list[Source]:
        """What may say something, first come first served: each row's example, the example's
        setting, the row's setting."""
        rows: list[Any] = [self.options]
        if plan := self.plans.get(slot.post_id or 0):
            rows += [choice for choice in plan.choices.all() if choice.role == slot.role]
        if default := self.defaults.get(slot.role):
            rows.append(default)
        sources: list[Source | None] = []
        for row in rows:
            sources += [row.example, row.example.setting if row.example else None, row.setting]
        return [source for source in sources if source is not None]

    def _model(
        self, sources: list[Source], setting: ImageSetting | None
    ) -> tuple[ImageModel, tuple[str, ...]]:
        named = [self.models[row.model_id] for row in sources if row.model_id]
        connection, note = self.options.connection, _not_for_this_model(setting)
        if chosen := self.options.model:
            own = setting is None or setting.model_id in (None, chosen.pk)
            return self.models[chosen.pk], () if own else note
        if connection is None:
            if not named:
                raise Refused(
                    "No model is chosen: neither an example nor a setting names one. "
                    "Choose a model in the setting, or name a provider."
                )
            return named[0], ()
        if named and named[0].connection_id == connection.pk:
            return named[0], ()
        return self._default_model(connection), note

    def _default_model(self, connection: Connection) -> ImageModel:
        model = default_of(
            model
            for model in self.models.values()
            if model.connection_id == connection.pk and model.purpose == ImageModel.Purpose.IMAGE
        )
        if model is None:
            raise Refused(f"The provider {connection.name} has no enabled model for pictures.")
        return model

    def _style(self, slot: ImageSlot, sources: list[Source]) -> StyleState | None:
        plan = self.plans.get(slot.post_id or 0)
        if wanted := self.options.style:
            if not wanted.is_active:
                raise Refused(f"The style “{wanted}” is no longer offered; choose another.")
            return wanted.state
        if plan and plan.style_id:
            return self._pinned(plan.style_id, plan.style_version)
        style_id = _first(sources, "style_id")
        return self.styles[style_id].state if style_id else None


def _first(sources: list[Source], name: str) -> Any:
    """The first value of the attribute `name` that is not None."""
    return next((value for row in sources if (value := getattr(row, name)) is not None), None)


def _not_for_this_model(setting: ImageSetting | None) -> tuple[str, ...]:
    """What to say when another model than the setting's is taken."""
    if setting is None or setting.model_id is None:
        return ()
    own = (setting.steps, setting.guidance_scale, setting.quality, setting.output_format)
    if not any(own) and not setting.extra_settings:
        return ()
    return (f"The own options of the setting “{setting}” are for another model: not sent.",)


def post_values(post: Post) -> dict[str, str]:
    """The post's fields by placeholder name: plain text, data for a prompt."""
    return {
        "post.title": post.title,
        "post.summary": post.summary,
        "post.text": plain_text(post.body, POST_TEXT),
        "post.headings": "; ".join(section.heading for section in post.sections.all()[:40]),
        "post.tags": ", ".join(tag.name for tag in post.tags.all()),
        "post.author": post.author_name,
        "post.language": post.language,
        "post.slug": post.slug,
    }


def slot_values(slot: ImageSlot, of_post: Mapping[str, str]) -> dict[str, str]:
    """The fields that a prompt for this place may use."""
    values = dict(of_post)
    if section := slot.section:
        values |= {
            "section.heading": plain_text(section.heading, 500),
            "section.text": plain_text(section.body, SECTION_TEXT),
            "section.anchor": section.anchor,
        }
    return values


def compose_prompt(
    *,
    slot: ImageSlot,
    direction: ArtDirection,
    values: Mapping[str, str],
    capabilities: Capabilities,
    description: str = "",
    as_written: bool = False,
) -> ComposedPrompt:
    """The exact prompt for a place. Raises Refused naming what is missing.

    `as_written`, or an accepted draft of the place when nothing else is described, takes the
    template's place; only style, format and negatives are added.
    """
    draft = slot.draft if slot.draft_id and not description else None
    by_hand = description or (draft.text if draft else slot.brief)
    example = direction.example.description if direction.example else ""
    origin: Literal["hand", "draft", "example"] = "hand" if by_hand else "example"
    if draft is not None and draft.origin == PromptDraft.Origin.MODEL:
        origin = "draft"
    try:
        return compose(
            template_text="" if as_written or draft else direction.template.text,
            template_name=direction.template.name,
            template_negative=direction.template.negative,
            values=values,
            style=direction.style,
            format=direction.format,
            description=by_hand or example,
            description_origin=origin,
            inline_negative=not capabilities.negative_prompt,
            max_length=capabilities.max_prompt_length,
        )
    except ComposeError as error:
        raise Refused(str(error)) from error


def template_text(*, slot: ImageSlot, direction: ArtDirection, values: Mapping[str, str]) -> str:
    """What the template alone makes of a place: no style, no format, nothing to avoid."""
    try:
        return compose(
            template_text=direction.template.text,
            template_name=direction.template.name,
            values=values,
            description=slot.brief,
        ).text
    except ComposeError as error:
        raise Refused(str(error)) from error
