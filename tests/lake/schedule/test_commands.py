"""`lake schedule`, `lake status` and the notices of `lake run`, as real processes with real signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lake.project import load_project
from lake.schedule.memory import EntryMemory, Memory, hold_memory, load_memory, save_memory
from tests.lake.programs import DEADLINE_SECONDS, DISCOVERS, ENDLESS, TWO_ORDERS, Stage, eventually, is_gone

if TYPE_CHECKING:
    from collections.abc import Iterator

DRIVER = """
import json, sys
from lake import cli, programs
from lake.schedule import arrivals, children
arrivals.SETTLED_SECONDS = 0
programs.PROGRAMS = programs.Programs(*map(tuple, json.loads(sys.argv[1])))
children.LAKE = (sys.executable, __file__, sys.argv[1])
sys.argv[:] = ["lake", *sys.argv[2:]]
cli.main()
"""

HOURLY = {"name": "hourly", "cron": "0 * * * *", "run": True}

TELLS_ITS_FILES = """
ready("told", json.dumps([os.environ["LAKE_FILES"], os.environ["LAKE_ENTRY"]]))
sys.exit(4)
"""

ALERT = """
import json, os, sys
line = json.dumps(json.load(sys.stdin))
open(os.path.join(os.path.dirname(__file__), "alerts"), "a").write(line + "\\n")
"""


class Schedule(Stage):
    """A stage whose `lake` is a driver that also starts the scheduler's jobs."""

    def configure(self, *schedule: dict[str, Any], **more: Any) -> Path:
        config = json.loads(self.config.read_text())
        config["lake"] = {"schedule": list(schedule), **more}
        self.config.write_text(json.dumps(config))
        (self.folder / "driver.py").write_text(DRIVER)
        (self.folder / "alert.py").write_text(ALERT)
        return self.config

    def command(self, *arguments: str) -> list[str]:
        programs = json.dumps([list(self.programs.tap), list(self.programs.target)])
        return [sys.executable, str(self.folder / "driver.py"), programs, *arguments]

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments), capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False
        )

    @contextmanager
    def scheduling(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        command = self.command("schedule", "-c", str(self.config), *arguments)
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            try:
                yield process
            finally:
                process.kill()

    def remember(self, **entries: EntryMemory) -> None:
        with hold_memory(load_project(self.config)) as storage:
            save_memory(storage, "shop", Memory(entries))

    def memory(self) -> dict[str, EntryMemory]:
        project = load_project(self.config)
        return load_memory(project.storage(), "shop").entries

    def alerts(self) -> list[dict[str, Any]]:
        path = self.folder / "alerts"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


NOTIFY = {"command": [sys.executable, "alert.py"], "on": ["failure", "recovery", "stale"]}

DUE = EntryMemory(trigger="0 * * * * (UTC)", since=time.time() - 86_400)


@pytest.fixture
def stage(tmp_path) -> Schedule:
    return Schedule(tmp_path, str(tmp_path / "lake"), {}, tap=DISCOVERS + TWO_ORDERS, target=None)


def ended(stage: Schedule) -> int | None:
    return stage.memory()["hourly"].exit_code


def test_a_missed_run_lands_is_built_from_and_a_signal_ends_the_scheduler(stage):
    stage.configure({**HOURLY, "build": True})
    stage.remember(hourly=DUE)
    with stage.scheduling() as process:
        eventually(lambda: any(Path(stage.lake).glob("_lake/runs/shop/*.json")), "the run has ended")
        eventually(lambda: ended(stage) is not None, "the build has ended")
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=DEADLINE_SECONDS)
    assert (process.returncode, out) == (143, "")
    assert "shop: hourly: due since" in err
    assert "shop: hourly: succeeded after" in err
    assert "Traceback" not in err
    shop, clean = json.loads(stage.call("status", "-c", str(stage.config), "--json").stdout)
    assert (shop["outcome"], shop["landed"]) == ("succeeded", 2)
    assert [(each["dataset"], each["rows"]) for each in clean["datasets"]] == [("clean.orders", 2)]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stopped_scheduler_takes_its_jobs_with_it_and_they_are_due_again(stage, number, code):
    stage.tap = DISCOVERS + "signal.signal(signal.SIGPIPE, signal.SIG_DFL)\n" + ENDLESS  # the target may end first
    stage.configure(HOURLY)
    stage.remember(hourly=DUE)
    with stage.scheduling() as process:
        tap = int(stage.told("tap"))
        process.send_signal(number)
        _, err = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == code
    assert is_gone(tap)
    assert "Traceback" not in err
    assert stage.memory() == {"hourly": DUE}


def test_a_job_that_is_killed_is_told_of_and_the_scheduler_goes_on(stage):
    stage.tap = DISCOVERS + ENDLESS
    stage.configure(HOURLY, notify=NOTIFY)
    stage.remember(hourly=DUE)
    with stage.scheduling() as process:
        stage.told("tap")
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        for child in children:
            os.kill(int(child), signal.SIGKILL)
        eventually(lambda: len(stage.alerts()) == 1, "somebody was told")
        eventually(lambda: ended(stage) == 137, "the job is over")
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=DEADLINE_SECONDS)
    (alert,) = stage.alerts()
    assert (alert["event"], alert["exit_code"], alert["entry"]) == ("failure", 137, "hourly")
    assert process.returncode == 143


def test_once_runs_what_has_arrived_with_its_files_and_returns_the_failure(stage):
    stage.tap = (
        DISCOVERS + "ready('told', json.dumps([os.environ['LAKE_FILES'], os.environ['LAKE_ENTRY']]))\nsys.exit(4)"
    )
    stage.configure({"name": "inbox", "on": {"file": "inbox/*.csv"}, "run": ["orders"]})
    (stage.folder / "inbox").mkdir()
    (stage.folder / "inbox" / "a.csv").write_text("id\n1\n")
    command = ("schedule", "--once", "-c", str(stage.config))
    assert stage.call(*command).returncode == 4
    files, entry = stage.told("told")
    assert (json.loads(files), entry) == ([str(stage.folder / "inbox" / "a.csv")], "inbox")
    done = stage.call(*command)
    assert (done.returncode, done.stderr) == (0, "")  # the file has had its job


def test_a_second_scheduler_of_the_source_is_refused(stage):
    stage.configure(HOURLY)
    with hold_memory(load_project(stage.config)):
        done = stage.call("schedule", "-c", str(stage.config))
    assert done.returncode == 7


def test_damaged_memory_is_an_error_that_names_the_file(stage):
    stage.configure(HOURLY)
    stage.remember()
    path = Path(stage.lake, "_lake/schedule/shop/memory.json")
    path.write_text("{")
    done = stage.call("schedule", "--once", "-c", str(stage.config))
    assert done.returncode == 6
    assert str(path) in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["--once", "--crontab"], "contradict each other", id="two ways"),
        pytest.param(["-c", "config.json"], "two configurations land source 'shop'", id="one source twice"),
        pytest.param([], "there is nothing to schedule", id="no schedule"),
    ],
)
def test_a_mistake_is_told(stage, monkeypatch, arguments, message):
    monkeypatch.chdir(stage.folder)
    stage.configure()
    done = stage.call("schedule", "-c", str(stage.config), *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_crontab_is_printed(stage):
    stage.configure(HOURLY, {"name": "inbox", "on": {"file": "*.csv"}, "run": True})
    done = stage.call("schedule", "--crontab", "-c", str(stage.config))
    assert done.returncode == 0
    assert f"run -c {stage.config} --quiet" in done.stdout
    assert "# inbox: on file" in done.stdout
    assert not Path(stage.lake).exists()


def test_a_failure_and_the_recovery_are_told(stage):
    stage.configure(notify=NOTIFY)
    stage.tap = DISCOVERS + TWO_ORDERS + "sys.exit(4)"
    assert stage.call("run", "-c", str(stage.config)).returncode == 4
    stage.tap = DISCOVERS + TWO_ORDERS
    assert stage.call("run", "-c", str(stage.config)).returncode == 0
    assert stage.call("run", "-c", str(stage.config)).returncode == 0
    failure, recovery = stage.alerts()
    assert (failure["event"], failure["exit_code"], failure["run"]["outcome"]) == ("failure", 4, "failed")
    assert (recovery["event"], recovery["run"]["outcome"]) == ("recovery", "succeeded")


def test_a_run_that_never_started_its_programs_is_told_of(stage):
    stage.configure(notify=NOTIFY)
    assert stage.call("run", "-c", str(stage.config), "--stream", "oders").returncode == 2
    assert [alert["text"] for alert in stage.alerts()] == [
        "Source 'shop' failed with exit code 2: there is no stream 'oders'."
    ]


@pytest.mark.parametrize(
    ("notify", "message"),
    [
        pytest.param({"command": ["./nothing"]}, "nobody was told of the failure of 'shop'", id="no command"),
        pytest.param({"webhook": "${env.NOT_SET_ANYWHERE}"}, "nobody will be told how this run ends", id="no variable"),
    ],
)
def test_a_notifier_that_fails_warns_and_changes_no_exit_code(stage, notify, message):
    stage.configure(notify=notify)
    stage.tap = DISCOVERS + "sys.exit(4)"
    done = stage.call("run", "-c", str(stage.config))
    assert done.returncode == 4
    assert message in done.stderr


def test_what_is_stale_is_told_once_and_exits_8(stage):
    stage.configure(HOURLY, freshness={"orders": "24h", "oders": "24h"}, notify=NOTIFY)
    stage.call("run", "-c", str(stage.config))
    for _ in range(2):
        done = stage.call("status", "-c", str(stage.config), "--notify", "--json")
        assert (done.returncode, done.stderr) == (8, "")
    (shop,) = json.loads(done.stdout)
    assert [(each["dataset"], each["stale"]) for each in shop["datasets"]] == [
        ("landing.shop.orders", False),
        ("oders", True),
    ]
    assert shop["next_due"].endswith(":00:00+00:00")
    stage.configure(HOURLY, freshness={"orders": "24h"}, notify=NOTIFY)
    done = stage.call("status", "-c", str(stage.config), "--notify")
    assert done.returncode == 0
    assert "next due" in done.stdout.splitlines()[0]
    assert "landing.shop.orders" in done.stdout
    stale, recovery = stage.alerts()
    assert (stale["event"], [each["dataset"] for each in stale["datasets"]]) == ("stale", ["oders"])
    assert (recovery["event"], [each["dataset"] for each in recovery["datasets"]]) == ("recovery", ["oders"])


def test_the_status_of_two_configurations_over_one_lake(stage, tmp_path):
    stage.configure(HOURLY)
    other = tmp_path / "other.json"
    other.write_text(json.dumps({"target": {"path": stage.lake, "source": "other"}}))
    stage.call("run", "-c", str(stage.config))
    done = stage.call("status", "-c", str(stage.config), "-c", str(other), "--json")
    assert [each["source"] for each in json.loads(done.stdout)] == ["other", "shop"]
