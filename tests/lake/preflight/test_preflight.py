"""lake check: what would end a run is found before it, with its mend and exit code, and nothing stays behind."""

from __future__ import annotations

import json
import shutil
import sys
from collections import namedtuple
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from examples.marketplace.server import Marketplace
from lake import cli
from lake.preflight.checks import exit_code, to_text
from lake.preflight.preflight import preflight
from lake.programs import Programs
from target_datalake import s3_storage
from target_datalake.errors import StorageError
from target_datalake.local_storage import LocalStorage
from target_datalake.stores import open_storage
from tests.lake.writer import LakeWriter, Part, numbered
from tests.tap.market import KEY, example_config

if TYPE_CHECKING:
    from lake.preflight.checks import Check
    from tests.places import LakePlace

GOOD = {"stream": "orders", "records": 100, "seconds": 0.25, "first_record": "valid"}
Usage = namedtuple("Usage", "total used free")  # noqa: PYI024 - what shutil.disk_usage returns


class Project:
    """A configuration in a folder, and a program that plays the tap."""

    def __init__(self, folder: Path, place: LakePlace | None = None) -> None:
        self.folder = folder
        target = place.target_config if place else {"path": "lake"}
        self.document: dict[str, Any] = {"tap": {"base_url": "https://x"}, "target": {**target, "source": "shop"}}
        self.trials: Any = [GOOD]
        self.code = 0
        self.log = ""
        self.environment: dict[str, str] = {}

    def check(self) -> dict[str, Check]:
        config = self.folder / "config.json"
        config.write_text(self.document if isinstance(self.document, str) else json.dumps(self.document))
        tap = self.folder / "tap.py"
        output = self.trials if isinstance(self.trials, str) else json.dumps(self.trials)
        tap.write_text(
            f"import sys\nsys.stdout.write({output!r})\nsys.stderr.write({self.log!r})\nsys.exit({self.code})\n"
        )
        programs = Programs(tap=(sys.executable, str(tap)))
        return {check.what: check for check in preflight(config, programs, self.environment)}

    def states(self) -> dict[str, str]:
        return {what: check.state for what, check in self.check().items() if check.state != "ok"}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_a_project_that_is_right_gets_ticks_only(project: Project) -> None:
    checks = project.check()
    assert [check for check in checks.values() if check.state != "ok"] == []
    assert list(checks) == [
        *("variables", "configuration", "catalog", "stream orders", "clock", "lake", "writing"),
        *("room in the lake", "room for temporary files"),
    ]
    assert checks["stream orders"].found == "100 records on the first page, in 0.2 s; the first one is valid"
    assert "To mend" not in to_text(list(checks.values()), terminal=False)


def test_a_folder_that_is_no_lake_yet_is_not_made_one(project: Project) -> None:
    project.document["target"]["path"] = "new/deep/lake"
    assert project.states() == {}
    assert not (project.folder / "new").exists()


def test_nothing_stays_behind(lake_place: LakePlace, tmp_path: Path, aws_credentials: None) -> None:
    writer = LakeWriter(lake_place)
    writer.commit(Part(numbered(1), stream="orders"))
    (tmp_path / "project").mkdir()
    storage = open_storage(lake_place.path, s3=lake_place.s3)
    before = [(file.key, file.bytes) for file in storage.list("")]
    checks = Project(tmp_path / "project", lake_place).check()
    assert checks["writing"].state == "ok"
    assert [(file.key, file.bytes) for file in storage.list("")] == before
    if lake_place.kind == "local":
        assert not list(Path(lake_place.path).rglob("@check"))


def test_a_store_that_lets_files_be_written_twice_is_a_warning(
    lake_place: LakePlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if lake_place.kind == "local":
        pytest.skip("a folder always refuses")
    monkeypatch.setattr(s3_storage.S3Storage, "put_if_absent", lambda self, key, data: self.put(key, data) is None)
    (tmp_path / "project").mkdir()
    checks = Project(tmp_path / "project", lake_place).check()
    assert checks["writing"].state == "warning"
    assert "one run" in checks["writing"].fix


@pytest.mark.parametrize(
    ("document", "what", "message"),
    [
        ("{", "configuration", "not JSON"),
        ({"tap": {}, "target": {"path": "lake", "sorce": "x"}}, "configuration", "sorce"),
        ({"target": {"path": "lake"}}, "configuration", "nothing about a tap"),
        ({"tap": {"auth": "${env.KEY}"}, "target": {"path": "lake"}}, "variables", "not set: KEY"),
    ],
    ids=["not JSON", "unknown key", "no tap", "variable"],
)
def test_a_configuration_that_is_wrong_ends_the_check_with_2(
    document: Any, what: str, message: str, project: Project
) -> None:
    project.document = document
    checks = project.check()
    assert checks[what].state == "failed"
    assert message in checks[what].found
    assert exit_code(list(checks.values())) == 2
    assert "stream orders" not in checks


def test_a_configuration_that_is_missing(tmp_path: Path) -> None:
    (check,) = preflight(tmp_path / "none.json", Programs(), {})
    assert (check.what, check.state, check.exit_code) == ("configuration", "failed", 2)


def test_a_variable_that_is_empty_is_a_warning_and_a_set_one_is_named_without_its_value(project: Project) -> None:
    project.document["tap"]["auth"] = {"token": "${env.TOKEN}", "prefix": "$${env.NOT_ONE}"}
    project.environment = {"TOKEN": ""}
    assert project.states() == {"variables": "warning"}
    project.environment = {"TOKEN": "s3cret"}
    assert project.check()["variables"].found == "set: TOKEN"


def test_a_variable_that_only_a_failure_needs_is_a_warning(project: Project) -> None:
    project.document["lake"] = {"notify": {"webhook": "${env.HOOK}"}}
    checks = project.check()
    assert (checks["variables"].state, checks["variables"].fix) == ("warning", "export HOOK=…")


@pytest.mark.parametrize(("command", "state"), [(sys.executable, "ok"), ("no-such-tap", "failed")])
def test_a_tap_that_is_not_our_own_is_looked_for(command: str, state: str, project: Project) -> None:
    project.document["tap"] = {"command": [command], "config": {}}
    checks = project.check()
    assert checks["tap"].state == state
    assert exit_code(list(checks.values())) == (0 if state == "ok" else 2)


@pytest.mark.parametrize("catalog", [False, {"streams": []}])
def test_a_catalog_beside_that_a_foreign_tap_does_not_take_is_not_looked_at(catalog: Any, project: Project) -> None:
    project.document["tap"] = {"command": [sys.executable], "config": {}, "catalog": catalog}
    (project.folder / "catalog.json").write_text("{")
    checks = project.check()
    assert "catalog" not in checks
    assert checks["tap"].state == "ok"


STREAMS: dict[str, tuple[dict[str, Any], str, str, int]] = {
    "refused": ({"error": "the API answered 403", "fix": "check it", "exit_code": 3}, "failed", "403", 3),
    "unreachable": ({"error": "no connection", "exit_code": 4}, "failed", "no connection", 4),
    "wrong path": ({"error": 'has no field "data"', "exit_code": 2}, "failed", "has no field", 2),
    "empty": ({"records": 0, "first_record": None}, "warning", "the first page is empty", 0),
    "invalid": ({"first_record": "invalid", "problems": ["/id: type"]}, "warning", "breaks its schema: /id: type", 0),
    "undeclared": ({"undeclared": list("abcdefg")}, "warning", "not in the schema: a, b, c, d, e, …", 0),
}


@pytest.mark.parametrize(("trial", "state", "found", "code"), STREAMS.values(), ids=STREAMS)
def test_a_stream_is_judged_by_its_first_page(
    trial: dict[str, Any], state: str, found: str, code: int, project: Project
) -> None:
    project.trials = [{**GOOD, **trial}, {**GOOD, "stream": "shops"}]
    checks = project.check()
    assert checks["stream orders"].state == state
    assert found in checks["stream orders"].found
    assert checks["stream shops"].state == "ok"
    assert exit_code(list(checks.values())) == code


def test_the_code_is_that_of_what_has_to_be_mended_first(project: Project) -> None:
    project.trials = [{**GOOD, "error": "no", "exit_code": code, "stream": str(code)} for code in (4, 3)]
    assert exit_code(list(project.check().values())) == 3


@pytest.mark.parametrize(("ahead", "said"), [(3600, "3,600 s ahead of ours"), (-90, "90 s behind ours")])
def test_a_clock_that_differs_is_a_warning(ahead: int, said: str, project: Project) -> None:
    project.trials = [{**GOOD, "clock_ahead_seconds": ahead}, {**GOOD, "stream": "b", "clock_ahead_seconds": 1}]
    clock = project.check()["clock"]
    assert (clock.state, clock.exit_code) == ("warning", 0)
    assert said in clock.found


def test_a_tap_that_ends_before_its_streams_is_quoted(project: Project) -> None:
    message = 'Error: unknown key "pth"\n  where: config.json /tap/pth\n  fix:   did you mean "path"?'
    project.trials, project.code = "", 2
    project.log = "\n".join(["no JSON", json.dumps({"level": "INFO", "message": "x"})]) + "\n"
    project.log += json.dumps({"level": "CRITICAL", "message": message}) + "\n"
    tap = project.check()["tap"]
    assert (tap.found, tap.fix, tap.exit_code) == (
        'unknown key "pth" (config.json /tap/pth)',
        'did you mean "path"?',
        2,
    )


def test_a_tap_that_says_nothing_at_all(project: Project) -> None:
    project.trials, project.code = "", 0
    assert project.check()["tap"].exit_code == 1


def test_a_lake_that_cannot_be_written_is_6(project: Project) -> None:
    (project.folder / "lake").write_text("a file")
    checks = project.check()
    assert checks["lake"].state == "failed"
    assert exit_code(list(checks.values())) == 6
    assert (project.folder / "lake").read_text() == "a file"


def test_what_keeps_a_lake_from_being_written_is_told_rather_than_what_follows_from_it(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It said that a file to be removed was not there, and how to mend nothing."""

    def refuse(*_: object) -> bool:
        raise StorageError("cannot write _lake/tmp: Permission denied", fix="give this user write permission")

    monkeypatch.setattr(LocalStorage, "put_if_absent", refuse)
    failed = [check for check in project.check().values() if check.state == "failed"]
    assert [check.found for check in failed] == ["cannot write _lake/tmp: Permission denied"]
    assert failed[0].fix == "give this user write permission"


@pytest.mark.parametrize(("free", "state", "code"), [(1 << 20, "failed", 6), (200 << 20, "warning", 0)])
def test_little_room_is_said(
    free: int, state: str, code: int, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1, 1, free))
    checks = project.check()
    assert checks["room in the lake"].state == checks["room for temporary files"].state == state
    assert exit_code(list(checks.values())) == code


def test_a_catalog_without_a_selected_stream_is_a_warning(project: Project) -> None:
    (project.folder / "catalog.json").write_text(json.dumps({"streams": []}))
    assert project.states() == {"catalog": "warning"}


def test_a_catalog_that_is_none_is_2(project: Project) -> None:
    (project.folder / "catalog.json").write_text("[")
    checks = project.check()
    assert checks["catalog"].exit_code == 2


def test_the_table_marks_and_mends() -> None:
    (check,) = preflight(Path("nowhere.json"), Programs(), {})
    plain, drawn = to_text([check], terminal=False), to_text([check], terminal=True)
    assert "FAIL" in plain
    assert "✗" in drawn
    assert "To mend:" in plain


def test_the_command_against_the_example_api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the real tap: a wrong key is 3, the right one leaves ticks; no lake comes of either."""
    with Marketplace(advance="manual", clean=True, reviews=50) as api:
        config = tmp_path / "config.json"
        config.write_text(json.dumps({"tap": example_config(api), "target": {"path": "lake"}}))
        answers = []
        for key in ("wrong", KEY["MARKETPLACE_API_KEY"]):
            monkeypatch.setenv("MARKETPLACE_API_KEY", key)
            result = CliRunner().invoke(cli.lake, ["check", "-c", str(config), "--json"], standalone_mode=False)
            answers.append((result.return_value, json.loads(result.output)))
    (wrong, found), (right, good) = answers
    assert (wrong, found["exit_code"], right, good["exit_code"]) == (3, 3, 0, 0)
    assert [row["what"] for row in good["checks"] if row["what"].startswith("stream")] == [
        *("stream shops", "stream products", "stream diaper_reviews"),
    ]
    assert "demo-key" not in json.dumps(good)
    assert not (tmp_path / "lake").exists()
