"""A checkpoint saves reads, and is never believed over the log."""

from __future__ import annotations

import gzip
from pathlib import Path

import msgspec
import pytest

from target_datalake import checkpoints, layout
from target_datalake.checkpoints import SPAN, read_log, write_missing
from target_datalake.commit_log import CommitLog
from target_datalake.commits import Commit, DataFile, follow
from target_datalake.errors import StorageError
from target_datalake.stores import open_storage


@pytest.fixture
def log(tmp_path) -> CommitLog:
    return CommitLog(open_storage(str(tmp_path / "lake"), scratch="shop"), "shop")


def fill(log: CommitLog, count: int) -> list[Commit]:
    """Write a log file by file, without the fsyncs of a real one."""
    commits: list[Commit] = []
    folder = Path(log.storage.uri, layout.log_prefix("shop"))
    folder.mkdir(parents=True)
    for n in range(1, count + 1):
        file = DataFile(f"landing/{n}", "orders", 1, 1, "0", "s", upload_id="u", parts=("p",))
        head = commits[-1] if commits else None
        commits.append(follow(head, "shop", now_us=0, state=f'{{"at": {n}}}', add=(file,)))
        Path(log.storage.uri, layout.log_key("shop", n)).write_bytes(msgspec.json.encode(commits[-1]))
    return commits


def as_read(commits: list[Commit]) -> list[tuple[int, str, str]]:
    return [(commit.n, commit.id, commit.add[0].key) for commit in commits]


def spoil_entries(log: CommitLog, *numbers: int) -> None:
    """Make entries unreadable, so that who reads them is found out."""
    for n in numbers:
        Path(log.storage.uri, layout.log_key("shop", n)).write_bytes(b"spoilt")


@pytest.mark.parametrize("count", [1, SPAN - 1, SPAN, SPAN + 1, 2 * SPAN, 2 * SPAN + 37])
@pytest.mark.parametrize("first", [1, 2, SPAN, SPAN + 1])
def test_entries_read_through_checkpoints_are_those_of_the_log(log, count, first):
    commits = fill(log, count)
    write_missing(log, count)
    assert as_read(read_log(log, first, commits[-1])) == as_read(commits[first - 1 :])


def test_a_checkpoint_stands_for_its_entries(log):
    commits = fill(log, 2 * SPAN + 5)
    assert write_missing(log, 2 * SPAN + 5) == 2
    assert write_missing(log, 2 * SPAN + 5) == 0
    spoil_entries(log, *range(1, 2 * SPAN + 1))
    read = read_log(log, 1, commits[-1])
    assert as_read(read) == as_read(commits)
    assert (read[0].state, read[0].add[0].parts, read[-1].state) == (None, (), f'{{"at": {2 * SPAN + 5}}}')


def corrupt(log: CommitLog, data: bytes) -> bytes:
    return data[: len(data) // 2]


def flip(log: CommitLog, data: bytes) -> bytes:
    return bytes([*data[:40], data[40] ^ 1, *data[41:]])


def of_another_log(log: CommitLog, data: bytes) -> bytes:
    strangers: list[Commit] = []
    for _ in range(SPAN):
        strangers.append(follow(strangers[-1] if strangers else None, "shop", now_us=0))
    return gzip.compress(msgspec.json.encode(strangers))


def with_a_gap(log: CommitLog, data: bytes) -> bytes:
    entries = msgspec.json.decode(gzip.decompress(data))
    return gzip.compress(msgspec.json.encode([*entries[:50], *entries[51:]]))


def not_utf_8(log: CommitLog, data: bytes) -> bytes:
    return gzip.compress(gzip.decompress(data).replace(b"shop", b"s\xe8op"))


@pytest.mark.parametrize(
    "damage",
    [corrupt, flip, of_another_log, with_a_gap, not_utf_8, lambda *_: b"", lambda *_: b"[]", lambda *_: b"null"],
)
def test_a_checkpoint_that_is_damaged_or_of_another_log_only_costs_time(log, damage):
    commits = fill(log, 2 * SPAN + 5)
    write_missing(log, 2 * SPAN + 5)
    for last in (SPAN, 2 * SPAN):
        key = layout.checkpoint_key("shop", last)
        log.storage.put(key, damage(log, log.storage.read(key)))
    assert as_read(read_log(log, 1, commits[-1])) == as_read(commits)


def test_foreign_files_among_the_checkpoints_are_passed_over(log):
    commits = fill(log, SPAN + 1)
    log.storage.put(f"{layout.checkpoint_prefix('shop')}/README", b"")
    assert as_read(read_log(log, 1, commits[-1])) == as_read(commits)


def test_a_long_log_catches_up_over_a_few_runs(log, monkeypatch):
    monkeypatch.setattr(checkpoints, "MAX_WRITTEN", 2)
    fill(log, 3 * SPAN)
    assert [write_missing(log, 3 * SPAN) for _ in range(3)] == [2, 1, 0]


def test_a_checkpoint_that_cannot_be_written_fails_nothing(log, monkeypatch, caplog):
    def refuse(*_: object) -> None:
        raise StorageError("no space left")

    fill(log, SPAN)
    monkeypatch.setattr(log.storage, "put", refuse)
    assert write_missing(log, SPAN) == 0
    assert "no checkpoint" in caplog.text
