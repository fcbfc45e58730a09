"""docs/schedule.md is true: its examples are accepted, its commands are understood, every key is there."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from lake import cli
from lake.project import load_project
from lake.schedule.cron import MACROS
from lake.schedule.entries import load_entries
from lake.schedule.notify import Notice, load_notifier
from lake.schedule.outlook import to_expectation
from tests.lake.schedule.world import START

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "schedule.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("block", blocks("json"))
def test_an_example_is_accepted(block, tmp_path, monkeypatch):
    monkeypatch.setenv("WEBHOOK_URL", "https://chat.example/hook")
    (tmp_path / "config.json").write_text(block)
    project = load_project(tmp_path / "config.json")
    assert load_entries(project) or project.freshness
    assert to_expectation(project, START)
    load_notifier(project)


@pytest.mark.parametrize("line", [line for block in blocks("console") for line in block.splitlines()])
def test_a_documented_command_is_understood(line):
    _, program, command, *arguments = shlex.split(line)
    assert program == "lake"
    cli.lake.commands[command].make_context(command, arguments)


def test_every_key_is_documented():
    schema = json.loads((ROOT / "lake" / "config.schema.json").read_text())
    entry = schema["definitions"]["entry"]["properties"]
    keys = [*(key for key in entry if key != "on"), *(f"on.{key}" for key in entry["on"]["properties"])]
    keys += [*schema["properties"]["notify"]["properties"], *Notice.__struct_fields__]
    for key in keys:
        assert f"`{key}`" in TEXT, key


def test_every_short_name_is_documented():
    for name in MACROS.keys() - {"@midnight", "@annually"}:
        assert f"`{name}`" in TEXT
