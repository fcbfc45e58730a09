"""`lake build` and `lake lineage` at the command line: what they print, and what they exit with."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click
import pytest

from lake import cli
from tests.lake.writer import LakeWriter, Part, numbered
from tests.places import LakePlace

PAGE = Path(__file__).parents[3].joinpath("docs", "zones.md").read_text("utf-8")


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A project with a lake of orders, in the working folder."""
    writer = LakeWriter(LakePlace("local", str(tmp_path / "lake")))
    writer.commit(Part(numbered(1, 2)))
    (tmp_path / "config.json").write_text('{"tap": {}, "target": {"path": "lake", "source": "shop"}}')
    (tmp_path / "zones/clean").mkdir(parents=True)
    (tmp_path / "zones/business").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lake(capsys, *arguments: str) -> tuple[int, str, str]:
    code = cli.lake.main(arguments, prog_name="lake", standalone_mode=False)
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_it_builds_and_says_what_it_did(project, capsys):
    project.joinpath("zones/business/n.sql").write_text("SELECT count(*) AS n FROM clean.orders")
    code, out, _ = lake(capsys, "build")
    assert code == 0
    assert re.search(r"clean\.orders +built +1 +2 ", out)
    assert out.endswith("2 built.\n")
    code, out, _ = lake(capsys, "build", "n", "--json", "--memory-limit", "200MB")
    assert [(each["dataset"], each["outcome"], each["version"]) for each in json.loads(out)] == [
        ("clean.orders", "fresh", 1),
        ("business.n", "fresh", 1),
    ]
    code, out, _ = lake(capsys, "lineage", "n", "--json")
    assert json.loads(out)["inputs"][0]["inputs"][0]["runs"][0]["run"] == "run-1"


def test_it_exits_with_the_first_failure(project, capsys):
    project.joinpath("zones/business/a.sql").write_text("-- not null: n\nSELECT NULL::INT AS n")
    project.joinpath("zones/business/b.sql").write_text("SELECT nonsense FROM landing.orders")
    code, out, err = lake(capsys, "build")
    assert code == 8
    assert "not null" in err
    assert "b.sql:1" in err
    assert "2 failed" in out


def test_a_size_that_is_none_is_refused(project):
    with pytest.raises(click.BadParameter, match="no size"):
        cli.lake.main(["build", "--memory-limit", "much"], prog_name="lake", standalone_mode=False)


def test_nothing_to_build_is_said(project, capsys):
    (project / "other.json").write_text('{"tap": {}, "target": {"path": "empty"}, "lake": {"zones": "nowhere"}}')
    LakeWriter(LakePlace("local", str(project / "empty"))).commit()
    code, out, _ = lake(capsys, "build", "-c", "other.json")
    assert (code, "nothing to build" in out) == (0, True)


def test_the_examples_of_the_page_build(project, capsys):
    writer = LakeWriter(LakePlace("local", str(project / "lake")))
    import pyarrow as pa

    schema = pa.schema([("id", pa.int64()), ("brand", pa.string()), ("rating", pa.int64()), ("country", pa.string())])
    writer.commit(Part([{"id": 1, "brand": "a", "rating": 5, "country": "DE"}], stream="diaper_reviews", schema=schema))
    for name, text in re.findall(r"\n`(zones/[a-z_/]+\.(?:sql|py))`:\n\n```(?:sql|python)\n(.*?)```", PAGE, re.DOTALL):
        (project / name).write_text(text)
    assert len(list(project.glob("zones/*/*"))) == 3
    code, out, err = lake(capsys, "build", "--quiet")
    assert (code, out, err) == (0, "", ""), err
    code, out, _ = lake(capsys, "build", "--full")
    assert out.endswith("4 built.\n")


def test_the_page_names_every_outcome():
    from typing import get_args

    from lake.zones.built import Outcome

    for outcome in get_args(Outcome):
        assert f"`{outcome}`" in PAGE
