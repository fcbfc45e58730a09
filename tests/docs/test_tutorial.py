"""docs/tutorial.md, typed as it stands, in an empty folder, against the example API: each step prints what is shown."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from examples.marketplace.server import Marketplace
from lake import cli
from tests.docs.transcripts import blocks, first_missing, steps

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
TEXT = ROOT.joinpath("docs", "tutorial.md").read_text("utf-8")
ELSEWHERE = ("make demo-server", "export PATH=", "mkdir ")
"""What a test does in other ways: the API is up, the programs are there, and so is the folder."""


@pytest.fixture
def api() -> Iterator[Marketplace]:
    with Marketplace() as api:
        yield api


def test_each_step_prints_what_is_shown(
    api: Marketplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    typed = 0
    for language, block, before in blocks(TEXT):
        if language == "sql":
            path = tmp_path / re.search(r"`(zones/\S+\.sql)`", before)[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block)
        elif language == "python":
            exec(compile(block, "docs/tutorial.md", "exec"), {})  # noqa: S102 - our own page
            assert capfd.readouterr().out == "3137\n"
        for step in steps(block) if language == "console" else ():
            if step.command.startswith("export MARKETPLACE_API_KEY="):
                monkeypatch.setenv(*step.command.removeprefix("export ").split("="))
            elif not step.command.startswith(ELSEWHERE):
                program, *arguments = shlex.split(step.command.replace("http://127.0.0.1:8765", api.url))
                assert program == "lake"
                assert not cli.lake.main(arguments, prog_name="lake", standalone_mode=False), capfd.readouterr().err
                output = capfd.readouterr()
                orders = (output.err + output.out, output.out + output.err)  # a terminal shows both as they come
                missing = [first_missing(step.lines, printed) for printed in orders]
                assert None in missing, f"$ {step.command}\n{missing}\n{orders[0]}"
                typed += 1
    assert typed == TEXT.count("\n$ lake ")
    assert (tmp_path / "site" / "index.html").is_file()


def test_the_api_introduces_itself_as_shown() -> None:
    (line,) = (step.lines[0] for _, block, _ in blocks(TEXT) for step in steps(block) if "demo-server" in step.command)
    source = ROOT.joinpath("examples", "marketplace", "__main__.py").read_text("utf-8")
    assert line.partition(" on ")[0] in source
