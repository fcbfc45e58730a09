"""Singer messages become commits, and each published commit's STATE is handed on.

A commit is cut only at a STATE: rows before it are in, rows after it wait for the next. Cutting anywhere else loses the
match between data and bookmark, and doubles rows after a crash.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from target_datalake import layout
from target_datalake.commit_writer import CommitWriter
from target_datalake.commits import StreamCounts
from target_datalake.errors import MessageError, RejectedError
from target_datalake.fail_points import reach
from target_datalake.gathering import Gathering
from target_datalake.known_schemas import KnownSchemas
from target_datalake.messages import ActivateVersion, Records, Schema, State
from target_datalake.rejects import check_limit
from target_datalake.rewind import is_same_progress
from target_datalake.sink import Staged, StreamSink
from target_datalake.wide_integers import landed_wide_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from target_datalake.commit_log import CommitLog
    from target_datalake.commits import Commit
    from target_datalake.config import Config
    from target_datalake.messages import Message

logger = logging.getLogger(__name__)

WORKERS = 2
"""Threads that validate records while the main one reads and writes: Arrow's kernels leave Python's lock alone."""


@dataclass(frozen=True)
class Clocks:
    """Where the time comes from: microseconds since 1970, UTC, and a monotonic count of seconds."""

    now_us: Callable[[], int]
    monotonic_seconds: Callable[[], float]


class Target:
    """One run: messages in, commits out.

    Args:
        log: The source's log, recovered, with the source's lock held.
        head: Its last entry; None for a source that is new to the lake.
        config: The target's options.
        run_id: Names the run in the log.
        emit: Called with a STATE's text once its commit is published.
        clocks: The time.
    """

    def __init__(
        self,
        log: CommitLog,
        head: Commit | None,
        config: Config,
        run_id: str,
        emit: Callable[[str], None],
        clocks: Clocks,
    ) -> None:
        self._log, self._config, self._run_id, self._emit, self._clocks = log, config, run_id, emit, clocks
        self._workers = ThreadPoolExecutor(WORKERS, "parser")
        self._writer = CommitWriter(log, head, config, run_id, clocks.now_us)
        self._schemas = KnownSchemas(log, config)
        bounds = config.commit
        self._gathering = Gathering(clocks.now_us, max_rows=bounds.max_rows, max_bytes=bounds.max_bytes)
        self._state: str | None = None
        self._state_since_seconds = 0.0
        self._is_syncing = False
        self._activations: dict[str, int] = {}
        self._covered_activations: dict[str, int] = {}
        self.totals: dict[str, StreamCounts] = {}
        self.left_out = 0

    def rewind(self, entry: Commit) -> None:
        """Put the log back with this entry before the first commit; a run that commits nothing leaves it as it is."""
        self._writer.rewind(entry)

    @property
    def head(self) -> Commit | None:
        """Return the log's last entry, as far as this run knows."""
        return self._writer.head

    def run(self, messages: Iterable[Message]) -> None:
        """Read messages to their end. After an error nothing more is committed, and nothing stays staged.

        Raises:
            TargetError: As its class says; the lake holds what was committed before.
        """
        try:
            for message in messages:
                self._take(message)
                if self._is_due():
                    self._cut()
        except BaseException:
            self._abort()
            raise

    def finish(self, *, tap_succeeded: bool | None) -> None:
        """Commit what a STATE covers, and the rows after it if nothing speaks against them.

        Args:
            tap_succeeded: What is known of the tap's end; None for a bare pipe, where only a STATE that names a
                stream being read tells that the tap did not get to its end.
        """
        try:
            if self._gathering.waiting_rows or self._activations:
                self._settle_tail(tap_succeeded=tap_succeeded)
            self._cut()
        except BaseException:
            self._abort()
            raise
        self._writer.sweep()

    def _take(self, message: Message) -> None:
        match message:
            case Records():
                self._take_records(message)
            case State():
                self._take_state(message)
            case Schema():
                self._take_schema(message)
            case ActivateVersion():
                self._take_activation(message)

    def _take_records(self, message: Records) -> None:
        self._require_schema(message.stream, message.run.first_line, "RECORD")
        self._gathering.append(message.stream, message.run, self._writer.draft)
        if self._gathering.is_full and not self._gathering.overflowing:
            self._cut()  # what a STATE covers must not share a draft with what none does
            self._gathering.overflow(self._writer.draft)

    def _take_schema(self, message: Schema) -> None:
        head, stream = self._writer.head, message.stream
        shape = self._schemas.take(message, head.schemas if head else {}, lambda: self._find_wide(stream))
        if shape is None:
            return
        if stream not in self._gathering:
            self._gathering.add(StreamSink(stream, self._run_id, self._workers))
        self._gathering.sink(stream).shape = shape

    def _find_wide(self, stream: str) -> set[str]:
        """Return the columns of a stream in which integers past ±2^53 have landed, or came in this run."""
        landed = landed_wide_columns(self._log, stream)
        if stream not in self._gathering:
            return landed
        return landed | self._gathering.sink(stream).find_wide(self._writer.draft, self._clocks.now_us())

    def _take_state(self, message: State) -> None:
        self._gathering.cover(self._writer.draft)
        if self._state is None:
            self._state_since_seconds = self._clocks.monotonic_seconds()
        self._state, self._is_syncing = message.text, message.currently_syncing is not None
        self._covered_activations |= self._activations
        self._activations = {}

    def _take_activation(self, message: ActivateVersion) -> None:
        self._require_schema(message.stream, message.line, "ACTIVATE_VERSION")
        self._activations[message.stream] = message.version

    def _is_due(self) -> bool:
        if self._state is None or self._gathering.overflowing:
            return False
        bounds = self._config.commit
        return (
            self._gathering.released_rows >= bounds.max_rows
            or self._gathering.released_bytes >= bounds.max_bytes
            or self._clocks.monotonic_seconds() - self._state_since_seconds >= bounds.max_age_seconds
        )

    def _settle_tail(self, *, tap_succeeded: bool | None) -> None:
        """Decide about the rows after the last STATE: they are in, or they are forgotten."""
        ended_well = tap_succeeded is not False and not self._is_syncing
        if ended_well or self._config.commit_tail == "always":
            self._gathering.cover(self._writer.draft)
            self._covered_activations |= self._activations
        else:
            rows, staged = self._gathering.drop_waiting()
            self._writer.discard(staged)
            self.left_out = rows
            logger.warning("the tap did not get to its end: %d records after its last STATE are left out", rows)
        self._activations = {}

    def _cut(self) -> None:
        """Commit what is covered, publish it, and hand its STATE on; without anything new there is no commit."""
        staged = self._gathering.finish(self._writer.draft)
        self._writer.hold(staged)
        self._count(staged)
        if staged or self._covered_activations or not is_same_progress(self._writer.head, self._state):
            self._writer.commit(staged, self._state, self._schemas.ids, self._covered_activations)
        head = self._writer.head
        if self._state is not None and head is not None and self._state == head.state:
            reach("emit.begin")
            self._emit(self._state)
            reach("emit.done")
        self._state, self._covered_activations = None, {}

    def _count(self, staged: dict[str, Staged]) -> None:
        """Add up the run, and stop it when too much was rejected, leaving a sample that shows why."""
        for stream, part in staged.items():
            self.totals[stream] = _add(self.totals.get(stream), part.counts)
        try:
            for stream, total in self.totals.items():
                check_limit(stream, total, self._config)
        except RejectedError:
            sample = b"".join(line for part in staged.values() for line in part.sample)
            key = f"{layout.runs_prefix(self._log.source)}/{self._run_id}.rejected.jsonl"
            self._log.storage.put(key, sample, private=True)
            raise

    def _require_schema(self, stream: str, line: int, kind: str) -> None:
        if stream not in self._gathering:
            raise MessageError(
                f"line {line}: a {kind} of stream {stream!r} comes before its SCHEMA",
                where=f"stdin line {line}",
                fix="mend the tap: the Singer specification wants a stream's SCHEMA first",
            )

    def _abort(self) -> None:
        self._writer.abort(self._gathering.abort())


def _add(total: StreamCounts | None, counts: StreamCounts) -> StreamCounts:
    if total is None:
        return counts
    return StreamCounts(
        total.received + counts.received, total.landed + counts.landed, total.rejected + counts.rejected
    )
