"""RECORD lines of one stream become the data files and rejected records of the next commit.

Lines wait as bytes until a STATE covers them (`release`); only released lines are validated, converted and staged.
So the files of a commit never hold a row that came after the STATE it is cut at.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from target_datalake.commits import StreamCounts
from target_datalake.errors import TargetError
from target_datalake.rejects import Origin

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from target_datalake.commits import DataFile
    from target_datalake.draft import Draft
    from target_datalake.messages import Lines
    from target_datalake.parquet import ParquetFile
    from target_datalake.rejects import RejectsFile
    from target_datalake.rows import RowParser

CONVERT_BYTES = 4 << 20
"""Released lines are converted when they reach this size: large enough for Arrow, small enough for memory."""


@dataclass(frozen=True)
class Shape:
    """How the records of a stream are read and written while one SCHEMA is in force."""

    parser: RowParser
    schema_id: str
    generation: int


@dataclass(frozen=True)
class Staged:
    """What a sink adds to a commit."""

    data: tuple[DataFile, ...]
    rejected: tuple[DataFile, ...]
    counts: StreamCounts
    sample: tuple[bytes | bytearray, ...]


class StreamSink:
    """The waiting lines and the open files of one stream."""

    def __init__(self, stream: str, run_id: str) -> None:
        self.stream = stream
        self.shape: Shape | None = None
        self._run_id = run_id
        self._waiting: list[tuple[Shape, Lines]] = []
        self._released: list[tuple[Shape, Lines]] = []
        self._waiting_bytes = 0
        self._released_bytes = 0
        self._file: ParquetFile | None = None
        self._rejects: RejectsFile | None = None
        self._finished: list[DataFile] = []
        self._received = 0
        self._landed = 0

    @property
    def spillable_bytes(self) -> int:
        """Return how many bytes of released lines and of Arrow data `spill` would free."""
        return self._released_bytes + (self._file.pending_bytes if self._file else 0)

    @property
    def is_empty(self) -> bool:
        """Return whether this sink adds nothing to the next commit."""
        return not (self._released or self._finished or self._file or self._rejects)

    def append(self, run: Lines) -> int:
        """Take RECORD lines, and return their size in bytes. A SCHEMA must have come before."""
        assert self.shape is not None  # noqa: S101 - the target checks it, with an error for people
        size = sum(map(len, run.lines))
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
        records = sum(len(run.lines) for _, run in self._waiting)
        self._waiting, self._waiting_bytes = [], 0
        return records

    def convert(self, draft: Draft, now_us: int, *, at_least: int = CONVERT_BYTES) -> None:
        """Validate and stage the released lines once they reach a size in bytes.

        Raises:
            MessageError: A line is not JSON.
            StorageError: Staging failed.
        """
        if not self._released or self._released_bytes < at_least:
            return
        for shape, runs in _slices(self._released):
            self._received += sum(len(run.lines) for run in runs)
            parsed = shape.parser.parse(runs, commit=draft.n, batched_at_us=now_us)
            if parsed.rejects:
                self._rejects = self._rejects or draft.open_rejects(self.stream)
                self._rejects.write(parsed.rejects, Origin(self._run_id, draft.n, shape.schema_id))
            self._write(parsed.batch, shape, draft)
        self._released, self._released_bytes = [], 0

    def spill(self, draft: Draft, now_us: int) -> None:
        """Free memory: convert what is released, and write converted rows out as a row group."""
        self.convert(draft, now_us, at_least=0)
        if self._file:
            self._file.flush()

    def finish(self, draft: Draft, now_us: int) -> Staged:
        """Stage what was released, make the files durable, and start afresh for the next commit."""
        self.convert(draft, now_us, at_least=0)
        self._close_file()
        rejected = (self._rejects.finish(),) if self._rejects else ()
        rejects = self._rejects.rows if self._rejects else 0
        sample = tuple(self._rejects.sample) if self._rejects else ()
        if self._received != self._landed + rejects:
            raise TargetError(f"stream {self.stream!r}: {self._received} records came, {self._landed + rejects} left")
        counts = StreamCounts(self._received, self._landed, rejects)
        staged = Staged(tuple(self._finished), rejected, counts, sample)
        self._finished, self._rejects, self._received, self._landed = [], None, 0, 0
        return staged

    def abort(self) -> list[DataFile]:
        """Throw away what is open, and return the files that are staged already."""
        for file in (self._file, self._rejects):
            if file is not None:
                file.abort()
        finished, self._finished = self._finished, []
        self._file, self._rejects, self._received, self._landed = None, None, 0, 0
        self._released, self._released_bytes = [], 0
        return finished

    def _write(self, batch: pa.RecordBatch, shape: Shape, draft: Draft) -> None:
        for version, rows in _by_version(batch):
            if self._file is None or self._file.version != version or self._file.schema != shape.parser.arrow_schema:
                self._close_file()
                columns, schema_id = shape.parser.arrow_schema, shape.schema_id
                self._file = draft.open_data(self.stream, shape.generation, columns, schema_id, version)
            self._file.write(rows)
            self._landed += rows.num_rows

    def _close_file(self) -> None:
        if self._file is not None:
            self._finished.append(self._file.finish())
            self._file = None


def _slices(entries: list[tuple[Shape, Lines]]) -> Iterator[tuple[Shape, list[Lines]]]:
    """Yield runs of one shape in slices of bounded size."""
    for shape, group in itertools.groupby(entries, key=lambda entry: entry[0]):
        runs, size = [], 0
        for _, run in group:
            runs.append(run)
            size += sum(map(len, run.lines))
            if size >= CONVERT_BYTES:
                yield shape, runs
                runs, size = [], 0
        if runs:
            yield shape, runs


def _by_version(batch: pa.RecordBatch) -> Iterator[tuple[int | None, pa.RecordBatch]]:
    """Yield the rows of each table version: a data file holds one, so that readers choose versions by file."""
    if not batch.num_rows:
        return
    versions = batch.column("_sdc_table_version")
    for version in versions.unique():
        value = version.as_py()
        mask = pc.is_null(versions) if value is None else pc.equal(versions, version)
        yield value, batch.filter(mask) if len(versions.unique()) > 1 else batch
