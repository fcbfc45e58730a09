"""From where a sorted stream may be asked for again, and what is known there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import UNSET

from tap_rest_api.anchor import again, anchored, lowest, remember
from tap_rest_api.bookmark import Reading, begin, take
from tap_rest_api.rows import Rows
from tap_rest_api.traversal import Replication

if TYPE_CHECKING:
    from collections.abc import Sequence

ASC = Replication("at", sorted="asc", filter="server")


def to_rows(pairs: Sequence[tuple[int, Any]]) -> Rows:
    return Rows([value for _, value in pairs], lambda index: (pairs[index][0],))


def feed(reading: Reading, *pairs: tuple[int, Any]) -> tuple[Reading, list[int]]:
    """Take in a page; return the keys of the records that are kept."""
    rows = to_rows(pairs)
    reading, keep = take(reading, rows.values, rows.key_of)
    return reading, [key for index, (key, _) in enumerate(pairs) if keep is None or index in keep]


def move_up(reading: Reading, *pairs: tuple[int, Any], floor: Any = None) -> Reading:
    found = anchored(reading, to_rows(pairs), floor, is_first=floor is None)
    assert found is not None
    return found


def test_the_anchor_is_the_last_value_but_one_and_what_is_known_from_there_is_dropped() -> None:
    page = ((1, 1), (2, 2), (3, 2), (4, 3))
    reading, _ = feed(begin(ASC, None), *page)
    reading = move_up(reading, *page)
    assert reading.start == 2
    _, kept = feed(reading, (2, 2), (3, 2), (9, 2), (4, 3), (5, 3), (6, 4))
    assert kept == [9, 5, 6]


@pytest.mark.parametrize("values", [[5, 5], [5, 6, 6], [None, UNSET], []], ids=str)
def test_a_first_page_with_fewer_than_three_values_gives_no_anchor(values: list[Any]) -> None:
    """Asked for again from its last value but one, it would be the same page."""
    assert anchored(begin(ASC, None), to_rows(list(enumerate(values))), None, is_first=True) is None


def test_a_later_page_of_two_values_gives_one_if_its_chain_began_before_both() -> None:
    first, second = ((1, 1), (2, 2), (3, 2)), ((4, 2), (5, 2), (6, 3))
    reading, _ = feed(begin(ASC, None), *first)
    reading, _ = feed(remember(reading, to_rows(first)), *second)
    assert anchored(reading, to_rows(second), 2, is_first=False) is None
    _, kept = feed(move_up(reading, *second, floor=1), (2, 2), (3, 2), (4, 2), (5, 2), (6, 3), (7, 3))
    assert kept == [7]


def test_rows_from_before_the_start_give_no_anchor_or_the_walk_would_go_back() -> None:
    """An API whose bounds are whole ticks shows such rows. A walk that began again at them went round for ever."""
    reading = replace(begin(ASC, None), start=40)
    assert anchored(reading, to_rows(((1, 32), (2, 34), (3, 38))), None, is_first=True) is None
    assert move_up(reading, (1, 32), (2, 34), (3, 41), (4, 42)).start == 41


def test_what_an_earlier_page_has_shown_stays_known_until_a_page_ends_behind_it() -> None:
    """Rows that left the first page let it be anchored, before the rows of the page that stood behind it."""
    reading = remember(begin(ASC, None), to_rows(((8, 8), (9, 9))))
    page = ((1, 1), (2, 2), (3, 3))
    reading, _ = feed(reading, *page)
    reading, kept = feed(move_up(reading, *page), (3, 3), (8, 8), (9, 9), (10, 10))
    assert kept == [10]
    assert move_up(reading, (3, 3), (8, 8), (9, 9), (10, 10)).recent.isdisjoint(to_rows(((8, 8),)).identities())


def test_pages_that_are_read_again_prove_what_they_show_and_emit_none_of_it_twice() -> None:
    proven, _ = feed(begin(ASC, None), (1, 5), (2, 5))
    known, _ = feed(proven, (3, 5), (4, 6))
    known = remember(remember(known, to_rows(((1, 5), (2, 5)))), to_rows(((3, 5), (4, 6))))
    reading, kept = feed(again(proven, known), (2, 5), (7, 5), (3, 5), (4, 6))
    assert kept == [7]
    assert reading.reached is not None
    assert reading.reached.value == 6


def test_records_without_a_value_do_not_come_again() -> None:
    reading = remember(begin(ASC, None), to_rows(((1, None), (2, UNSET))))
    assert feed(reading, (1, None), (2, UNSET), (3, None))[1] == [3]


def test_the_lowest_value_is_that_of_its_order() -> None:
    assert lowest(begin(ASC, None), to_rows(((1, None), (2, 10), (3, 9)))) == 9
    assert lowest(begin(ASC, None), to_rows(((1, None),))) is None
