from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from lake.runs import RunRecord, StreamTotals, new_run_id, write_run
from lake.status import read_status, to_status_table
from lake.usage import Usage
from target_datalake import layout
from target_datalake.errors import StorageError
from tests.lake.writer import LakeWriter, Part, numbered

NOW = datetime(2026, 2, 1, tzinfo=UTC)

RUN = RunRecord(
    run="20260131T120000Z-00000001",
    source="shop",
    started_at="2026-01-31T12:00:00.000+00:00",
    ended_at="2026-01-31T12:00:30.000+00:00",
    seconds=30.0,
    outcome="failed",
    exit_code=4,
    streams={"orders": StreamTotals(10, 9, 1, 1, 100), "shops": StreamTotals(5, 5, 0, 1, 50)},
)


def status(writer: LakeWriter):
    return read_status(writer.storage, NOW)


def test_the_last_run_of_each_source(lake_storage):
    lake_storage.commit(Part(numbered(1)), state='{"bookmarks": {"orders": "2026-01-31T23:00:00Z"}}', run=RUN.run)
    write_run(lake_storage.storage, msgspec.structs.replace(RUN, run="20260101T000000Z-ffffffff", outcome="succeeded"))
    write_run(lake_storage.storage, RUN)
    (shop,) = status(lake_storage)
    assert (shop.run, shop.outcome, shop.exit_code, shop.landed, shop.rejected) == (RUN.run, "failed", 4, 14, 1)
    assert (shop.commit, shop.bookmark_age_seconds) == (1, 3600)
    shop = msgspec.structs.replace(shop, usage=Usage(live=1200, rejected=30, log=400, reclaimable=1000))
    assert to_status_table([shop], terminal=False).splitlines() == [
        "source  last run           outcome     seconds  landed  rejected  commit  bookmark    data  rejects    log",
        "shop    2026-01-31 12:00Z  failed (4)     30.0      14         1       1   1 h old  1.2 kB     30 B  400 B",
        "1.0 kB belong to old versions of full tables: `lake expire --dry-run` lists what may go.",
    ]


def test_a_source_whose_first_run_failed_is_shown(local_lake):
    write_run(local_lake.storage, msgspec.structs.replace(RUN, streams={}))
    (shop,) = status(local_lake)
    assert (shop.commit, shop.outcome, shop.landed, shop.bookmark) == (0, "failed", 0, None)


def test_commits_that_came_after_the_last_record_are_told(local_lake):
    """A killed run and a plain pipe leave no record."""
    write_run(local_lake.storage, RUN)
    local_lake.commit(Part(numbered(1)), run="another")  # committed at 12:01
    (shop,) = status(local_lake)
    assert (shop.run, shop.outcome, shop.commit) == (None, "unrecorded", 1)


def test_a_source_tells_what_it_takes_up(lake_storage):
    broken = ({"stream": "orders", "reason": "schema", "errors": [], "raw": "{}"},)
    first = lake_storage.commit(Part(numbered(1), version=1, rejected=broken), activate={"orders": 1})
    second = lake_storage.commit(Part(numbered(2), version=2), activate={"orders": 2})
    usage = status(lake_storage)[0].usage
    assert usage.live == first.add[0].bytes + second.add[0].bytes
    assert (usage.rejected, usage.reclaimable) == (first.rejected[0].bytes, first.add[0].bytes)
    assert usage.log == sum(file.bytes for file in lake_storage.storage.list("_lake/log/shop"))


def test_a_lake_without_sources():
    assert to_status_table([], terminal=False) == "No source has landed anything yet."


def test_a_damaged_record_is_an_error_that_names_it(local_lake):
    local_lake.storage.put(f"{layout.runs_prefix('shop')}/x.json", b"{")
    with pytest.raises(StorageError, match="a run record is damaged"):
        status(local_lake)


def test_run_ids_sort_by_time_also_within_a_second():
    early = datetime(2026, 1, 31, 23, 59, 59, 999_998, UTC)
    times = [early.replace(microsecond=0), early, early + timedelta(microseconds=1), early + timedelta(seconds=1)]
    ids = [new_run_id(time) for time in times]
    assert ids == sorted(set(ids))
    assert all(re.fullmatch(r"2026\d{4}T\d{6}Z-[0-9a-f]{8}", run) for run in ids)
