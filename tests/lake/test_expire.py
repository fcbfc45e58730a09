"""`lake expire`: what is old and no longer needed goes, and nothing else."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import msgspec

from lake.catalog import Catalog
from lake.expire import expire, plan_expiry
from lake.held_source import hold_source
from lake.history import History
from lake.runs import RunRecord, write_run
from lake.verify import verify_lake
from target_datalake import layout
from tests.lake.crashes import Crash, CrashingStorage
from tests.lake.test_cli import lake
from tests.lake.test_compact import run_compact
from tests.lake.writer import LakeWriter, Part, ids, numbered

LATER = datetime(2026, 2, 1, tzinfo=UTC)


def fill(writer: LakeWriter) -> None:
    """Three versions of a full table, the second active, the third not yet complete; rows without one before both."""
    writer.commit(Part(numbered(0)), Part(numbered(9), stream="shops"))
    writer.commit(Part(numbered(1), version=1), activate={"orders": 1})
    writer.commit(Part(numbered(2), version=2), activate={"orders": 2})
    writer.commit(Part(numbered(3), version=3), Part(numbered(4)))
    for day in ("01", "02", "03"):
        run = RunRecord(
            run=f"202601{day}T000000Z-00000000", source="shop", started_at="", ended_at="", seconds=0.0,
            outcome="succeeded", exit_code=0,
        )  # fmt: skip
        write_run(writer.storage, run)
    writer.storage.put(f"{layout.runs_prefix('shop')}/20260102T000000Z-00000000.rejected.jsonl", b"{}\n", private=True)
    writer.storage.put(f"{layout.runs_prefix('shop')}/mine.rejected.jsonl", b"{}\n", private=True)


def run_expire(writer: LakeWriter, before: datetime = LATER, storage=None):
    with hold_source(storage or writer.storage, "shop", LATER) as held:
        return expire(held, before)


def orders(writer: LakeWriter, versions: str = "active") -> list[int]:
    return ids(Catalog(writer.place.path, s3=writer.place.s3)["orders"].read(versions=versions))


def test_only_what_is_old_and_not_needed_goes(lake_storage):
    fill(lake_storage)
    assert orders(lake_storage) == [2, 4]
    planned = plan_expiry(lake_storage.storage, "shop", History(lake_storage.storage, "shop").commits(), LATER)
    gone = run_expire(lake_storage)
    assert gone == planned
    assert [each.kind for each in gone] == ["version", "version", "run", "run", "sample"]
    assert orders(lake_storage) == [2, 4]
    assert orders(lake_storage, "all") == [2, 3, 4]
    names = [file.key.rpartition("/")[2] for file in lake_storage.storage.list(layout.runs_prefix("shop"))]
    assert names == ["20260103T000000Z-00000000.json", "mine.rejected.jsonl"]
    assert verify_lake(lake_storage.storage).findings == ()
    assert run_expire(lake_storage) == []


def test_what_is_young_stays(local_lake):
    fill(local_lake)
    assert run_expire(local_lake, datetime(2026, 1, 1, tzinfo=UTC)) == []


def test_a_merged_old_version_goes_by_its_youngest_rows(local_lake):
    local_lake.commit(Part(numbered(1), version=1))
    local_lake.commit(Part(numbered(2), version=1), activate={"orders": 1})
    local_lake.commit(Part(numbered(3), version=2), activate={"orders": 2})
    run_compact(local_lake)
    assert run_expire(local_lake, datetime(2026, 1, 31, 12, 2, tzinfo=UTC)) == []
    (gone,) = run_expire(local_lake, datetime(2026, 1, 31, 12, 2, 1, tzinfo=UTC))
    assert gone.kind == "version"
    assert orders(local_lake, "all") == [3]


def test_a_crash_at_any_step_is_finished_by_the_next(tmp_path):
    from tests.places import LakePlace

    step, crashed = 0, True
    while crashed:
        writer = LakeWriter(LakePlace("local", str(tmp_path / str(step))))
        fill(writer)
        try:
            run_expire(writer, storage=CrashingStorage(writer.storage, step))
            crashed = False
        except Crash:
            step += 1
        assert orders(writer) == [2, 4]
        run_expire(writer)
        assert orders(writer, "all") == [2, 3, 4]
        assert verify_lake(writer.storage).findings == ()
    assert step > 6


def test_the_command_lists_what_would_go_and_then_removes_it(local_lake):
    fill(local_lake)
    at = ["--lake", local_lake.place.path, "--older-than", "2026-02-01"]
    listed = lake("expire", *at, "--dry-run")
    assert listed.stdout.splitlines()[-1].endswith("would go: nothing was changed.")
    assert orders(local_lake, "all") == [0, 1, 2, 3, 4]
    gone = json.loads(lake("expire", *at, "--json").stdout)
    assert len(gone) == 5
    assert lake("expire", *at).stdout == "Nothing is old enough to go.\n"
    assert orders(local_lake, "all") == [2, 3, 4]
    assert msgspec.json.decode(lake("expire", *at, "--json").stdout) == []
