"""The examples for cron and systemd: times that are times, commands that are understood, units that systemd accepts."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from lake import cli
from lake.schedule.cron import parse_cron

FOLDER = Path(__file__).parents[2] / "examples" / "cron"
LINES = [
    line.removeprefix("# ")
    for line in (FOLDER / "crontab").read_text().splitlines()
    if re.match(r"(# )?[*\d]\S* \S+ \S+ \S+ \S+  /", line)
]
UNITS = sorted(path.name for path in FOLDER.iterdir() if path.suffix in {".service", ".timer"})


def understand(words: list[str]) -> None:
    """Check that `lake` knows a command and its options."""
    if words[0] == "--env-file":
        words = words[2:]
    cli.lake.commands[words[0]].make_context(words[0], words[1:])


def read_unit(name: str) -> configparser.RawConfigParser:
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[method-assign,assignment] # its keys have capitals
    unit.read(FOLDER / name)
    return unit


def test_there_are_lines_and_units():
    assert len(LINES) == 4
    assert UNITS == ["lake-run.service", "lake-run.timer", "lake-schedule.service"]


@pytest.mark.parametrize("line", LINES)
def test_a_line_has_a_time_and_a_command(line):
    *fields, command = line.split(maxsplit=5)
    parse_cron(" ".join(fields), "UTC", "crontab")
    program, *words = shlex.split(command.partition(" > ")[0])
    assert program == "/srv/shop/.venv/bin/lake"
    understand(words)


@pytest.mark.parametrize("name", [name for name in UNITS if name.endswith(".service")])
def test_a_service_starts_a_command_and_keeps_secrets_in_a_file(name):
    service = read_unit(name)["Service"]
    program, *words = shlex.split(service["ExecStart"])
    assert program == "/srv/shop/.venv/bin/lake"
    understand(words)
    assert service["EnvironmentFile"].startswith("/etc/")
    assert "Environment" not in service


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_accepts_the_units(tmp_path):
    for name in UNITS:
        text = (FOLDER / name).read_text()
        (tmp_path / name).write_text(text.replace("/srv/shop/.venv/bin/lake", "/bin/true"))
    command = ["systemd-analyze", "verify", "--man=no", *(tmp_path / name for name in UNITS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
