"""The log: the entry is the commit point, recovery finishes it, another writer is recognised."""

import msgspec
import pytest

from target_datalake import layout
from target_datalake.commit_log import CommitLog, read_sources
from target_datalake.commits import Commit, DataFile, follow, undo
from target_datalake.errors import HeldError, StorageError
from target_datalake.stores import open_storage


@pytest.fixture
def log(lake_place) -> CommitLog:
    return CommitLog(open_storage(lake_place.path, scratch="shop", s3=lake_place.s3), "shop")


def make_commit(
    n: int, *, commit_id: str = "00000000000000aa", files: tuple[DataFile, ...] = (), state: str = '{"a": 1}'
) -> Commit:
    return Commit(
        n=n, id=commit_id, parent="", source="shop", run="r", committed_at="", state=state,
        streams={}, schemas={}, add=files,
    )  # fmt: skip


def stage_file(log: CommitLog, n: int, data: bytes = b"rows", index: int = 0) -> DataFile:
    prefix = layout.stream_prefix("shop", "orders")
    writer = log.storage.stage(f"{prefix}/load_date=2026-01-31/{layout.file_name(n, index, 'aa')}.parquet")
    writer.write(data)
    staged = writer.finish()
    return DataFile(
        key=staged.key, stream="orders", rows=1, bytes=staged.bytes, sha256=staged.sha256, schema="s",
        upload_id=staged.upload_id, parts=staged.parts,
    )  # fmt: skip


def test_a_new_source_has_no_head(log):
    assert log.head() is None
    assert log.recover() is None


def test_the_head_is_the_last_entry_and_reads_back_equal(log):
    commits = [make_commit(n) for n in range(1, 13)]
    for commit in commits:
        log.append(commit)
    assert log.head() == commits[-1]
    assert list(log.entries()) == commits
    assert log.read(3) == commits[2]


def test_a_crash_after_the_entry_is_mended_by_recovery(log):
    file = stage_file(log, 1)
    log.append(make_commit(1, files=(file,)))
    assert list(log.storage.list("landing")) == []
    log.recover()
    log.recover()
    assert [found.key for found in log.storage.list("landing")] == [file.key]


def test_a_crash_before_the_entry_leaves_nothing(log):
    stage_file(log, 1)
    log.append(make_commit(1, commit_id="another0000000id"))
    log.recover()
    assert list(log.storage.list("landing")) == []
    assert log.storage.sweep(("landing/shop",), lambda _: True) == 0


def test_our_own_entry_whose_reply_was_lost_counts_as_written(log):
    log.append(make_commit(1))
    log.append(make_commit(1))
    assert log.head().n == 1


def test_another_writers_entry_is_refused(log):
    log.append(make_commit(1))
    with pytest.raises(HeldError) as caught:
        log.append(make_commit(1, commit_id="another0000000id"))
    assert caught.value.exit_code == 7
    assert log.head().id == "00000000000000aa"


def test_a_damaged_entry_says_which_file_it_is(log):
    log.storage.put(layout.log_key("shop", 1), b'{"n": 1, "id"')
    with pytest.raises(StorageError) as caught:
        log.head()
    assert layout.log_key("shop", 1) in caught.value.where


def test_a_file_that_is_nowhere_stops_recovery_where_the_store_drops_nothing_by_itself(log):
    file = stage_file(log, 1)
    log.storage.may_lose_staged = False
    log.append(make_commit(1, files=(file,)))
    log.storage.discard(file.staged())
    with pytest.raises(StorageError) as caught:
        log.recover()
    assert file.key in caught.value.where


class TestUndo:
    """Entries that put the log back."""

    def test_an_entry_whose_upload_the_store_dropped_is_undone_with_the_state_before_it(self, log):
        first, second = stage_file(log, 1), stage_file(log, 2)
        other = stage_file(log, 2, index=1)
        log.append(make_commit(1, files=(first,)))
        log.publish(log.head())
        log.append(make_commit(2, files=(other, second), state='{"a": 2}'))
        log.storage.publish(other.staged())
        log.storage.discard(second.staged())
        log.storage.may_lose_staged = True
        head = log.recover()
        assert (head.n, head.void, head.purpose, head.state) == (3, 2, "void", '{"a": 1}')
        assert [found.key for found in log.storage.list("landing")] == [first.key]
        assert log.recover() == head

    def test_the_first_entry_is_undone_too(self, log):
        file = stage_file(log, 1)
        log.append(make_commit(1, files=(file,)))
        log.storage.discard(file.staged())
        log.storage.may_lose_staged = True
        head = log.recover()
        assert (head.n, head.void, head.state, head.schemas) == (2, 1, None, {})

    def test_a_crash_while_undoing_is_finished_by_the_next_recovery(self, log):
        file = stage_file(log, 1)
        log.append(make_commit(1, files=(file,)))
        log.publish(log.head())
        log.append(undo(log.head(), [log.head()], None, now_us=0, purpose="void"))
        log.recover()
        assert list(log.storage.list("landing")) == []


class TestMaintenance:
    """Entries that replace files by others."""

    def replace(self, log, old: DataFile) -> tuple[Commit, DataFile]:
        new = msgspec.structs.replace(
            old,
            key=old.key.replace("00000001-00", "00000002-00"),
            merge_key=layout.merge_key("shop", "00000002-00-bb.parquet"),
        )
        log.storage.put(new.merge_key, b"rows")
        return follow(log.head(), "shop", now_us=0, purpose="compact", add=(new,), remove=(old.key,)), new

    def test_the_replaced_files_go_before_the_new_ones_appear_and_state_is_carried_over(self, log):
        old = stage_file(log, 1)
        log.append(make_commit(1, files=(old,)))
        log.publish(log.head())
        commit, new = self.replace(log, old)
        log.append(commit)
        log.publish(commit)
        log.publish(commit)
        assert [file.key for file in log.storage.list("landing")] == [new.key]
        assert log.storage.read(new.key) == b"rows"
        assert list(log.storage.list(layout.MERGE_PREFIX)) == []
        assert (commit.n, commit.state, commit.parent) == (2, '{"a": 1}', log.read(1).id)

    def test_a_crash_in_between_is_finished_by_recovery(self, log):
        old = stage_file(log, 1)
        log.append(make_commit(1, files=(old,)))
        log.publish(log.head())
        commit, new = self.replace(log, old)
        log.append(commit)
        log.storage.delete(old.key)
        log.recover()
        assert [file.key for file in log.storage.list("landing")] == [new.key]

    def test_merged_files_whose_entry_never_came_are_swept_once_its_number_is_taken(self, log):
        old = stage_file(log, 1)
        log.append(make_commit(1, files=(old,)))
        log.publish(log.head())
        self.replace(log, old)
        log.append(make_commit(2))
        log.recover()
        assert list(log.storage.list(layout.MERGE_PREFIX)) == []


def test_the_head_is_found_from_an_entry_that_is_known(log):
    for n in range(1, 4):
        log.append(make_commit(n))
    assert [log.head(after=n).n for n in (1, 2, 3)] == [3, 3, 3]


def test_sources_are_found_by_their_logs(log):
    log.append(make_commit(1))
    CommitLog(log.storage, "other source").append(make_commit(1))
    assert read_sources(log.storage) == ["other%20source", "shop"]
