"""What the streams have staged becomes the next entry of the log, published; a draft of the one after it begins."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from target_datalake.commits import ActiveVersion, Commit, DataFile, StreamCounts, follow
from target_datalake.draft import Draft
from target_datalake.errors import HeldError, TargetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from target_datalake.commit_log import CommitLog
    from target_datalake.config import Config
    from target_datalake.sink import Staged

logger = logging.getLogger(__name__)


class CommitWriter:
    """The log as one run writes it.

    Args:
        log: The source's log, recovered, with the source's lock held.
        head: Its last entry; None for a source that is new to the lake.
        config: The target's options.
        run_id: Names the run in the log.
        now_us: The time.

    Attributes:
        head: The log's last entry, as far as this run knows.
        draft: Names and opens the files of the next commit.
    """

    def __init__(
        self, log: CommitLog, head: Commit | None, config: Config, run_id: str, now_us: Callable[[], int]
    ) -> None:
        self._log, self._compression, self._run_id, self._now_us = log, config.compression, run_id, now_us
        self.head = head
        self._rewind: Commit | None = None
        self._staged_files: list[DataFile] = []
        self.draft = self._new_draft()

    def rewind(self, entry: Commit) -> None:
        """Put the log back with this entry before the first commit; a run that commits nothing leaves it as it is."""
        self._rewind = self.head = entry
        self.draft = self._new_draft()

    def hold(self, staged: Mapping[str, Staged]) -> None:
        """Answer for the files that the streams have staged: they are part of a commit, or discarded."""
        self._staged_files = [file for part in staged.values() for file in (*part.data, *part.rejected)]

    def commit(
        self,
        staged: Mapping[str, Staged],
        state: str | None,
        schemas: Mapping[str, str],
        activations: Mapping[str, int],
    ) -> None:
        """Append an entry with what is staged, and publish it. Then the head is new, and the draft too.

        Args:
            staged: What each stream adds.
            state: The STATE that covers it; None to keep the head's.
            schemas: The schema ids of this run.
            activations: The table version that is active from now on, of streams that say so.

        Raises:
            HeldError: Another writer has written this entry.
            StorageError: The entry may be in the log or not; the next run finds out.
        """
        if self._rewind is not None:
            self._write(self._rewind)
            self._rewind = None
        before = self.head or follow(None, self._log.source, now_us=0)
        activated = {stream: ActiveVersion(version, self.draft.n) for stream, version in activations.items()}
        commit = follow(
            self.head,
            self._log.source,
            now_us=self._now_us(),
            id=self.draft.id,
            run=self._run_id,
            state=before.state if state is None else state,
            streams={stream: part.counts for stream, part in staged.items()},
            schemas={**before.schemas, **schemas},
            versions={**before.versions, **activated},
            add=tuple(file for part in staged.values() for file in part.data),
            rejected=tuple(file for part in staged.values() for file in part.rejected),
        )
        self._write(commit)
        logger.info("commit %d: %d rows landed, %d rejected", commit.n, *_sums(commit.streams.values()))
        self.head = commit
        self.draft = self._new_draft()

    def abort(self, files: Iterable[DataFile]) -> None:
        """Throw away staged files: those given, and those that are held."""
        self.discard([*files, *self._staged_files])

    def discard(self, files: Iterable[DataFile]) -> None:
        """Throw away staged files; what cannot be removed now is swept by the next run."""
        for file in files:
            try:
                self._log.storage.discard(file.staged())
            except TargetError as error:
                logger.warning("a staged file could not be removed; the next run will: %s", error)

    def sweep(self) -> None:
        """Throw away what earlier runs staged for the numbers that this run has committed."""
        if self.head is None or self.head.run != self._run_id or self._rewind is not None:
            return
        try:
            self._log.sweep(self.head.n)
        except TargetError as error:
            logger.warning("what earlier runs left staged could not be removed; the next run will: %s", error)

    def _write(self, commit: Commit) -> None:
        """Append and publish an entry. Once that began, only another writer's victory allows what is staged to go.

        After any other failure the entry may be in the log: recovery then needs the files that it names.
        """
        staged, self._staged_files = self._staged_files, []
        try:
            self._log.append(commit)
        except HeldError:
            self._staged_files = staged
            raise
        self._log.publish(commit)

    def _new_draft(self) -> Draft:
        number = self.head.n + 1 if self.head else 1
        return Draft(self._log.storage, self._log.source, number, self._now_us, self._compression)


def _sums(counts: Iterable[StreamCounts]) -> tuple[int, int]:
    both = [(count.landed, count.rejected) for count in counts]
    return sum(landed for landed, _ in both), sum(rejected for _, rejected in both)
