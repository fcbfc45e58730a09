"""The text of a date-time, date or time → the Python value its Arrow column takes.

The grammar is RFC 3339's, with what real APIs write besides: a space for the `T`, no zone (read as UTC), a zone
without colon (`+0100`, `+01`). Year 0000 and second 60 have no Arrow value and are refused, as is a date alone
where a date-time is due. Digits past the microsecond are cut: ask `is_cut` first.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

_TIME: Final = r"(?!24)[0-2]\d:[0-5]\d:[0-5]\d(?:\.\d+)?"
_DATE_TIME: Final = rf"\d{{4}}-\d\d-\d\d[Tt ]{_TIME}"
_ZONE: Final = r"[+-](?!24)[0-2]\d(?::?[0-5]\d)?"
is_everyday: Final = re.compile(r"\d{4}-\d\d-\d\dT(?!24)[0-2]\d:[0-5]\d:[0-5]\d(?:\.\d{1,6})?Z", re.ASCII).fullmatch
"""Match the date-time that nearly all APIs write: `T`, `Z`, and nothing past the microsecond."""

_is_zulu: Final = re.compile(rf"{_DATE_TIME}[Zz]", re.ASCII).fullmatch
_is_naive: Final = re.compile(_DATE_TIME, re.ASCII).fullmatch
_is_zoned: Final = re.compile(_DATE_TIME + _ZONE, re.ASCII).fullmatch
_is_date: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII).fullmatch
_is_time: Final = re.compile(rf"({_TIME})(?:[Zz]|({_ZONE}))?", re.ASCII).fullmatch
_has_nanoseconds: Final = re.compile(r"\.\d{6}0*[1-9]", re.ASCII).search
_DAY_ONE: Final = date(2000, 1, 1)


def parse_date_time(text: str) -> datetime:
    """Return the moment in UTC, without tzinfo: Arrow takes such a value as UTC, and twice as fast.

    Raises:
        ValueError: It is no date-time, or outside the years 1 to 9999 once in UTC.
    """
    if _is_zulu(text):
        return datetime.fromisoformat(text[:-1])
    if _is_naive(text):
        return datetime.fromisoformat(text)
    if not _is_zoned(text):
        raise ValueError("expected a date-time as in 2026-01-31T23:59:59Z")
    try:
        return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        raise ValueError("expected a date-time within the years 1 to 9999") from None


def parse_date(text: str) -> date:
    """Return the day.

    Raises:
        ValueError: It is no `YYYY-MM-DD`, or no such day.
    """
    if not _is_date(text):
        raise ValueError("expected a date as in 2026-01-31")
    return date.fromisoformat(text)


def parse_time(text: str) -> time:
    """Return the time of day in UTC; a zone moves it, past midnight if need be.

    Raises:
        ValueError: It is no `HH:MM:SS[.ffffff][zone]`.
    """
    match = _is_time(text)
    if not match:
        raise ValueError("expected a time as in 23:59:59Z")
    local = time.fromisoformat(match[1])
    if match[2] is None:
        return local
    offset = time.fromisoformat(f"00:00:00{match[2]}").utcoffset() or timedelta()
    return (datetime.combine(_DAY_ONE, local) - offset).time()


def is_cut(text: str) -> bool:
    """Say whether digits other than zero stand past the microsecond."""
    return _has_nanoseconds(text) is not None
