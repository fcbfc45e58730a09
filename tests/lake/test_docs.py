"""docs/lake.md is true: its Python runs, and its commands and options are there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from lake import cli
from lake.runs import RunRecord
from tests.lake.writer import LakeWriter, Part, numbered
from tests.places import LakePlace

TEXT = Path(__file__).parents[2].joinpath("docs", "lake.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_the_python_runs(tmp_path, monkeypatch, capsys):
    import pyarrow as pa

    writer = LakeWriter(LakePlace("local", str(tmp_path / "lake")))
    schema = pa.schema([("id", pa.int64()), ("rating", pa.int64())])
    for n in (1, 2):
        writer.commit(Part([{"id": n, "rating": 5}], stream="diaper_reviews", schema=schema))
    writer.commit(Part(numbered(1), stream="shops"))
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in blocks("python"):
        exec(compile(block, "docs/lake.md", "exec"), names)  # noqa: S102 - our own page
    assert names["table"].num_rows == 2
    printed = capsys.readouterr().out
    assert printed.startswith("['diaper_reviews', 'shops']")
    assert "2" in printed


@pytest.mark.parametrize("line", [line for block in blocks("console") for line in block.splitlines()])
def test_a_documented_command_is_understood(line):
    _, program, command, *arguments = shlex.split(line)
    assert program == "lake"
    cli.lake.commands[command].make_context(command, arguments)


def section(command: str) -> str:
    (found,) = re.findall(rf"^#+ (?:[^\n]*, )?lake {command}\b.*?(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL)
    return found


@pytest.mark.parametrize("command", cli.lake.commands)
def test_every_option_of_a_command_is_documented_and_no_other(command):
    params = cli.lake.commands[command].params
    options = {name for each in params for name in (*each.opts, *each.secondary_opts) if name.startswith("--")}
    documented = set(re.findall(r"^\| `(--[a-z-]+)", section(command), re.MULTILINE))
    assert documented <= options
    named = set(re.findall(r"(--[a-z-]+)", section(command)))
    assert options - {"--config", "--env-file", "--lake", "--json"} <= named


def test_every_command_is_documented():
    for command in cli.lake.commands:
        assert f"lake {command}" in TEXT


def test_every_key_of_a_run_record_is_documented():
    table = TEXT.rpartition("| key | meaning |")[2]
    for key in RunRecord.__struct_fields__:
        assert f"`{key}`" in table
