"""Settings out as JSON and in as JSON or free-form text."""

import difflib
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import models, transaction
from django.utils.text import slugify

from prompts.models import (
    ImageFormat,
    ImagePromptExample,
    ImageSetting,
    ImageStyle,
    PromptTemplate,
)
from prompts.parsing import SettingsFileError, parse_settings_data, parse_settings_text
from prompts.placing import ParsedSettings
from prompts.services.saving import save_setting
from prompts.words import clean_text, clip_text
from providers.models import ImageModel

MAX_ENTRIES = 5000
_LINKS: dict[str, type[models.Model]] = {
    "style": ImageStyle,
    "format": ImageFormat,
    "template": PromptTemplate,
}
_PLAIN = tuple(name for name in ImageSetting.VALUES if name not in {"model", *_LINKS})


@dataclass
class EntryReport:
    """What became of one entry: created, updated, unchanged or refused."""

    where: str  # such as "line 3"
    name: str
    outcome: str
    extra: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    reason: str = ""


@dataclass
class ImportReport:
    """What became of every entry, in the order of the file."""

    entries: list[EntryReport] = field(default_factory=list)

    def count(self, outcome: str) -> int:
        """How many entries ended so."""
        return sum(entry.outcome == outcome for entry in self.entries)

    def to_dict(self) -> dict[str, Any]:
        """Counts by outcome and every entry, as plain JSON."""
        outcomes = ("created", "updated", "unchanged", "refused")
        counts = {outcome: self.count(outcome) for outcome in outcomes}
        return {**counts, "entries": [asdict(entry) for entry in self.entries]}


def export_settings(settings: Iterable[ImageSetting] | None = None) -> list[dict[str, Any]]:
    """Settings (None: all) as plain JSON that `import_settings` takes; links go by slug."""
    if settings is None:
        settings = ImageSetting.objects.order_by("slug")
    if isinstance(settings, models.QuerySet):
        settings = settings.select_related("model__connection", *_LINKS)
    return [_exported(setting) for setting in settings]


def model_key(model: ImageModel) -> str:
    """How a file names a model: provider/model."""
    return f"{model.connection.name}/{model.name}"


def _exported(setting: ImageSetting) -> dict[str, Any]:
    data: dict[str, Any] = {"name": setting.name, "slug": setting.slug}
    data["model"] = model_key(setting.model) if setting.model else None
    for link in _LINKS:
        row = getattr(setting, link)
        data[link] = row.slug if row else None
    return data | {name: getattr(setting, name) for name in _PLAIN}


def import_settings(data: str | list[Any] | dict[str, Any], dry_run: bool = False) -> ImportReport:
    """Takes settings in, as text (JSON or free-form) or as the data that `export_settings` gives.

    An entry finds its setting by slug, else by its name's slug; what it does not say stays as
    it is. Each entry goes in whole or not at all; the others go on. Doing it again changes
    nothing. Raises SettingsFileError when nothing can be read.
    """
    parsed = parse_settings_text(data) if isinstance(data, str) else parse_settings_data(data)
    if len(parsed) > MAX_ENTRIES:
        raise SettingsFileError(
            f"The file has {len(parsed):,} entries; at most {MAX_ENTRIES:,} go in at once."
        )
    importer = _Importer()
    with transaction.atomic():
        report = ImportReport([importer.take(entry) for entry in parsed])
        transaction.set_rollback(dry_run)
    return report


class _Importer:
    """Takes entries in one by one, and knows which settings this file has touched."""

    def __init__(self) -> None:
        self.catalogue = Catalogue()
        self.seen: dict[str, str] = {}  # slug → where

    def take(self, entry: ParsedSettings) -> EntryReport:
        """One entry, whole or not at all."""
        links = self._links(entry)
        name = entry.name or _made_up_name(entry, links)
        slug = entry.slug or slugify(name)[:100].strip("-") or f"setting-{_digest(name)}"
        report = EntryReport(entry.where, name, "refused", entry.extra, entry.notes)
        if slug in self.seen and entry.name:
            entry.errors.append(f"the name stands already in {self.seen[slug]}")
        if entry.errors:
            report.reason = "; ".join(entry.errors)
            return report
        self.seen.setdefault(slug, entry.where)
        try:
            with transaction.atomic():
                report.outcome = self._save(entry, name, slug, links)
        except ValidationError as error:
            report.reason = _sentence(error)
        return report

    def _links(self, entry: ParsedSettings) -> dict[str, models.Model | None]:
        """The rows that the entry names; free text that names none stays an extra setting."""
        links: dict[str, models.Model | None] = {}
        for field_name, wanted in entry.links.items():
            links[field_name] = row = self.catalogue.find(field_name, wanted) if wanted else None
            if wanted and row is None:
                del links[field_name]
                self._unknown_link(entry, field_name, wanted)
        self._place_loose(entry, links)
        if entry.aspect_ratio and "format" not in links:
            self._place_ratio(entry, links)
        return links

    def _place_loose(self, entry: ParsedSettings, links: dict[str, models.Model | None]) -> None:
        """Words without a key: the name of a row, else an extra setting beside others."""
        unknown = []
        for word in entry.loose:
            if found := self.catalogue.find_any(word):
                links.setdefault(*found)
            else:
                unknown.append(word)
        if unknown and entry.is_empty and not links:
            entry.errors.append("there is no setting in it")
        elif unknown:
            entry.extra["unplaced"] = unknown
            entry.notes += [f"“{word}” names nothing here" for word in unknown]

    def _unknown_link(self, entry: ParsedSettings, field_name: str, wanted: str) -> None:
        if entry.strict_links:
            known = self.catalogue.closest(field_name, wanted)
            entry.errors.append(f"there is no {field_name} “{wanted}”{known}")
        else:
            entry.extra[field_name] = wanted
            entry.notes.append(f"there is no {field_name} “{wanted}” here")

    def _place_ratio(self, entry: ParsedSettings, links: dict[str, models.Model | None]) -> None:
        """A ratio chooses the format that alone has it; else it stays an extra setting."""
        formats = self.catalogue.formats_of(entry.aspect_ratio)
        if len(formats) == 1 and "width" not in entry.values:
            links["format"] = formats[0]
            entry.notes.append(f"{entry.aspect_ratio} is the format “{formats[0]}”")
        else:
            entry.extra["aspect_ratio"] = entry.aspect_ratio

    def _save(
        self, entry: ParsedSettings, name: str, slug: str, links: Mapping[str, models.Model | None]
    ) -> str:
        """Makes or changes the setting; says which. Raises ValidationError."""
        same = (
            models.Q(slug=slug) if entry.slug else models.Q(slug=slug) | models.Q(name__iexact=name)
        )
        setting = ImageSetting.objects.filter(same).first()
        created = setting is None
        if setting is None:
            setting = ImageSetting(slug=slug, name=name)
        elif entry.slug and entry.name:
            setting.name = name
        for field_name, value in {**entry.values, **links}.items():
            setattr(setting, field_name, value)
        if entry.extra or entry.replace_extra:
            kept = {} if entry.replace_extra else setting.extra_settings
            setting.extra_settings = {**kept, **entry.extra}
        before = setting.updated_at
        save_setting(setting=setting)
        changed = setting.updated_at != before
        if entry.prompt:
            changed |= _keep_prompt(entry, setting)
        return "created" if created else "updated" if changed else "unchanged"


def _keep_prompt(entry: ParsedSettings, setting: ImageSetting) -> bool:
    """Keeps a prompt that came with the parameters as an example; says whether it changed one."""
    plain = entry.prompt.replace("{", "{{").replace("}", "}}")
    plain = plain.replace("[[", "[ [").replace("]]", "] ]")
    example = ImagePromptExample.objects.filter(slug=setting.slug).first()
    entry.notes.append(f"the prompt is kept as the example “{setting.name}”")
    if example and (example.description, example.setting) == (plain, setting):
        return False
    example = example or ImagePromptExample(slug=setting.slug, name=setting.name)
    example.description, example.setting, example.subject = plain, setting, "imported"
    example.full_clean()
    example.save()
    return True


class Catalogue:
    """Styles, formats, templates and models by slug, name or provider/model."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, models.Model]] = {}
        for field_name, model in _LINKS.items():
            found: Iterable[Any] = model._default_manager.all()
            self.rows[field_name] = {
                key.casefold(): row for row in found for key in (row.name, row.slug)
            }
        self.rows["model"] = _models_by_name()

    def find(self, field_name: str, wanted: str) -> models.Model | None:
        """The row of one kind, or None."""
        return self.rows[field_name].get(wanted.strip().casefold())

    def find_any(self, wanted: str) -> tuple[str, models.Model] | None:
        """The row that a word without a key names, with its kind."""
        for field_name in ("style", "format", "model", "template"):
            if row := self.find(field_name, wanted):
                return field_name, row
        return None

    def closest(self, field_name: str, wanted: str) -> str:
        """A hint at a name that is nearly the same, or nothing."""
        near = difflib.get_close_matches(wanted.casefold(), self.rows[field_name], n=1)
        return f"; did you mean “{near[0]}”?" if near else ""

    def formats_of(self, ratio: str) -> list[ImageFormat]:
        """The formats with an aspect ratio."""
        rows = {row.pk: row for row in self.rows["format"].values()}
        return [row for row in rows.values() if row.aspect_ratio == ratio]  # type: ignore


def _models_by_name() -> dict[str, models.Model]:
    """Models by provider/model, by their name alone where only one provider has it, and the
    default model of a provider by the provider's name."""
    rows = list(ImageModel.objects.for_pictures().select_related("connection"))
    names = Counter(row.name.casefold() for row in rows)
    found: dict[str, models.Model] = {
        row.name.casefold(): row for row in rows if names[row.name.casefold()] == 1
    }
    found |= {row.connection.name.casefold(): row for row in rows if row.is_default}
    return found | {model_key(row).casefold(): row for row in rows}


def _made_up_name(entry: ParsedSettings, links: Mapping[str, models.Model | None]) -> str:
    """A name from the values themselves, so that importing again finds the same setting."""
    values = dict(entry.values)
    if values.get("seed") is not None:
        values.pop("seed_policy", None)
    size = (values.pop("width", None), values.pop("height", None))
    parts = [f"{size[0]}x{size[1]}"] if all(size) else []
    parts += [str(row) for row in links.values() if row]
    parts += [f"{name.replace('_', ' ')} {_plain(value)}" for name, value in values.items()]
    parts += [f"{name} {_plain(value)}" for name, value in entry.extra.items()]
    name = ", ".join(parts)
    if entry.prompt:
        name = f"{clip_text(clean_text(entry.prompt), 80)} {_digest(entry.prompt + name)}"
    elif len(name) > 100:
        name = f"{clip_text(name, 90)} {_digest(name)}"
    return name


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _sentence(error: ValidationError) -> str:
    """The messages of a validation error on one line, each with its field."""
    if not hasattr(error, "error_dict"):
        return " ".join(error.messages)
    return " ".join(
        message if name == NON_FIELD_ERRORS else f"{name}: {message}"
        for name, messages in error.message_dict.items()
        for message in messages
    )
