"""The values that pass between the product and an adapter: frozen, keyword-only, no Django."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal, Protocol, Self

from providers.keeping import keepable, keepable_cost, keepable_seed, keepable_text

SOURCE_TERM = re.compile("[A-Za-z]{0,60}")  # as IPTC writes its terms


class Recovery(StrEnum):
    """What can be known after a cut connection; the README tells it for each adapter."""

    OWN_KEY = "own_key"  # the provider drops repeats of our key: send again
    LOOKUP = "lookup"  # the call can be found by an id that we chose before sending
    HANDLE = "handle"  # it can be found by the provider's id, once that has reached us
    NOTHING = "nothing"  # there is nobody to ask


@dataclass(frozen=True, kw_only=True)
class ConnectionConfig:
    """A connection as an adapter sees it. Times in seconds, `max_bytes` of decoded answer.

    `deadline` bounds a whole call, waiting for a queued job included. Private addresses are
    reached only with `private_network`, and then only at the base URL's own host and port.
    `workflows` holds the graphs of this connection by name, as `Workflow.spec()` gives them.
    """

    name: str
    kind: str
    base_url: str = ""
    secret: str = field(default="", repr=False)
    private_network: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    workflows: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    connect_timeout: float = 5.0
    read_timeout: float = 60.0
    deadline: float = 180.0
    max_bytes: int = 25 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What a model takes. What is not named here is refused before any call.

    Sides are in pixels. `sizes` is a fixed list of "WIDTHxHEIGHT" and replaces the rule of
    `min_side`, `max_side`, `multiple_of`, `min_pixels`, `max_pixels` and `max_ratio` (long side
    by short side, 0: any) when it is not empty. `title` covers the texts drawn into the picture
    (title, kicker, footer). `extra` names the model's own options, ("*",) lets everything
    through; `choices` lists what some of these may be.
    """

    min_side: int = 64
    max_side: int = 4096
    multiple_of: int = 1
    min_pixels: int = 0
    max_pixels: int | None = None
    max_ratio: int = 0
    sizes: tuple[str, ...] = ()
    qualities: tuple[str, ...] = ()
    output_formats: tuple[str, ...] = ()
    max_prompt_length: int = 32_000
    negative_prompt: bool = False
    seed: bool = False
    max_seed: int | None = None
    steps: bool = False
    guidance_scale: bool = False
    palette: bool = False
    title: bool = False
    reference_images: int = 0
    mask: bool = False
    extra: tuple[str, ...] = ()
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read a catalogue row's JSON. `ValueError` names what is unknown or of a wrong type."""
        kinds = {item.name: item.type for item in fields(cls)}
        if unknown := sorted(set(data) - set(kinds)):
            raise ValueError(f"Unknown capability: {', '.join(unknown)}.")
        return cls(**{name: _capability(name, kinds[name], data[name]) for name in data})

    def to_dict(self) -> dict[str, Any]:
        return _plain(asdict(self))

    def overlaid(self, row: Mapping[str, Any] | None) -> Self:
        """These capabilities with what a catalogue row says more exactly; may be `ValueError`."""
        return self if not row else type(self).from_dict({**self.to_dict(), **row})


TEXTS = tuple[str, ...]


def _capability(name: str, kind: Any, value: Any) -> Any:
    """`value` as the field `name` needs it, or `ValueError`."""
    if kind == Mapping[str, tuple[str, ...]]:
        if not isinstance(value, Mapping):
            raise ValueError(f"Capability {name} must map names to lists of texts.")
        return {str(key): _capability(f"{name}.{key}", TEXTS, value[key]) for key in value}
    if kind == TEXTS:
        if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
            return tuple(value)
        raise ValueError(f"Capability {name} must be a list of texts.")
    if kind is bool:
        if isinstance(value, bool):
            return value
        raise ValueError(f"Capability {name} must be true or false.")
    if value is None and kind == int | None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise ValueError(f"Capability {name} must be a whole number.")


@dataclass(frozen=True, kw_only=True)
class _Request:
    """What requests of every kind can do: be stored, and be compared."""

    def to_dict(self) -> dict[str, Any]:
        return _plain(asdict(self))

    def fingerprint(self) -> str:
        """SHA-256 of the canonical JSON: equal requests have equal fingerprints."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, kw_only=True)
class ImageRequest(_Request):
    """One wanted picture. Sizes in pixels; None or "" means "not given".

    `title`, `kicker` and `footer` are texts to set into the picture, `palette` a list of
    "#rrggbb", `extra` the model's own options. `reference_images` and `mask` are paths of local
    files; a mask belongs to the first reference image and is transparent where to paint.
    """

    prompt: str
    model: str
    width: int
    height: int
    negative_prompt: str = ""
    seed: int | None = None
    steps: int | None = None
    guidance_scale: float | None = None
    quality: str = ""
    output_format: str = ""
    palette: tuple[str, ...] = ()
    title: str = ""
    kicker: str = ""
    footer: str = ""
    reference_images: tuple[str, ...] = ()
    mask: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_dict` wrote; an unknown name is a `TypeError`."""
        values = dict(data)
        for name in ("palette", "reference_images"):
            values[name] = tuple(values.get(name) or ())
        return cls(**values)


@dataclass(frozen=True)
class Issue:
    """Something about one field of a request: an error, or a value changed to the next fit."""

    field: str
    message: str
    severity: Literal["error", "snapped"]
    requested: Any = None
    sent: Any = None


@dataclass(frozen=True)
class Validation:
    """The request as it may be sent, and what there is to say about it."""

    request: ImageRequest
    issues: tuple[Issue, ...] = ()

    @property
    def errors(self) -> tuple[Issue, ...]:
        return tuple(issue for issue in self.issues if issue.severity == "error")

    @property
    def ok(self) -> bool:
        return not self.errors


@dataclass(frozen=True)
class Price:
    """Cost of one call in the site's currency; `exact` when low and high are sure."""

    kind: Literal["known", "free", "unknown"]
    low: Decimal | None = None
    high: Decimal | None = None
    exact: bool = False


@dataclass(frozen=True, kw_only=True)
class SpoolFile:
    """A received file, complete and on disk."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Handle:
    """Small JSON by which a running job is found again."""

    data: dict[str, Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "data", keepable(self.data))


@dataclass(frozen=True, kw_only=True)
class _Told:
    """What the answers of every kind tell. `cost` is in US dollars; None: the provider told none.

    The facts can be stored whatever it told: texts are cut and cleaned, and a cost or seed that
    cannot be one counts as not told.
    """

    model: str = ""
    cost: Decimal | None = None
    usage: dict[str, Any] = field(default_factory=dict)
    request_id: str = ""

    def _make_storable(self, **more: Any) -> None:
        """Put what can be stored in the place of these facts and of `more`."""
        facts = {
            "model": keepable_text(self.model, 200),
            "cost": None if self.cost is None else keepable_cost(self.cost),
            "usage": keepable(self.usage),
            "request_id": keepable_text(self.request_id, 200),
            **more,
        }
        for name, value in facts.items():
            object.__setattr__(self, name, value)

    def to_dict(self) -> dict[str, Any]:
        data = _plain(asdict(self))
        data["cost"] = None if self.cost is None else str(self.cost)
        return data


@dataclass(frozen=True, kw_only=True)
class Result(_Told):
    """What a call brought: files in the spool and the facts about them, never bytes.

    `parameters` is what was really sent, `description` what the picture shows (a draft of its
    alt text), `notes` sentences that an editor should read.
    """

    files: tuple[SpoolFile, ...]
    seed: int | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    description: str = ""
    digital_source_type: str = "trainedAlgorithmicMedia"
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        term = str(self.digital_source_type)
        self._make_storable(
            seed=keepable_seed(self.seed),
            parameters=keepable(self.parameters),
            description=keepable_text(self.description),
            digital_source_type=term if SOURCE_TERM.fullmatch(term) else "",
            notes=tuple(keepable_text(note) for note in self.notes),
        )

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        values = dict(data)
        values["files"] = tuple(SpoolFile(**item) for item in values["files"])
        values["notes"] = tuple(values.get("notes") or ())
        if values.get("cost") is not None:
            values["cost"] = Decimal(values["cost"])
        return cls(**values)


@dataclass(frozen=True, kw_only=True)
class TextRequest(_Request):
    """One question to a text model. `instructions` are ours; `data` is never instructions.

    `schema` is the JSON Schema that the answer must fit (an object, every property required);
    `images` are paths of local files that a vision model may look at.
    """

    model: str
    instructions: str
    data: str
    schema: Mapping[str, Any]
    images: tuple[str, ...] = ()
    max_output_tokens: int = 2000

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_dict` wrote; an unknown name is a `TypeError`."""
        return cls(**{**data, "images": tuple(data.get("images") or ())})


AnyRequest = ImageRequest | TextRequest


@dataclass(frozen=True, kw_only=True)
class TextResult(_Told):
    """The answer of a text model: `data` fits the schema that was asked for."""

    data: Mapping[str, Any]

    def __post_init__(self) -> None:
        self._make_storable(data=keepable(self.data))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_dict` wrote."""
        cost = data.get("cost")
        return cls(**{**data, "cost": None if cost is None else Decimal(cost)})


class HealthLevel(StrEnum):
    """How far a connection has been proven to work, in rising order."""

    CONFIGURED = "configured"
    REACHABLE = "reachable"
    AUTHENTICATED = "authenticated"
    PROVEN = "proven"


@dataclass(frozen=True)
class Health:
    """The answer to one health question. `ok` None: this adapter cannot tell."""

    level: HealthLevel
    ok: bool | None
    message: str


class SpoolWriter(Protocol):
    """A file being received. Leaving the context without `close_file` removes it.

    A child process may write to `path` itself; `close_file` then takes over what it wrote.
    """

    @property
    def path(self) -> str: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc_info: object) -> None: ...

    def write(self, data: bytes, /) -> object:
        """Append `data`."""

    def close_file(self) -> SpoolFile:
        """Make it durable (fsync, rename) and tell its hash and size."""
        ...


class Sink(Protocol):
    """How the caller hears of things while they happen."""

    def sending(self, parameters: Mapping[str, Any]) -> None:
        """The exact parameters of the call that goes out next: no secrets, no file contents."""

    def headers(self, status: int, request_id: str, rate: Mapping[str, str]) -> None:
        """An answer begins: HTTP status, the provider's id, its rate limit headers."""

    def handle(self, handle: Handle) -> None:
        """The job can be found again by this; it is stored before this returns."""

    def progress(self, fraction: float) -> None:
        """Work done so far, 0 to 1."""

    def open_spool(self) -> SpoolWriter:
        """A new file to receive a picture into."""
        ...


def _plain(value: Any) -> Any:
    """`value` with tuples as lists and every mapping as a dict, as JSON has them."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
