"""Turns the verbs of the option "errors" that ask otherwise into where to go on: smaller pages, half a window, anew."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit

from tap_rest_api.bookmark import is_ascending
from tap_rest_api.errors import RefusedError
from tap_rest_api.paginate import FIRST_NUMBER

if TYPE_CHECKING:
    from tap_rest_api.bookmark import Reading
    from tap_rest_api.paginate import Position
    from tap_rest_api.place import Place
    from tap_rest_api.traversal import Pagination
    from tap_rest_api.unit import Unit

_TICK = timedelta(seconds=1)


def shrink(unit: Unit, place: Place) -> Place:
    """Ask for the same records in a page of half the size, or of the next smaller one whose pages begin there.

    Raises:
        RefusedError: A page of one record is too large, or a link does not say its size.
    """
    pagination, position = place.pagination, place.position
    size = pagination.size or 1
    skipped = 0 if position.number is None else (position.number - _first_number(pagination)) * size
    smaller = next((fit for fit in range(size // 2, 0, -1) if skipped % fit == 0), 0)
    if smaller == 0:
        raise RefusedError("the API refuses even a page of one record")
    pagination = replace(pagination, size=smaller)
    number = None if position.number is None else _first_number(pagination) + skipped // smaller
    position = replace(position, number=number, url=_with_size(pagination, position))
    request = unit.request(pagination, position, place.reading)
    return replace(place, pagination=pagination, position=position, request=request, last_count=0)


def _first_number(pagination: Pagination) -> int:
    return FIRST_NUMBER if pagination.start is None else pagination.start


def _with_size(pagination: Pagination, position: Position) -> str | None:
    if position.url is None:
        return None
    split = urlsplit(position.url)
    pairs = parse_qsl(split.query, keep_blank_values=True)
    if pagination.size_param not in dict(pairs):
        raise RefusedError("the page cannot be made smaller: its link does not say its size")
    size = str(pagination.size)
    query = [(name, size if name == pagination.size_param else value) for name, value in pairs]
    return split._replace(query=urlencode(query)).geturl()


def split(reading: Reading, initial: Reading) -> tuple[Reading, Reading]:
    """Return the halves of a window, in the order of time.

    Args:
        reading: How far the window has been read.
        initial: How it was begun.

    Raises:
        RefusedError: It is no longer than a tick of the API's clock.
    """
    reading = anew(reading, initial)
    replication = reading.replication
    start = replication.form.instant(reading.start) if replication and reading.start is not None else None
    end = replication.form.instant(reading.end) if replication and reading.end is not None else None
    tick = (replication.granularity if replication else None) or _TICK
    if replication is None or start is None or end is None or end - start < 2 * tick:
        raise RefusedError("the API refuses even the shortest window")
    middle = replication.form.write(start + (end - start) // 2 // tick * tick, reading.start)
    return replace(reading, end=middle), replace(reading, start=middle)


def anew(reading: Reading, initial: Reading) -> Reading:
    """Return a reading for a chain that begins again: at the last value that a sorted one has reached.

    Of one that is not sorted, what has been reached proves nothing before the chain has come to its end.
    """
    is_sorted = is_ascending(reading)
    start = reading.at.value if is_sorted and reading.at is not None else reading.start
    return replace(
        reading,
        start=start,
        at=None,
        reached=reading.reached if is_sorted else initial.reached,
        recent=frozenset(),
        recent_to=None,
        is_again=False,
        emitted=None,
        last=None,
        is_passed=False,
    )
