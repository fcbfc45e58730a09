"""``lake build`` on a real terminal: drawn while it goes on, gone at its end; plain lines, or nothing, elsewhere."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lake.zones.build_screen import BuildProgress
from lake.zones.built import Built
from tests.lake.programs import DEADLINE_SECONDS
from tests.lake.test_screen import HIDDEN, SHOWN, Terminal
from tests.lake.writer import LakeWriter, Part, numbered
from tests.places import LakePlace

ROOT = Path(__file__).parents[3]

WAITS = """\
# inputs: landing.orders
import time
from pathlib import Path
import pyarrow as pa

def build(catalog):
    rows = catalog["landing.orders"].read(columns=["id"])

    def batches():
        yield from rows.to_batches()
        while not Path({go!r}).exists():
            time.sleep(0.02)
        yield from rows.to_batches()

    return pa.RecordBatchReader.from_batches(rows.schema, batches())
"""
FAILS = "-- not null: n\nSELECT NULL::INT AS n"


@pytest.fixture
def project(tmp_path) -> Path:
    """A project whose build waits, once it has begun, for a file."""
    LakeWriter(LakePlace("local", str(tmp_path / "lake"))).commit(Part(numbered(*range(1234))))
    (tmp_path / "config.json").write_text(json.dumps({"target": {"path": str(tmp_path / "lake"), "source": "shop"}}))
    (tmp_path / "zones/business").mkdir(parents=True)
    (tmp_path / "zones/business/slow.py").write_text(WAITS.format(go=str(tmp_path / "go")))
    (tmp_path / "zones/business/wrong.sql").write_text(FAILS)
    return tmp_path


def command(project: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "lake.cli", "build", "-c", str(project / "config.json"), *arguments]


def terminal(project: Path, *arguments: str, **options) -> Terminal:
    return Terminal(command(project, *arguments), **options)


def test_a_build_is_drawn_while_it_goes_on_and_summed_up_at_its_end(project):
    with terminal(project) as screen:
        screen.shows("builds")
        screen.shows("1,234")
        screen.shows("waits")
        (project / "go").touch()
        assert screen.end() == 8
    assert screen.drawn.rindex(SHOWN) > screen.drawn.rindex(HIDDEN)
    end = screen.drawn[screen.drawn.rindex(SHOWN) :]
    assert "2,468" in end
    assert "not null" in end  # the error is not drawn over
    assert "1 failed" in end


def test_without_colour_there_is_none(project):
    (project / "go").touch()
    with terminal(project, NO_COLOR="1") as screen:
        assert screen.end() == 8
    assert HIDDEN in screen.drawn
    assert not any(f"\x1b[{code}m" in screen.drawn for code in (*range(30, 50), *range(90, 108), "1;31"))


def test_json_is_the_last_line_of_a_drawn_build_too(project):
    (project / "go").touch()
    with terminal(project, "--json") as screen:
        assert screen.end() == 8
    assert {each["dataset"] for each in json.loads(screen.drawn.strip().splitlines()[-1])} == {
        "business.slow",
        "business.wrong",
        "clean.orders",
    }


@pytest.mark.parametrize(
    ("arguments", "options"),
    [(["--quiet"], {}), ([], {"TERM": "dumb"}), ([], {"typed": False})],
    ids=["quiet", "a terminal that cannot be drawn on", "a scheduler's job"],
)
def test_where_nothing_is_to_be_drawn_nothing_is(project, arguments, options):
    (project / "go").touch()
    with terminal(project, *arguments, **options) as screen:
        assert screen.end() == 8
    assert HIDDEN not in screen.drawn
    assert ("business.slow: built, 2,468 rows, " in screen.drawn) == (not arguments)
    assert "not null" in screen.drawn


def test_off_a_terminal_lines_are_plain_and_on_stderr(project):
    (project / "go").touch()
    done = subprocess.run(
        command(project, "--json"), capture_output=True, text=True, check=False, timeout=DEADLINE_SECONDS
    )
    assert len(json.loads(done.stdout)) == 3
    assert "clean.orders: built, 1,234 rows, " in done.stderr
    assert "business.wrong: failed, " in done.stderr
    assert "\x1b" not in done.stderr
    done = subprocess.run(command(project, "--quiet"), capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr.count("\n")) == ("", 3)  # what is wrong, where, and how to mend it


def test_an_interrupted_build_gives_the_terminal_back(project):
    with terminal(project) as screen:
        screen.shows("1,234")
        screen.process.send_signal(signal.SIGINT)
        assert screen.end() == 130
    assert screen.drawn.rindex(SHOWN) > screen.drawn.rindex(HIDDEN)


def test_each_dataset_s_state_rows_and_seconds_are_known():
    clock = iter([10.0])
    progress = BuildProgress(lambda: next(clock))
    progress.planned(["clean.a", "clean.b"])
    assert [each.state for each in progress.datasets.values()] == ["waits", "waits"]
    progress.began("clean.a")
    progress.wrote("clean.a", 5)
    a = progress.datasets["clean.a"]
    assert (a.state, a.rows, a.began, a.seconds) == ("builds", 5, 10.0, None)
    progress.ended(Built(dataset="clean.a", outcome="merged", version=2, rows=9, seconds=1.5))
    a = progress.datasets["clean.a"]
    assert (a.state, a.rows, a.seconds) == ("merged", 9, 1.5)
