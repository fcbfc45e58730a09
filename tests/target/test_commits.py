"""The log: the entry is the commit point, recovery finishes it, another writer is recognised."""

import msgspec
import pytest

from target_datalake import layout
from target_datalake.commits import Commit, CommitLog, DataFile, check_format, read_sources
from target_datalake.errors import ConfigError, HeldError, StorageError
from target_datalake.stores import open_storage


@pytest.fixture
def log(lake_place) -> CommitLog:
    return CommitLog(open_storage(lake_place.path, scratch="shop", s3=lake_place.s3), "shop")


def make_commit(n: int, *, commit_id: str = "00000000000000aa", files: tuple[DataFile, ...] = ()) -> Commit:
    return Commit(
        n=n, id=commit_id, parent="", source="shop", run="r", committed_at="", state='{"a": 1}',
        streams={}, schemas={}, add=files,
    )  # fmt: skip


def stage_file(log: CommitLog, n: int, data: bytes = b"rows") -> DataFile:
    prefix = layout.stream_prefix("shop", "orders")
    writer = log.storage.stage(f"{prefix}/load_date=2026-01-31/{layout.file_name(n, 0, 'aa')}.parquet")
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


def test_a_file_that_is_nowhere_stops_recovery(log):
    file = stage_file(log, 1)
    log.append(make_commit(1, files=(file,)))
    log.storage.discard(file.staged())
    with pytest.raises(StorageError) as caught:
        log.recover()
    assert file.key in caught.value.where


def test_sources_are_found_by_their_logs(log):
    log.append(make_commit(1))
    CommitLog(log.storage, "other source").append(make_commit(1))
    assert read_sources(log.storage) == ["other%20source", "shop"]


def test_a_newer_layout_is_refused_and_ours_is_written_once(log):
    check_format(log.storage, write=True)
    check_format(log.storage, write=False)
    assert msgspec.json.decode(log.storage.read(layout.FORMAT_KEY)) == {"layout": layout.FORMAT_VERSION}
    log.storage.put(layout.FORMAT_KEY, b'{"layout": 999}')
    with pytest.raises(ConfigError, match="layout 999"):
        check_format(log.storage, write=True)
