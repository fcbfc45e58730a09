"""The pages that are made from the code: each command, option, exit code and setting is there, and says what it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click
import pytest

from docs import commands, reference, settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COMMANDS = commands.to_page()
SETTINGS = settings.to_page()


def every_command() -> Iterator[tuple[str, click.Command]]:
    for name, program in commands.PROGRAMS.items():
        yield name, program
        for child in program.commands.values() if isinstance(program, click.Group) else ():
            yield f"{name} {child.name}", child


@pytest.mark.parametrize(("name", "command"), list(every_command()))
def test_every_option_of_a_command_is_there_and_explained(name: str, command: click.Command) -> None:
    (section,) = re.findall(rf"^##+ {name}\n(.*?)(?=^##|\Z)", COMMANDS, re.MULTILINE | re.DOTALL)
    for option in command.params:
        if isinstance(option, click.Option):
            (what,) = re.findall(rf"^\| `[^`]*{option.opts[-1]}\b[^`]*` \| (.*) \|$", section, re.MULTILINE)
            assert what.strip(), option.opts
    assert "```sh\n" in section, "it has no example"


def test_every_exit_code_that_an_error_carries_is_there() -> None:
    codes = [int(code) for code, _ in commands.exit_codes()]
    assert codes == [0, 1, 2, 3, 4, 5, 6, 7, 8, 130, 141, 143]
    assert "| 5 | More records broke their schema than the configuration allows. |" in COMMANDS


def properties(node: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield the place and name of each setting, wherever it stands in a schema."""
    for name in node.get("properties", {}) if isinstance(node, dict) else ():
        yield path, name
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from properties(value, f"{path}/{key}")


@pytest.mark.parametrize("section", settings.SECTIONS, ids=lambda section: section.title)
def test_every_setting_of_a_schema_is_there_once_and_explained(section: settings.Section) -> None:
    found = list(properties(section.schema, ""))
    rows = [row for _, _, rows in settings.objects(section) for row in rows]
    of_singer = "catalog/anyOf/1"  # what stands in a Singer catalog is no setting
    expected = sorted(name for place, name in found if not place.endswith(of_singer))
    assert sorted(row.name.strip("`") for row in rows) == expected
    assert [row.name for row in rows if not row.meaning or not row.kind] == []


def test_what_an_object_is_made_of_can_be_followed() -> None:
    anchors = {settings.to_anchor(title) for title in re.findall(r"^##+ (.+)$", SETTINGS, re.MULTILINE)}
    links = set(re.findall(r"\]\(#([^)]+)\)", SETTINGS))
    assert {"tap-stream", "tap-login_request", "target-commit", "lake-entryon"} <= links
    assert links <= anchors


def test_each_page_is_written(tmp_path: Path) -> None:
    reference.main(tmp_path / "made")
    assert {path.name for path in tmp_path.joinpath("made").iterdir()} == set(reference.PAGES)
