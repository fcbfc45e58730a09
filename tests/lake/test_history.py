from __future__ import annotations

import pytest

from lake.errors import NotALakeError
from lake.history import History, decode_name, read_histories, require_lake
from target_datalake import layout
from target_datalake.commit_log import CommitLog
from target_datalake.errors import ConfigError
from tests.lake.writer import LakeWriter, Part, numbered, rejected


def numbers(writer: LakeWriter) -> list[int]:
    return [commit.n for commit in History(writer.storage, writer.source).commits()]


def test_an_empty_log_has_no_commits(lake_storage):
    assert numbers(lake_storage) == []


def test_commits_come_in_order(lake_storage):
    for n in range(12):
        lake_storage.commit(Part(numbered(n)))
    assert numbers(lake_storage) == list(range(1, 13))


@pytest.mark.parametrize(
    "part",
    [
        pytest.param(Part(numbered(2)), id="its data file"),
        pytest.param(Part([], rejected=(rejected("/id", "expected integer"),)), id="its file of rejected records"),
    ],
)
def test_a_head_is_not_seen_before_all_its_files_are_there(lake_storage, part):
    lake_storage.commit(Part(numbered(1)))
    head = lake_storage.commit(part, publish=False)
    history = History(lake_storage.storage, "shop")
    assert [commit.n for commit in history.commits()] == [1]
    CommitLog(lake_storage.storage, "shop").publish(head)
    assert [commit.n for commit in history.commits()] == [1, 2]


def test_a_first_commit_without_its_files_is_an_empty_lake(lake_storage):
    lake_storage.commit(Part(numbered(1)), publish=False)
    assert numbers(lake_storage) == []


def test_a_history_sees_what_was_committed_since(local_lake):
    history = History(local_lake.storage, "shop")
    seen = []
    for n in range(3):
        seen.append(len(history.commits()))
        local_lake.commit(Part(numbered(n)))
    assert [*seen, len(history.commits())] == [0, 1, 2, 3]


def test_a_lake_that_was_begun_anew_is_read_anew(local_lake):
    history = History(local_lake.storage, "shop")
    local_lake.commit(Part(numbered(1)))
    local_lake.commit(Part(numbered(2)))
    assert len(history.commits()) == 2
    local_lake.storage.delete(layout.log_key("shop", 2))
    assert [commit.n for commit in history.commits()] == [1]


@pytest.mark.parametrize("name", ["shop", "a/b", "~1", "_x", "é", "100%", "a.b"])
def test_a_sources_name_is_read_back_from_its_folder(name):
    assert decode_name(layout.encode_name(name)) == name


def test_every_source_has_its_history(local_lake):
    local_lake.commit(Part(numbered(1)))
    LakeWriter(local_lake.place, "a/b").commit(Part(numbered(1)))
    assert [history.source for history in read_histories(local_lake.storage)] == ["a/b", "shop"]


def test_an_empty_place_is_no_lake(lake_storage):
    with pytest.raises(NotALakeError, match="there is no lake here"):
        require_lake(lake_storage.storage)


def test_a_lake_of_a_newer_layout_is_refused(local_lake):
    local_lake.storage.put(layout.FORMAT_KEY, b'{"layout": 99}')
    with pytest.raises(ConfigError, match="layout 99"):
        require_lake(local_lake.storage)
