"""RECORD lines of one stream become the data files and rejected records of the next commit.

Lines wait as bytes until a STATE covers them (`release`); only released lines are validated, converted and staged.
So the files of a commit never hold a row that came after the STATE it is cut at.
"""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from target_datalake.commits import StreamCounts
from target_datalake.data_files import DataFiles
from target_datalake.errors import TargetError
from target_datalake.rejects import Origin
from target_datalake.wide_integers import wide_columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Executor, Future

    from target_datalake.commits import DataFile
    from target_datalake.draft import Draft, Rows
    from target_datalake.partition import Partitioning
    from target_datalake.rejects import RejectsFile
    from target_datalake.rows import Parsed
    from target_datalake.runs import Lines

CONVERT_BYTES = 4 << 20
"""Released lines are converted when they reach this size: large enough for Arrow, small enough for memory."""


IN_WORK = 2
"""Parts of one stream that workers validate while the one before is written."""


class Parser(Protocol):
    """Reads RECORD lines, record by record or many at a time."""

    def parse(self, runs: Sequence[Lines], *, commit: int, batched_at_us: int) -> Parsed:
        """Return the rows and rejects of the lines. Raises MessageError."""


@dataclass(frozen=True)
class Shape:
    """How the records of a stream are read and written while one SCHEMA is in force."""

    parser: Parser
    rows: Rows
    partitioning: Partitioning | None


@dataclass(frozen=True)
class _Parsing:
    """Lines that a worker validates, and their size in bytes."""

    shape: Shape
    coming: Future[Parsed]
    size: int


@dataclass(frozen=True)
class Staged:
    """What a sink adds to a commit."""

    data: tuple[DataFile, ...]
    rejected: tuple[DataFile, ...]
    counts: StreamCounts
    sample: tuple[bytes | bytearray, ...]


class StreamSink:
    """The waiting lines and the open files of one stream."""

    def __init__(self, stream: str, run_id: str, workers: Executor) -> None:
        self.stream = stream
        self._workers = workers
        self.shape: Shape | None = None
        self._run_id = run_id
        self._waiting: list[tuple[Shape, Lines]] = []
        self._released: list[tuple[Shape, Lines]] = []
        self._waiting_bytes = 0
        self._released_bytes = 0
        self._parsing: deque[_Parsing] = deque()
        self._files = DataFiles()
        self._rejects: RejectsFile | None = None
        self._received = 0
        self._landed = 0
        self._wide: set[str] = set()

    @property
    def spillable_bytes(self) -> int:
        """Return how many bytes of released lines and of Arrow data `spill` would free."""
        return self._released_bytes + sum(part.size for part in self._parsing) + self._files.pending_bytes

    @property
    def is_empty(self) -> bool:
        """Return whether this sink adds nothing to the next commit."""
        return self._files.is_empty and not (self._released or self._parsing or self._rejects)

    def append(self, run: Lines) -> int:
        """Take RECORD lines, and return their size in bytes. A SCHEMA must have come before."""
        assert self.shape is not None  # noqa: S101 - the target checks it, with an error for people
        size = run.size
        self._waiting.append((self.shape, run))
        self._waiting_bytes += size
        return size

    def release(self) -> None:
        """Let the lines so far be staged: a STATE covers them, or nothing else is part of this commit."""
        self._released += self._waiting
        self._released_bytes += self._waiting_bytes
        self._waiting, self._waiting_bytes = [], 0

    def drop(self) -> int:
        """Forget the lines that were not released, and return how many records they held."""
        records = sum(len(run) for _, run in self._waiting)
        self._waiting, self._waiting_bytes = [], 0
        return records

    def convert(self, draft: Draft, now_us: int, *, at_least: int = CONVERT_BYTES) -> None:
        """Validate the released lines once they reach a size in bytes, and stage those that were validated before.

        Raises:
            MessageError: A line is not JSON.
            StorageError: Staging failed.
        """
        if not self._released or self._released_bytes < at_least:
            return
        for shape, runs in _slices(self._released):
            self._received += sum(len(run) for run in runs)
            coming = self._workers.submit(shape.parser.parse, runs, commit=draft.n, batched_at_us=now_us)
            self._parsing.append(_Parsing(shape, coming, sum(run.size for run in runs)))
            self._stage(draft, but=IN_WORK)
        self._released, self._released_bytes = [], 0

    def _stage(self, draft: Draft, *, but: int = 0) -> None:
        """Stage what was validated, in order, but for some parts that may still be in work."""
        while len(self._parsing) > but:
            part = self._parsing[0]
            parsed, shape = part.coming.result(), part.shape
            self._parsing.popleft()
            if parsed.rejects:
                self._rejects = self._rejects or draft.open_rejects(self.stream)
                self._rejects.write(parsed.rejects, Origin(self._run_id, draft.n, shape.rows.schema_id))
            self._files.write(parsed.batch, shape.rows, shape.partitioning, draft)
            self._landed += parsed.batch.num_rows
            self._wide |= wide_columns(parsed.batch, shape.rows.columns)

    def find_wide(self, draft: Draft, now_us: int) -> set[str]:
        """Return the columns that hold integers past ±2^53 in what came in this run, waiting lines included."""
        self.convert(draft, now_us, at_least=0)
        self._stage(draft)
        waiting = [
            wide_columns(shape.parser.parse([run], commit=draft.n, batched_at_us=now_us).batch, shape.rows.columns)
            for shape, run in self._waiting
        ]
        return self._wide.union(*waiting)

    def spill(self, draft: Draft, now_us: int) -> None:
        """Free memory: convert what is released, and write converted rows out as a row group."""
        self.convert(draft, now_us, at_least=0)
        self._stage(draft)
        self._files.flush(draft)

    def finish(self, draft: Draft, now_us: int) -> Staged:
        """Stage what was released, make the files durable, and start afresh for the next commit."""
        self.convert(draft, now_us, at_least=0)
        self._stage(draft)
        data = self._files.finish(draft)
        rejected = (self._rejects.finish(),) if self._rejects else ()
        rejects = self._rejects.rows if self._rejects else 0
        sample = tuple(self._rejects.sample) if self._rejects else ()
        if self._received != self._landed + rejects:
            raise TargetError(f"stream {self.stream!r}: {self._received} records came, {self._landed + rejects} left")
        counts = StreamCounts(self._received, self._landed, rejects)
        self._rejects, self._received, self._landed = None, 0, 0
        return Staged(data, rejected, counts, sample)

    def abort(self) -> list[DataFile]:
        """Throw away what is open, and return the files that are staged already."""
        if self._rejects is not None:
            self._rejects.abort()
        self._rejects, self._received, self._landed = None, 0, 0
        self._released, self._released_bytes = [], 0
        for part in self._parsing:
            part.coming.cancel()
        self._parsing.clear()
        return self._files.abort()


def _slices(entries: list[tuple[Shape, Lines]]) -> Iterator[tuple[Shape, list[Lines]]]:
    """Yield runs of one shape in slices of bounded size."""
    for shape, group in itertools.groupby(entries, key=lambda entry: entry[0]):
        runs, size = [], 0
        for _, run in group:
            runs.append(run)
            size += run.size
            if size >= CONVERT_BYTES:
                yield shape, runs
                runs, size = [], 0
        if runs:
            yield shape, runs
