"""Turns where a reading begins and ends into the bounds to ask the API for, which may count them in or not.

What comes from outside the reading is left out here: asking for too much costs a little, for too little a record.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tap_rest_api.instants import is_number, parse_instant
from tap_rest_api.template import Moment

if TYPE_CHECKING:
    from tap_rest_api.bookmark import Reading
    from tap_rest_api.keys import KeyForm
    from tap_rest_api.traversal import Replication

_TICK = timedelta(seconds=1)


def to_sync_scope(reading: Reading, end: str) -> dict[str, Moment | Any]:
    """Return what `${sync.start}` and `${sync.end}` stand for.

    Args:
        reading: What is read.
        end: When the run began, RFC 3339, for a reading that has no end of its own.
    """
    replication = reading.replication
    if replication is None:
        return {"start": None, "end": end}
    form = replication.form
    began = parse_instant(end)
    stop = reading.end
    if stop is None:
        stop = end if form.is_plain or began is None else form.write(began)
    asked = {"start": to_asked_start(replication, reading.start), "end": to_asked_end(replication, stop)}
    return {name: value if form.is_plain else _to_moment(value, form) for name, value in asked.items()}


def _to_moment(value: Any, form: KeyForm) -> Moment:
    """Let a format write a local time where the key's values are local: a date must not be that of the day after."""
    instant = None if value is None else form.instant(value)
    return Moment(value, instant.astimezone(form.zone or UTC) if instant else None)


def to_asked_start(replication: Replication, start: Any) -> Any:
    """Return the start to ask for: a tick earlier if the API leaves out its start, and no later in the same tick."""
    if start is None or (replication.bounds[0] == "[" and replication.granularity is None):
        return start
    instant = replication.form.instant(start)
    if instant is None:
        return start - 1 if is_number(start) and replication.bounds[0] == "(" else start
    earlier = floor_to(instant, replication.granularity, replication)
    if replication.bounds[0] == "(":
        earlier -= replication.granularity or _TICK
    return replication.form.write(earlier, start)


def to_asked_end(replication: Replication, end: Any) -> Any:
    """Return the end to ask for: the last tick before it where the API counts its end in, else the first after."""
    granularity = replication.granularity
    instant = None if end is None or granularity is None else replication.form.instant(end)
    if instant is None or granularity is None:
        return end
    later = floor_to(instant + granularity - timedelta(microseconds=1), granularity, replication)
    if replication.bounds[1] == "]":
        later -= granularity
    return replication.form.write(later, end)


def floor_to(instant: datetime, tick: timedelta | None, replication: Replication) -> datetime:
    """Return the last tick of the key's own clock that is not after an instant."""
    if tick is None:
        return instant
    local = instant.astimezone(replication.form.zone or UTC)
    wall = local.replace(tzinfo=None)
    floored = wall - (wall - datetime.min) % tick  # noqa: DTZ901 - a wall clock has no zone
    return floored.replace(tzinfo=local.tzinfo).astimezone(UTC)
