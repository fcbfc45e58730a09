"""Turns a context and its bookmark into the parts that are to be read: slices of time, and what was skipped before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tap_rest_api.bookmark import Bookmark, Reading, begin
from tap_rest_api.bounds import floor_to
from tap_rest_api.order import Part

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_rest_api.traversal import Replication
    from tap_rest_api.unit import Context

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Span:
    """A range of dates to read once more, whatever the bookmarks say: `since` is in it, `until` is not."""

    since: datetime | None = None
    until: datetime | None = None


def plan(replication: Replication, context: Context, before: Bookmark | None, now: datetime) -> Iterator[Part]:
    """Yield what is to be read behind a bookmark, in the order of time; nothing if that has not come yet."""
    end = _to_end(replication, before, now)
    reading = replace(begin(replication, before), end=end)
    yield from _slices(replication, context, reading)


def plan_older(replication: Replication, context: Context, old_start: Any) -> Part:
    """Return what lies between a start that was moved back and the one that the bookmark began at."""
    return Part(context, Reading(replication, start=replication.start, end=old_start), is_older=True)


def plan_span(replication: Replication, context: Context, span: Span, now: datetime) -> Iterator[Part]:
    """Yield what lies in a span."""
    write = replication.form.write
    start = replication.start if span.since is None else write(span.since)
    end = _to_end(replication, None, now) if span.until is None else write(span.until)
    for part in _slices(replication, context, Reading(replication, start=start, end=end)):
        yield replace(part, checkpoint=None)


def _to_end(replication: Replication, before: Bookmark | None, now: datetime) -> Any:
    """Return where to stop, in the key's own form; None to take whatever comes."""
    if replication.window is None and replication.delay is None and replication.end is None:
        return None
    ends = [now - (replication.delay or timedelta()), *([replication.end] if replication.end else [])]
    return replication.form.write(min(ends), before.value if before else replication.start)


def _slices(replication: Replication, context: Context, reading: Reading) -> Iterator[Part]:
    start, end = _instant(replication, reading.start), _instant(replication, reading.end)
    if start is not None and end is not None and start >= end:
        return
    if replication.window is None or start is None or end is None:
        yield Part(context, reading)
        return
    at = start
    while (until := at + replication.window) < end:
        low, high = (reading.start if at == start else _write(reading, at)), _write(reading, until)
        yield Part(context, replace(reading, start=low, end=high), _to_checkpoint(replication, at, until, reading))
        at = until
    yield Part(context, replace(reading, start=reading.start if at == start else _write(reading, at)))


def _instant(replication: Replication, value: Any) -> datetime | None:
    return None if value is None else replication.form.instant(value)


def _write(reading: Reading, instant: datetime) -> Any:
    replication = reading.replication
    return replication.form.write(instant, reading.start) if replication else None


def _to_checkpoint(replication: Replication, at: datetime, until: datetime, reading: Reading) -> Bookmark | None:
    """Return where the bookmark may stand after an empty slice; in a key of dates, no later than the day's start."""
    tick = replication.granularity or (_DAY if replication.window and replication.window >= _DAY else None)
    reached = floor_to(until, tick, replication)
    return Bookmark(replication.key, _write(reading, reached)) if reached > at else None
