"""Kill the tap, the target or the wrapper at random moments, run again: every record is in the lake exactly once."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from examples.marketplace.server import Marketplace
from target_datalake.commit_log import CommitLog
from target_datalake.stores import open_storage
from tests.end_to_end.project import Project, make_project
from tests.places import LakePlace

KILLS = int(os.environ.get("KILLS", "50"))
SEED = int(os.environ.get("KILL_SEED", "20260131"))
VICTIMS = ("tap_rest_api.cli", "target_datalake.cli", "lake.cli")


@pytest.fixture
def project(tmp_path) -> Project:
    with Marketplace(port=0, key="demo-key", clean=False, advance="manual", reviews=1500) as api:
        place = LakePlace("local", str(tmp_path / "lake"))
        yield make_project(tmp_path / "project", api, place, page_size=25, commit={"max_rows": 60})


@pytest.mark.slow
@pytest.mark.timeout(max(240, 5 * KILLS))
def test_every_record_lands_exactly_once_whoever_is_killed_whenever(project):
    draw = random.Random(SEED)
    expected: set[tuple[int, datetime]] = set()
    killed, requests = 0, 90
    while killed < KILLS:
        before = len(project.api.requests())
        if run_and_kill(project, draw, requests) != 0:
            killed += 1
            if draw.randrange(5) == 0:  # and again while the next run recovers, before its first request
                killed += run_and_kill(project, draw, 0) != 0
            continue
        requests = len(project.api.requests()) - before
        check_lake(project, expected)
        project.api.advance()
    final = project.lake_run()
    assert final.returncode == 0, final.stderr
    check_lake(project, expected)


def check_lake(project: Project, expected: set[tuple[int, datetime]]) -> None:
    """Check the lake after a completed run; `expected` gathers every review in every state the API ever had it."""
    assert project.landed("products") + project.rejected("products") == project.source("products")
    expected |= {reviewed(record) for record in project.api.records("diaper_reviews")}
    assert reviews(project) == Counter(expected)
    shops = project.source("shops")
    assert project.landed("shops", versions="active") == shops
    assert project.landed("shops") == Counter(dict.fromkeys(shops, completed_runs(project)))


def completed_runs(project: Project) -> int:
    """Return how often the tap got to its end: one that is killed after its last STATE has, whatever its exit code."""
    log = CommitLog(open_storage(project.place.path), "marketplace")
    return sum("currently_syncing" not in json.loads(commit.state) for commit in log.entries())


def reviews(project: Project) -> Counter[tuple[int, datetime]]:
    """Return how often each review, as of each change, landed or was rejected."""
    dataset = project.catalog["diaper_reviews"]
    landed = dataset.read(versions="all", columns=["id", "updated_at"]).to_pylist()
    rejected = [json.loads(reject["raw"]) for reject in dataset.rejected()]
    return Counter(map(reviewed, [*landed, *rejected]))


def reviewed(record: dict[str, Any]) -> tuple[int, datetime]:
    moment = record["updated_at"]
    return record["id"], moment if isinstance(moment, datetime) else datetime.fromisoformat(moment)


def run_and_kill(project: Project, draw: random.Random, requests: int) -> int:
    """Start a run, kill one of its processes at a random one of so many requests, and return the run's exit code."""
    until = len(project.api.requests()) + draw.randrange(0, requests + 1)
    victim = draw.choice(VICTIMS)
    run = project.popen("lake", "run", "-c", "config.json", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    with run:
        while run.poll() is None and len(project.api.requests()) < until:
            time.sleep(0.001)
        time.sleep(draw.uniform(0, 0.03))
        for pid in processes_of(run.pid):
            if victim in command_line(pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        errors = run.stderr.read().decode()
        code = run.wait(60)
    assert "Traceback" not in errors, errors
    return code


def processes_of(pid: int) -> list[int]:
    """Return a process and its children."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return []
    return [pid, *map(int, children)]


def command_line(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""
