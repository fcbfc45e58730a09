from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from tap_rest_api.bookmark import Bookmark, Reading, begin, cap, hold, later, take
from tap_rest_api.errors import ConfigError
from tap_rest_api.keys import KeyForm
from tap_rest_api.traversal import Replication

ASC = Replication("at", sorted="asc")
ANY = Replication("at")
NOON = datetime(2024, 1, 5, 12, tzinfo=UTC)


def mark(value: Any, *seen: int) -> Bookmark:
    return Bookmark("at", value, frozenset((key,) for key in seen))


def feed(reading: Reading, *rows: tuple[int, Any]) -> tuple[Reading, list[int]]:
    """Take a page of (primary key, value); return the keys that are kept."""
    keep_reading, keep = take(reading, [value for _, value in rows], lambda index: (rows[index][0],))
    return keep_reading, [key for key, _ in rows] if keep is None else [rows[index][0] for index in keep]


def test_a_first_run_keeps_everything_and_remembers_the_ties_at_the_top() -> None:
    reading, kept = feed(begin(ASC, None), (1, "2024-01-01"), (2, "2024-01-02"), (3, "2024-01-02"))
    assert kept == [1, 2, 3]
    assert reading.reached == mark("2024-01-02", 2, 3)


def test_ties_over_a_page_edge_are_gathered() -> None:
    reading, _ = feed(begin(ASC, None), (1, "2024-01-02"))
    reading, kept = feed(reading, (2, "2024-01-02"), (3, "2024-01-02"))
    assert kept == [2, 3]
    assert reading.reached == mark("2024-01-02", 1, 2, 3)


def test_at_the_bookmark_only_what_was_not_seen_is_kept() -> None:
    _, kept = feed(begin(ANY, mark("2024-01-02", 1)), (1, "2024-01-02"), (2, "2024-01-02"), (3, "2024-01-01"))
    assert kept == [2]


def test_a_start_is_inclusive() -> None:
    _, kept = feed(begin(Replication("at", start=5), None), (1, 4), (2, 5), (3, 6))
    assert kept == [2, 3]


def test_a_bookmark_never_goes_back() -> None:
    before = mark("2024-01-09", 9)
    reading, kept = feed(begin(ANY, before), (1, "2024-01-01"))
    assert kept == []
    assert reading.reached == before


@pytest.mark.parametrize(
    ("replication", "value", "start"),
    [
        (Replication("at", lookback=timedelta(days=1)), "2024-01-02T00:00:00Z", "2024-01-01T00:00:00Z"),
        (Replication("at", lookback=timedelta(hours=36)), "2024-01-03", "2024-01-01"),
        (Replication("at", lookback=timedelta(minutes=1), form=KeyForm(("epoch",))), 1000, 940),
        (Replication("at", lookback=timedelta(minutes=1), form=KeyForm(("epoch_ms",))), 100_000, 40_000),
        (Replication("at", lookback=10), 25, 15),
        (Replication("at"), 25, 25),
    ],
    ids=["date-time", "date", "epoch", "epoch_ms", "number", "none"],
)
def test_lookback_moves_the_start_behind_the_bookmark(replication: Replication, value: Any, start: Any) -> None:
    assert begin(replication, mark(value)).start == start


@pytest.mark.parametrize(
    ("replication", "value"),
    [
        (Replication("at", lookback=timedelta(days=1)), 25),
        (Replication("at", lookback=10), "2024-01-02"),
        (Replication("at", lookback=timedelta(days=1)), "abc"),
    ],
)
def test_a_lookback_of_the_wrong_kind_is_an_error(replication: Replication, value: Any) -> None:
    with pytest.raises(ConfigError, match="lookback does not fit"):
        begin(replication, mark(value))


def test_within_the_lookback_all_records_are_read_again_also_those_seen_at_the_bookmark() -> None:
    replication = Replication("at", sorted="asc", lookback=10)
    reading, kept = feed(begin(replication, mark(100, 1)), (5, 92), (6, 95), (1, 100), (7, 101))
    assert kept == [5, 6, 1, 7], "1 may have changed within the same tick"
    assert reading.reached == mark(101, 7)


@pytest.mark.parametrize("value", [[1], {"a": 1}, True])
def test_a_value_that_no_state_could_carry_is_an_error(value: Any) -> None:
    """A list became the bookmark, and the next run refused its own state."""
    with pytest.raises(ConfigError, match="not always a text or a number"):
        feed(begin(ANY, None), (1, value))


def test_a_bookmark_of_another_key_is_an_error_and_no_silent_full_read() -> None:
    with pytest.raises(ConfigError, match='one of "id"'):
        begin(ASC, Bookmark("id", 5))


@pytest.mark.parametrize("rows", [[(1, 2), (2, 1)], [(1, "2024-01-02T00:00:00Z"), (2, "2024-01-01T00:00:00.5Z")]])
def test_a_sorted_stream_that_falls_is_an_error(rows: list[tuple[int, Any]]) -> None:
    with pytest.raises(ConfigError, match="it falls"):
        feed(begin(ASC, None), *rows)
    feed(begin(ANY, None), *rows)


def test_a_sorted_stream_that_falls_from_one_page_to_the_next_is_an_error() -> None:
    reading, _ = feed(begin(ASC, None), (1, 5))
    with pytest.raises(ConfigError, match="it falls"):
        feed(reading, (2, 4))


def test_numbers_do_not_compare_with_dates() -> None:
    with pytest.raises(ConfigError, match="do not compare"):
        feed(begin(Replication("at", start="2024-01-01"), None), (1, 1704067200))


def test_records_without_a_value_are_kept_and_move_nothing() -> None:
    reading, keep = take(begin(ASC, mark(5)), [None, UNSET, float("nan")], None)
    assert keep is None
    assert reading.reached == mark(5)


def test_without_a_primary_key_ties_are_read_again() -> None:
    reading, keep = take(begin(ASC, Bookmark("at", 5)), [5, 6], None)
    assert keep is None
    assert reading.reached == Bookmark("at", 6)


def test_the_later_of_two_bookmarks() -> None:
    assert later(None, mark(1), KeyForm()) == mark(1)
    assert later(mark(2, 1), mark(1, 2), KeyForm()) == mark(2, 1)
    assert later(mark(2, 1), mark(2, 2), KeyForm()) == mark(2, 1, 2)
    assert later(mark("2024-01-01T01:00:00+01:00"), mark("2024-01-01T00:30:00Z"), KeyForm()) == mark(
        "2024-01-01T00:30:00Z"
    )


@pytest.mark.parametrize(
    ("value", "held"),
    [
        ("2024-01-09T00:00:00Z", "2024-01-05T12:00:00Z"),
        ("2024-01-09", "2024-01-05"),
        ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"),
        (10**10, 10**10),
        ("abc", "abc"),
    ],
)
def test_a_shared_bookmark_does_not_pass_the_time_its_reading_began(value: Any, held: Any) -> None:
    assert cap(mark(value), NOON, KeyForm()).value == held


@pytest.mark.parametrize(("form", "factor"), [("epoch", 1), ("epoch_ms", 1000)])
def test_an_epoch_is_held_as_the_time_it_is(form: str, factor: int) -> None:
    noon = int(NOON.timestamp()) * factor
    assert cap(mark(noon + factor), NOON, KeyForm((form,))).value == noon
    assert cap(mark(noon - factor), NOON, KeyForm((form,))).value == noon - factor


def test_a_row_that_changes_behind_an_unsorted_walk_is_read_again_by_the_next() -> None:
    """Read on page 1 at 11:59, changed at 12:01, while page 2 shows a row of 12:02: the next run begins at noon."""
    reading, _ = feed(begin(ANY, None), (1, "2024-01-05T11:59:00Z"))
    reading, _ = feed(reading, (2, "2024-01-05T12:02:00Z"))
    assert hold(reading, NOON).reached == mark("2024-01-05T12:00:00Z")


def test_a_held_bookmark_does_not_fall_behind_the_last_one() -> None:
    last = mark("2024-01-05T12:30:00Z", 1)
    reading, _ = feed(begin(ANY, last), (2, "2024-01-05T12:40:00Z"))
    assert hold(reading, NOON).reached == last


def test_the_bookmark_of_a_sorted_walk_is_not_held() -> None:
    reading, _ = feed(begin(ASC, None), (2, "2024-01-05T12:02:00Z"))
    assert hold(reading, NOON) is reading


moments = st.integers(0, 12).map(lambda day: f"2024-01-{day + 1:02}T00:00:00Z")


@given(st.lists(st.lists(st.tuples(st.integers(0, 5), moments), max_size=6), max_size=6))
def test_whatever_the_pages_the_bookmark_is_the_highest_value(pages: list[list[tuple[int, str]]]) -> None:
    reading = begin(ANY, None)
    for rows in pages:
        reading, kept = feed(reading, *rows)
        assert kept == [key for key, _ in rows]
    everything = [row for rows in pages for row in rows]
    if everything:
        top = max(value for _, value in everything)
        assert reading.reached == mark(top, *{key for key, value in everything if value == top})
    else:
        assert reading.reached is None


@pytest.mark.parametrize("is_sorted", ["asc", False])
def test_over_300_runs_with_ties_late_arrivals_and_crashes_nothing_is_missed_or_doubled(is_sorted: str | bool) -> None:
    """A source that grows at its end, read in runs of which some break off; the API's bound is inclusive."""
    chance = random.Random(7)
    replication = Replication("at", sorted=is_sorted, filter="server")
    source: list[tuple[int, int]] = []
    landed: list[tuple[int, int]] = []
    bookmark: Bookmark | None = None
    clock = 0
    for _ in range(300):
        for _ in range(chance.randrange(6)):
            clock += chance.randrange(2)
            source.append((len(source), clock))
        found = sorted((row for row in source if bookmark is None or row[1] >= bookmark.value), key=lambda row: row[1])
        pages = [found[at : at + 3] for at in range(0, len(found), 3)]
        stop = chance.randrange(len(pages) + 1) if chance.random() < 0.4 else len(pages)
        reading, pending = begin(replication, bookmark), []
        for number, rows in enumerate(pages[:stop], start=1):
            reading, kept = feed(reading, *rows)
            pending += [row for row in rows if row[0] in kept]
            if is_sorted or number == len(pages):
                landed, pending, bookmark = landed + pending, [], reading.reached
    reading, kept = feed(begin(replication, bookmark), *[row for row in source if row[1] >= bookmark.value])
    landed += [row for row in source if row[0] in kept]
    assert sorted(landed) == source
