"""A cron expression and a time zone become the moments at which something is due.

Five fields as Debian's cron reads them. Where hour and minute are both named, a time that the clocks skip is due at the
first minute after the gap, and a time they show twice is due the first time. An expression with ``*`` in either goes by
elapsed time: each hour that passes has its runs.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from lake.errors import UsageError

MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}

_FIELDS = 5

_SOME_DAY = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Cron:
    """When something is due: five fields, read in a time zone (a name of the IANA database)."""

    expression: str
    zone: str = "UTC"

    def next_after(self, moment: datetime) -> datetime | None:
        """Return the first due moment after one, UTC; None if there is none within fifty years."""
        for found in CronSim(self.expression, moment.astimezone(ZoneInfo(self.zone))):
            due = found.astimezone(UTC)
            if due > moment:  # else it is the first showing of an hour that the clocks repeat
                return due
        return None

    def __str__(self) -> str:
        return f"{self.expression} ({self.zone})"


def parse_cron(text: str, zone: str, where: str) -> Cron:
    """Return the checked expression.

    Args:
        text: Five fields, or one of `MACROS`.
        zone: The name of a time zone.
        where: The file and JSON pointer of the schedule's entry, for an error.

    Raises:
        UsageError: The expression or the zone is none, or the day it names never comes.
    """
    expression = MACROS.get(text.strip().lower(), text)
    fields = len(expression.split())
    if fields != _FIELDS:
        near = difflib.get_close_matches(text, MACROS, n=1)
        meant = (
            f"did you mean {near[0]}?" if near else 'as in "30 6 * * 1-5": minute, hour, day, month, day of the week'
        )
        raise UsageError(f"{text!r} has {fields} fields, not five", where=f"{where}/cron", fix=meant)
    _check_zone(zone, where)
    cron = Cron(" ".join(expression.split()), zone)
    try:
        comes = cron.next_after(_SOME_DAY)
    except CronSimError as error:
        reason = str(error).lower().removeprefix("bad ")
        fix = "minute 0-59, hour 0-23, day 1-31, month 1-12, day of the week 0-7 (Sunday is 0 and 7)"
        raise UsageError(f"{text!r} has a bad {reason}", where=f"{where}/cron", fix=fix) from error
    if comes is None:
        raise UsageError(f"{text!r} is never due", where=f"{where}/cron", fix="no calendar has that day")
    return cron


def _check_zone(zone: str, where: str) -> None:
    try:
        ZoneInfo(zone)
    except (OSError, ValueError, KeyError) as error:  # "Europe" is a folder there, "../x" a bad key
        known = available_timezones()
        near = difflib.get_close_matches(zone, known, n=1)
        fix = f"did you mean {near[0]!r}?" if near else "write a name as Europe/Berlin or America/New_York"
        if not known:
            fix = "this machine has no time zones: install the system's tzdata, or `pip install tzdata`"
        raise UsageError(f"there is no time zone {zone!r}", where=f"{where}/time_zone", fix=fix) from error
