"""Turns a seed into a source that changes while it is read: a table, a clock of its own, and an HTTP API over them.

Time is virtual: every request takes the server a second or two, and the tap's own clock may be minutes off.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tests.tap.fake_api import Reply

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from tests.tap.fake_api import Seen

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
LATEST_SECONDS = 60
"""How late a row may show up, at most, after the time it bears."""


@dataclass(frozen=True)
class Habit:
    """How the API serves its table.

    Attributes:
        paging: How its pages follow each other, see `PAGINATIONS`.
        order: "asc" or "desc" by the time of the last change, or by "id".
        filter: Who leaves old rows out.
        bounds: Whether the server's filter includes its start and its end, as intervals are written.
        tick_seconds: The server's filter knows only whole ticks.
        form: How a row's time is written.
        size: Rows a page.
        is_late: Rows show up after the time they bear.
        skew_seconds: How far the tap's clock is ahead of the server's.
        options: Further options of replication.
        scope: Whether it is read as a whole (""), for each of some "partitions", for each "parent", or for each of
            those with one bookmark for all ("shared").
    """

    paging: str
    order: str
    filter: str
    bounds: str = "[)"
    tick_seconds: int = 1
    form: str = "iso"
    size: int = 3
    is_late: bool = False
    skew_seconds: int = 0
    options: dict[str, Any] = field(default_factory=dict)
    scope: str = ""

    @property
    def shifts(self) -> bool:
        """Whether a row that leaves its place moves those after it over a page's edge."""
        return self.paging in SHIFTING

    @property
    def is_watched(self) -> bool:
        """Whether the tap reads again what may have shifted."""
        is_anchored = self.order == "asc" and self.filter == "server"
        return self.shifts and (is_anchored or "window" in self.options or "reanchor" in self.options)

    @property
    def is_ended(self) -> bool:
        """Whether the tap asks up to an end of its own."""
        return "window" in self.options or "delay" in self.options

    @property
    def is_fragile(self) -> bool:
        """Whether docs/tap.md says that a change during a walk may be missed."""
        is_timeless = self.form == "number" and self.order != "asc" and self.paging != "none"
        return (self.shifts and not self.is_watched) or is_timeless


@dataclass(frozen=True)
class Row:
    """One row as it is now. `second` is the time of its last change, counted from EPOCH."""

    id: int
    second: int
    version: int = 1


SHIFTING = ("page", "offset", "link", "body_link")
SHOPS = 3
"""A row belongs to one of so many."""
PAGINATIONS: dict[str, dict[str, Any]] = {
    "none": {"type": "none"},
    "page": {"type": "page", "size": 3, "size_param": "size"},
    "offset": {"type": "offset", "size": 3, "size_param": "size"},
    "keyset": {"type": "cursor", "param": "after", "next": "next"},
    "keyset_header": {"type": "cursor", "param": "after", "next": "header:X-Next"},
    "snapshot": {"type": "cursor", "param": "after", "next": "next"},
    "last_id": {"type": "cursor", "param": "after", "next": "last:id"},
    "link": {"type": "link"},
    "body_link": {"type": "link", "next": "next"},
}


class Source:
    """The table and its API. `route` answers a request and lets the world go on.

    Attributes:
        stirs: How many changes may come with the next requests. A source that always grows faster than pages of three
            rows can be read is never read to its end.
    """

    def __init__(self, habit: Habit, draw: Random) -> None:
        self.habit = habit
        self.second = 1_000
        self.rows: dict[int, Row] = {}
        self.stirs = 0
        self._draw = draw
        self._ids = count(1)
        self._snapshots: list[list[Row]] = []
        self._read: set[tuple[int, int]] = set()
        self._last_served = 0
        self._lock = Lock()

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self.second)

    def tap_now(self) -> datetime:
        """The time on the tap's own clock."""
        return self.now() + timedelta(seconds=self.habit.skew_seconds)

    def live(self, seconds: int, changes: int) -> None:
        """Let time pass, with some changes at its end: inserts in batches, updates, rows that show up late, deletes."""
        self.second += seconds
        for _ in range(changes):
            self._draw.choice((self._insert, self._insert, self._update, self._update, self._update, self._delete))()

    def _insert(self) -> None:
        is_late = self.habit.is_late and self._draw.random() < 0.4
        second = self.second - (self._draw.randrange(LATEST_SECONDS) if is_late else 0)
        for row_id in [next(self._ids) for _ in range(self._draw.choice((1, 1, 2, 4)))]:
            self.rows[row_id] = Row(row_id, second)

    def _update(self) -> None:
        """Change some rows in one go, so that they bear one time.

        Never one that has been read with this very time, and none behind a keyset's token of this very second: only
        a `delay` or `lookback` can see those.
        """
        if self._last_served == self.second and self.habit.paging.startswith("keyset"):
            return
        known = [row for row in self.rows.values() if (row.id, self.second) not in self._read]
        for row in self._draw.sample(known, min(len(known), self._draw.choice((1, 1, 3, 5)))):
            self.rows[row.id] = replace(row, second=self.second, version=row.version + 1)

    def _delete(self) -> None:
        if self.rows and self._draw.random() < 0.5:
            del self.rows[self._draw.choice(list(self.rows))]

    def route(self, seen: Seen) -> Reply:
        """Answer a request, after a moment in which other clients may have changed the table."""
        with self._lock:
            return self._answer(seen)

    def _answer(self, seen: Seen) -> Reply:
        if seen.path == "/shops":
            return Reply({"data": [{"id": shop} for shop in range(SHOPS)]})
        self.second += self._draw.randrange(3)
        if self.stirs and not (self.habit.is_fragile and _is_walking(seen)):
            changes = self._draw.choice((0, 0, 1, 1, 2))
            self.stirs = max(self.stirs - changes, 0)
            self.live(0, changes)
        rows = self._filtered(seen.query.get("since"), seen.query.get("until"))
        rows = [row for row in rows if seen.query.get("shop") in (None, str(row.id % SHOPS))]
        page, body, headers = _PAGERS[self.habit.paging](self, rows, seen)
        self._read |= {(row.id, row.second) for row in page}
        self._last_served = self.second
        body["data"] = [self.to_record(row) for row in page]
        return Reply(body, headers=headers)

    def to_record(self, row: Row) -> dict[str, Any]:
        return {"id": row.id, "at": FORMS[self.habit.form](row.second), "version": row.version}

    def _filtered(self, since: str | None, until: str | None) -> list[Row]:
        rows = sorted(self.rows.values(), key=_ORDERS[self.habit.order])
        if since is not None:
            start, is_in = self._to_bound(since), self.habit.bounds[0] == "["
            rows = [row for row in rows if row.second > start or (is_in and row.second == start)]
        if until is not None:
            end, is_in = self._to_bound(until), self.habit.bounds[1] == "]"
            end += self.habit.tick_seconds - 1 if is_in else 0  # a day that is counted in is so to its end
            rows = [row for row in rows if row.second < end or (is_in and row.second == end)]
        return rows

    def _to_bound(self, text: str) -> float:
        second = _to_second(text, self.habit.form)
        assert second % self.habit.tick_seconds == 0, "the API knows only whole ticks"
        return second


def _is_walking(seen: Seen) -> bool:
    """Whether a page is not the first of its chain."""
    return any(seen.query.get(name, first) != first for name, first in (("page", "1"), ("offset", "0"), ("after", "")))


_ORDERS: dict[str, Callable[[Row], Any]] = {
    "asc": lambda row: (row.second, row.id),
    "desc": lambda row: (-row.second, row.id),
    "id": lambda row: row.id,
}
FORMS: dict[str, Callable[[int], Any]] = {
    "iso": lambda second: (EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%SZ"),
    "offset": lambda second: (EPOCH + timedelta(seconds=second, hours=2)).strftime("%Y-%m-%dT%H:%M:%S+02:00"),
    "epoch": lambda second: int(EPOCH.timestamp()) + second,
    "epoch_ms": lambda second: (int(EPOCH.timestamp()) + second) * 1000,
    "number": lambda second: second,
}


def _to_second(text: str, form: str) -> float:
    if form in ("iso", "offset"):
        return (datetime.fromisoformat(text.replace(" ", "+")) - EPOCH).total_seconds()
    number = float(text)
    return {"number": number, "epoch": number - EPOCH.timestamp(), "epoch_ms": number / 1000 - EPOCH.timestamp()}[form]


Served = tuple[list[Row], dict[str, Any], dict[str, str]]


def _all(source: Source, rows: list[Row], seen: Seen) -> Served:
    return rows, {}, {}


def _by_page(source: Source, rows: list[Row], seen: Seen) -> Served:
    start = (int(seen.query.get("page", "1")) - 1) * source.habit.size
    return rows[start : start + source.habit.size], {}, {}


def _by_offset(source: Source, rows: list[Row], seen: Seen) -> Served:
    start = int(seen.query.get("offset", "0"))
    return rows[start : start + source.habit.size], {}, {}


def _by_keyset(source: Source, rows: list[Row], seen: Seen) -> Served:
    order = _ORDERS[source.habit.order]
    after = seen.query.get("after")
    if after is not None:
        last = json.loads(after)
        rows = [row for row in rows if order(row) > (tuple(last) if isinstance(last, list) else last)]
    page = rows[: source.habit.size]
    token = json.dumps(order(page[-1])) if len(rows) > len(page) else None
    return page, {"next": token}, {"X-Next": token} if token else {}


def _by_snapshot(source: Source, rows: list[Row], seen: Seen) -> Served:
    """A token stands for the rows as they were when the first page was asked for."""
    after = seen.query.get("after")
    if after is None:
        source._snapshots.append(rows)
        source._read |= {(row.id, row.second) for row in rows}
        number, start = len(source._snapshots) - 1, 0
    else:
        number, start = map(int, after.split(":"))
    held = source._snapshots[number]
    end = start + source.habit.size
    return held[start:end], {"next": f"{number}:{end}" if end < len(held) else None}, {}


def _by_last_id(source: Source, rows: list[Row], seen: Seen) -> Served:
    page = [row for row in rows if row.id > int(seen.query.get("after", "0"))][: source.habit.size]
    return page, {}, {}


def _by_link(source: Source, rows: list[Row], seen: Seen) -> Served:
    number = int(seen.query.get("page", "1"))
    page, body, headers = _by_page(source, rows, seen)
    if number * source.habit.size >= len(rows):
        return page, body, headers
    filters = {name: seen.query[name] for name in ("since", "until", "shop") if name in seen.query}
    link = f"{seen.path}?{urlencode({'page': number + 1, **filters})}"
    return page, {"next": link}, {"Link": f'<{link}>; rel="next"'} if source.habit.paging == "link" else {}


_PAGERS: dict[str, Callable[[Source, list[Row], Seen], Served]] = {
    "none": _all,
    "page": _by_page,
    "offset": _by_offset,
    "keyset": _by_keyset,
    "keyset_header": _by_keyset,
    "snapshot": _by_snapshot,
    "last_id": _by_last_id,
    "link": _by_link,
    "body_link": _by_link,
}
