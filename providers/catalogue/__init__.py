"""The dated catalogue: one file for each kind of service, with a source for every figure.

A file has `kind`, `currency` and `models`; other top-level names hold what its models share.
A model has a `name` and may have `label`, `purpose` (image or text), `capabilities` (what
differs from the adapter's own knowledge), `price_rule`, `is_default`, and `shutdown_at` with
`successor`. Capabilities and the day of an end have a `source` and the `date` on which it was
read; so has a price rule, where `sources` gives single figures another one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from providers.prices import ABOUT, parse_price_rule
from providers.types import Capabilities

FOLDER = Path(__file__).resolve().parent
MODEL_NAMES = {
    "name",
    "label",
    "purpose",
    "capabilities",
    "price_rule",
    "is_default",
    "shutdown_at",
    "successor",
    "date",
    "source",
}
ABOUT_MODEL = {"date", "source"}


class CatalogueError(ValueError):
    """A file of the catalogue that cannot be used; the text names file, model and reason."""


@dataclass(frozen=True, kw_only=True)
class CatalogueModel:
    """One model as its row will be."""

    name: str
    label: str = ""
    purpose: str = "image"
    capabilities: Mapping[str, Any] = field(default_factory=dict)
    price_rule: Mapping[str, Any] = field(default_factory=dict)
    is_default: bool = False
    shutdown_at: date | None = None
    successor: str = ""


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """What one file says. `currency` is that of its prices, such as USD."""

    kind: str
    currency: str
    models: tuple[CatalogueModel, ...]


def read_catalogue(kind: str, folder: Path = FOLDER) -> Catalogue | None:
    """The file of a kind, checked whole; None without one. May raise CatalogueError."""
    import yaml  # only an installation and a synchronization need it

    path = folder / f"{kind}.yaml"
    if not path.is_file():
        return None
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    try:
        return _catalogue(data, kind)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CatalogueError(f"{path.name}: {error}") from error


def _catalogue(data: dict[str, Any], kind: str) -> Catalogue:
    if data["kind"] != kind:
        raise ValueError(f"its kind is {data['kind']}, which is not its name.")
    models = tuple(_model(row) for row in data["models"])
    names = [model.name for model in models]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"twice there: {', '.join(twice)}.")
    for model in models:
        if model.successor and model.successor not in names:
            raise ValueError(f"{model.name}: its successor {model.successor} is not listed.")
    for purpose in {model.purpose for model in models}:
        defaults = [model for model in models if model.is_default and model.purpose == purpose]
        if len(defaults) != 1 or defaults[0].shutdown_at:
            raise ValueError(f"exactly one living model for {purpose} must be the default.")
    return Catalogue(kind=kind, currency=data["currency"], models=models)


def _model(row: dict[str, Any]) -> CatalogueModel:
    name = row["name"]
    if unknown := sorted(set(row) - MODEL_NAMES):
        raise ValueError(f"{name}: unknown name {', '.join(unknown)}.")
    if row.get("purpose", "image") not in ("image", "text"):
        raise ValueError(f"{name}: its purpose is image or text.")
    ends = row.get("shutdown_at")
    if ends is not None and not isinstance(ends, date):
        raise ValueError(f"{name}: the day of its end is written as YYYY-MM-DD.")
    if (ends or row.get("capabilities")) and not (
        isinstance(row.get("date"), date) and row.get("source")
    ):
        raise ValueError(f"{name}: its end and its capabilities need a date and a source.")
    try:
        Capabilities.from_dict(row.get("capabilities", {}))
        _check_price(row.get("price_rule", {}))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    return CatalogueModel(**{key: value for key, value in row.items() if key not in ABOUT_MODEL})


def _check_price(rule: dict[str, Any]) -> None:
    """Readable, and every figure of it with a day and a source."""
    parse_price_rule(rule)
    if not rule:
        return
    if not rule.get("date"):
        raise ValueError("its price has no date.")
    sources = rule.get("sources", {})
    figures = set(rule) - ABOUT
    if unknown := sorted(set(sources) - figures):
        raise ValueError(f"sources of what is not there: {', '.join(unknown)}.")
    if bare := sorted(name for name in figures if not (sources.get(name) or rule.get("source"))):
        raise ValueError(f"no source for {', '.join(bare)}.")
