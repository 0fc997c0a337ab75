"""Dates as front matter writes them."""

import re
from datetime import date, datetime, time, timedelta, tzinfo
from datetime import timezone as dt_timezone
from email.utils import parsedate_to_datetime, parsedate_tz

from django.utils import timezone

WORDED = (
    "%b %d %Y",
    "%B %d %Y",
    "%d %b %Y",
    "%d %B %Y",
    "%Y %b %d",
    "%a %b %d %Y",
    "%A %B %d %Y",
    "%a %d %b %Y",
)
# 2024-1-2, 2024/01/02 and 2024.01.02, with whatever follows.
_loose_day = re.compile(r"^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?=\D|$)")
# A year may be said again before the zone, as `date` prints it; Ruby's parser takes that too.
_loose_time = re.compile(
    r"^[Tt ]*(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?\s*([AaPp][Mm])?(?:\s+\d{4})?\s*"
    r"(Z|UTC|GMT|[ECMP][SD]T|[+-]\d{2}:?\d{2}|[+-]\d{2})?$"
)


def read_date(value: object) -> datetime:
    """A moment with its time zone from a date, a moment or text; the site's zone by default.

    A day without a time begins at midnight. Raises `ValueError` for anything else.
    """
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, date):
        moment = datetime.combine(value, time())
    elif isinstance(value, str):
        moment = _from_text(" ".join(value.split()))
    else:
        raise ValueError(f"{value!r} is no date")
    # Far ends of the calendar cannot be moved to another time zone.
    if not 1 < moment.year < 9999:
        raise ValueError(f"{value!r} is no date of a post")
    return timezone.make_aware(moment) if timezone.is_naive(moment) else moment


def _from_text(text: str) -> datetime:
    if match := _loose_day.match(text):
        day = date(*map(int, match.groups()))
        rest = text[match.end() :].strip()
        return _at_time(day, rest) if rest else datetime.combine(day, time())
    for form in WORDED:
        try:
            return datetime.strptime(text.replace(",", ""), form)
        except ValueError:
            continue
    return parsedate_to_datetime(text)


def _at_time(day: date, text: str) -> datetime:
    match = _loose_time.match(text)
    if not match:
        raise ValueError(f"{text!r} is no time")
    hour, minute, second, half, zone = match.groups()
    hours = int(hour) % 12 + (12 if half.lower() == "pm" else 0) if half else int(hour)
    moment = datetime.combine(day, time(hours, int(minute), int(second or 0)))
    return moment.replace(tzinfo=_zone(zone)) if zone else moment


def _zone(text: str) -> tzinfo:
    """The zone of `Z`, `+01:00`, `-0800`, `+02` or a name that mail headers know."""
    offset = "+0000" if text == "Z" else text.replace(":", "")
    if text[0] in "+-":
        offset = offset.ljust(5, "0")
    parsed = parsedate_tz(f"1 Jan 2000 00:00:00 {offset}")
    if parsed is None or parsed[9] is None:
        raise ValueError(f"{text!r} is no time zone")
    return dt_timezone(timedelta(seconds=parsed[9]))


def date_in_name(name: str) -> tuple[datetime | None, str]:
    """The date at the beginning of a file's name (`2024-03-01-title`), and the rest."""
    match = re.match(r"(\d{4})[-_](\d{1,2})[-_](\d{1,2})(?:[-_ ]+|$)", name)
    if not match:
        return None, name
    try:
        day = date(*map(int, match.groups()))
    except ValueError:
        return None, name
    return read_date(day), name[match.end() :]


def date_in_path(path: str) -> datetime | None:
    """The date that folders give (`2018/10/30/title`)."""
    match = re.search(r"(?:^|/)(\d{4})/(\d{1,2})/(\d{1,2})(?:/|$)", path)
    try:
        return read_date(date(*map(int, match.groups()))) if match else None
    except ValueError:
        return None
