"""A source's lock, held, lets a command add commits of its own to the log: the order of steps is the promise.

1. Lock, then recover: what a crash left of an earlier commit is finished first.
2. Write the files that take the place of others, whole, under ``_lake/merge/``, where no reader looks.
3. Append the entry: the commit point. Readers that go by the log see the new files from here on.
4. Publish: remove the old files, then move the new ones into place, so that a plain glob may miss rows for a moment but
   never sees one twice. A crash here is finished by the next run or command.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lake.errors import UsageError
from lake.history import History
from lake.runs import new_run_id
from target_datalake import layout
from target_datalake.commit_log import CommitLog
from target_datalake.commits import follow, new_commit_id
from target_datalake.lake_format import check_format

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from target_datalake.commits import Commit
    from target_datalake.storage import Storage


@dataclass
class HeldSource:
    """A source whose lock is held.

    Attributes:
        log: Its log.
        head: The last entry.
        run: The id of this command's commits.
        now: When the command began, UTC.
    """

    log: CommitLog
    head: Commit
    run: str
    now: datetime

    @property
    def storage(self) -> Storage:
        """Return the lake."""
        return self.log.storage

    @property
    def source(self) -> str:
        """Return the source's name."""
        return self.log.source

    def commits(self) -> Sequence[Commit]:
        """Return the log, without what was undone."""
        return History(self.storage, self.source).commits()

    def next_commit(self) -> CommitNames:
        """Return how the files of this command's next commit are named."""
        return CommitNames(self.source, self.head.n + 1, new_commit_id())

    def commit(self, names: CommitNames, purpose: str, **changes: Any) -> Commit:
        """Append an entry, and publish it. Raises HeldError, with nothing changed, if another writer was first."""
        now_us = int(self.now.timestamp() * 1e6)
        commit = follow(self.head, self.source, now_us=now_us, id=names.id, run=self.run, purpose=purpose, **changes)
        self.log.append(commit)
        self.log.publish(commit)
        self.log.sweep(commit.n)
        self.head = commit
        return commit


@dataclass
class CommitNames:
    """The names of the files of one commit to be: its number, a count, its id."""

    source: str
    n: int
    id: str
    files: int = 0

    def next_name(self) -> str:
        """Return the next file's name, without its ending."""
        name = layout.file_name(self.n, self.files, self.id)
        self.files += 1
        return name


@contextlib.contextmanager
def hold_source(storage: Storage, source: str, now: datetime) -> Iterator[HeldSource]:
    """Hold a source's lock, with its log recovered; on S3, where there are no locks, the log itself tells of others.

    Args:
        storage: The lake, opened for writing by this source.
        source: The source's name.
        now: The time, UTC.

    Raises:
        HeldError: A run, or another command, holds it.
        UsageError: It has no log.
    """
    lock = storage.lock(layout.lock_key(source))
    with contextlib.closing(lock) if lock else contextlib.nullcontext():
        check_format(storage, write=True)
        log = CommitLog(storage, source)
        head = log.recover()
        if head is None:
            raise UsageError(f"source {source!r} has not landed anything", where=storage.uri)
        yield HeldSource(log, head, new_run_id(now), now)
