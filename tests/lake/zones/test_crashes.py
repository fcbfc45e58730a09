"""A build killed at any step leaves the version before; the next build gives what an undisturbed one gives."""

from __future__ import annotations

import json
import os
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from lake.catalog import Catalog
from lake.verify import verify_lake
from target_datalake.commit_log import CommitLog
from tests.crash.lake import started_forker
from tests.lake.crashes import Crash, CrashingStorage
from tests.lake.writer import LakeWriter, Part, numbered
from tests.lake.zones.bench import Bench
from tests.places import LakePlace, make_s3_place, uploads_in

if TYPE_CHECKING:
    from pathlib import Path

FULL = os.environ.get("CRASH") == "full"
SIGKILL = -9

ORDERS = """\
-- primary key: id
-- incremental: landing.orders
-- partition by: name

SELECT id, name FROM landing.orders
"""
COUNTS = "-- not null: n\nSELECT count(*) AS n FROM clean.orders"

FIRST = ([1, 2], [{"n": 2}])
SECOND = ([1, 2, 3, 4], [{"n": 4}])


def filled(bench: Bench) -> Bench:
    """Build a first version of two datasets, and land what makes a second one."""
    bench.write("clean/orders.sql", ORDERS)
    bench.write("business/counts.sql", COUNTS)
    bench.writer.commit(Part(numbered(1, 2)))
    bench.build()
    bench.writer.commit(Part(numbered(3, 4)))
    return bench


def read(bench: Bench) -> tuple[list[int], list[dict[str, object]]]:
    return [row["id"] for row in bench.rows("clean.orders")], bench.rows("counts")


def check_mended(bench: Bench) -> None:
    """Build once more: everything is there once, and nothing is left over."""
    bench.build()
    assert not bench.errors
    assert read(bench) == SECOND
    assert verify_lake(bench.writer.storage).findings == ()
    for owner in ("@clean/orders", "@business/counts"):
        assert CommitLog(bench.writer.storage, owner).head().n <= 4
    if bench.writer.place.kind == "s3":
        assert uploads_in(bench.writer.place) == []


def new_bench(request, tmp_path: Path, kind: str, number: object) -> Bench:
    folder = tmp_path / str(number)
    if kind == "local":
        return Bench(LakeWriter(LakePlace("local", str(folder / "lake"))), folder / "zones")
    request.getfixturevalue("aws_credentials")
    return Bench(LakeWriter(make_s3_place(request.getfixturevalue("s3_endpoint"))), folder / "zones")


@pytest.mark.timeout(1200 if FULL else 240)
@pytest.mark.parametrize(
    "kind", ["local", pytest.param("s3", marks=[] if FULL else pytest.mark.skip("make sweep-zones"))]
)
def test_a_crash_before_any_change_of_the_lake_is_mended_by_the_next_build(request, tmp_path, kind):
    counted = CrashingStorage(filled(bench := new_bench(request, tmp_path, kind, "all")).writer.storage)
    bench.build(storage=counted)
    assert read(bench) == SECOND
    shots = counted.changes if FULL else 6
    for at in sorted({counted.changes * shot // shots for shot in range(shots)}):
        bench = filled(new_bench(request, tmp_path, kind, at))
        with pytest.raises(Crash):
            bench.build(storage=CrashingStorage(bench.writer.storage, at))
        ids, counts = read(bench)
        assert ids in (FIRST[0], SECOND[0]), at
        assert counts in (FIRST[1], SECOND[1]), at
        check_mended(bench)


@pytest.mark.timeout(1200 if FULL else 240)
def test_a_process_killed_at_any_step_is_mended_by_the_next_build(request, tmp_path):
    def run(bench: Bench, **env: str) -> int:
        folder = bench.folder.parent
        target = {**bench.writer.place.target_config, "source": "shop"}
        (folder / "config.json").write_text(json.dumps({"tap": {}, "target": target}))
        job = {"arguments": ["build", "-c", str(folder / "config.json")], "env": env}
        forker.start(**job, **{name: str(folder / name) for name in ("stdout", "stderr")}, stdin=os.devnull)
        return forker.wait()

    with started_forker("lake") as forker:
        bench = filled(new_bench(request, tmp_path, "local", "all"))
        trace = bench.folder.parent / "trace"
        assert run(bench, LAKE_FAIL_TRACE=str(trace)) == 0
        steps = Counter(trace.read_text().split())
        assert {step for step in steps if step.startswith("build.")} == {
            f"build.{name}" for name in ("begin", "ran", "checked", "done")
        }
        hits = [(step, hit) for step, count in sorted(steps.items()) for hit in sorted({1, (count + 1) // 2, count})]
        for step, hit in hits if FULL else hits[::9]:
            bench = filled(new_bench(request, tmp_path, "local", f"{step}-{hit}"))
            assert run(bench, LAKE_FAIL_AT=f"{step}@{hit}:kill") == SIGKILL, (step, hit)
            ids, counts = read(bench)
            assert (ids in (FIRST[0], SECOND[0]), counts in (FIRST[1], SECOND[1])) == (True, True), (step, hit)
            check_mended(bench)


def test_files_that_a_dead_engine_left_in_a_version_are_swept(bench):
    filled(bench)
    storage = bench.writer.storage
    for name in ("v00000002/part-0.parquet", "v00000001/00000001-09-0123456789abcdef.parquet"):
        storage.put(f"clean/orders/{name}", b"torn")
    bench.build()
    found = [file.key for file in storage.list("clean/orders")]
    assert sorted(found) == sorted(file.key for file in Catalog.over(storage)["clean.orders"].files(versions="all"))
    assert verify_lake(storage).findings == ()


def test_a_full_disk_leaves_the_version_before(bench, monkeypatch):
    filled(bench)
    monkeypatch.setattr("target_datalake.local_storage.os.fsync", full_disk)
    done = bench.build()
    assert {each.exit_code for each in done.values() if each.outcome == "failed"} == {6}
    monkeypatch.undo()
    assert read(bench) == FIRST
    check_mended(bench)


def full_disk(_: int) -> None:
    raise OSError(28, "No space left on device")
