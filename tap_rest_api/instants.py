"""Turns the texts of dates and durations into values that compare, and back."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from itertools import compress, count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_INSTANT = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d)(?::(\d\d)(?:[.,](\d+))?)?(Z|z|[+-]\d\d:?\d\d)?)?", re.ASCII
)
_DURATION = re.compile(
    r"P(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?",
    re.ASCII,
)
_DATE_LENGTH, _SECONDS_LENGTH = len("2024-01-31"), len("2024-01-31T00:00:00Z")
_MOST_LENGTH = 40  # with more digits to a fraction, they are compared one by one
_SECONDS_MARKS, _FRACTION_MARKS = {10: "T", 19: "Z"}, {10: "T", 19: "."}  # where in the text; a fraction ends in Z
_FIRST_MILLISECONDS = 100_000_000_000  # as seconds this is the year 5138; as milliseconds, 1973


def parse_instant(text: str) -> datetime | None:
    """Read an RFC 3339 date-time or a date as UTC. Without a zone it is UTC; None when it is neither."""
    split = split_instant(text)
    return split[0] if split else None


def instant_of(value: Any) -> datetime | None:
    """Read a date-time, a date or an epoch; numbers from 1e11 on are milliseconds, smaller ones seconds."""
    if isinstance(value, str):
        return parse_instant(value)
    if is_number(value):
        seconds = Decimal(value) / 1000 if abs(value) >= _FIRST_MILLISECONDS else Decimal(value)
        try:
            return EPOCH + timedelta(microseconds=int(seconds * 1_000_000))
        except (OverflowError, ValueError):  # past the calendar, or not a number
            return None
    return None


def format_instant(instant: datetime) -> str:
    """Write RFC 3339 in UTC, with microseconds only where there are some."""
    text = instant.astimezone(UTC).isoformat(timespec="microseconds" if instant.microsecond else "seconds")
    return text.replace("+00:00", "Z")


def epoch_milliseconds(instant: datetime) -> int:
    """Count whole milliseconds since 1970."""
    return (instant - EPOCH) // timedelta(milliseconds=1)


def parse_duration(text: str) -> timedelta | None:
    """Read an ISO 8601 duration of weeks, days, hours, minutes and seconds; None when it is not one.

    Months and years have no fixed length, so they are not durations here.
    """
    match = _DURATION.fullmatch(text)
    parts = {unit: float(number) for unit, number in match.groupdict().items() if number} if match else {}
    return timedelta(**parts) if parts and not text.endswith("T") else None


def is_number(value: Any) -> bool:
    """Tell a JSON number from the booleans that Python counts among them."""
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def ranks(values: Sequence[Any]) -> list[Any]:
    """Return what the values of one replication key compare by; those of one comparison are ranked together.

    Numbers compare as numbers, date-times as instants, anything else as texts.

    Raises:
        TypeError: Some are numbers and some are not, so they have no order.
    """
    alike = _ranks_of_texts_alike(values)
    if alike is not None:
        return alike
    numbers = sum(map(is_number, values))
    if numbers == len(values):
        return list(values)
    if numbers:
        raise TypeError("numbers and texts have no order")
    instants = [split_instant(str(value)) for value in values]
    return [str(value) for value in values] if None in instants else instants


def _ranks_of_texts_alike(values: Sequence[Any]) -> list[str] | None:
    """Rank dates, or date-times in UTC, without parsing them: written alike, they sort as texts.

    A million records pass here. A shorter fraction is filled up with zeros, which changes no instant.
    """
    if set(map(type, values)) != {str}:
        return None
    sizes = list(map(len, values))
    lengths = set(sizes)
    if lengths == {_DATE_LENGTH}:
        return list(values)
    shortest, longest = min(lengths), max(lengths)
    if (
        shortest < _SECONDS_LENGTH
        or longest > _MOST_LENGTH
        or not all(_are_utc(list(compress(values, map(length.__eq__, sizes))), length) for length in lengths)
    ):
        return None
    ranked = list(values)
    for place in compress(count(), map(longest.__ne__, sizes)):  # mostly a bound or two beside a page's values
        ranked[place] = _lengthened(values[place], longest)
    return ranked


def _are_utc(values: Sequence[str], length: int) -> bool:
    """Tell whether values of one length are date-times in UTC, by the characters between their digits."""
    text, marks = "".join(values), _SECONDS_MARKS if length == _SECONDS_LENGTH else {**_FRACTION_MARKS, length - 1: "Z"}
    return all(text[place::length] == mark * len(values) for place, mark in marks.items())


def _lengthened(value: str, length: int) -> str:
    """Write an instant with more digits: "…:00Z" as "…:00.000Z"."""
    text = value[:-1] if len(value) > _SECONDS_LENGTH else f"{value[:-1]}."
    return f"{text:0<{length - 1}}Z"


def split_instant(text: str, zone: tzinfo | None = None, fold: int = 0) -> tuple[datetime, str] | None:
    """Split an instant into a datetime and the digits past its microseconds, so that both compare.

    Args:
        text: RFC 3339, or nearly.
        zone: Of a text that names none; None for UTC.
        fold: Which of two instants a local time means that clocks show twice (PEP 495).
    """
    match = _INSTANT.fullmatch(text)
    if match is None:
        return None
    day, clock, seconds, fraction, offset = match.groups(default="")
    offset = "Z" if offset == "z" or (offset == "" and zone is None) else offset
    try:
        instant = datetime.fromisoformat(f"{day}T{clock or '00:00'}:{seconds or '00'}.{fraction[:6]:0<6}{offset}")
        instant = instant.replace(tzinfo=instant.tzinfo or zone, fold=fold)
        return instant.astimezone(UTC), fraction[6:].rstrip("0")
    except (ValueError, OverflowError):  # no such day, or a zone that leaves the calendar
        return None
