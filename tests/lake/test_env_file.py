"""--env-file: NAME=value lines become variables, strictly, and their values never stand in a message."""

from __future__ import annotations

import json
import os
import sys

import pytest

from lake import cli
from lake.env_file import load_env_file
from lake.errors import UsageError
from tests.lake.test_foreign_tap import TELLS, World


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("A=1\nB=two\n", {"A": "1", "B": "two"}, id="plain"),
        pytest.param("\ufeffA=1\r\nB=2\r\n", {"A": "1", "B": "2"}, id="from Windows"),
        pytest.param("# A=0\n\n  # more\nA=1 # why\n", {"A": "1"}, id="comments"),
        pytest.param("A=a#b\nB=#x\nC=", {"A": "a#b", "B": "", "C": ""}, id="a hash within a value, and empty values"),
        pytest.param("export A=1\n  B=  2  \n", {"A": "1", "B": "2"}, id="export and spaces"),
        pytest.param("A='a # b \\n $B'  # c\n", {"A": "a # b \\n $B"}, id="single quotes"),
        pytest.param(r'A="a\n\"b\" \$c \\ #"', {"A": 'a\n"b" $c \\ #'}, id="double quotes"),
        pytest.param('A=1\nB=$A\nC=${A}\nD="${A}"', {"A": "1", "B": "$A", "C": "${A}", "D": "${A}"}, id="no surprise"),
        pytest.param("A=x=y==\nB=it's\n", {"A": "x=y==", "B": "it's"}, id="equals signs and quotes within"),
    ],
)  # fmt: skip
def test_lines_become_variables(tmp_path, text, expected):
    (tmp_path / ".env").write_bytes(text.encode())
    environment: dict[str, str] = {}
    load_env_file(tmp_path / ".env", environment)
    assert environment == expected


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        pytest.param("A=1\nhunter2\n", 2, "not NAME=value", id="no equals sign"),
        pytest.param("A =hunter2", 1, "not NAME=value", id="a space before it"),
        pytest.param("1A=hunter2", 1, "not NAME=value", id="no name"),
        pytest.param("A: hunter2", 1, "not NAME=value", id="YAML"),
        pytest.param("A=hunter2\0", 1, "not NAME=value", id="a NUL"),
        pytest.param("A=1\n\nA=hunter2", 3, "A stands twice, first in line 1", id="twice"),
        pytest.param("A='hunter2", 1, "does not end", id="an open quote"),
        pytest.param('A="hunter2\nB=2"', 1, "does not end", id="a quote over two lines"),
        pytest.param("A='hunter2'x", 1, "does not end", id="something after the quote"),
        pytest.param(r'A="hunter\2"', 1, "means nothing in double quotes", id="an unknown escape"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_without_its_value(tmp_path, text, line, says):
    path = tmp_path / ".env"
    path.write_text(text)
    environment: dict[str, str] = {}
    with pytest.raises(UsageError, match=says) as caught:
        load_env_file(path, environment)
    assert f"{path}:{line}\n" in caught.value.show()
    assert "hunter" not in caught.value.show()
    assert environment == {}


@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o640, False), (0o644, True)])
def test_a_file_that_everybody_may_read_draws_a_warning(tmp_path, mode, warned):
    path = tmp_path / ".env"
    path.write_text("A=1")
    path.chmod(mode)
    assert load_env_file(path, {}) is warned


def test_the_environment_wins_and_the_tap_sees_both(tmp_path, monkeypatch):
    monkeypatch.setenv("FIRST", "environment")
    world = World(tmp_path)
    world.tap(TELLS, config={"first": "${env.FIRST}", "second": "${env.SECOND}"})
    (tmp_path / "secrets.env").write_text("FIRST=hunter2\nSECOND=file\n")
    (tmp_path / "secrets.env").chmod(0o644)
    done = world.lake_run("--env-file", str(tmp_path / "secrets.env"))
    assert done.returncode == 0, done.stderr
    assert world.told()["config"] == {"first": "environment", "second": "file"}
    assert f"Warning: everybody on this machine may read {tmp_path / 'secrets.env'}; chmod 600 it." in done.stderr
    assert "hunter2" not in done.stdout + done.stderr


def lake(monkeypatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["lake", *map(str, arguments)])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    return int(caught.value.code or 0)


def test_a_missing_file_is_a_users_mistake(tmp_path, monkeypatch, capsys):
    assert lake(monkeypatch, "status", "--env-file", tmp_path / "gone.env") == 2
    assert "cannot read the environment file: No such file or directory" in capsys.readouterr().err


@pytest.mark.parametrize("name", sorted(cli.lake.commands))
def test_every_command_that_takes_a_configuration_takes_an_environment_file(name):
    names = {option for each in cli.lake.commands[name].params for option in each.opts}
    assert ("--env-file" in names) == ("--config" in names)


def test_a_crontab_reads_the_same_file(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(os, "environ", dict(os.environ))
    schedule = [{"name": "nightly", "cron": "0 3 * * *", "run": True}]
    config = {"tap": {}, "target": {"path": "${env.LAKE_DIR}"}, "lake": {"schedule": schedule}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "a.env").write_text(f"LAKE_DIR={tmp_path}\n")
    assert (
        lake(monkeypatch, "schedule", "--crontab", "-c", tmp_path / "config.json", "--env-file", tmp_path / "a.env")
        == 0
    )
    assert f" --env-file {tmp_path / 'a.env'} run -c " in capsys.readouterr().out
