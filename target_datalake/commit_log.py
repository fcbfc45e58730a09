"""Staged files become a commit: one entry of a source's log, put if absent, then published.

The order is the promise. Files are staged where no reader looks; the entry, which names them together with the STATE
they were read up to, is the commit point; only then do the files appear. A crash before the entry leaves nothing
but leftovers, a crash after it is mended by publishing the last entry again.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import msgspec

from target_datalake import layout
from target_datalake.commits import Commit, decode_commit, encode_commit, undo
from target_datalake.errors import HeldError, NotFoundError, StorageError
from target_datalake.fail_points import reach

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_datalake.commits import DataFile
    from target_datalake.storage import Storage

logger = logging.getLogger(__name__)


class CommitLog:
    """The log of one source in one lake."""

    def __init__(self, storage: Storage, source: str) -> None:
        self.storage = storage
        self.source = source

    def head(self, *, after: int = 0) -> Commit | None:
        """Return the last entry, or None when nothing was ever committed.

        Args:
            after: An entry that is known to be there; only those after it are looked for.
        """
        known = layout.log_key(self.source, after) if after else ""
        files = self.storage.list(layout.log_prefix(self.source), after=known)
        last = max((file.key for file in files), default=known)
        return self._read_key(last) if last else None

    def read(self, n: int) -> Commit:
        """Return entry n. Raises NotFoundError."""
        return self._read_key(layout.log_key(self.source, n))

    def entries(self) -> Iterator[Commit]:
        """Yield every entry, oldest first."""
        for file in self.storage.list(layout.log_prefix(self.source)):
            yield self._read_key(file.key)

    def recover(self) -> Commit | None:
        """Finish what a crash interrupted, and return the head.

        The last entry is published again, which changes nothing when it was; what dead runs staged is swept. An entry
        whose staged files the store itself threw away is undone by one more entry: its STATE was never handed on, so
        its records come again. Call it with the source's lock held.

        Raises:
            StorageError: A file that the head names is gone for good.
            HeldError: Another writer undid the head first.
        """
        reach("recover.begin")
        head = self.head()
        if head is not None:
            head = self._publish_or_undo(head)
        reach("recover.published")
        self.sweep(head.n if head else 0)
        reach("recover.swept")
        return head

    def sweep(self, n: int) -> None:
        """Throw away what was staged for the commits up to n, once n is published: whoever staged it can only lose.

        What is staged for a later commit may be a live writer's.
        """
        prefixes = (layout.data_prefix(self.source), layout.rejected_prefix(self.source))
        self.storage.sweep(prefixes, lambda key: layout.commit_of(key) <= n)
        for file in list(self.storage.list(layout.merge_prefix(self.source))):
            if layout.commit_of(file.key) <= n:
                self.storage.delete(file.key)

    def append(self, commit: Commit) -> None:
        """Put an entry: the commit point. After a crash here it is there in full, or not at all.

        Raises:
            HeldError: Another writer's entry has this number: ours is not, and never will be, in the log.
            StorageError: Nobody knows whether the entry is there. What it names must stay staged for `recover`.
        """
        key = layout.log_key(self.source, commit.n)
        reach("commit.begin")
        is_new = self.storage.put_if_absent(key, encode_commit(commit))
        reach("commit.done")
        if not is_new and self._read_key(key).id != commit.id:  # the same: our own entry, whose reply was lost
            raise HeldError(
                f"another run wrote commit {commit.n} of source {self.source!r} first",
                where=f"{self.storage.uri}/{key}",
                fix="let only one run write a source at a time, then run again: nothing is lost",
            )

    def publish(self, commit: Commit) -> None:
        """Make a commit's files appear, once those it removes are gone, so that no glob ever sees a row twice.

        Interrupted, it leaves some of them unseen until the next `recover`; done again, it changes nothing.

        Raises:
            StorageError: A file is neither published nor staged, or the storage failed.
        """
        reach("publish.begin")
        for key in commit.remove:
            self.storage.delete(key)
            reach("publish.removed")
        for file in commit.files:
            reach("publish.file")
            try:
                self._publish_file(file)
            except NotFoundError as error:
                raise _LostFileError(
                    f"commit {commit.n} of source {self.source!r} names a file that is neither published nor staged",
                    where=f"{self.storage.uri}/{file.key}",
                    fix="someone removed it: restore it from a backup",
                ) from error
        reach("publish.done")

    def _publish_file(self, file: DataFile) -> None:
        if file.merge_key:
            self.storage.move(file.merge_key, file.key)
        else:
            self.storage.publish(file.staged())

    def _publish_or_undo(self, head: Commit) -> Commit:
        try:
            self.publish(head)
        except _LostFileError:
            if not self.storage.may_lose_staged or head.remove:
                raise
            logger.warning("the store dropped what commit %d had staged: the commit is undone", head.n)
            before = self.read(head.n - 1) if head.n > 1 else None
            head = undo(head, [head], before, now_us=time.time_ns() // 1000, run=head.run, purpose="void")
            self.append(head)
            reach("recover.undone")
            self.publish(head)
        return head

    def _read_key(self, key: str) -> Commit:
        try:
            return decode_commit(self.storage.read(key))
        except msgspec.DecodeError as error:
            raise StorageError(
                f"an entry of the log is damaged: {error}",
                where=f"{self.storage.uri}/{key}",
                fix="restore this file from a backup; nothing has been changed",
            ) from error


class _LostFileError(StorageError):
    """A file of a commit is nowhere."""


def read_sources(storage: Storage) -> list[str]:
    """Return the encoded names of the sources that have a log in this lake."""
    return [name for name in storage.folders(layout.LOG_PREFIX) if not name.startswith("@")]


def read_zone_datasets(storage: Storage, zone: str) -> list[str]:
    """Return the encoded names of the datasets of a zone that have a log in this lake."""
    return list(storage.folders(f"{layout.LOG_PREFIX}/@{zone}"))
