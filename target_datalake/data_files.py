"""Arrow batches of one stream become the data files of the next commit: one for each table version and partition.

Rows of a partitioned stream wait until there are many, so that each partition gets them together. Few files are open at
once; the one that has waited longest is finished for another, and its partition may go on in a second file.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from target_datalake.parquet import ROW_GROUP_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_datalake.commits import DataFile
    from target_datalake.draft import Draft, Rows
    from target_datalake.parquet import ParquetFile
    from target_datalake.partition import Partitioning

MAX_OPEN_FILES = 16
"""Files of one stream that are open at once: on S3 each may hold a part of 8 MiB in memory."""


class DataFiles:
    """The data files that are being staged for one stream."""

    def __init__(self) -> None:
        self._rows: Rows | None = None
        self._partitioning: Partitioning | None = None
        self._open: OrderedDict[tuple[int | None, str], ParquetFile] = OrderedDict()
        self._unsplit: list[pa.RecordBatch] = []
        self._unsplit_bytes = 0
        self._finished: list[DataFile] = []

    @property
    def pending_bytes(self) -> int:
        """Return the size of the Arrow data that `flush` would write out."""
        return self._unsplit_bytes + sum(file.pending_bytes for file in self._open.values())

    @property
    def is_empty(self) -> bool:
        """Return whether nothing is being staged."""
        return not (self._open or self._unsplit or self._finished)

    def write(self, batch: pa.RecordBatch, rows: Rows, partitioning: Partitioning | None, draft: Draft) -> None:
        """Append rows. Those of another schema than the last begin new files. Raises StorageError."""
        if self._rows is None or not _go_together(self._rows, rows) or partitioning != self._partitioning:
            self._close(draft)
            self._rows, self._partitioning = rows, partitioning
        if partitioning is None:
            for version, part in _by_version(batch):
                self._file(version, "", draft).write(part)
        elif batch.num_rows:
            self._unsplit.append(batch)
            self._unsplit_bytes += batch.nbytes
            if self._unsplit_bytes >= ROW_GROUP_BYTES:
                self.flush(draft)

    def flush(self, draft: Draft) -> None:
        """Write pending rows out as row groups, which frees their memory. Raises StorageError."""
        if self._partitioning is not None and self._unsplit:
            table = pa.Table.from_batches(self._unsplit)
            self._unsplit, self._unsplit_bytes = [], 0
            for folder, part in self._partitioning.split(table):
                for batch in part.combine_chunks().to_batches():
                    for version, rows in _by_version(batch):
                        file = self._file(version, folder, draft)
                        file.write(rows)
                        file.flush()
        for file in self._open.values():
            file.flush()

    def finish(self, draft: Draft) -> tuple[DataFile, ...]:
        """Make all files durable, and begin anew. Raises StorageError."""
        self._close(draft)
        finished, self._finished = self._finished, []
        return tuple(finished)

    def abort(self) -> list[DataFile]:
        """Throw open files away, and return those that are staged already."""
        for file in self._open.values():
            file.abort()
        finished, self._finished = self._finished, []
        self._open.clear()
        self._unsplit, self._unsplit_bytes, self._rows = [], 0, None
        return finished

    def _file(self, version: int | None, folder: str, draft: Draft) -> ParquetFile:
        assert self._rows is not None  # noqa: S101 - `write` has set it
        key = (version, folder)
        if key not in self._open:
            if len(self._open) >= MAX_OPEN_FILES:
                self._finish_oldest()
            self._open[key] = draft.open_data(self._rows, version, folder)
        self._open.move_to_end(key)
        return self._open[key]

    def _close(self, draft: Draft) -> None:
        self.flush(draft)
        while self._open:
            self._finish_oldest()
        self._rows = None

    def _finish_oldest(self) -> None:
        key, file = next(iter(self._open.items()))
        self._finished.append(file.finish())  # when this fails the file is still among the open ones, to be aborted
        del self._open[key]


def _go_together(first: Rows, second: Rows) -> bool:
    return (first.columns, first.generation) == (second.columns, second.generation)


def _by_version(batch: pa.RecordBatch) -> Iterator[tuple[int | None, pa.RecordBatch]]:
    """Yield the rows of each table version: a data file holds one, so that readers choose versions by file."""
    if not batch.num_rows:
        return
    versions = batch.column("_sdc_table_version")
    for version in versions.unique():
        value = version.as_py()
        mask = pc.is_null(versions) if value is None else pc.equal(versions, version)
        yield value, batch.filter(mask) if len(versions.unique()) > 1 else batch
