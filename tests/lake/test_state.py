"""``lake state``: what the next run begins from, shown and set through the log."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from lake import cli
from lake.errors import UsageError
from lake.state import load_state
from target_datalake import layout
from target_datalake.commit_log import CommitLog
from target_datalake.errors import HeldError
from tests.lake.programs import Stage
from tests.lake.writer import LakeWriter, Part, numbered
from tests.places import LakePlace

if TYPE_CHECKING:
    from pathlib import Path

VERBATIM = '{ "bookmarks": {"orders": 1.10} }'


@pytest.fixture
def writer(lake_place) -> LakeWriter:
    return LakeWriter(lake_place)


@pytest.fixture
def config(writer, tmp_path) -> Path:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"tap": {}, "target": {**writer.place.target_config, "source": "shop"}}))
    return path


def invoke(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli.lake, ["state", "-c", str(config), *arguments], standalone_mode=False)


def log(writer: LakeWriter) -> CommitLog:
    return CommitLog(writer.storage, "shop")


def test_the_state_is_printed_word_for_word(writer, config):
    writer.commit(Part(numbered(1)), state=VERBATIM)
    assert invoke(config).stdout == f"{VERBATIM}\n"


def test_as_json_with_the_commit_that_holds_it(writer, config):
    commit = writer.commit(Part(numbered(1)), state=VERBATIM)
    assert json.loads(invoke(config, "--json").stdout) == {
        "source": "shop",
        "commit": 1,
        "committed_at": commit.committed_at,
        "run": "run-1",
        "state": json.loads(VERBATIM),
    }


def test_a_source_without_one_says_so_and_prints_nothing(config):
    shown = invoke(config)
    assert (shown.exit_code, shown.stdout) == (0, "")
    assert "no state yet" in shown.stderr


def test_setting_it_is_an_entry_without_records(writer, config, tmp_path):
    before = writer.commit(Part(numbered(1)), state="{}", activate={"orders": 3})
    (tmp_path / "state.json").write_text(f"{VERBATIM}\n")
    assert invoke(config, "--set", str(tmp_path / "state.json")).exit_code == 0
    head = log(writer).head()
    assert (head.n, head.parent, head.state, head.purpose) == (2, before.id, VERBATIM, "state")
    assert (head.add, head.streams, head.schemas, head.versions) == ((), {}, before.schemas, before.versions)
    assert invoke(config).stdout == f"{VERBATIM}\n"


def test_setting_it_finishes_what_a_crash_interrupted(writer, config, tmp_path):
    writer.commit(Part(numbered(1)), publish=False)
    (tmp_path / "state.json").write_text("{}")
    invoke(config, "--set", str(tmp_path / "state.json"))
    assert len(list(writer.storage.list("landing"))) == 1


def test_a_lake_may_begin_with_a_state(writer, config, tmp_path):
    (tmp_path / "state.json").write_text('{"a": 1}')
    assert invoke(config, "--set", str(tmp_path / "state.json")).exit_code == 0
    assert log(writer).head().state == '{"a": 1}'


@pytest.mark.parametrize(
    "text", ["", " \n", "{", "[]", "null", "3", '"{}"', '{"a": 1}\n{"a": 2}', "[" * 100_000, "{} x"]
)
def test_what_is_no_object_is_refused(tmp_path, text):
    (tmp_path / "state.json").write_text(text)
    with pytest.raises(UsageError, match="the state is not"):
        load_state(tmp_path / "state.json")


def test_every_truncation_of_a_state_is_refused(tmp_path):
    for length in range(len(VERBATIM)):
        (tmp_path / "state.json").write_text(VERBATIM[:length])
        with pytest.raises(UsageError):
            load_state(tmp_path / "state.json")


def test_a_state_on_several_lines_becomes_one_with_the_same_values(tmp_path):
    (tmp_path / "state.json").write_text(json.dumps({"a": [1, {"b": "x\ny"}]}, indent=2))
    text = load_state(tmp_path / "state.json")
    assert "\n" not in text
    assert json.loads(text) == {"a": [1, {"b": "x\ny"}]}


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(UsageError, match="cannot read the state: No such file"):
        load_state(tmp_path / "state.json")


def test_a_held_source_is_refused(tmp_path):
    writer = LakeWriter(LakePlace("local", str(tmp_path / "lake")))
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"path": writer.place.path, "source": "shop"}))
    (tmp_path / "state.json").write_text("{}")
    with writer.storage.lock(layout.lock_key("shop")):
        assert isinstance(invoke(config, "--set", str(tmp_path / "state.json")).exception, HeldError)


def test_the_next_run_begins_from_it(tmp_path):
    stage = Stage(tmp_path, str(tmp_path / "lake"), {}, target=None)
    LakeWriter(LakePlace("local", stage.lake)).commit(Part(numbered(1)), state='{"old": 1}')
    (tmp_path / "state.json").write_text('{"new": 2}')
    invoke(stage.config, "--set", str(tmp_path / "state.json"))
    stage.tap = "ready('tap', json.dumps(Path(option('--state')).read_text()))"
    assert stage.run().returncode == 0
    assert stage.told("tap") == '{"new": 2}'
