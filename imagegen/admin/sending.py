"""What was asked, sent and answered in one call, as the pages show it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format

from imagegen.admin.prompts import pretty
from imagegen.models import Attempt, GenerationJob
from imagegen.services.wording import money_text
from providers.prices import describe_price


@dataclass(frozen=True, kw_only=True)
class Sending:
    """The facts of a call, each as text; "" where it is not known.

    `parameters` is what was sent; `prepared` what would have been, where nothing was.
    """

    parameters: str
    prepared: str
    size_asked: str
    size_sent: str
    size_came: str
    usage: str
    price: str
    price_date: str
    price_source: str
    handle: str
    rate: str


def how_sent(job: GenerationJob, attempt: Attempt) -> Sending:
    """What was asked, sent and answered in `attempt`."""
    rule, result = attempt.price_rule or {}, attempt.result or {}
    return Sending(
        parameters=_json(attempt.sent),
        prepared="" if attempt.sent else _json(job.request),
        size_asked=_size(job.requested) or _size(job.request),
        size_sent=_size(attempt.sent or {}) or _size(job.request),
        size_came=", ".join(f"{image.width}×{image.height}" for image in attempt.outputs.all()),
        usage=_lines(result.get("usage")),
        price=describe_price(rule, money_text) if rule else "",
        price_date=_day(rule.get("date")),
        price_source=str(rule.get("source") or ""),
        handle=_lines(attempt.handle),
        rate=_lines(result.get("rate")),
    )


def pause_text(job: GenerationJob) -> str:
    """Why a waiting job is not begun, where its provider rests."""
    connection = job.connection
    if job.state != GenerationJob.State.QUEUED or connection is None or not connection.is_paused:
        return ""
    until = date_format(timezone.localtime(connection.paused_until), "DATETIME_FORMAT")
    reason = connection.pause_reason or "no reason given"
    return f"The provider {connection} rests until {until}: {reason}"


def _size(parameters: Mapping[str, Any]) -> str:
    """The size in a call's parameters, whichever way its service writes it."""
    if isinstance(size := parameters.get("size"), str):
        return size.replace("x", "×")
    width, height = parameters.get("width"), parameters.get("height")
    return f"{width}×{height}" if width and height else ""


def _json(data: Any) -> str:
    return pretty(data) if data else ""


def _lines(data: Mapping[str, Any] | None) -> str:
    """A few facts, a line each."""
    return "\n".join(f"{name}: {_short(fact)}" for name, fact in (data or {}).items())


def _short(fact: Any) -> str:
    return fact if isinstance(fact, str) else json.dumps(fact, ensure_ascii=False)


def _day(text: Any) -> str:
    """The day of a price as the pages write days; "" if the rule has none."""
    try:
        return date_format(date.fromisoformat(text), "DATE_FORMAT")
    except (TypeError, ValueError):
        return ""
