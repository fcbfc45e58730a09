"""``lake run`` as a person starts it, with small programs in place of the tap, and of the target where that matters."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from lake import Catalog
from target_datalake import layout
from target_datalake.commit_log import CommitLog
from target_datalake.stores import open_storage
from tests.lake.programs import (
    DEADLINE_SECONDS,
    DISCOVERS,
    ENDLESS,
    READS_ALL,
    TWO_ORDERS,
    Stage,
    eventually,
    is_gone,
)
from tests.lake.writer import LakeWriter, Part, ids, numbered
from tests.places import LakePlace

STATE = '{"bookmarks":{"orders":{"at":1.10},"shops":{"p":1},"notes":{"q":2}},"currently_syncing":"orders","x":1e2}'

TELLS = """
path = option("--state")
state = None if path is None else Path(path).read_text()
mode = None if path is None else oct(os.stat(path).st_mode & 0o777)
catalog = json.loads(Path(option("--catalog")).read_text())
ready("tap", json.dumps({"argv": sys.argv[1:], "state": state, "mode": mode, "catalog": catalog}))
"""


@pytest.fixture
def stage(tmp_path) -> Stage:
    """A project whose lake is a folder, a small tap, and the real target."""
    return Stage(tmp_path, str(tmp_path / "lake"), {}, target=None)


@pytest.fixture
def any_stage(lake_place: LakePlace, tmp_path) -> Stage:
    """The same over a folder, then over S3."""
    return Stage(tmp_path, lake_place.path, lake_place.s3, target=None)


def records(stage: Stage) -> list[dict[str, object]]:
    storage = open_storage(stage.lake, s3=stage.s3)
    return [json.loads(storage.read(file.key)) for file in storage.list(layout.runs_prefix("shop"))]


def writer(stage: Stage) -> LakeWriter:
    return LakeWriter(LakePlace("local", stage.lake))


@pytest.fixture
def temporary(tmp_path, monkeypatch) -> Path:
    """Where the programs of this test put their temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def test_records_land_and_the_state_is_handed_on(any_stage):
    first = any_stage.run()
    assert first.returncode == 0, first.stderr
    any_stage.tap = TELLS
    second = any_stage.run()
    assert second.returncode == 0, second.stderr
    assert any_stage.told("tap")["state"].startswith('{"bookmarks": {"orders": {"replication_key_value"')
    assert ids(Catalog(any_stage.lake, s3=any_stage.s3)["orders"].read()) == [1, 2]


def test_the_summary_says_what_landed_and_how_to_read_it(stage):
    done = stage.run()
    run = str(records(stage)[0]["run"])
    size = sum(file.bytes for file in Catalog(stage.lake)["orders"].files())
    seconds = done.stdout.splitlines()[2].split()[-1]
    assert done.stdout.splitlines() == [
        "stream  received  landed  rejected  files   bytes  seconds",
        f"orders         2       2         0      1  {size / 1000:.1f} kB",
        f"total          2       2         0      1  {size / 1000:.1f} kB  {seconds:>7}",
        "",
        f"Run {run} of source 'shop' succeeded: commit 1.",
        f"Landed in {stage.lake}/landing/shop. Read it in Python:",
        f'  from lake import Catalog; Catalog("{stage.lake}")["orders"].read()',
    ]


def test_rejected_records_are_counted_and_the_commonest_reason_is_told(stage):
    stage.tap = """
say(type="SCHEMA", stream="orders", schema={"properties": {"id": {"type": "integer"}}}, key_properties=["id"])
for value in (1, "x", "y", 2):
    say(type="RECORD", stream="orders", record={"id": value})
say(type="STATE", value={})
"""
    done = stage.run()
    assert done.returncode == 0, done.stderr
    assert "Rejected: 2, most often for /id: " in done.stdout
    assert "(2 times)" in done.stdout
    assert f"{stage.lake}/_lake/rejected/shop." in done.stdout
    assert len(Catalog(stage.lake)["orders"].rejected()) == 2


def test_the_summary_as_json_is_the_record_that_is_kept(stage):
    document = json.loads(stage.run("--json").stdout)
    assert document.pop("lake") == stage.lake
    (record,) = records(stage)
    assert document == record
    assert record["streams"] == {
        "orders": {"received": 2, "landed": 2, "rejected": 0, "files": 1, "bytes": record["streams"]["orders"]["bytes"]}
    }
    assert (record["outcome"], record["exit_code"], record["parent"], record["commits"]) == ("succeeded", 0, 0, [1])
    assert (record["tap_exit_code"], record["target_exit_code"]) == (0, 0)
    assert set(record["versions"]) > {"python", "pyarrow", "rest-datalake"}


def test_quiet_prints_nothing(stage):
    """The target's own log included, as cron wants it."""
    done = stage.run("--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_run_record_is_for_its_owner_only(stage):
    stage.run()
    (path,) = Path(stage.lake, "_lake/runs/shop").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_target_is_told_the_head_the_run_and_the_lock(stage):
    writer(stage).commit(Part(numbered(1)))
    stage.target = READS_ALL
    stage.run()
    argv = stage.told("target")["argv"]
    told = dict(zip(argv[::2], argv[1::2], strict=True))
    assert told["--expected-parent"] == "1"
    assert told["--run-id"] == records(stage)[0]["run"]
    assert int(told["--lock-fd"]) > 2


def test_the_tap_gets_the_heads_state_word_for_word_in_a_private_file_that_is_removed(stage):
    writer(stage).commit(Part(numbered(1)), state=STATE)
    stage.tap = TELLS
    assert stage.run().returncode == 0
    told = stage.told("tap")
    assert (told["state"], told["mode"]) == (STATE, "0o600")
    assert not Path(told["argv"][-1]).exists()


def test_without_a_state_there_is_no_state_file(stage):
    stage.tap = TELLS
    stage.run()
    assert stage.told("tap")["state"] is None


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param([], '{"bookmarks":{"notes":{"q":2}},"x":1e2}', id="of the selected streams"),
        pytest.param(
            ["--stream", "shops"],
            '{"bookmarks":{"orders":{"at":1.10},"notes":{"q":2}},"x":1e2}',
            id="of the named ones",
        ),
    ],
)
def test_a_full_refresh_forgets_the_bookmarks(stage, options, expected):
    writer(stage).commit(Part(numbered(1)), state=STATE)
    stage.tap = TELLS
    assert stage.run("--full-refresh", *options).returncode == 0
    assert stage.told("tap")["state"] == expected


def test_a_stream_is_taken_alone(stage):
    stage.tap = TELLS
    assert stage.run("--stream", "notes", "--stream", "shops").returncode == 0
    streams = stage.told("tap")["catalog"]["streams"]
    selected = {stream["stream"]: stream["metadata"][0]["metadata"]["selected"] for stream in streams}
    assert selected == {"orders": False, "shops": True, "notes": True}


def test_an_unknown_stream_is_refused_with_the_near_miss(stage):
    done = stage.run("--stream", "order")
    assert done.returncode == 2
    assert done.stderr == "Error: there is no stream 'order'\n  where: --stream\n  fix:   did you mean 'orders'?\n"
    assert not Path(stage.lake).exists()


def test_a_missing_catalog_is_discovered_first(stage):
    catalog = stage.config.with_name("catalog.json")
    catalog.unlink()
    done = stage.run()
    assert done.returncode == 0
    assert done.stderr.startswith(f"Notice: there is no {catalog}; asking the tap for its streams to write it.\n")
    assert [stream["stream"] for stream in json.loads(catalog.read_text())["streams"]] == ["orders", "shops", "notes"]
    assert ids(Catalog(stage.lake)["orders"].read()) == [1, 2]


def test_a_misspelt_catalog_is_not_discovered(stage):
    done = stage.run("--catalog", "catlog.json")
    assert done.returncode == 2
    assert "cannot read the catalog: No such file or directory" in done.stderr
    assert not Path("catlog.json").exists()


def test_a_failed_discovery_ends_the_run_with_the_taps_code(stage):
    stage.config.with_name("catalog.json").unlink()
    stage.tap = "sys.exit(3)"
    done = stage.run()
    assert done.returncode == 3
    assert "Error: the tap could not discover its streams" in done.stderr
    (record,) = records(stage)
    assert (record["outcome"], record["exit_code"], record["tap_exit_code"]) == ("failed", 3, None)


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        pytest.param(lambda path: path.unlink(), 2, "cannot read the configuration", id="no configuration"),
        pytest.param(lambda path: path.write_text("{"), 2, "the configuration is not JSON", id="not JSON"),
        pytest.param(
            lambda path: path.write_text('{"tap": {}, "target": {"path": "x", "sorce": "y"}}'),
            2,
            'did you mean "source"?',
            id="an unknown key of the target",
        ),
        pytest.param(
            lambda path: path.write_text('{"tap": {}, "target": {"path": "x"}, "lake": {"catalogue": "y"}}'),
            2,
            'did you mean "catalog"?',
            id="an unknown key of the lake",
        ),
        pytest.param(
            lambda path: path.write_text('{"path": "x"}'),
            2,
            "says nothing about a tap",
            id="no tap in the configuration",
        ),
        pytest.param(
            lambda path: path.with_name("catalog.json").write_text("[]"), 2, "the catalog is damaged", id="no catalog"
        ),
        pytest.param(
            lambda path: path.write_text('{"tap": {}, "target": {"path": "${env.NOT_SET_ANYWHERE}"}}'),
            2,
            "environment variable NOT_SET_ANYWHERE is not set",
            id="an unset variable",
        ),
        pytest.param(
            lambda path: path.write_text('{"tap": {}, "target": {"path": "/proc/nowhere"}}'),
            6,
            "cannot lock",
            id="a lake that cannot be written",
        ),
    ],
)
def test_a_users_mistake_is_told_without_a_traceback(stage, change, code, message):
    change(stage.config)
    command = stage.command("run", "-c", str(stage.folder / "config.json"))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not Path(stage.lake).exists()


def test_a_tap_that_fails_lands_what_its_last_state_covers(stage):
    stage.tap = TWO_ORDERS + 'say(type="RECORD", stream="orders", record={"id": 3})\nsys.exit(4)'
    done = stage.run()
    assert done.returncode == 4
    assert "failed (tap exit code 4, target exit code 0): commit 1." in done.stdout
    assert ids(Catalog(stage.lake)["orders"].read()) == [1, 2]
    assert [(record["outcome"], record["exit_code"]) for record in records(stage)] == [("failed", 4)]


def test_a_target_that_fails_ends_the_tap(stage):
    stage.tap, stage.target = ENDLESS, "wait_for('tap')\nsys.exit(5)"
    assert stage.run().returncode == 5
    assert is_gone(int((stage.folder / "tap").read_text()))


def test_a_run_of_several_configurations_goes_on_after_a_failure_and_returns_the_first(stage, tmp_path):
    other = Stage(tmp_path / "other", stage.lake, {}, target=None)
    other.folder.mkdir()
    other.config.write_text(json.dumps({"tap": {}, "target": {"path": stage.lake, "source": "other"}}))
    stage.tap = DISCOVERS + f"if {str(stage.config)!r} in sys.argv: sys.exit(4)\n" + TWO_ORDERS
    done = stage.run("-c", "missing.json", "-c", str(other.config), "--json")
    assert done.returncode == 4
    assert [json.loads(line)["source"] for line in done.stdout.splitlines()] == ["shop", "other"]
    assert "missing.json" in done.stderr


def test_two_configurations_of_one_source_are_refused_before_either_runs(stage, tmp_path):
    other = Stage(tmp_path / "other", stage.lake, {}, target=None)
    other.folder.mkdir()
    done = stage.run("-c", str(other.config))
    assert done.returncode == 2
    assert f"{stage.config} and {other.config}" in done.stderr
    assert records(stage) == []


def test_a_held_source_is_refused_at_once_and_nothing_is_started(stage):
    storage = writer(stage).storage
    stage.tap = "ready('tap')"
    with storage.lock(layout.lock_key("shop")):
        done = stage.run()
    assert done.returncode == 7
    assert "another run holds this source" in done.stderr
    assert not (stage.folder / "tap").exists()
    assert records(stage) == []


@pytest.mark.slow
def test_of_twenty_simultaneous_runs_exactly_one_runs(stage):
    stage.tap = "wait_for('go')\n" + TWO_ORDERS
    with ExitStack() as stack:
        runs = [stack.enter_context(stage.started("--quiet")) for _ in range(20)]
        eventually(lambda: sum(run.poll() is not None for run in runs) == 19, "nineteen runs are refused")
        stage.let("go")
        codes = sorted(run.wait(DEADLINE_SECONDS) for run in runs)
    assert codes == [0] + [7] * 19
    assert ids(Catalog(stage.lake)["orders"].read()) == [1, 2]


def test_a_commit_between_the_head_and_the_target_is_refused(stage):
    """On a store without locks the expected parent is what keeps two writers apart."""
    stage.tap = "ready('tap')\nwait_for('go')\n" + TWO_ORDERS
    real = "[sys.executable, '-m', 'target_datalake.cli', *sys.argv[1:]]"
    stage.target = f"ready('target')\nwait_for('go')\nos.execv(sys.executable, {real})"
    with stage.started() as run:
        eventually((stage.folder / "target").exists, "the target is started")
        writer(stage).commit(Part(numbered(9)), run="another")
        stage.let("go")
        _, errors = run.communicate(timeout=DEADLINE_SECONDS)
    assert run.returncode == 7
    assert "this run was started from commit 0" in errors
    assert ids(Catalog(stage.lake)["orders"].read()) == [9]
    assert records(stage)[0]["commits"] == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.parametrize("times", [1, 3])
def test_a_signal_ends_the_run_and_both_programs(stage, temporary, number, code, times):
    writer(stage).commit(Part(numbered(100)), state="{}")
    stage.tap = ENDLESS
    with stage.started() as run:
        tap = stage.told("tap")
        for _ in range(times):
            run.send_signal(number)
        output, errors = run.communicate(timeout=DEADLINE_SECONDS)
    assert run.returncode == code, errors
    assert "was stopped by a signal" in output
    assert "Traceback" not in errors
    assert is_gone(tap)
    assert [(record["outcome"], record["exit_code"]) for record in records(stage)] == [("stopped", code)]
    assert list(temporary.iterdir()) == []


def test_what_landed_before_a_signal_is_whole_and_the_next_run_goes_on(stage):
    stage.tap = ENDLESS
    with stage.started() as run:
        stage.told("tap")
        run.terminate()
        run.communicate(timeout=DEADLINE_SECONDS)
    head = CommitLog(open_storage(stage.lake), "shop").head()
    last = json.loads(head.state)["n"] if head else 0
    landed = ids(Catalog(stage.lake)["orders"].read()) if head else []
    assert landed == list(range(1, last + 1))
    stage.tap = TELLS
    assert stage.run().returncode == 0
    assert json.loads(stage.told("tap")["state"] or "{}").get("n", 0) == last if head else True


def test_a_signal_during_discovery_ends_the_run_too(stage):
    stage.config.with_name("catalog.json").unlink()
    stage.tap = "ready('tap', str(os.getpid()))\nsignal.pause()"
    with stage.started() as run:
        tap = stage.told("tap")
        run.terminate()
        _, errors = run.communicate(timeout=DEADLINE_SECONDS)
    assert run.returncode == 143
    assert "Traceback" not in errors
    assert is_gone(tap)
    assert [record["outcome"] for record in records(stage)] == ["stopped"]
    assert not stage.config.with_name("catalog.json").exists()


def test_a_killed_run_leaves_no_program_behind_and_the_next_one_goes_on(stage):
    stage.tap = ENDLESS
    with stage.started() as run:
        tap = stage.told("tap")
        run.kill()
        run.wait()
        eventually(lambda: is_gone(tap), "the tap ends")
    stage.tap = TWO_ORDERS
    eventually(lambda: stage.run().returncode == 0, "the target lets go of the source")
    head = CommitLog(open_storage(stage.lake), "shop").head()
    assert head is not None
    assert head.state is not None
    assert json.loads(head.state)["bookmarks"]


def test_the_source_is_held_as_long_as_the_target_lives(stage):
    """A runner that was killed must not let another one in while its target can still commit."""
    stage.tap = "ready('tap', str(os.getpid()))\nsignal.pause()"
    stage.target = "ready('target', str(os.getpid()))\nwait_for('go')\n"
    with stage.started() as run:
        tap, target = stage.told("tap"), stage.told("target")
        run.kill()
        run.wait()
        assert stage.run().returncode == 7
        stage.let("go")
        eventually(lambda: is_gone(target), "the target ends")
        os.kill(tap, signal.SIGKILL)
    stage.tap, stage.target = TWO_ORDERS, None
    assert stage.run().returncode == 0


def test_no_secret_stands_in_a_run_record(stage, monkeypatch):
    monkeypatch.setenv("SHOP_KEY", "s3cr3t-value")
    config = json.loads(stage.config.read_text())
    stage.config.write_text(json.dumps({**config, "tap": {"token": "${env.SHOP_KEY}"}}))
    stage.run()
    assert "s3cr3t-value" not in json.dumps(records(stage))
