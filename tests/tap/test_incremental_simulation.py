"""Reliability row 12: incremental runs against a source that changes meanwhile miss nothing.

Each simulation is drawn from its number: what the API is like, what changes between and during the runs, and at
which byte of the output a run is killed. A target commits what stands before the last whole STATE, and the next
run begins there. `SIMULATIONS=300` asks for more of them than the suite needs every time.
"""

from __future__ import annotations

import os
import random
import sys
from collections import Counter
from contextlib import contextmanager
from datetime import datetime
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from tap_rest_api.errors import PagingError
from tests.tap.fake_api import FakeApi
from tests.tap.market import committed
from tests.tap.simulated_source import FORMS, LATEST_SECONDS, PAGINATIONS, SHIFTING, SHOPS, Habit, Source
from tests.tap.tap import run_tap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tap_rest_api.errors import TapError

SIMULATIONS = int(os.environ.get("SIMULATIONS", "30"))
FIRST = int(os.environ.get("SIMULATIONS_FROM", "0"))
RUNS = 5  # incremental ones of each simulation, after which two more find the source at rest
HABITS = [
    (paging, order, filter_)
    for paging, order, filter_ in product(PAGINATIONS, ("asc", "id", "desc"), ("server", "client"))
    if not (paging == "last_id" and order != "id")
]
SHOP = {"type": "object", "properties": {"id": {"type": "integer"}}}
SCHEMA = {"type": "object", "properties": {"id": {"type": "integer"}, "at": {}, "version": {"type": "integer"}}}


def draw_habit(number: int, draw: random.Random) -> Habit:
    paging, order, filter_ = HABITS[number * 17 % len(HABITS)]
    form = draw.choice(list(FORMS))
    is_late = draw.random() < 0.4
    is_time, is_asked = form != "number", filter_ == "server"
    options: dict[str, Any] = {}
    if is_late:
        options["lookback"] = f"PT{3 * LATEST_SECONDS}S" if is_time else 3 * LATEST_SECONDS
    if is_time and is_asked and draw.random() < 0.4:
        options |= {"window": f"PT{draw.choice((40, 600))}S", "start": FORMS["iso"](0)}
    if paging in SHIFTING and not (order == "asc" and is_asked) and draw.random() < 0.5:
        options["reanchor"] = True
    if is_time and draw.random() < 0.2:
        options["delay"] = "PT5S"
    tick_seconds = draw.choice((1, 1, 10)) if is_time and is_asked else 1
    # Of a key that is no time, a bookmark that all share cannot be held to when its reading began.
    scopes = ("", "", "partitions", "parent", "shared" if is_time else "parent")
    return Habit(
        paging=paging,
        order=order,
        filter=filter_,
        form=form,
        bounds=draw.choice(("[)", "[]", "()", "(]")) if is_asked else "[)",
        tick_seconds=tick_seconds,
        is_late=is_late,
        skew_seconds=draw.choice((0, 0, 300, *(() if {"window", "delay"} & set(options) else (-300,)))),
        options=options,
        scope=scopes[number % len(scopes)],
    )


def to_config(habit: Habit, url: str, concurrency: int) -> dict[str, Any]:
    # Newest first over pages that shift may show a rise, which ends the run; such an API is taken as unsorted.
    is_falling = habit.paging != "none" and not habit.shifts
    is_sorted = {"asc": "asc", "desc": "desc" if is_falling else False, "id": False}
    replication: dict[str, Any] = {"key": "at", "sorted": is_sorted[habit.order], **habit.options}
    stream: dict[str, Any] = {
        "name": "items",
        "path": "/items",
        "records": "data",
        "primary_key": ["id"],
        "schema": SCHEMA,
        "pagination": PAGINATIONS[habit.paging],
        "replication": replication,
    }
    if habit.form in ("epoch", "epoch_ms"):
        replication["format"] = habit.form
    if habit.filter == "server":
        stream["params"] = {"since": "${sync.start}"}
        if habit.is_ended:
            stream["params"]["until"] = "${sync.end}"
        if habit.bounds != "[)":
            replication["bounds"] = habit.bounds
        if habit.tick_seconds > 1 or (habit.is_ended and habit.bounds[1] == "]"):
            replication["granularity"] = f"PT{habit.tick_seconds}S"
    limits = {"retries": 0, "concurrency": 1 if habit.scope and habit.is_fragile else concurrency}
    return {"base_url": url, "limits": limits, "streams": scoped(stream, habit.scope)}


def scoped(stream: dict[str, Any], scope: str) -> list[dict[str, Any]]:
    """Read a stream for each shop, if so."""
    if not scope:
        return [stream]
    place = "partition.shop" if scope == "partitions" else "parent.id"
    stream = {**stream, "params": {**stream.get("params", {}), "shop": f"${{{place}}}"}}
    if scope == "partitions":
        return [{**stream, "partitions": [{"shop": shop} for shop in range(SHOPS)]}]
    shops = {
        "name": "shops",
        "path": "/shops",
        "records": "data",
        "primary_key": ["id"],
        "pagination": {"type": "none"},
    }
    replication = {**stream["replication"], "state": "stream" if scope == "shared" else "partition"}
    items = {**stream, "parent": "shops", "replication": replication}
    return [{**shops, "pagination": {"type": "none"}, "selected": False}, items]


@contextmanager
def clock_of(source: Source, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let every module of the tap read the time from the source's clock, skewed."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return source.tap_now().astimezone(tz)

    with monkeypatch.context() as patch:
        for name, module in list(sys.modules.items()):
            if name.startswith("tap_rest_api.") and getattr(module, "datetime", None) is datetime:
                patch.setattr(module, "datetime", Clock)
        yield


@pytest.mark.parametrize("number", range(FIRST, FIRST + SIMULATIONS))
def test_incremental_runs_miss_nothing(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(number)
    habit = draw_habit(number, draw)
    source = Source(habit, draw)
    source.live(0, 8)
    landed: Counter[tuple[int, int]] = Counter()
    state: Any = None
    with FakeApi(source.route, lambda: source.now().timestamp()) as api, clock_of(source, monkeypatch):
        for left in reversed(range(RUNS + 2)):
            is_busy = left > 1
            source.stirs = draw.choice((5, 40)) if is_busy else 0
            source.live(draw.choice((0, 1, 5, 700)) if is_busy else 2 * LATEST_SECONDS, 5 * is_busy)
            outcome = run_tap(tmp_path, to_config(habit, api.url, draw.choice((1, 4))), state=state)
            if outcome.error is not None:
                assert is_busy, outcome.error.show()
                assert may_end_early(habit, outcome.error), outcome.error.show()
            is_killed = is_busy and draw.random() < 0.4
            output = outcome.output[: draw.randrange(len(outcome.output))] if is_killed else outcome.output
            messages, reached = committed(output)
            landed.update((m["record"]["id"], m["record"]["version"]) for m in messages if m["type"] == "RECORD")
            state = reached if reached is not None else state
    missed = [row for row in source.rows.values() if (row.id, row.version) not in landed]
    assert not missed, habit
    doubled = [pair for pair, times in landed.items() if times > 1]
    assert not doubled or may_double(habit), habit


def may_end_early(habit: Habit, error: TapError) -> bool:
    """Whether a run may fail, as it does where rows that come in push a whole page to the place of the next one."""
    return habit.is_watched and isinstance(error, PagingError) and "a second time" in str(error)


def may_double(habit: Habit) -> bool:
    """Whether docs/tap.md says that records may come again.

    In a lookback; over the edge of a page that shifts; of slices that our clock puts into the server's future; changed
    while pages that are not in the order of time were read again; behind a bookmark that all parents share.
    """
    is_held = habit.order != "asc" and habit.paging != "none" and habit.form != "number"
    is_ahead = habit.skew_seconds > 0 and "window" in habit.options
    is_counted = habit.shifts and not (habit.order == "asc" and habit.filter == "server")
    return bool(habit.options.get("lookback")) or is_counted or is_held or is_ahead or habit.scope == "shared"
