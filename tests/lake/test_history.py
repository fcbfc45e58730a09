from __future__ import annotations

import msgspec
import pytest

from lake.dataset import Dataset
from lake.errors import NotALakeError
from lake.history import History, decode_name, read_histories, require_lake
from target_datalake import layout
from target_datalake.checkpoints import SPAN, write_missing
from target_datalake.commit_log import CommitLog
from target_datalake.commits import follow, undo
from target_datalake.errors import ConfigError, StorageError
from tests.lake.writer import LakeWriter, Part, ids, numbered, rejected


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


def test_an_undone_head_is_read_as_the_one_before_it(lake_storage):
    first = lake_storage.commit(Part(numbered(1)))
    second = lake_storage.commit(Part(numbered(2)), publish=False)
    log = CommitLog(lake_storage.storage, "shop")
    log.append(undo(second, [second], first, now_us=0, purpose="void"))
    commits = History(lake_storage.storage, "shop").commits()
    assert [(commit.n, len(commit.add), bool(commit.streams)) for commit in commits] == [
        (1, 1, True),
        (2, 0, False),
        (3, 0, False),
    ]


def test_a_merge_that_is_being_published_is_read_where_its_files_stand(lake_storage):
    """The files it replaces are gone by then, so there is no going back to the commit before."""
    old = lake_storage.commit(Part(numbered(1))).add[0]
    log = CommitLog(lake_storage.storage, "shop")
    log.storage.put(layout.merge_key("shop", "00000002-00-x.parquet"), log.storage.read(old.key))
    new = msgspec.structs.replace(
        old, key=f"{old.key}-merged", merge_key=layout.merge_key("shop", "00000002-00-x.parquet")
    )
    commit = follow(log.head(), "shop", now_us=0, purpose="compact", add=(new,), remove=(old.key,))
    log.append(commit)
    log.storage.delete(old.key)
    history = History(lake_storage.storage, "shop")
    dataset = Dataset(lake_storage.storage, history, "orders")
    assert ids(dataset.read()) == [1]
    log.publish(commit)
    assert history.commits()[-1].add[0].key == new.key
    assert ids(dataset.read()) == [1]


def test_a_reader_begins_anew_when_a_commit_takes_its_files_away(local_lake, monkeypatch):
    old = local_lake.commit(Part(numbered(1))).add[0]
    history = History(local_lake.storage, "shop")
    dataset = Dataset(local_lake.storage, history, "orders")
    stale = history.commits()
    local_lake.storage.delete(old.key)
    local_lake.commit(Part(numbered(2)), remove=(old.key,))
    fresh = history.commits()
    monkeypatch.setattr(history, "commits", iter([stale, fresh, fresh]).__next__)
    assert ids(dataset.read()) == [2]


def test_a_file_that_is_simply_missing_is_an_error(local_lake):
    old = local_lake.commit(Part(numbered(1))).add[0]
    local_lake.commit(Part(numbered(2)))
    local_lake.storage.delete(old.key)
    with pytest.raises(StorageError):
        Dataset(local_lake.storage, History(local_lake.storage, "shop"), "orders").read()


def test_a_long_log_is_read_through_its_checkpoints(local_lake):
    for n in range(1, 4):
        local_lake.commit(Part(numbered(n)))
    log = CommitLog(local_lake.storage, "shop")
    head = log.head()
    for _ in range(SPAN):
        head = follow(head, "shop", now_us=0)
        log.append(head)
    assert write_missing(log, head.n) == 1
    local_lake.storage.put(layout.log_key("shop", 2), b"spoilt")
    history = History(local_lake.storage, "shop")
    assert len(history.commits()) == SPAN + 3
    local_lake.commit(Part(numbered(9)))
    assert len(history.commits()) == SPAN + 4
