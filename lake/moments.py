"""What a person types for a time, a date or an age, becomes a moment."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from lake.errors import UsageError

_AGE = re.compile(r"(\d{1,6})\s*(s|min|h|d|w)\Z")

_UNITS = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_moment(text: str, now: datetime, option: str) -> datetime:
    """Return the moment that an age (``7d``), a date or a time stands for; without a zone it is UTC.

    Raises:
        UsageError: It is none of them.
    """
    age = _AGE.match(text.strip())
    if age:
        return now - _to_span(age)
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        fix = "write an age, as 30min, 12h, 7d or 4w, a date, as 2026-01-31, or a time, as 2026-01-31T12:00:00Z"
        raise UsageError(f"{text!r} is no time", where=option, fix=fix) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def parse_age(text: str) -> timedelta:
    """Return the span of an age that a configuration's schema has accepted, as ``24h``. Raises ValueError."""
    age = _AGE.match(text.strip())
    if age is None:
        raise ValueError(text)
    return _to_span(age)


def _to_span(age: re.Match[str]) -> timedelta:
    return timedelta(**{_UNITS[age[2]]: int(age[1])})
