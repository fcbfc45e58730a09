"""``lake run`` with --from, --to and --limit, and runs that end early."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from target_datalake.commit_log import CommitLog
from target_datalake.stores import open_storage
from tests.lake.programs import Stage
from tests.lake.writer import LakeWriter, Part, numbered
from tests.places import LakePlace

TELLS = """
ready("tap", json.dumps({"argv": sys.argv[1:]}))
"""

SENDS = (
    TELLS
    + r"""
say(type="SCHEMA", stream="orders", schema={"properties": {"id": {}}}, key_properties=["id"])
print('{"type": "RECORD", "stream": "orders", "record": {"id": 1, "price": 19.90, "tags": ["a"], "note": null}}')
print(json.dumps({"type": "RECORD", "stream": "orders", "record": {"id": 2, "name": chr(27) + "[31mred"}}))
say(type="SCHEMA", stream="shops", schema={"properties": {}}, key_properties=[])
"""
)

ENDS_EARLY = """
say(type="STATE", value={"bookmarks": {}, "currently_syncing": "orders"})
say(type="SCHEMA", stream="orders", schema={"properties": {"id": {"type": "integer"}}}, key_properties=["id"])
say(type="RECORD", stream="orders", record={"id": 1})
"""
SAFE_STEP = """
say(type="STATE", value={"bookmarks": {"orders": {"at": 1}}, "currently_syncing": "orders"})
say(type="RECORD", stream="orders", record={"id": 2})
"""


@pytest.fixture
def stage(tmp_path) -> Stage:
    return Stage(tmp_path, str(tmp_path / "lake"), {}, target=None)


def test_a_limit_shows_records_and_lands_nothing(stage):
    stage.tap = SENDS.replace("\\\\\\\\", "\\\\")
    stage.target = 'raise SystemExit("a trial starts no target")'
    done = stage.run("--limit", "2", "--from", "2024-01-01")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "orders: 2 records",
        "id  price  tags   note  name",
        '1   19.90  ["a"]',
        "2                       \\x1b[31mred",
        "",
        "shops: 0 records",
    ]
    assert not Path(stage.lake).exists()
    argv = stage.told("tap")["argv"]
    assert argv[-4:] == ["--from", "2024-01-01", "--limit", "2"]
    assert "--state" not in argv


def test_a_limit_as_json_keeps_what_the_tap_wrote(stage):
    stage.tap = SENDS.replace("\\\\\\\\", "\\\\")
    done = stage.run("--limit", "2", "--json")
    assert '"price":19.90' in done.stdout
    assert json.loads(done.stdout)["shops"] == []


def test_a_trial_of_one_stream_chooses_it(stage):
    stage.tap = 'ready("tap", Path(option("--catalog")).read_text())'
    assert stage.run("--limit", "1", "--stream", "shops").returncode == 0
    selected = [s["stream"] for s in stage.told("tap")["streams"] if s["metadata"][0]["metadata"].get("selected")]
    assert selected == ["shops"]


@pytest.mark.parametrize(("tap", "code"), [("sys.exit(3)", 3), ("print('no message')", 1)], ids=["failed", "garbage"])
def test_a_trial_that_fails_returns_the_taps_code(stage, tap, code):
    stage.tap = tap
    done = stage.run("--limit", "1")
    assert done.returncode == code
    assert "Traceback" not in done.stderr


def test_a_range_starts_from_the_heads_state_and_tells_the_tap(stage):
    LakeWriter(LakePlace("local", stage.lake)).commit(Part(numbered(1)), state='{"bookmarks":{"orders":{"at":9}}}')
    stage.tap = TELLS
    assert stage.run("--from", "2024-01-01", "--to", "2024-02-01").returncode == 0
    argv = stage.told("tap")["argv"]
    assert argv[-4:] == ["--from", "2024-01-01", "--to", "2024-02-01"]
    assert "--state" in argv


@pytest.mark.parametrize("option", [["--from", "2024-01-01"], ["--to", "2024-01-01"], ["--limit", "1"]], ids=" ".join)
def test_a_full_refresh_reads_no_bookmark_so_it_takes_no_range(stage, option):
    done = stage.run("--full-refresh", *option)
    assert done.returncode == 2
    assert f"means nothing with {option[0]}" in done.stderr


@pytest.mark.parametrize(
    ("tap", "code", "rows"), [(ENDS_EARLY, 4, 0), (ENDS_EARLY + SAFE_STEP, 0, 1)], ids=["nothing", "something"]
)
def test_a_run_that_ends_early_and_lands_nothing_is_exit_4(stage, tap, code, rows):
    stage.tap = tap
    done = stage.run("--json")
    assert done.returncode == code, done.stderr
    assert sum(totals["landed"] for totals in json.loads(done.stdout)["streams"].values()) == rows
    assert ("nothing landed" in done.stderr) == (code == 4)
    assert (CommitLog(open_storage(stage.lake), "shop").head() is not None) == (rows > 0)
    assert Path(stage.lake, "_lake/runs/shop").exists()
