"""Turns a bookmark and the replication key values of a page into the next bookmark and the records to keep."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tap_rest_api.errors import ConfigError
from tap_rest_api.instants import is_number
from tap_rest_api.keys import KeyForm
from tap_rest_api.rows import identity, valued

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from tap_rest_api.traversal import Replication

    Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Bookmark:
    """Up to where a stream, or one parent's part of it, has been read.

    Attributes:
        key: The replication key.
        value: Its highest value among the records emitted.
        seen: The primary keys of the records that had this very value, as far as they are known.
    """

    key: str
    value: Any
    seen: frozenset[Key] = frozenset()


@dataclass(frozen=True, slots=True)
class Reading:
    """How far the reading of one unit (a stream, or one parent's part of it) has come in this run.

    Attributes:
        replication: The stream's options; None for a full table.
        start: The lowest value that is wanted, lookback included; None wants everything.
        end: The first value that is not wanted; None wants whatever comes.
        before: Where the last run ended.
        at: The highest value taken in this run, which a lookback may put behind `before`.
        reached: The later of the two: what the next bookmark will be.
        recent: The identities of rows that have been taken and may come a second time.
        recent_to: The highest value among them.
        is_again: Pages are asked for again, so rows may come that lie before the last ones.
        emitted: How far it had come when its pages were asked for again: so far records may have been emitted.
        last: The last value of the page before, of a stream that is sorted "desc".
        is_passed: Such a stream has gone below the start: nothing that is wanted follows.
    """

    replication: Replication | None
    start: Any = None
    end: Any = None
    before: Bookmark | None = None
    at: Bookmark | None = None
    reached: Bookmark | None = None
    recent: frozenset[int] = frozenset()
    recent_to: Any = None
    is_again: bool = False
    emitted: Bookmark | None = None
    last: Any = None
    is_passed: bool = False


def is_ascending(reading: Reading) -> bool:
    """Tell whether a unit's records come in the order of their key."""
    return reading.replication is not None and reading.replication.sorted == "asc"


def begin(replication: Replication | None, before: Bookmark | None) -> Reading:
    """Start reading where the last run ended, less the lookback, or at the configured start.

    Raises:
        ConfigError: The bookmark belongs to another replication key, or the lookback does not fit it.
    """
    if replication is None or before is None:
        return Reading(replication, start=replication.start if replication else None)
    if before.key != replication.key:
        message = f'the bookmark is one of "{before.key}", but the replication key is "{replication.key}"'
        raise ConfigError(message, fix="take the stream's bookmark out of the state to read it all again.")
    start = before.value if replication.lookback is None else _look_back(before.value, replication)
    return Reading(replication, start, before=before, reached=before)


def _look_back(value: Any, replication: Replication) -> Any:
    distance = replication.lookback
    if isinstance(distance, timedelta) and (instant := replication.form.instant(value)):
        return replication.form.write(instant - distance, value)
    if isinstance(distance, int) and is_number(value):
        return value - distance
    fix = "a date-time needs a duration like PT5M, a number needs a number (or replication.format)."
    raise ConfigError(f'lookback does not fit the values of "{replication.key}"', fix=fix)


def take(
    reading: Reading, values: Sequence[Any], key_of: Callable[[int], Key] | None
) -> tuple[Reading, list[int] | None]:
    """Take in one page of replication key values.

    Left out are records from before the start or from the end on, and those at a bookmark's own value whose primary
    keys were seen there. A record without a value moves nothing; the option "missing" says what becomes of it.

    Args:
        reading: How far the unit had come before this page.
        values: One for each record; None or UNSET where it has none.
        key_of: Gives a record's primary key by its index; None for streams without one.

    Returns:
        How far it has come after the page, and the indexes of the records to keep, or None to keep all.

    Raises:
        ConfigError: The values have no order, or not the one that they are said to have; or a record has none.
    """
    replication = reading.replication
    if replication is None:
        return reading, None
    indexes = valued(values)
    dropped = _missing(replication, indexes, len(values)) | _known_without_value(reading, indexes, values, key_of)
    if not indexes:
        return reading, [index for index in range(len(values)) if index not in dropped] if dropped else None
    _check_plain(values, replication.key)
    page = _rank(reading, values if len(indexes) == len(values) else [values[index] for index in indexes])
    unwanted, known = _dropped(reading, page, indexes, values, key_of)
    dropped |= unwanted | known
    if replication.sorted == "desc":
        reading = _descend(reading, page, [(values[index], index) for index in indexes], key_of)
    kept = _without(page, indexes, dropped)[1]
    _check_order(replace(page, ranks=kept, at=None if reading.is_again else page.at), replication)
    keep = [index for index in range(len(values)) if index not in dropped] if dropped else None
    indexes, ranks = _without(page, indexes, unwanted)  # what came before in this run counts as well
    if not ranks:
        return reading, keep
    highest = max(ranks)
    ties = [index for rank, index in zip(ranks, indexes, strict=True) if rank == highest]
    seen = frozenset(map(key_of, ties)) if key_of is not None else frozenset()
    top = Bookmark(replication.key, values[ties[-1]], seen)
    at = _later(reading.at, page.at, top, highest)
    return replace(reading, at=at, reached=_later(reading.reached, page.reached, top, highest)), keep


def _without(page: _Ranked, indexes: Sequence[int], dropped: set[int]) -> tuple[Sequence[int], list[Any]]:
    if not dropped:
        return indexes, page.ranks
    rows = [row for row in zip(indexes, page.ranks, strict=True) if row[0] not in dropped]
    return [index for index, _ in rows], [rank for _, rank in rows]


def _known_without_value(
    reading: Reading, indexes: Sequence[int], values: Sequence[Any], key_of: Callable[[int], Key] | None
) -> set[int]:
    """Return the indexes of the records without a value that have come before."""
    if len(indexes) == len(values) or key_of is None or not reading.recent:
        return set()
    without = set(range(len(values))) - set(indexes)
    return {index for index in without if identity(None, key_of(index)) in reading.recent}


def _missing(replication: Replication, indexes: Sequence[int], count: int) -> set[int]:
    """Return the indexes of the records to leave out because they have no value."""
    if len(indexes) == count or replication.missing == "emit":
        return set()
    missing = set(range(count)) - set(indexes)
    if replication.missing == "fail":
        message = f'record {min(missing) + 1} of the page has no "{replication.key}"'
        raise ConfigError(message, fix='set "replication.missing" to "emit" or "skip" if that may be.')
    return missing


def _descend(
    reading: Reading, page: _Ranked, rows: Sequence[tuple[Any, int]], key_of: Callable[[int], Key] | None
) -> Reading:
    """Note how far down a stream has come that shows its newest records first.

    New rows push the others down while it is read, so that some come again on the next page: they are known by then.
    """
    is_passed = page.start is not None and min(page.ranks) < page.start
    recent = frozenset() if key_of is None else frozenset(identity(value, key_of(index)) for value, index in rows)
    return replace(reading, last=rows[-1][0], recent=recent, is_passed=reading.is_passed or is_passed)


def _check_plain(values: Sequence[Any], key: str) -> None:
    """Refuse what has no order: a state could not carry it either."""
    kinds = set(map(type, values))
    if kinds & {dict, list, bool}:
        fix = "name a field that holds a text or a number."
        raise ConfigError(f'"{key}" is not always a text or a number, so it cannot be the replication key', fix=fix)


@dataclass(frozen=True, slots=True)
class _Ranked:
    """A page's values and the bounds they are held against, as what they compare by; None where unbounded."""

    ranks: list[Any]
    start: Any
    end: Any
    last: Any
    before: Any
    at: Any
    reached: Any
    recent_to: Any


def _rank(reading: Reading, values: Sequence[Any]) -> _Ranked:
    marks = (mark.value if mark else None for mark in (reading.before, reading.at, reading.reached))
    bounds = (reading.start, reading.end, reading.last, *marks, reading.recent_to)
    form = reading.replication.form if reading.replication else KeyForm()
    known = [bound for bound in bounds if bound is not None]
    try:
        ranked = form.ranks([*values, *known])
    except TypeError:
        key = reading.replication.key if reading.replication else ""
        fix = 'set "replication.start" to a value like the records\', or "replication.format" to theirs.'
        what = f'the values of "{key}" do not compare with where to start'
        if not form.is_plain:
            what = f'a value of "{key}" is in none of the formats: {", ".join(form.formats)}'
        raise ConfigError(what, fix=fix) from None
    rest = iter(ranked[len(values) :])
    page = _Ranked(ranked[: len(values)], *(None if bound is None else next(rest) for bound in bounds))
    if form.zone is None or reading.start is None:
        return page
    return replace(page, start=form.ranks([reading.start], fold=0)[0])


def _dropped(
    reading: Reading,
    page: _Ranked,
    indexes: Sequence[int],
    values: Sequence[Any],
    key_of: Callable[[int], Key] | None,
) -> tuple[set[int], set[int]]:
    """Return the indexes of the records that are not wanted, and of those that have come before in this run."""
    is_late = page.end is not None and max(page.ranks) >= page.end
    is_sorted = is_ascending(reading)
    is_read_again = reading.replication is not None and reading.replication.lookback is not None
    before = None if is_read_again else reading.before
    seams = [(page.before, before), (page.at, reading.at if is_sorted else None)]
    seen = [(rank, mark.seen) for rank, mark in seams if mark is not None and mark.seen]
    marks = [page.before, page.at, page.recent_to] if reading.recent else [rank for rank, _ in seen]
    lowest = min(page.ranks)
    if not is_late and all(bound is None or lowest > bound for bound in (page.start, *marks)):
        return set(), set()  # of most pages, at no call a record

    def is_unwanted(rank: Any, index: int) -> bool:
        if (page.start is not None and rank < page.start) or (is_late and rank >= page.end):
            return True
        return key_of is not None and any(rank == at and key_of(index) in keys for at, keys in seen)

    unwanted = {index for rank, index in zip(page.ranks, indexes, strict=True) if is_unwanted(rank, index)}
    if not reading.recent or key_of is None:
        return unwanted, set()
    rest = (index for index in indexes if index not in unwanted)
    return unwanted, {index for index in rest if identity(values[index], key_of(index)) in reading.recent}


def _check_order(page: _Ranked, replication: Replication) -> None:
    if not page.ranks or not replication.sorted:
        return
    is_falling = replication.sorted == "desc"
    before = page.last if is_falling else page.at
    is_behind = before is not None and (page.ranks[0] > before if is_falling else page.ranks[0] < before)
    if is_behind or page.ranks != sorted(page.ranks, reverse=is_falling):
        does = "rises" if is_falling else "falls"
        order = f'"{replication.key}" is said to be sorted "{replication.sorted}"'
        raise ConfigError(
            f"{order}, but it {does} from one record to the next",
            fix='set "replication.sorted" to false: the bookmark then moves at the end of the stream.',
        )


def _later(mark: Bookmark | None, rank: Any, top: Bookmark, highest: Any) -> Bookmark:
    """Return the later of a mark and a page's top; where they are level, both have seen their records."""
    if mark is None or highest > rank:
        return top
    return mark if highest < rank else replace(mark, seen=mark.seen | top.seen)


def later(left: Bookmark | None, right: Bookmark | None, form: KeyForm) -> Bookmark | None:
    """Return the later of two bookmarks of one replication key; where they are level, what both have seen."""
    if left is None or right is None:
        return left or right
    first, second = form.ranks([left.value, right.value])
    return _later(left, first, right, second)


def hold(reading: Reading, began: datetime) -> Reading:
    """Hold the bookmark of pages that are not in its order to the time when the first of them was asked for.

    A row of an early page may have changed since, and then bears a time before the latest that a later page
    showed. The next run begins before both.
    """
    if reading.replication is None or reading.replication.sorted == "asc" or reading.reached is None:
        return reading
    form = reading.replication.form
    held = cap(reading.reached, began, form)
    return reading if held is reading.reached else replace(reading, reached=later(reading.before, held, form))


def cap(bookmark: Bookmark, began: datetime, form: KeyForm) -> Bookmark:
    """Hold a bookmark to the time when its reading began: what was read early may have changed since.

    Only times can be held; numbers are times where the option "format" says so.
    """
    instant = form.instant(bookmark.value)
    if instant is None or instant <= began:
        return bookmark
    return Bookmark(bookmark.key, form.write(began, bookmark.value))
