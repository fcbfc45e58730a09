"""Turns a page and the place it stood at into the records to emit and the place of the next page.

Only here do two things look back, each as a value: where the next page stands, and how far the bookmark has come.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tap_rest_api.paginate import (
    COUNTED,
    Evidence,
    LoopGuard,
    Position,
    first_position,
    next_position,
    position_ahead,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_rest_api.bookmark import Reading
    from tap_rest_api.json_body import Slice
    from tap_rest_api.pages import Page
    from tap_rest_api.transport import Request
    from tap_rest_api.traversal import Pagination
    from tap_rest_api.unit import Unit

_SHIFTING = ("page", "offset", "link")  # pages whose edges move when a row before them does
_SEEN_BEFORE_GUESSING = 2


@dataclass(frozen=True, slots=True)
class Place:
    """Where a walk stands: all that it knows when it asks for a page.

    Attributes:
        request: What asks for the page.
        pagination: How pages follow each other; `auto` until the first one has told.
        position: Where the page stands in its chain.
        reading: How far the bookmark has come.
        guard: Remembers the chain's pages.
        first: The request that began the chain.
        opening: The very first record of the walk.
        back: For the first page of a chain that began again: where to go on if the API does not heed the start.
        is_counting: The chain never begins again.
        last_count: Records on the page before, if pages are counted; 0 otherwise.
    """

    request: Request
    pagination: Pagination
    position: Position
    reading: Reading
    guard: LoopGuard
    first: Request
    opening: bytes = b""
    back: Place | None = None
    is_counting: bool = False
    last_count: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """What a page comes to.

    Attributes:
        records: Those to emit.
        reading: How far the bookmark has come with them.
        place: Where the next page stands; None after the last one.
        is_proven: Once the records are emitted, nothing before `reading.reached` is missing.
    """

    records: Sequence[Slice]
    reading: Reading
    place: Place | None
    is_proven: bool


def begin_walk(unit: Unit, reading: Reading) -> Place:
    """Return the place of a unit's first page."""
    pagination, position = unit.stream.pagination, first_position(unit.stream.pagination)
    request = unit.request(pagination, position, reading)
    return Place(request, pagination, position, reading, LoopGuard(), request)


def step(unit: Unit, place: Place, page: Page) -> Step:
    """Take in a page.

    Raises:
        PagingError: The pages contradict each other.
        ConfigError: The configuration does not fit the page.
    """
    opening = bytes(page.records[0]) if page.records else b""
    if place.back is not None and opening and opening == place.opening:
        unit.tell(f"{unit.stream.name}: the API does not heed ${{sync.start}}; its pages are counted on")
        return Step((), place.back.reading, replace(place.back, is_counting=True), is_proven=False)
    evidence = _to_evidence(unit, page)
    place.guard.check_page(evidence)
    pagination = unit.settle(place.pagination, page, evidence)
    is_anchored = _is_anchored(unit, pagination, place.reading) and not place.is_counting
    reading, records = unit.take(place.reading, page, place.position, is_anchored=is_anchored)
    position = None if reading.is_passed else next_position(pagination, place.position, evidence)
    if position is None:
        return Step(records, reading, None, is_proven=True)
    here = replace(
        place,
        pagination=pagination,
        reading=reading,
        opening=place.opening or opening,
        back=None,
        last_count=evidence.count if pagination.type in COUNTED and not is_anchored else 0,
    )
    following = _count_on(unit, here, position)
    if is_anchored and reading.anchor is not None:
        following = _begin_again(unit, following)
    is_safe = is_ascending(reading) and (is_anchored or pagination.type not in _SHIFTING)
    return Step(records, reading, following, is_safe)


def _count_on(unit: Unit, here: Place, position: Position) -> Place:
    here.guard.check_next(position)
    return replace(here, request=unit.request(here.pagination, position, here.reading), position=position)


def _begin_again(unit: Unit, following: Place) -> Place:
    """Ask for the first page from the anchor on, if that is another request than the one that began the chain."""
    reading = replace(following.reading, start=following.reading.anchor)
    position = replace(first_position(following.pagination), index=following.position.index)
    request = unit.request(following.pagination, position, reading)
    if request == following.first:
        return following
    return replace(
        following,
        request=request,
        position=position,
        reading=reading,
        guard=LoopGuard(),
        first=request,
        back=following,
    )


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
    """Tell whether the pages are asked for again from the last keys on, after each page.

    Rows that are updated during an ascending walk by page, offset or link move behind it, and those after them
    move up, over the edge of a page that has been read already. A walk that asks for the first page from the
    last keys on cannot miss them.
    """
    replication = reading.replication
    if replication is None or replication.reanchor is False:
        return False
    is_filtered = replication.filter == "server" and bool(unit.stream.primary_key)
    is_shifting = pagination.type in _SHIFTING or replication.reanchor is True
    return replication.sorted == "asc" and is_filtered and is_shifting


def is_ascending(reading: Reading) -> bool:
    """Tell whether a unit's records come in the order of their key."""
    return reading.replication is not None and reading.replication.sorted == "asc"


def _to_evidence(unit: Unit, page: Page) -> Evidence:
    """Show the page to the loop guard: what its records are, whatever else in them may change with every answer."""
    content = (page.count, unit.tell_apart(page.records))
    return Evidence(page.url, page.headers, page.count, content, page.body.find, page.find_last)
