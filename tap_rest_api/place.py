"""Turns a position among the pages of a unit into the place of a page: its request, and all that is known there."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tap_rest_api.loop_guard import LoopGuard
from tap_rest_api.paginate import Position, first_position

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_rest_api.bookmark import Reading
    from tap_rest_api.json_body import Slice
    from tap_rest_api.transport import Request
    from tap_rest_api.traversal import Pagination
    from tap_rest_api.unit import Unit


@dataclass(frozen=True, slots=True)
class Stretch:
    """The pages of a chain that can shift, as they came; see the module `stretch`.

    Attributes:
        floor: The first page's lowest value.
        pages: What the pages before this one held, eight bytes for each.
        expected: What they held the last time, if they are read again; empty if not.
        then: The step that they hold up until they are seen to hold the same.
        passes: How often they did not.
    """

    floor: Any = None
    pages: tuple[int, ...] = ()
    expected: tuple[int, ...] = ()
    then: Step | None = None
    passes: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a walk stands: all that it knows when it asks for a page.

    Attributes:
        request: What asks for the page.
        pagination: How pages follow each other; `auto` until the first one has told.
        position: Where the page stands in its chain.
        reading: How far the bookmark has come.
        proven: How far it has come without doubt: no record before that is missing.
        guard: Remembers the chain's pages.
        first: The request that began the chain.
        stretch: The chain's pages, if they can shift.
        opening: The very first record of the walk.
        opened: Its replication key's value.
        begun: The page's first record, if the page comes in pieces.
        back: For the first page of a chain that began again: where to go on if the API does not heed the start.
        is_counting: The chain never begins again.
        last_count: Records on the page before, if pages are counted; 0 otherwise.
    """

    request: Request
    pagination: Pagination
    position: Position
    reading: Reading
    proven: Reading
    guard: LoopGuard
    first: Request
    stretch: Stretch = field(default_factory=Stretch)
    opening: bytes = b""
    opened: Any = None
    begun: bytes = b""
    back: Place | None = None
    is_counting: bool = False
    last_count: int = 0

    def is_unheeded(self, record: bytes) -> bool:
        """Tell from the first record of a chain that began again whether the API does not heed where it begins."""
        return self.back is not None and bool(record) and record == self.opening


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
    return Place(request, pagination, position, reading, reading, LoopGuard(), request)


def count_on(unit: Unit, here: Place, position: Position) -> Place:
    """Return the place of the next page of the same chain."""
    here.guard.check_next(position)
    return replace(here, request=unit.request(here.pagination, position, here.reading), position=position)


def begin_again(unit: Unit, here: Place, reading: Reading, position: Position) -> Place:
    """Return the place of the first page of a chain that begins where a reading does.

    Args:
        unit: What is read.
        here: Where the walk stands.
        reading: From where to where.
        position: Gives the number of the page among all that the walk has read.
    """
    position = replace(first_position(here.pagination), index=position.index)
    request = unit.request(here.pagination, position, reading)
    return replace(
        here,
        request=request,
        position=position,
        reading=reading,
        guard=LoopGuard(),
        first=request,
        stretch=Stretch(),
    )
