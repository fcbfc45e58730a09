"""lake init: what the tap finds out becomes a configuration and a catalog, and never takes the place of one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from examples.marketplace.server import Marketplace
from lake import cli, programs
from lake.errors import DiscoveryError, LakeError, UsageError
from target_datalake.errors import StorageError

FOUND = {
    "name": "shop",
    "tap": {
        "base_url": "https://api.shop.example",
        "auth": {"type": "bearer", "token": "${env.SHOP_TOKEN}"},
        "streams": [{"name": "orders", "path": "/orders"}],
    },
    "catalog": {"streams": []},
    "variables": ["SHOP_TOKEN"],
    "found": [{"what": "records", "how": 'at "data"'}],
    "unsure": [{"what": "pagination", "why": "no sign of more", "fix": "look it up."}],
}
URL = "https://api.shop.example/orders"


@pytest.fixture
def tap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that plays the tap: it keeps its arguments, and prints what the test has written."""
    (tmp_path / "found.json").write_text(json.dumps(FOUND))
    (tmp_path / "tap.py").write_text(
        "import json, pathlib, sys\n"
        "here = pathlib.Path(__file__).parent\n"
        "(here / 'arguments.json').write_text(json.dumps(sys.argv[1:]))\n"
        "text = (here / 'found.json').read_text()\n"
        "sys.exit(int(text)) if text.isdecimal() else print(text)\n"
    )
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.delenv("SHOP_TOKEN", raising=False)
    python = programs.PROGRAMS.tap[0]
    monkeypatch.setattr(programs, "PROGRAMS", programs.Programs((python, str(tmp_path / "tap.py"))))
    return tmp_path


def init(*arguments: str) -> str:
    result = CliRunner().invoke(cli.lake, ["init", *arguments], standalone_mode=False, catch_exceptions=True)
    if isinstance(result.exception, (LakeError, StorageError)) or result.exception is not None:
        raise result.exception
    return result.output


def read(path: str) -> Any:
    return json.loads(Path(path).read_text("utf-8"))


def names() -> list[str]:
    return sorted(path.name for path in Path().iterdir())


def test_both_files_are_written_and_the_next_command_is_named(tap: Path) -> None:
    printed = init(URL)
    assert read("config.json") == {
        "tap": FOUND["tap"],
        "target": {"path": "lake", "source": "shop"},
        "lake": {"catalog": "catalog.json"},
    }
    assert read("catalog.json") == FOUND["catalog"]
    assert names() == ["catalog.json", "config.json"]
    assert "Not sure of:\n  pagination: no sign of more\n    look it up." in printed
    assert "First set SHOP_TOKEN in the environment" in printed
    assert printed.endswith("Next:\n  lake run -c config.json\n")


def test_a_variable_that_is_set_needs_no_word(tap: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "s3cret")
    printed = init(URL)
    assert "SHOP_TOKEN" not in printed
    assert "s3cret" not in printed


def test_options_reach_the_tap(tap: Path) -> None:
    init(URL, "--auth", "bearer:env.SHOP_TOKEN", "--header", "Accept: a/b", "--header", "X-B: c", "--stream", "all")
    asked = ["--init", URL, "--auth", "bearer:env.SHOP_TOKEN", "--header", "Accept: a/b", "--header", "X-B: c"]
    assert read(str(tap / "arguments.json")) == [*asked, "--stream", "all", "--format", "json"]


def test_an_openapi_document_is_the_taps_to_read(tap: Path) -> None:
    init("--openapi", "api.yaml", "--server", "https://a.example", "--all")
    asked = ["--openapi", "api.yaml", "--server", "https://a.example", "--all", "--format", "json"]
    assert read(str(tap / "arguments.json")) == asked


@pytest.mark.parametrize("arguments", [(URL, "--openapi", "x"), (URL, "--all"), (URL, "--server", "https://x")])
def test_options_that_would_be_ignored_are_refused(arguments: tuple[str, ...], tap: Path) -> None:
    with pytest.raises(click.UsageError):
        init(*arguments)


def test_json_has_all_that_was_found(tap: Path) -> None:
    printed = json.loads(init(URL, "--json"))
    assert printed == {**FOUND, "written": ["catalog.json", "config.json"], "next": "lake run -c config.json"}


def test_files_may_have_other_names_and_paths_stay_right(tap: Path) -> None:
    (tap / "work" / "etc").mkdir()
    init(URL, "-c", "etc/shop.json", "--catalog", "shop-catalog.json", "--lake", "data/lake", "--source", "eu")
    config = read("etc/shop.json")
    assert config["target"] == {"path": "../data/lake", "source": "eu"}
    assert config["lake"] == {"catalog": "../shop-catalog.json"}


@pytest.mark.parametrize("lake", ["s3://bucket/prefix", "/srv/lake"])
def test_a_lake_that_is_named_wholly_stays_as_it_is(lake: str, tap: Path) -> None:
    init(URL, "--lake", lake)
    assert read("config.json")["target"]["path"] == lake


@pytest.mark.parametrize("name", ["config.json", "catalog.json"])
def test_a_file_that_is_there_stays_and_the_api_is_not_asked(name: str, tap: Path) -> None:
    (tap / "work" / name).write_text("mine")
    with pytest.raises(UsageError, match="there already"):
        init(URL)
    assert (tap / "work" / name).read_text() == "mine"
    assert not (tap / "arguments.json").exists()
    init(URL, "--force")
    assert "streams" in (tap / "work" / name).read_text()


def test_a_file_that_appears_while_the_api_is_asked_stays(tap: Path) -> None:
    with (tap / "tap.py").open("a") as program:
        program.write("pathlib.Path('config.json').write_text('mine')\n")
    with pytest.raises(UsageError, match="there already"):
        init(URL)
    assert (tap / "work" / "config.json").read_text() == "mine"
    assert names() == ["config.json"]


def test_schemas_that_come_along_stand_beside_the_configuration(tap: Path) -> None:
    (tap / "found.json").write_text(json.dumps({**FOUND, "files": {"schemas/orders.json": {"type": "object"}}}))
    printed = init(URL)
    assert read("schemas/orders.json") == {"type": "object"}
    assert "Wrote schemas/orders.json, catalog.json, config.json." in printed


@pytest.mark.parametrize("code", [2, 3, 4])
def test_the_taps_exit_code_is_ours_and_nothing_is_written(code: int, tap: Path) -> None:
    (tap / "found.json").write_text(str(code))
    with pytest.raises(DiscoveryError) as caught:
        init(URL)
    assert caught.value.exit_code == code
    assert names() == []


def test_a_folder_that_is_missing_is_said_first(tap: Path) -> None:
    with pytest.raises(UsageError, match="no such folder"):
        init(URL, "-c", "nowhere/config.json")
    assert not (tap / "arguments.json").exists()


def test_an_endpoint_has_to_be_named(tap: Path) -> None:
    with pytest.raises(Exception, match="name an endpoint"):
        init()


def test_from_a_document_to_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example API's own OpenAPI document: all of its streams land, the child below its parent too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MARKETPLACE_API_KEY", "demo-key")
    with Marketplace(advance="manual", clean=True, reviews=300) as api:
        init("--openapi", f"{api.url}/openapi.json", "--all")
        result = CliRunner().invoke(cli.lake, ["run", "--json"], standalone_mode=False)
    landed = {name: counts["landed"] for name, counts in json.loads(result.output)["streams"].items()}
    assert landed == {"shops": 12, "products": 475, "diaper_reviews": 300, "reviews": 300}
    assert read("config.json")["target"]["source"] == "marketplace"


def test_from_an_address_to_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real programs against the example API: what init writes is enough for a run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KEY", "demo-key")
    with Marketplace(advance="manual", clean=True, reviews=300) as api:
        init(f"{api.url}/v1/diaper_reviews", "--auth", "header:X-API-Key:env.KEY")
        result = CliRunner().invoke(cli.lake, ["run", "--json"], standalone_mode=False)
        asked = len(api.requests())
    landed = json.loads(result.output)["streams"]["diaper_reviews"]
    assert (landed["landed"], landed["rejected"]) == (300, 0)
    assert read("config.json")["tap"]["streams"][0]["replication"] == {"key": "updated_at", "sorted": "asc"}
    assert "demo-key" not in "".join(path.read_text() for path in tmp_path.glob("*.json"))
    assert asked < 20
