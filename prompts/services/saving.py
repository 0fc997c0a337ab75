"""Saving of styles, settings and templates: versions rise, states are kept, marks move."""

from collections.abc import Iterable
from typing import TypeVar

from django.core.exceptions import ValidationError
from django.db import models, transaction

from prompts.models import ImageSetting, ImageStyle, PromptTemplate, StyleVersion

Row = TypeVar("Row", bound=models.Model)


@transaction.atomic
def save_style(*, style: ImageStyle) -> ImageStyle:
    """Saves a style; a change of its look raises the version and keeps the new state.

    The look is name, words and palette. Nothing is written when nothing changed.
    Raises ValidationError.
    """
    style.full_clean()
    old = _stored(style)
    if old is None:
        style.version = 1
        style.save(force_insert=True)
        keep_version(style)
        return style
    changed = _changed(old, style, skip=("version", "created_at", "updated_at"))
    new_look = bool(set(changed) & set(ImageStyle.LOOK))
    style.version = old.version + 1 if new_look else old.version
    if changed:
        style.save(update_fields=[*changed, "version", "updated_at"])
    if new_look:
        keep_version(style)
    return style


@transaction.atomic
def save_setting(*, setting: ImageSetting) -> ImageSetting:
    """Saves a setting; a change of a value (not of its name) raises the version.

    Nothing is written when nothing changed. A model that has been shut down cannot be chosen
    anew. Raises ValidationError.
    """
    setting.full_clean()
    old = _stored(setting)
    is_new_choice = old is None or old.model_id != setting.model_id
    if setting.model is not None and is_new_choice and setting.model.is_retired:
        raise ValidationError({"model": setting.model.why_retired})
    if old is None:
        setting.version = 1
        setting.save(force_insert=True)
        return setting
    changed = _changed(old, setting, skip=("version", "created_at", "updated_at"))
    new_values = bool(set(changed) & set(ImageSetting.VALUES))
    setting.version = old.version + 1 if new_values else old.version
    if changed:
        setting.save(update_fields=[*changed, "version", "updated_at"])
    return setting


@transaction.atomic
def save_template(*, template: PromptTemplate) -> PromptTemplate:
    """Saves a template; when it is the default of its role, the one before is no longer.

    Raises ValidationError.
    """
    template.full_clean()
    if template.is_default:
        others = PromptTemplate.objects.filter(role=template.role, is_default=True)
        others.exclude(pk=template.pk).update(is_default=False)
    template.save()
    return template


def keep_version(style: ImageStyle) -> StyleVersion:
    """Writes the style's present state down, for plans that pin it."""
    return StyleVersion.objects.create(
        style=style,
        version=style.version,
        name=style.name,
        fragment=style.fragment,
        negative_fragment=style.negative_fragment,
        palette=style.palette,
    )


def _stored(row: Row) -> Row | None:
    """The row as the database has it, locked until the end of the transaction."""
    if row.pk is None:
        return None
    return type(row)._default_manager.select_for_update().filter(pk=row.pk).first()


def _changed(old: models.Model, new: models.Model, *, skip: Iterable[str]) -> list[str]:
    """Names of the fields in which two states of a row differ."""
    fields = [field for field in new._meta.concrete_fields if field.name not in {"id", *skip}]
    return [f.name for f in fields if getattr(old, f.attname) != getattr(new, f.attname)]
