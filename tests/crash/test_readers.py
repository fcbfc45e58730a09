"""Readers that loop while commits are made and writers are killed: each sees whole commits, no more and no less."""

from __future__ import annotations

import os
import random
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow.dataset as ds
import pytest

from lake import Catalog
from tests.crash import source

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.crash.lake import CrashLake

FULL = os.environ.get("CRASH") == "full"
ROUNDS = 40 if FULL else 1

STEPS = ("stage.write", "stage.finished", "commit.linked", "publish.begin", "publish.renamed", "publish.file")

pytestmark = [pytest.mark.timeout(1200 if FULL else 300)]


def by_pyarrow(lake: CrashLake, stream: str) -> list[int]:
    folder = Path(lake.place.path, "landing/shop", stream)
    dataset = ds.dataset(folder) if folder.exists() else None
    if dataset is None or not dataset.files:  # the folder comes a moment before its first file
        return []
    return dataset.to_table(columns=["id"]).column("id").to_pylist()


def by_duckdb(lake: CrashLake, stream: str) -> list[int]:
    pattern = Path(lake.place.path, "landing/shop", stream, "**/*.parquet")
    with duckdb.connect() as connection:
        try:
            rows = connection.sql(f"SELECT id FROM '{pattern}'").fetchall()  # noqa: S608 - our own path
        except duckdb.IOException:  # nothing is there yet
            return []
    return [row[0] for row in rows]


def by_catalog(lake: CrashLake, stream: str) -> list[int]:
    catalog = Catalog(lake.place.path)
    return catalog[stream].read(columns=["id"]).column("id").to_pylist() if stream in catalog else []


class Loop(threading.Thread):
    """Reads again and again, and keeps each different thing that it saw of a stream."""

    def __init__(self, read: Callable[[CrashLake, str], list[int]], lake: CrashLake, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self._read, self._lake, self._stop_reading = read, lake, stop
        self.seen: set[tuple[str, tuple[int, ...]]] = set()
        self.reads = 0
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            while not self._stop_reading.wait(0.01):
                for stream in "ab":
                    self.seen.add((stream, tuple(sorted(self._read(self._lake, stream)))))
                    self.reads += 1
        except Exception as error:  # noqa: BLE001 - told by the test, which runs in another thread
            self.error = error


def whole_commits(lake: CrashLake) -> set[tuple[str, tuple[int, ...]]]:
    """Return what may be seen of each stream: what it held after each commit."""
    allowed = {(stream, ()) for stream in "ab"}
    for entry in lake.log.entries():
        end = source.position(entry.state)
        for stream in "ab":
            allowed.add((stream, tuple(sorted(number for name, number in source.landed(0, end) if name == stream))))
    return allowed


def test_readers_see_whole_commits_while_writers_are_killed(new_lake):
    draw = random.Random(7)
    reads = 0
    for _ in range(ROUNDS):
        lake = new_lake()
        Path(lake.place.path, "_lake").mkdir(parents=True)
        Path(lake.place.path, "_lake/format.json").write_text('{"layout": 1}')
        stop = threading.Event()
        loops = [Loop(read, lake, stop) for read in (by_pyarrow, by_duckdb, by_catalog)]
        for loop in loops:
            loop.start()
        for until in (15, 30, source.SIZE):
            lake.run(until=until, fail_at=f"{draw.choice(STEPS)}@{draw.randint(1, 6)}:kill")
            assert lake.run(until=until) == 0, lake.errors()
        stop.set()
        for loop in loops:
            loop.join()
            assert loop.error is None
            assert loop.seen <= whole_commits(lake)
            reads += loop.reads
        lake.check_complete()
    print(f"\n{reads} reads during {ROUNDS * 6} runs: whole commits only")  # noqa: T201
