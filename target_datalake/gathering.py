"""RECORD lines of all streams wait for a STATE, then become the files of the next commit, in bounded memory.

Two kinds of rows are kept apart: those that a STATE covers are *released* and may be staged; those after it *wait* as
lines. When waiting rows no longer fit, and nothing is covered, they *overflow*: they are staged too, unseen, and the
whole draft then stands or falls with the STATE that comes, or with the tap's end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_datalake.sink import CONVERT_BYTES, Staged, StreamSink

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_datalake.commits import DataFile
    from target_datalake.draft import Draft
    from target_datalake.runs import Lines

WAITING_BYTES = 64 << 20
"""Lines that may wait for a STATE in memory."""

RELEASED_BYTES = 64 << 20
"""Released lines and Arrow data held in memory over all streams; above it the largest stream is written out."""


class Gathering:
    """The sinks of all streams.

    Attributes:
        released_rows: Records that the next commit holds so far, rejected ones included.
        released_bytes: The size of their messages.
        overflowing: Whether rows that no STATE covers are being staged.
    """

    def __init__(self, clock_us: Callable[[], int], *, max_rows: int, max_bytes: int) -> None:
        self._clock_us = clock_us
        self._max_rows, self._max_bytes = max_rows, min(max_bytes, WAITING_BYTES)
        self._sinks: dict[str, StreamSink] = {}
        self._waiting_sinks: set[StreamSink] = set()
        self._waiting_rows = self._waiting_bytes = 0
        self._unchecked_bytes = 0
        self.released_rows = self.released_bytes = 0
        self.overflowing = False

    def __contains__(self, stream: str) -> bool:
        """Return whether a stream's SCHEMA has come."""
        return stream in self._sinks

    def add(self, sink: StreamSink) -> None:
        """Take a stream's sink."""
        self._sinks[sink.stream] = sink

    def sink(self, stream: str) -> StreamSink:
        """Return a stream's sink. Raises KeyError."""
        return self._sinks[stream]

    @property
    def waiting_rows(self) -> int:
        """Return how many records no STATE covers, staged or not."""
        return self.released_rows + self._waiting_rows if self.overflowing else self._waiting_rows

    @property
    def is_full(self) -> bool:
        """Return whether the waiting rows are more than memory, or one commit, should hold."""
        return self._waiting_rows >= self._max_rows or self._waiting_bytes >= self._max_bytes

    def append(self, stream: str, run: Lines, draft: Draft) -> None:
        """Take RECORD lines of a stream whose SCHEMA has come."""
        sink = self._sinks[stream]
        size = sink.append(run)
        self._waiting_sinks.add(sink)
        self._waiting_rows += len(run)
        self._waiting_bytes += size
        if self.overflowing:
            self._release(draft)
        self._unchecked_bytes += size
        if self._unchecked_bytes >= CONVERT_BYTES:
            self._relieve(draft)

    def cover(self, draft: Draft) -> None:
        """A STATE covers all rows so far: they may be staged."""
        self.overflowing = False
        self._release(draft)

    def overflow(self, draft: Draft) -> None:
        """Stage rows that no STATE covers. Nothing that one covers may be part of the draft."""
        self.overflowing = True
        self._release(draft)

    def drop_waiting(self) -> tuple[int, list[DataFile]]:
        """Forget the rows that no STATE covers: how many those were, and the staged files to discard."""
        rows = self.waiting_rows
        staged = self.abort() if self.overflowing else []
        for sink in self._waiting_sinks:
            sink.drop()
        self._waiting_sinks.clear()
        self._waiting_rows = self._waiting_bytes = 0
        return rows, staged

    def finish(self, draft: Draft) -> dict[str, Staged]:
        """Stage all released rows, and return what each stream adds to the commit; waiting rows go on waiting."""
        now_us = self._clock_us()
        sinks = [sink for sink in self._sinks.values() if not sink.is_empty]
        for sink in sinks:
            sink.convert(draft, now_us, at_least=0)
        staged = {sink.stream: sink.finish(draft, now_us) for sink in sinks}
        self.released_rows = self.released_bytes = 0
        return staged

    def abort(self) -> list[DataFile]:
        """Throw away open files, and return the staged ones, to be discarded."""
        self.released_rows = self.released_bytes = 0
        self.overflowing = False
        return [file for sink in self._sinks.values() for file in sink.abort()]

    def _release(self, draft: Draft) -> None:
        now_us = self._clock_us()
        for sink in self._waiting_sinks:
            sink.release()
            sink.convert(draft, now_us)
        self._waiting_sinks.clear()
        self.released_rows += self._waiting_rows
        self.released_bytes += self._waiting_bytes
        self._waiting_rows = self._waiting_bytes = 0

    def _relieve(self, draft: Draft) -> None:
        self._unchecked_bytes = 0
        sizes = {sink: sink.spillable_bytes for sink in self._sinks.values()}
        total = sum(sizes.values())
        for sink in sorted(sizes, key=sizes.__getitem__, reverse=True):
            if total <= RELEASED_BYTES:
                return
            sink.spill(draft, self._clock_us())
            total -= sizes[sink]
