"""Rows that change while pages are read: none slips through between two pages, and none comes twice.

The simulation draws what may happen; here stands what once did. `World` is a table in the order of its rows, of
which a page may be asked for by number; what a test does to it happens before a request of its choice is answered.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.tap.fake_api import FakeApi, Reply
from tests.tap.tap import run_tap

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.tap.fake_api import Seen

SIZE = 2


def at(minute: int) -> str:
    return f"2024-01-01T00:{minute:02}:00Z"


class World:
    """A table and its API: `rows` are (id, minute), and `events` what happens before the n-th request."""

    def __init__(self, *rows: tuple[int, int], events: dict[int, Callable[[World], None]] | None = None) -> None:
        self.rows = list(rows)
        self.events = events or {}
        self.requests = 0

    def change(self, row_id: int, minute: int) -> None:
        """Give a row another time, and its place behind all others."""
        self.remove(row_id)
        self.rows.append((row_id, minute))

    def remove(self, row_id: int) -> None:
        self.rows = [row for row in self.rows if row[0] != row_id]

    def __call__(self, seen: Seen) -> Reply:
        self.requests += 1
        self.events.get(self.requests, lambda _: None)(self)
        since, until = seen.query.get("since", ""), seen.query.get("until", "9")
        rows = [row for row in self.rows if since <= at(row[1]) < until]
        start = (int(seen.query["page"]) - 1) * SIZE
        return Reply({"data": [{"id": row_id, "at": at(minute)} for row_id, minute in rows[start : start + SIZE]]})


def config(url: str, **replication: Any) -> dict[str, Any]:
    return {
        "base_url": url,
        "limits": {"concurrency": 1},
        "streams": [
            {
                "name": "items",
                "path": "/items",
                "records": "data",
                "primary_key": ["id"],
                "params": {"since": "${sync.start}"},
                "schema": {"type": "object", "properties": {"id": {"type": "integer"}, "at": {"type": "string"}}},
                "pagination": {"type": "page"},
                "replication": {"key": "at", "sorted": "asc", **replication},
            }
        ],
    }


def read(world: World, tmp_path: Path, **replication: Any) -> tuple[list[tuple[int, str]], Any]:
    with FakeApi(world) as api:
        outcome = run_tap(tmp_path, config(api.url, **replication))
    assert outcome.exit_code == 0, outcome.error
    return [(record["id"], record["at"]) for record in outcome.records()], outcome.states[-1]["bookmarks"]["items"]


def test_a_row_that_moves_up_over_the_edge_of_pages_full_of_one_value_is_read(tmp_path: Path) -> None:
    """Row 3 stands on the page that has been read by the time the one after it is asked for."""
    world = World(*((row_id, 1) for row_id in range(1, 7)), events={2: lambda world: world.change(1, 9)})
    found, bookmark = read(world, tmp_path)
    assert sorted(found) == sorted([(1, at(1)), *((row_id, at(1)) for row_id in range(2, 7)), (1, at(9))])
    assert bookmark["replication_key_value"] == at(9)


def test_late_rows_that_push_others_to_the_next_page_are_no_fall(tmp_path: Path) -> None:
    """Three rows show up before row 2, after the page that had it: the next page begins with an earlier time."""
    late = [(7, 1), (8, 1), (9, 1)]
    world = World((1, 1), (2, 3), events={2: lambda world: world.rows.__setitem__(slice(1, 1), late)})
    found, bookmark = read(world, tmp_path)
    assert sorted(found) == sorted([(1, at(1)), (2, at(3)), *((row_id, at(1)) for row_id, _ in late)])
    assert bookmark["replication_key_value"] == at(3)


def test_an_api_of_whole_ticks_that_shows_the_first_row_again_does_heed_the_start(tmp_path: Path) -> None:
    """It was taken for one that does not, and its pages were counted on, past a row that moved up."""
    rows = [(1, 18), (2, 18), (3, 19), (4, 24), (5, 25), (6, 25), (7, 25), (8, 25)]
    world = World(*rows, events={5: lambda world: world.change(4, 50)})
    with FakeApi(world) as api:
        document = config(api.url, granularity="PT10M", start=at(0))
        outcome = run_tap(tmp_path, document)
    assert outcome.exit_code == 0, outcome.error
    assert {(record["id"], record["at"]) for record in outcome.records()} >= {(row, at(minute)) for row, minute in rows}
    assert any("10%3A00Z" in line for line in api.lines)


def test_with_reanchor_off_pages_are_read_once_whatever_slips_through(tmp_path: Path) -> None:
    world = World(*((row_id, 1) for row_id in range(1, 7)), events={2: lambda world: world.change(1, 9)})
    found, _ = read(world, tmp_path, reanchor=False)
    assert (3, at(1)) not in found
    assert world.requests == 4


def test_pages_of_one_value_that_hold_still_cost_one_more_reading_and_no_record_twice(tmp_path: Path) -> None:
    world = World(*((row_id, 1) for row_id in range(1, 7)))
    found, bookmark = read(world, tmp_path)
    assert found == [(row_id, at(1)) for row_id in range(1, 7)]
    assert bookmark["seen"] == [[row_id] for row_id in range(1, 7)]
    assert world.requests == 4 + 2  # the last page that has records stands by itself, as does the empty one


def test_a_quiet_source_with_one_page_of_news_is_asked_no_more_than_before(tmp_path: Path) -> None:
    world = World((1, 1), (2, 2))
    read(world, tmp_path)
    assert world.requests == 2


def test_pages_that_never_hold_still_end_the_run_and_leave_the_bookmark(tmp_path: Path) -> None:
    """Every request finds the second page's first row gone, and a new one at the end of its value."""
    world = World(*((row_id, 1) for row_id in range(1, 7)))

    def stir(seen: Seen) -> Reply:
        world.rows.append((world.rows[-1][0] + 1, 1))
        del world.rows[2]
        return world(seen)

    with FakeApi(stir) as api:
        outcome = run_tap(tmp_path, config(api.url))
    assert outcome.exit_code == 4
    assert "pages have changed each of 30 times that they were read" in str(outcome.error)
    assert [state["bookmarks"]["items"]["seen"] for state in outcome.states[1:]] == [[[1], [2]]]


@pytest.mark.parametrize("is_sorted", ["asc", "desc", False])
def test_a_row_that_leaves_its_window_moves_no_other_past_the_reader(tmp_path: Path, is_sorted: Any) -> None:
    """Row 3 moves up over the page edge when row 1 leaves the window, which is long over."""
    minutes = {"asc": (1, 1, 1, 2, 2), "desc": (2, 2, 1, 1, 1), False: (2, 1, 2, 1, 1)}[is_sorted]
    rows = list(enumerate(minutes, start=1))
    world = World(*rows, events={2: lambda world: world.change(1, 30)})
    with FakeApi(world) as api:
        document = config(api.url, sorted=is_sorted, window="PT10M", start=at(0))
        document["streams"][0]["params"]["until"] = "${sync.end}"
        outcome = run_tap(tmp_path, document | {"end_date": at(50)})
    assert outcome.exit_code == 0, outcome.error
    found = {(record["id"], record["at"]) for record in outcome.records()}
    assert found == {*((row_id, at(minute)) for row_id, minute in rows), (1, at(30))}


@pytest.mark.parametrize("wanted", [True, None])
def test_an_unsorted_stream_is_read_again_if_it_is_asked_for(tmp_path: Path, wanted: bool | None) -> None:
    world = World((1, 3), (2, 1), (3, 2), (4, 4), events={2: lambda world: world.remove(1)})
    options = {} if wanted is None else {"reanchor": wanted}
    found, _ = read(world, tmp_path, sorted=False, **options)
    assert ((3, at(2)) in found) is (wanted is True)


def test_a_body_too_large_to_hold_is_asked_for_again_from_its_last_keys_like_any_other(tmp_path: Path) -> None:
    """Such a page comes in pieces; the walk went on counting for ever after it, and rows slipped through."""
    padding = "x" * 3000
    rows = [{"id": row_id, "at": f"2024-01-01T00:{row_id // 60:02}:{row_id % 60:02}Z"} for row_id in range(3600)]

    def route(seen: Seen) -> Reply:
        since, start = seen.query.get("since", ""), (int(seen.query["page"]) - 1) * 3500
        page = [row for row in rows if row["at"] >= since][start : start + 3500]
        lines = b"".join(json.dumps({**row, "text": padding}).encode() + b"\n" for row in page)
        return Reply(lines, headers={"Content-Type": "application/x-ndjson"})

    with FakeApi(route) as api:
        document = config(api.url)
        document["streams"][0]["format"] = "jsonl"
        del document["streams"][0]["records"]
        document["streams"][0]["schema"]["properties"]["text"] = {"type": "string"}
        outcome = run_tap(tmp_path, document)
    assert outcome.exit_code == 0, outcome.error
    assert [record["id"] for record in outcome.records()] == list(range(3600))
    assert [line.partition("?")[2] for line in api.lines][1].startswith("since=2024-01-01T00%3A58%3A18Z")
