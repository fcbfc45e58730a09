"""Turns pages that can shift into proof that no row slipped through between them.

A row that is updated or deleted while a stream is read leaves its place, and those after it move up, some of them over
the edge of a page that has been read already. One page is one look at the source and misses nothing. So a sorted
stream is asked for its first page again after each page, from the last keys on. Where that cannot be (a page is full
of records that share a value, or the order is not that of the key), pages are counted, and read a second time: if each
holds the same rows as before, all of them were there between the two readings, and no row has moved up past them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tap_rest_api.anchor import again, anchored, covers, is_before, lowest, remember
from tap_rest_api.bookmark import is_ascending
from tap_rest_api.errors import PagingError
from tap_rest_api.place import Step, Stretch, begin_again, count_on

if TYPE_CHECKING:
    from tap_rest_api.paginate import Position
    from tap_rest_api.place import Place
    from tap_rest_api.rows import Rows
    from tap_rest_api.unit import Unit

_MOST_PASSES = 30


def step_on(
    unit: Unit, here: Place, rows: Rows, position: Position | None, *, is_anchored: bool, is_whole: bool
) -> Step:
    """Go on from a page of a chain that can shift; what is to be emitted of it is the caller's.

    Args:
        unit: What is read.
        here: The page's place, with the reading as it is after the page.
        rows: Those of the page.
        position: Where the next page stands; None after the last one.
        is_anchored: The stream is sorted, and can be asked for from any value on.
        is_whole: The rows are all of the page's; of a page that is too large to hold, they are its last ones.

    Raises:
        PagingError: The pages have changed too often while they were read.
    """
    stretch = here.stretch
    if not is_whole and stretch.pages:
        return _trust(unit, here, position, is_proven=position is None)
    if stretch.expected and is_whole:
        if stretch.expected[len(stretch.pages)] == _held(here, rows):
            return _same_again(unit, here, rows, position)
        here = replace(here, stretch=replace(stretch, expected=(), then=None, passes=stretch.passes + 1))
    after = None
    if position is not None:
        after = _move_up(unit, here, rows, position) if is_anchored else None
        if after is None and not is_whole:
            return _trust(unit, here, position, is_proven=is_anchored)
        if after is None:
            return _count(unit, here, rows, position, is_anchored=is_anchored)
    # An empty page moves no bookmark of a sorted stream, so that of the page before it stands by itself.
    doubtful = stretch.pages[:-1] if is_anchored and not rows.values else stretch.pages
    step = Step((), here.reading, after, is_proven=after is None or covers(here.reading))
    return _read_again(unit, here, rows, doubtful, step) if doubtful else step


def _same_again(unit: Unit, here: Place, rows: Rows, position: Position | None) -> Step:
    """Go on from a page that holds what it held before."""
    stretch = here.stretch
    pages = (*stretch.pages, _held(here, rows))
    if position is None:  # what stood behind it has gone
        return Step((), here.reading, None, is_proven=True)
    if stretch.then is not None and len(pages) == len(stretch.expected):
        return stretch.then
    here = replace(here, stretch=replace(stretch, pages=pages))
    return Step((), here.reading, count_on(unit, here, position), is_proven=False)


def _held(here: Place, rows: Rows) -> int:
    return rows.digest(is_sorted=is_ascending(here.reading))


def _move_up(unit: Unit, here: Place, rows: Rows, position: Position) -> Place | None:
    """Return the place of the first page from the last keys on; None if it would be the page that began the chain."""
    is_first = not here.stretch.pages
    reading = anchored(here.reading, rows, None if is_first else here.stretch.floor, is_first=is_first)
    if reading is None:
        return None
    place = begin_again(unit, replace(here, proven=reading), reading, position)
    if place.request == here.first:
        return None
    is_opening_wanted = not is_before(here.opened, reading)
    return place if is_opening_wanted else replace(place, back=count_on(unit, here, position))


def _count(unit: Unit, here: Place, rows: Rows, position: Position, *, is_anchored: bool) -> Step:
    """Go on to the next page of the chain. Of a sorted one, the first page stands by itself."""
    stretch, is_proven = here.stretch, is_anchored and not here.stretch.pages
    floor = stretch.floor if stretch.pages else lowest(here.reading, rows)
    known = remember(here.reading, rows)
    stretch = replace(stretch, floor=floor, pages=(*stretch.pages, _held(here, rows)))
    here = replace(here, reading=known, proven=known if is_proven else here.proven, stretch=stretch)
    return Step((), known, count_on(unit, here, position), is_proven and covers(known))


def _trust(unit: Unit, here: Place, position: Position | None, *, is_proven: bool) -> Step:
    """Go on without proof, for the rest of the unit: the page's rows are too many to be remembered."""
    what = "rows that change while it is read may be missed: ask for smaller pages"
    unit.warn(f"{unit.stream.name}: a page is too large to be held against what it was before, so {what}")
    here = replace(here, is_counting=True, stretch=Stretch())
    following = None if position is None else count_on(unit, here, position)
    return Step((), here.reading, following, is_proven and (following is None or covers(here.reading)))


def _read_again(unit: Unit, here: Place, rows: Rows, doubtful: tuple[int, ...], step: Step) -> Step:
    """Ask for the pages of the chain once more before a step is made."""
    stretch = here.stretch
    if stretch.passes >= _MOST_PASSES:
        fix = 'ask for larger pages, or for a "cursor"; "reanchor": false reads pages once, whatever slips through.'
        raise PagingError(
            f"{len(doubtful)} pages have changed each of {_MOST_PASSES} times that they were read", fix=fix
        )
    first = replace(here.position, index=here.position.index - len(stretch.pages))
    place = begin_again(unit, here, again(here.proven, remember(here.reading, rows)), first)
    stretch = Stretch(expected=doubtful, then=step, passes=stretch.passes)
    return Step((), here.reading, replace(place, stretch=stretch), is_proven=False)
