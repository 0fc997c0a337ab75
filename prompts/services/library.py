"""The starter library: installed once, renewed only where nobody has touched it."""

import hashlib
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from django.db import models, transaction

from prompts.models import (
    ImageFormat,
    ImagePromptExample,
    ImageSetting,
    ImageStyle,
    LibraryEntry,
    PromptTemplate,
    RoleDefault,
)
from prompts.services.saving import keep_version, save_setting, save_style
from providers.models import ImageModel

LIBRARY = Path(__file__).resolve().parent.parent / "library"
Kind = LibraryEntry.Kind
# In the order of their needs: a setting names styles, an example and a default name settings.
_KINDS: tuple[tuple[str, type[models.Model], str], ...] = (
    (Kind.STYLE, ImageStyle, "styles"),
    (Kind.FORMAT, ImageFormat, "formats"),
    (Kind.TEMPLATE, PromptTemplate, "templates"),
    (Kind.SETTING, ImageSetting, "settings"),
    (Kind.EXAMPLE, ImagePromptExample, "examples"),
    (Kind.ROLE_DEFAULT, RoleDefault, "defaults"),
)
_LINKS: dict[str, type[models.Model]] = {
    "style": ImageStyle,
    "format": ImageFormat,
    "template": PromptTemplate,
    "setting": ImageSetting,
    "example": ImagePromptExample,
}


@transaction.atomic
def install_library() -> dict[str, int]:
    """Installs what is new in the library; returns how many rows were made and renewed.

    A row that somebody edited stays as it is, one that somebody deleted is not made again, and
    one that was made here under the same slug or name is left alone.
    """
    entries = {(entry.kind, entry.slug): entry for entry in LibraryEntry.objects.all()}
    counts = {"created": 0, "renewed": 0}
    for kind, model, file in _KINDS:
        new: dict[str, dict[str, Any]] = {}
        for item in read_library(file):
            entry = entries.get((kind, _key(item)))
            if entry is None:
                new[_key(item)] = item
            elif entry.content_hash != _hash(item):
                counts["renewed"] += _renew(entry, model, item)
        if new:
            counts["created"] += _create(kind, model, new)
    return counts


@cache
def read_library(file: str) -> tuple[dict[str, Any], ...]:
    """The items of one data file of the library, as they stand there."""
    import yaml  # a sixtieth of a second that only an installation needs

    return tuple(yaml.safe_load((LIBRARY / f"{file}.yaml").read_text(encoding="utf-8")))


def _key_field(item: dict[str, Any]) -> str:
    return "slug" if "slug" in item else "role"


def _key(item: dict[str, Any]) -> str:
    return item[_key_field(item)]


def _create(kind: str, model: type[models.Model], items: dict[str, dict[str, Any]]) -> int:
    """Makes the rows that are not there yet and remembers all items as installed."""
    taken = _taken(model)
    free = {key: item for key, item in items.items() if taken.isdisjoint(_claims(item))}
    links = _links(free.values())
    rows = {key: model(**_values(item, links)) for key, item in free.items()}
    for row in rows.values():
        _yield_default(row)
    rows = {key: row for key, row in rows.items() if _makes_sense(row)}
    model._default_manager.bulk_create(rows.values())
    for row in rows.values():
        if isinstance(row, ImageStyle):
            keep_version(row)
    LibraryEntry.objects.bulk_create(
        LibraryEntry(
            kind=kind,
            slug=key,
            content_hash=_hash(item),
            row_hash=_row_hash(rows[key]) if key in rows else "",
        )
        for key, item in items.items()
    )
    return len(rows)


def _renew(entry: LibraryEntry, model: type[models.Model], item: dict[str, Any]) -> bool:
    """Brings a row up to a newer library, when it is still as it was installed."""
    row = model._default_manager.filter(**{_key_field(item): entry.slug}).first()
    untouched = False
    if row is not None and _row_hash(row) == entry.row_hash:
        untouched = True
        for name, value in _values(item, _links([item])).items():
            setattr(row, name, value)
        _save(row)
        entry.row_hash = _row_hash(row)
    entry.content_hash = _hash(item)
    entry.save(update_fields=["content_hash", "row_hash", "installed_at"])
    return untouched


def _save(row: Any) -> None:
    """Saves through the service that raises versions, where there is one."""
    if isinstance(row, ImageStyle):
        save_style(style=row)
    elif isinstance(row, ImageSetting):
        save_setting(setting=row)
    else:
        _yield_default(row)
        row.save()


def _taken(model: type[models.Model]) -> set[tuple[str, str]]:
    """The slugs and names, or the roles, of the rows that are there."""
    fields = ("role",) if model is RoleDefault else ("slug", "name")
    rows = model._default_manager.values(*fields)
    return {claim for row in rows for claim in row.items()}


def _claims(item: dict[str, Any]) -> set[tuple[str, str]]:
    """The slug and name, or the role, that an item needs for itself."""
    fields = ("slug", "name") if "slug" in item else ("role",)
    return {(field, item[field]) for field in fields}


def _yield_default(row: models.Model) -> None:
    """A template of the library is no default where another one is."""
    if isinstance(row, PromptTemplate) and row.is_default:
        others = PromptTemplate.objects.filter(role=row.role, is_default=True)
        row.is_default = not others.exclude(pk=row.pk).exists()


def _makes_sense(row: models.Model) -> bool:
    """A default whose setting somebody deleted is none."""
    return not isinstance(row, RoleDefault) or bool(row.example or row.setting)


def _links(items: Iterable[dict[str, Any]]) -> dict[tuple[str, str], models.Model]:
    """The rows that items name, by field and slug; names of deleted rows are left out."""
    names = {
        (field, item[field]) for item in items for field in (*_LINKS, "model") if field in item
    }
    found: dict[tuple[str, str], models.Model] = {}
    for field, model in _LINKS.items():
        slugs = [slug for name, slug in names if name == field]
        for row in model._default_manager.filter(slug__in=slugs) if slugs else ():
            found[field, row.slug] = row  # type: ignore[attr-defined]
    if any(name == "model" for name, _ in names):
        for row in ImageModel.objects.select_related("connection"):
            found["model", f"{row.connection.name}/{row.name}"] = row
    return found


def _values(item: dict[str, Any], links: dict[tuple[str, str], models.Model]) -> dict[str, Any]:
    """An item as field values, with rows in place of names."""
    linked = {*_LINKS, "model"}
    return {
        name: links.get((name, value)) if name in linked else value for name, value in item.items()
    }


def _hash(content: Any) -> str:
    """SHA-256 over JSON content, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _row_hash(row: models.Model) -> str:
    """SHA-256 over what an editor may change in a row."""
    skip = {"id", "version", "created_at", "updated_at"}
    fields = [field for field in row._meta.concrete_fields if field.name not in skip]
    return _hash({field.attname: getattr(row, field.attname) for field in fields})
