"""Turns the values of a replication key into what they compare by, and instants into such values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tap_rest_api.instants import (
    EPOCH,
    epoch_milliseconds,
    format_instant,
    is_number,
    parse_instant,
    ranks,
    split_instant,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Rank = tuple[datetime, str]

_DATE_LENGTH = len("2024-01-31")
_PER_SECOND = {"epoch": 1, "epoch_ms": 1000}
_EARLIEST, _LATEST = 0, 1  # of a local time that comes twice, when clocks are put back: PEP 495


@dataclass(frozen=True)
class KeyForm:
    """How the values of a key are written: the options "format" and "timezone".

    Attributes:
        formats: "iso", "epoch", "epoch_ms" or strptime patterns; the first one is what we write ourselves.
        zone: Of values that name none; None for UTC.
    """

    formats: tuple[str, ...] = ("iso",)
    zone: tzinfo | None = None

    @cached_property
    def is_plain(self) -> bool:
        """Whether values are what they look like: RFC 3339, numbers, or texts in their own order."""
        return self.formats == ("iso",) and self.zone is None

    def ranks(self, values: Sequence[Any], *, fold: int = _LATEST) -> list[Any]:
        """Return what values compare by; those of one comparison are ranked together.

        Args:
            values: Of one key.
            fold: Which of two instants a local time means that clocks show twice. Records are taken for the later
                and a start for the earlier one, so that none is lost.

        Raises:
            TypeError: They have no order, or one is in none of the formats.
        """
        if self.is_plain:
            return ranks(values)
        if len(self.formats) == 1 and self.formats[0] in _PER_SECOND and all(map(is_number, values)):
            return list(values)
        found = [self._rank(value, fold) for value in values]
        if None in found:
            raise TypeError("a value is in none of the formats")
        return found

    def _rank(self, value: Any, fold: int) -> Rank | None:
        for form in self.formats:
            rank = _READERS.get(form, _read_pattern(form))(value, self.zone, fold)
            if rank is not None:
                return rank
        return None

    def instant(self, value: Any) -> datetime | None:
        """Return the instant that a value means; None where it means none."""
        if self.is_plain:
            return parse_instant(value) if isinstance(value, str) else None
        rank = self._rank(value, _EARLIEST)
        return rank[0] if rank else None

    def write(self, instant: datetime, like: Any = None) -> Any:
        """Write an instant as the key's values are: like one of them, else in the first of the formats."""
        form = next((form for form in self.formats if self._reads(form, like)), self.formats[0])
        if form in _PER_SECOND:
            count = epoch_milliseconds(instant) * _PER_SECOND[form] // 1000
            return str(count) if isinstance(like, str) else count
        if form != "iso":
            return instant.astimezone(self.zone or UTC).strftime(form)
        if isinstance(like, str) and len(like) == _DATE_LENGTH:
            return instant.astimezone(self.zone or UTC).date().isoformat()
        if self.zone is None or (isinstance(like, str) and _names_zone(like)):
            return format_instant(instant)
        text = format_instant(instant.astimezone(self.zone).replace(tzinfo=UTC))
        return text.removesuffix("Z")

    def _reads(self, form: str, value: Any) -> bool:
        return value is not None and _READERS.get(form, _read_pattern(form))(value, self.zone, _LATEST) is not None


def is_zone(name: str) -> bool:
    """Tell whether there is a time zone of this name."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # no such file; "../x"; a folder
        return False
    return True


def _names_zone(text: str) -> bool:
    return text[-1:] in "Zz" or "+" in text[_DATE_LENGTH:] or "-" in text[_DATE_LENGTH:]


def _read_iso(value: Any, zone: tzinfo | None, fold: int) -> Rank | None:
    return split_instant(value, zone, fold) if isinstance(value, str) else None


def _read_epoch(value: Any, per_second: int) -> Rank | None:
    try:
        number = Decimal(value) if is_number(value) or isinstance(value, str) else None
        if number is None:
            return None
        microseconds = number * (1_000_000 // per_second)
        rest = microseconds % 1
        return EPOCH + timedelta(microseconds=int(microseconds - rest)), f"{rest:f}"[2:].rstrip("0")
    except (InvalidOperation, OverflowError, ValueError):  # not a number, or past the calendar
        return None


def _read_pattern(form: str) -> Callable[[Any, tzinfo | None, int], Rank | None]:
    def read(value: Any, zone: tzinfo | None, fold: int) -> Rank | None:
        try:
            moment = datetime.strptime(str(value), form)  # noqa: DTZ007 - the zone follows
        except ValueError:
            return None
        local = moment if moment.tzinfo else moment.replace(tzinfo=zone or UTC, fold=fold)
        return local.astimezone(UTC), ""

    return read


_READERS: dict[str, Callable[[Any, tzinfo | None, int], Rank | None]] = {
    "iso": _read_iso,
    "epoch": lambda value, _, __: _read_epoch(value, 1),
    "epoch_ms": lambda value, _, __: _read_epoch(value, 1000),
}
