"""Turns the rows of a page into where its stream may be asked for again, and which rows would come a second time.

Pages that are counted shift when a row before them leaves its place. So what has been read is remembered until the
pages are asked for from a start behind it, and whatever comes again is left out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tap_rest_api.bookmark import later
from tap_rest_api.bounds import to_asked_start
from tap_rest_api.rows import has_value, valued

if TYPE_CHECKING:
    from tap_rest_api.bookmark import Reading
    from tap_rest_api.keys import KeyForm
    from tap_rest_api.rows import Rows

_FEWEST_LEVELS = 2


def anchored(reading: Reading, rows: Rows, floor: Any, *, is_first: bool) -> Reading | None:
    """Return a reading that begins at the page's last value but one, if that is later than where its chain began.

    Whether the server's bound includes the bound itself or not, all records with the last value come again, and
    those that were taken already are known.

    Args:
        reading: How far a sorted stream has come with the page.
        rows: The page's.
        floor: The lowest value of the chain's first page; None if this is that page.
        is_first: The page is the first of its chain. Then the rows of earlier pages may be forgotten once a page
            ends behind all of them.
    """
    indexes = valued(rows.values)
    values, recent_to = [rows.values[index] for index in indexes], reading.recent_to
    if not values:
        return None
    begun = [bound for bound in (floor, reading.start) if bound is not None]  # rows from before the start may come
    form, bounds = _form(reading), [*begun, *([] if recent_to is None else [recent_to])]
    ranked = form.ranks([*values, *bounds])
    ranked, bounds = ranked[: len(values)], ranked[len(values) :]
    levels = sorted(set(ranked))[-_FEWEST_LEVELS:]
    lowest_rank = max([*bounds[: len(begun)], *([min(ranked)] if floor is None else [])])
    if len(levels) < _FEWEST_LEVELS or levels[0] <= lowest_rank:
        return None
    known = [index for index, rank in zip(indexes, ranked, strict=True) if rank >= levels[0]]
    anchor = rows.values[known[0]]
    known += sorted(set(range(len(rows.values))) - set(indexes))
    is_ahead = recent_to is None or bounds[-1] < levels[-1]
    recent = (frozenset() if is_first and is_ahead else reading.recent).union(rows.identities(known))
    recent_to = values[ranked.index(levels[-1])] if is_ahead else recent_to
    return replace(reading, start=anchor, recent=recent, recent_to=recent_to, is_again=True)


def remember(reading: Reading, rows: Rows) -> Reading:
    """Return a reading that knows all rows of a page as well.

    On the next one, rows that came in late may have pushed those of this one, and stand among them.
    """
    recent_to = _highest(_form(reading), reading.recent_to, rows)
    return replace(reading, recent=reading.recent.union(rows.identities()), recent_to=recent_to, is_again=True)


def again(proven: Reading, known: Reading) -> Reading:
    """Return a reading for the same pages once more: no further than what is proven, but with all that is known."""
    emitted = later(known.reached, known.emitted, _form(known))
    return replace(proven, recent=known.recent, recent_to=known.recent_to, is_again=True, emitted=emitted)


def covers(reading: Reading) -> bool:
    """Tell whether the bookmark covers all that has been emitted; a STATE before that would let some come again."""
    return reading.emitted is None or later(reading.reached, reading.emitted, _form(reading)) == reading.reached


def is_before(value: Any, reading: Reading) -> bool:
    """Tell whether a value lies before what is asked for: an API that shows it does not heed the start."""
    replication = reading.replication
    if replication is None or not has_value(value):
        return False
    asked = to_asked_start(replication, reading.start)
    first, start = replication.form.ranks([value, asked])
    return bool(first < start)


def lowest(reading: Reading, rows: Rows) -> Any:
    """Return a page's lowest value; None if it has none."""
    values = [rows.values[index] for index in valued(rows.values)]
    ranks = _form(reading).ranks(values)
    return values[ranks.index(min(ranks))] if values else None


def _highest(form: KeyForm, before: Any, rows: Rows) -> Any:
    values = [rows.values[index] for index in valued(rows.values)]
    values += [] if before is None else [before]
    ranks = form.ranks(values)
    return values[ranks.index(max(ranks))] if values else None


def _form(reading: Reading) -> KeyForm:
    assert reading.replication is not None  # noqa: S101 - only streams that have one are read so
    return reading.replication.form
