"""Reading the usage that a service told, in the spellings of OpenAI and Google."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """Tokens of one call. `*_in` include the cached ones; what is not told is None."""

    text_in: int | None
    image_in: int | None
    total_in: int | None
    cached_in: int
    text_out: int | None
    total_out: int | None


def read_tokens(usage: Mapping[str, Any]) -> Tokens:
    """The tokens of a call, whatever its service calls them."""
    if "promptTokenCount" in usage or "candidatesTokenCount" in usage:
        return _google(usage)
    given, made = _details(usage, "input", "prompt"), _details(usage, "output", "completion")
    return Tokens(
        text_in=_count(given, "text_tokens"),
        image_in=_count(given, "image_tokens"),
        total_in=_count(usage, "input_tokens", "prompt_tokens"),
        cached_in=_count(given, "cached_tokens") or 0,
        text_out=_count(made, "text_tokens"),
        total_out=_count(usage, "output_tokens", "completion_tokens"),
    )


def _google(usage: Mapping[str, Any]) -> Tokens:
    """Thoughts are counted apart from the candidates there (seen 2026-11) and cost as text."""
    given = _modalities(usage, "promptTokensDetails")
    made = _modalities(usage, "candidatesTokensDetails")
    thoughts = _count(usage, "thoughtsTokenCount") or 0
    candidates = _count(usage, "candidatesTokenCount")
    return Tokens(
        text_in=given.get("TEXT"),
        image_in=given.get("IMAGE"),
        total_in=_count(usage, "promptTokenCount"),
        cached_in=_count(usage, "cachedContentTokenCount") or 0,
        text_out=made.get("TEXT", 0) + thoughts,
        total_out=None if candidates is None else candidates + thoughts,
    )


def _details(usage: Mapping[str, Any], *beginnings: str) -> Mapping[str, Any]:
    for beginning in beginnings:
        found = usage.get(f"{beginning}_tokens_details")
        if isinstance(found, Mapping):
            return found
    return {}


def _modalities(usage: Mapping[str, Any], name: str) -> dict[str, int]:
    rows = usage.get(name)
    counts: dict[str, int] = {}
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, Mapping) and (count := _count(row, "tokenCount")) is not None:
            kind = str(row.get("modality", "TEXT"))
            counts[kind] = counts.get(kind, 0) + count
    return counts


def _count(data: Mapping[str, Any], *names: str) -> int | None:
    for name in names:
        value = data.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
    return None
