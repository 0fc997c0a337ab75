"""Keeping the catalogue's rows up with the project's files and with what services offer.

A row that somebody edited, or entered, keeps its values; only a missing day of its end is
filled in. Nothing is ever deleted: settings and images may point at it.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from providers import services
from providers.base import Provider
from providers.catalogue import CatalogueModel, read_catalogue
from providers.credentials import has_secret
from providers.errors import ProviderProblem
from providers.keeping import keepable, one_line
from providers.models import Connection, ImageModel
from providers.prices import parse_price_rule
from providers.registry import BUILT_IN
from providers.services import SOON
from providers.types import Capabilities

MOST_READ = 1000  # models of a service's list
MOST_NEW = 40  # models of unknown price that a service may add in one go
FIELDS = ("label", "purpose", "capabilities", "price_rule", "shutdown_at", "successor")
Origin = ImageModel.Origin


@dataclass
class SyncReport:
    """What happened to the rows of one connection, as lines for people."""

    name: str
    lines: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("added", "changed", "left alone", "gone"), 0)
    )

    def tell(self, count: str, line: str) -> None:
        self.counts[count] += 1
        self.lines.append(line)

    @property
    def summary(self) -> str:
        told = [f"{number} {what}" for what, number in self.counts.items() if number]
        return ", ".join(told) or "everything is as it was"


def connect_found_keys(*, using: str = "default", dry_run: bool = False) -> list[str]:
    """Make a connection for each key in the environment that no connection's kind is there for.

    It is switched off, and a person switches it on by setting a monthly cap. Returns sentences.
    """
    rows = Connection.objects.using(using)
    there = {text for row in rows.values_list("name", "kind") for text in row}
    notes = []
    for name, kind in BUILT_IN.items():
        if not kind.secret_name or name in there or not has_secret(kind.secret_name):
            continue
        notes.append(
            f"{kind.secret_name} was found: the provider {name} is set up and switched off. Set "
            "its monthly cap and switch it on in the admin."
        )
        if not dry_run:
            with transaction.atomic(using=using):
                connection = rows.create(
                    name=name,
                    kind=name,
                    label=kind.label,
                    secret_name=kind.secret_name,
                    enabled=False,
                )
                sync_connection(connection=connection, offline=True)
    return notes


def sync_connection(
    *, connection: Connection, offline: bool = False, dry_run: bool = False
) -> SyncReport:
    """Bring the models of a connection up to date; `offline` reads the project's files alone."""
    report = SyncReport(connection.name)
    listed = _listed(connection, report)
    found = [] if offline else _discovered(connection, report)
    rows = {row.name: row for row in connection.models.all()}
    merged = _merged(listed, found)
    with transaction.atomic(using=connection._state.db):
        for model, origin in _without_floods(merged, connection, rows, report):
            row = rows.get(model.name)
            if row is None:
                _add(connection, model, origin, report, dry_run)
            else:
                _renew(row, model, origin, report, dry_run)
            _tell_end(model, row, report)
    if found:
        _tell_vanished(rows.values(), {model.name for model in found}, report)
    return report


def is_edited(row: ImageModel) -> bool:
    """Whether somebody has changed a row since a synchronization wrote it."""
    return row.synced_hash != "" and row.synced_hash != _hash(_values(row))


def _listed(connection: Connection, report: SyncReport) -> list[CatalogueModel]:
    """What the project's file says, without prices where the site counts in another currency."""
    catalogue = read_catalogue(connection.kind)
    if catalogue is None:
        return []
    if catalogue.currency == settings.CURRENCY:
        return list(catalogue.models)
    report.lines.append(
        f"Its prices are in {catalogue.currency} and this site counts in {settings.CURRENCY}: "
        "they are left out. Enter prices by hand, or an assumed price for the provider."
    )
    return [replace(model, price_rule={}) for model in catalogue.models]


def _discovered(connection: Connection, report: SyncReport) -> list[CatalogueModel]:
    """What the service offers; what cannot be asked or read is a problem."""
    try:
        provider = connection.provider()
        entries = list(provider.discover())
    except ProviderProblem as problem:
        report.problems.append(f"The service was not asked: {problem.in_full}")
        return []
    except Exception as error:  # noqa: BLE001 - a plugin's fault must not stop the others
        report.problems.append(f"The service was not asked: {type(error).__name__} in its adapter.")
        return []
    if len(entries) > MOST_READ:
        report.problems.append(f"It offers {len(entries):,} models; the first {MOST_READ:,} count.")
    found = []
    for entry in entries[:MOST_READ]:
        try:
            model = _without_the_known(_read_entry(entry), provider)
            if not model.price_rule and not provider.charges:
                model = replace(model, price_rule={"kind": "free"})
            found.append(model)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            name = entry.get("name", "") if isinstance(entry, Mapping) else ""
            text = f"{name or 'A model'} of the service cannot be read: {error}"
            report.problems.append(one_line(text, 300))
    return found


def _without_the_known(model: CatalogueModel, provider: Provider) -> CatalogueModel:
    """With those capabilities alone that differ from the adapter's own knowledge."""
    try:
        known = provider.capabilities(model.name).to_dict()
    except ProviderProblem:
        return model
    told = Capabilities.from_dict(model.capabilities).to_dict()
    differing = {name: told[name] for name in model.capabilities if told[name] != known[name]}
    return replace(model, capabilities=differing)


def _read_entry(entry: Mapping[str, Any]) -> CatalogueModel:
    """One dict of `Provider.discover`, checked."""
    ends = entry.get("shutdown_at")
    if ends and type(ends) is not date:
        ends = date.fromisoformat(ends)
    purpose = ImageModel.Purpose(entry.get("purpose") or "image")
    capabilities = keepable(entry.get("capabilities") or {})
    price_rule = keepable(entry.get("price_rule") or {})
    Capabilities.from_dict(capabilities)
    parse_price_rule(price_rule)
    name = str(entry["name"])
    if not (0 < len(name) <= 200 and name.isprintable()):
        raise ValueError("its name is empty, longer than 200 characters or not plain text.")
    return CatalogueModel(
        name=name,
        label=one_line(str(entry.get("label") or "")),
        purpose=purpose.value,
        capabilities=capabilities,
        price_rule=price_rule,
        shutdown_at=ends or None,
        successor=one_line(str(entry.get("successor") or "")),
    )


def _merged(
    listed: Iterable[CatalogueModel], found: Iterable[CatalogueModel]
) -> list[tuple[CatalogueModel, str]]:
    """Both together: the project's file wins, but the service knows best when it ends a model."""
    merged = {model.name: (model, Origin.CATALOGUE.value) for model in listed}
    for model in found:
        if model.name not in merged:
            merged[model.name] = (model, Origin.DISCOVERED.value)
        elif model.shutdown_at is not None:
            known, origin = merged[model.name]
            merged[model.name] = (replace(known, shutdown_at=model.shutdown_at), origin)
    return list(merged.values())


def _without_floods(
    merged: list[tuple[CatalogueModel, str]],
    connection: Connection,
    rows: Mapping[str, ImageModel],
    report: SyncReport,
) -> list[tuple[CatalogueModel, str]]:
    """Leave out new models of unknown price where a service offers them by the hundred."""
    new: dict[str, set[str]] = {}
    for model, origin in merged:
        if origin == Origin.DISCOVERED and model.name not in rows and not model.price_rule:
            new.setdefault(model.purpose, set()).add(model.name)
    floods: set[str] = set()
    for purpose, names in new.items():
        if len(names) > MOST_NEW:
            floods |= names
            what = "for texts " if purpose == ImageModel.Purpose.TEXT else ""
            report.lines.append(
                f"{len(names)} models {what}of unknown price are offered besides; add those by "
                "name in the admin that you want to use"
            )
    return [(model, origin) for model, origin in merged if model.name not in floods]


def _add(
    connection: Connection, model: CatalogueModel, origin: str, report: SyncReport, dry_run: bool
) -> None:
    row = ImageModel(connection=connection, name=model.name, origin=origin)
    _write(row, model)
    row.enabled = not _ends_soon(row) and (_priced(row) or not connection.charges)
    taken = connection.models.filter(purpose=row.purpose, is_default=True).exists()
    row.is_default = model.is_default and row.enabled and not taken
    report.tell("added", f"{model.name} added" + ("" if row.enabled else ", switched off"))
    if not dry_run:
        services.save_model(model=row)


def _renew(
    row: ImageModel, model: CatalogueModel, origin: str, report: SyncReport, dry_run: bool
) -> None:
    if origin == Origin.DISCOVERED:
        model = _completed(model, row)
    now, wanted = _values(row), _values(model)
    differing = [name for name in FIELDS if now[name] != wanted[name]]
    if row.synced_hash == _hash(now) or not differing:
        changed = bool(differing)
        _write(row, model)
        row.origin = origin
        if changed:
            report.tell("changed", f"{row.name} changed: {', '.join(differing)}")
    else:
        how = "was entered" if row.origin == Origin.HAND else "was edited"
        text = f"{row.name} {how} by hand and is left alone; it differs in {', '.join(differing)}"
        changed = row.shutdown_at is None and model.shutdown_at is not None
        if changed:
            row.shutdown_at = model.shutdown_at
            row.successor = row.successor or model.successor
            text += "; the day of its end was filled in"
        report.tell("left alone", text)
    if not dry_run and (changed or not differing):
        row.save()


def _completed(model: CatalogueModel, row: ImageModel) -> CatalogueModel:
    """With the row's own values where a service tells nothing; a name again is no label."""
    told = replace(model, label="") if model.label == model.name else model
    kept = {name: getattr(row, name) for name in FIELDS if not getattr(told, name)}
    return replace(told, **kept)


def _write(row: ImageModel, model: CatalogueModel) -> None:
    """Take over the values, and remember them."""
    for name in FIELDS:
        setattr(row, name, getattr(model, name))
    row.synced_hash, row.synced_at = _hash(_values(model)), timezone.now()


def _values(model: CatalogueModel | ImageModel) -> dict[str, Any]:
    """What a synchronization may write, as JSON has it."""
    values = {name: getattr(model, name) for name in FIELDS}
    values["shutdown_at"] = str(model.shutdown_at or "")
    return json.loads(json.dumps(values))


def _hash(values: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _ends_soon(row: ImageModel) -> bool:
    return row.days_left is not None and row.days_left <= SOON


def _priced(row: ImageModel) -> bool:
    return row.price_rule.get("kind", "unknown") != "unknown"


def _tell_end(model: CatalogueModel, row: ImageModel | None, report: SyncReport) -> None:
    """Say when a model ends; one that has ended only where somebody still has it on."""
    if model.shutdown_at is None:
        return
    days = (model.shutdown_at - timezone.localdate()).days
    instead = f"; use {model.successor}" if model.successor else ""
    if days > 0:
        report.lines.append(f"{model.name} ends on {model.shutdown_at}, in {days} days{instead}")
    elif row is not None and row.enabled:
        report.lines.append(f"{model.name} ended on {model.shutdown_at}{instead}")


def _tell_vanished(rows: Iterable[ImageModel], offered: set[str], report: SyncReport) -> None:
    """Name what was offered once and is not now; a list is no proof, so nothing is switched off."""
    for row in rows:
        expected = row.origin != Origin.HAND and row.enabled and not row.is_retired
        if expected and row.name not in offered:
            report.tell("gone", f"{row.name} is not in the list of the service")
