"""What a page names is there: commands with their options, make targets, files of the repository."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from docs.commands import PROGRAMS

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/*/README.md")]
COMMAND = re.compile(r"(?:`|^\$ |^ {4}|[|;] *)(lake|tap-rest-api|target-datalake)( (?:[^`\n|;\\]|\\.)*)?", re.MULTILINE)
TARGET = re.compile(r"(?:`|^\$ |^ {4})make (?:-\S+ (?:/\S+ )?)*([a-z][a-z0-9-]*)", re.MULTILINE)
FOLDERS = ("tap_rest_api", "target_datalake", "lake", "tests", "bench", "docs", "examples", "requirements")
MAKEFILE = ROOT.joinpath("Makefile").read_text("utf-8")


def names(page: Path) -> str:
    return str(page.relative_to(ROOT))


def text_of(page: Path) -> str:
    """Return a page's text; a command that is broken over two lines stands on one."""
    return page.read_text("utf-8").replace("`lake\n", "`lake ")


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_a_command_that_a_page_names_is_there_with_its_options(page: Path) -> None:
    """`lake replay` was named twice, and never was a command."""
    for program, rest in COMMAND.findall(text_of(page)):
        command: click.Command = PROGRAMS[program]
        words = rest.split("#")[0].split()
        if isinstance(command, click.Group) and words and re.fullmatch("[a-z]+", words[0]):
            assert words[0] in command.commands, f"{program}{rest}"
            command = command.commands[words[0]]
        known = {name for option in command.params for name in option.opts} | {"--help", "-h"}
        if words and (command is not PROGRAMS["lake"] or words[0].startswith("-")):
            assert {word.split("=")[0] for word in words if re.match("--?[a-z]", word)} <= known, f"{program}{rest}"


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_a_make_target_that_a_page_names_is_there(page: Path) -> None:
    for target in re.findall(
        r"(?:`|^\$ |^ {4})make (?:-\S+ (?:/\S+ )?)*([a-z][a-z0-9-]*)", text_of(page), re.MULTILINE
    ):
        assert re.search(rf"^{target}:.*## ", MAKEFILE, re.MULTILINE), target


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_a_file_of_the_repository_that_a_page_names_is_there(page: Path) -> None:
    for path in re.findall(rf"`((?:{'|'.join(FOLDERS)})/[A-Za-z0-9_./*-]+)`", text_of(page)):
        assert list(ROOT.glob(path.rstrip("/"))), path
