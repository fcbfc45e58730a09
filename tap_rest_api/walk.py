"""Turns a page and the place it stood at into the records to emit and the place of the next page.

Only here do two things look back, each as a value: where the next page stands, and how far the bookmark has come.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from tap_rest_api.bookmark import is_ascending
from tap_rest_api.paginate import COUNTED, Evidence, next_position, position_ahead
from tap_rest_api.place import Place, Step, count_on
from tap_rest_api.stretch import step_on
from tap_rest_api.traversal import SHIFTING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_rest_api.bookmark import Reading
    from tap_rest_api.pages import Page
    from tap_rest_api.traversal import Pagination
    from tap_rest_api.unit import Unit

_SEEN_BEFORE_GUESSING = 2


def step(unit: Unit, place: Place, page: Page) -> Step:
    """Take in a page.

    Raises:
        PagingError: The pages contradict each other.
        ConfigError: The configuration does not fit the page.
    """
    opening = place.begun or (bytes(page.records[0]) if page.records else b"")
    if place.back is not None and place.is_unheeded(opening):
        what = "rows that change while it is read may be missed"
        unit.warn(f"{unit.stream.name}: the API does not heed ${{sync.start}}; its pages are counted on, and {what}")
        return Step((), place.back.reading, replace(place.back, is_counting=True), is_proven=False)
    evidence = _to_evidence(unit, page)
    place.guard.check_page(evidence)
    pagination = unit.settle(place.pagination, page, evidence)
    reading, records, rows = unit.take(place.reading, page, place.position)
    position = None if reading.is_passed else next_position(pagination, place.position, evidence)
    is_anchored = _is_anchored(unit, pagination, reading)
    is_watched = rows is not None and not place.is_counting and (is_anchored or _is_repeated(pagination, reading))
    here = replace(
        place,
        pagination=pagination,
        reading=reading,
        opening=place.opening or opening,
        opened=place.opened if place.opening or rows is None or not rows.values else rows.values[0],
        begun=b"",
        back=None,
        last_count=evidence.count if pagination.type in COUNTED and not (is_anchored and is_watched) else 0,
    )
    if rows is not None and is_watched:
        is_whole = not place.begun
        taken = step_on(unit, here, rows, position, is_anchored=is_anchored, is_whole=is_whole)
        return replace(taken, records=records)
    if position is None:
        return Step(records, reading, None, is_proven=True)
    is_safe = is_ascending(reading) and pagination.type not in SHIFTING
    here = replace(here, proven=reading) if is_safe else here
    return Step(records, reading, count_on(unit, here, position), is_safe)


def guess(unit: Unit, place: Place, asked: int, room: int) -> Iterator[Place]:
    """Yield the places after those that have been asked for, as far as the total promises that there are some.

    Only pages that are counted can be guessed, and only once the second has been seen to be another than the first:
    an API that heeds no number would be asked for its one page again and again.

    Args:
        unit: What is read.
        place: The next page to be used.
        asked: How many pages have been asked for, from that one on.
        room: How many more may be.
    """
    position, pagination = place.position, place.pagination
    if place.last_count == 0 or position.total is None or position.index < _SEEN_BEFORE_GUESSING or place.back:
        return
    most = pagination.max_pages or sys.maxsize
    for ahead in range(asked, asked + room):
        following = position_ahead(position, ahead, place.last_count)
        if following.received >= position.total or following.index >= most:
            return
        yield replace(place, position=following, request=unit.request(pagination, following, place.reading))


def _is_anchored(unit: Unit, pagination: Pagination, reading: Reading) -> bool:
    """Tell whether the pages are asked for again from the last keys on, after each page."""
    replication = reading.replication
    if replication is None or replication.reanchor is False:
        return False
    is_filtered = replication.filter == "server" and bool(unit.stream.primary_key)
    is_shifting = pagination.type in SHIFTING or replication.reanchor is True
    return replication.sorted == "asc" and is_filtered and is_shifting


def _is_repeated(pagination: Pagination, reading: Reading) -> bool:
    """Tell whether pages that cannot be anchored are read a second time: those of windows, or where it is asked for."""
    replication = reading.replication
    if replication is None or pagination.type not in SHIFTING:
        return False
    return replication.window is not None if replication.reanchor is None else replication.reanchor


def _to_evidence(unit: Unit, page: Page) -> Evidence:
    """Show the page to the loop guard: what its records are, whatever else in them may change with every answer."""
    content = (page.count, unit.tell_apart(page.records))
    return Evidence(page.url, page.headers, page.count, content, page.body.find, page.find_last)
