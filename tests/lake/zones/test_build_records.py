"""What a failed build leaves behind: `lake status` and whoever is told learn of it, until the dataset is whole."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from lake import cli
from lake.expire import plan_expiry
from lake.freshness import Expectation, to_dataset_table
from lake.runs import runs_of
from lake.status import read_status
from lake.verify import verify_lake
from target_datalake import layout
from tests.lake.test_cli import lake
from tests.lake.writer import LakeWriter, Part, numbered
from tests.places import LakePlace

if TYPE_CHECKING:
    from pathlib import Path

FAILS = "-- not null: n\nSELECT NULL::INT AS n FROM landing.orders"
WORKS = "-- not null: n\nSELECT count(*)::INT AS n FROM landing.orders"
OWNER = "@business/x"
NOW = datetime(2026, 2, 1, tzinfo=UTC)


def datasets(bench, freshness=None) -> dict[str, object]:
    expectations = [Expectation("shop", freshness)] if freshness else []
    statuses = read_status(bench.writer.storage, datetime.now(UTC), expectations)
    return {each.dataset: each for status in statuses for each in status.datasets}


def outcomes(bench) -> list[str]:
    return [record.outcome for record in runs_of(bench.writer.storage, OWNER)]


def test_a_failure_leaves_a_record_and_the_next_success_another(any_bench):
    bench = any_bench
    bench.writer.commit(Part(numbered(1)))
    bench.write("business/x.sql", WORKS)
    bench.build("business.x")
    assert outcomes(bench) == []  # the log says it
    bench.write("business/x.sql", FAILS)
    bench.build("business.x")
    (failed,) = runs_of(bench.writer.storage, OWNER)
    assert (failed.outcome, failed.exit_code, failed.run) == ("failed", 8, "build-1")
    assert "not null" in failed.error
    assert verify_lake(bench.writer.storage).findings == ()
    bench.write("business/x.sql", WORKS)
    assert bench.outcomes("business.x") == {"business.x": "fresh"}
    assert outcomes(bench) == ["succeeded"]  # one id a build, so this one took the other's place
    bench.build("business.x", full=True)
    assert outcomes(bench) == ["succeeded"]


def test_status_shows_the_last_outcome_and_why(bench):
    bench.writer.commit(Part(numbered(1)))
    bench.write("business/x.sql", FAILS)
    bench.build("business.x")
    never = datasets(bench)["business.x"]
    assert (never.outcome, never.rows, never.landed_at) == ("failed", 0, None)
    assert (
        to_dataset_table([never], terminal=False)
        .splitlines()[-1]
        .startswith("business.x: the last build failed: not null")
    )
    bench.write("business/x.sql", WORKS)
    bench.build("business.x")
    assert datasets(bench)["business.x"].outcome == "built"
    bench.write("business/x.sql", FAILS)
    bench.build("business.x")
    failed = datasets(bench)["business.x"]
    assert (failed.outcome, failed.rows) == ("failed", 1)
    assert "build failed" in to_dataset_table([failed], terminal=False)
    assert datasets(bench)["landing.shop.orders"].outcome is None


def test_freshness_tells_why_what_is_stale_was_not_built(bench):
    bench.writer.commit(Part(numbered(1)))
    bench.write("business/x.sql", FAILS)
    bench.build("business.x")
    stale = datasets(bench, {"business.x": timedelta(hours=1)})["business.x"]
    assert (stale.stale, stale.outcome) == (True, "failed")
    assert "never landed, build failed" in to_dataset_table([stale], terminal=False)


def test_a_dropped_dataset_is_not_shown_for_an_old_failure(bench):
    from lake.drop import drop
    from lake.held_source import hold_source

    bench.writer.commit(Part(numbered(1)))
    bench.write("business/x.sql", WORKS)
    bench.build("business.x")
    bench.write("business/x.sql", FAILS)
    bench.build("business.x")
    with hold_source(bench.writer.storage, OWNER, datetime.now(UTC)) as held:
        drop(held, "x")
    assert "business.x" not in datasets(bench)


def test_a_definition_that_never_built_and_is_gone_can_be_forgotten(bench):
    """Its failure stood in `lake status` for ever."""
    bench.writer.commit(Part(numbered(1)))
    bench.write("business/x.sql", FAILS)
    bench.build("business.x")
    (bench.folder / "business" / "x.sql").unlink()
    at = ["business.x", "--lake", bench.writer.place.path]
    assert "business.x would go" in lake("drop", *at, "--dry-run").stdout
    assert to_dataset_table([datasets(bench)["business.x"]], terminal=False).endswith("lake drop business.x")
    assert "business.x is gone" in lake("drop", *at).stdout
    assert "business.x" not in datasets(bench)
    assert lake("drop", *at).returncode == 2


def test_old_records_go_by_age_and_the_last_one_stays(bench):
    from lake.runs import RunRecord, write_run

    bench.writer.commit(Part(numbered(1)))
    bench.write("business/x.sql", WORKS)
    bench.build("business.x")
    for day in ("01", "02"):
        at = f"2026-01-{day}T00:00:00.000+00:00"
        run = f"202601{day}T000000Z-00000001"
        write_run(
            bench.writer.storage,
            RunRecord(run=run, source=OWNER, started_at=at, ended_at=at, seconds=1, outcome="failed", exit_code=8),
        )
    commits = bench.catalog["business.x"].commits()
    found = plan_expiry(bench.writer.storage, OWNER, commits, NOW)
    assert [each.key for each in found] == [f"{layout.runs_prefix(OWNER)}/20260101T000000Z-00000001.json"]


def test_what_is_skipped_or_held_by_another_build_has_not_failed(bench):
    bench.writer.commit(Part(numbered(1)))
    bench.write("clean/a.sql", FAILS)
    bench.write("business/x.sql", "SELECT n FROM clean.a")
    bench.write("business/held.sql", WORKS)
    storage = bench.writer.storage.with_scratch(layout.owner_folder("@business/held"))
    with storage.lock(layout.lock_key("@business/held")):
        done = bench.build()
    assert (done["business.x"].outcome, done["business.held"].exit_code) == ("skipped", 7)
    assert outcomes(bench) == []
    assert list(runs_of(bench.writer.storage, "@business/held")) == []
    assert [record.outcome for record in runs_of(bench.writer.storage, "@clean/a")] == ["failed"]


ALERT = """
import json, sys
with open("alerts", "a") as file:
    file.write(json.dumps(json.load(sys.stdin)) + "\\n")
"""


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A project whose alerts a test reads, in the working folder."""
    LakeWriter(LakePlace("local", str(tmp_path / "lake"))).commit(Part(numbered(1)))
    notify = {"command": [sys.executable, "alert.py"], "on": ["failure", "recovery"]}
    config = {"target": {"path": "lake", "source": "shop"}, "lake": {"notify": notify}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "alert.py").write_text(ALERT)
    (tmp_path / "zones/business").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def build(project: Path, *files: tuple[str, str]) -> int:
    for name, text in files:
        (project / "zones" / name).write_text(text)
    return cli.lake.main(["build", "--quiet"], prog_name="lake", standalone_mode=False)


def alerts(project: Path) -> list[dict]:
    path = project / "alerts"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_a_build_by_hand_tells_of_failures_and_of_the_recovery(project):
    assert build(project, ("business/x.sql", FAILS), ("business/y.sql", "SELECT 1 AS n")) == 8
    assert build(project, ("business/x.sql", WORKS)) == 0
    assert build(project) == 0
    failure, recovery = alerts(project)
    assert (failure["event"], failure["exit_code"], failure["source"]) == ("failure", 8, "shop")
    assert failure["text"].startswith("`lake build` failed with exit code 8: business.x. business.x: not null")
    assert [(each["dataset"], each["outcome"]) for each in failure["datasets"]] == [("business.x", "failed")]
    assert (recovery["event"], recovery["text"]) == ("recovery", "`lake build` succeeds again: business.x.")


def test_a_build_that_never_began_is_told_of(project):
    from lake.errors import UsageError

    with pytest.raises(UsageError):
        build(project, ("business/x.sql", "SELECT * FROM landing.nowhere"))
    (failure,) = alerts(project)
    assert failure["event"] == "failure"
    assert failure["text"].startswith("The build of source 'shop' failed with exit code 2: ")
