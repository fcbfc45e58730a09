"""Arrow batches of one stream become a Parquet file, staged for the next commit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from target_datalake.commits import DataFile
from target_datalake.leaves import leaves

if TYPE_CHECKING:
    from target_datalake.storage import StagedWriter

ROW_GROUP_ROWS = 128 << 10
ROW_GROUP_BYTES = 64 << 20
"""A row group is written when its rows or their Arrow bytes reach these, or when memory is short."""


SAMPLE_ROWS = 20_000
MIN_REPEATS = 4
"""A column gets a dictionary if each of its values comes so often in that many rows, on average: else it costs time."""


@dataclass(frozen=True)
class Footer:
    """What a data file says of itself, so that a lost log could be rebuilt from its files.

    Attributes:
        source: The source it came from.
        stream: The stream it came from.
        commit: The number of its commit.
        commit_id: The id of its commit.
        schema: The id of the schema document its columns follow.
        version: The table version of its rows; None where the tap sent none.
    """

    source: str
    stream: str
    commit: int
    commit_id: str
    schema: str
    version: int | None


class ParquetFile:
    """A data file being staged. Nothing of it is visible, nor survives a crash, before its commit."""

    def __init__(self, writer: StagedWriter, schema: pa.Schema, footer: Footer, compression: str) -> None:
        self._writer = writer
        self._footer = footer
        self.schema = schema
        self.version = footer.version
        self._pending: list[pa.RecordBatch] = []
        self._pending_rows = 0
        self.pending_bytes = 0
        self._rows = 0
        self._compression = compression
        self._parquet: pq.ParquetWriter | None = None

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows; they reach the file a row group at a time."""
        self._pending.append(batch)
        self._pending_rows += batch.num_rows
        self.pending_bytes += batch.nbytes
        if self._pending_rows >= ROW_GROUP_ROWS or self.pending_bytes >= ROW_GROUP_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write the pending rows as a row group, which frees their memory."""
        if self._pending:
            table = pa.Table.from_batches(self._pending, self.schema)
            self._opened(table).write_table(table, row_group_size=max(table.num_rows, 1))
            self._rows += table.num_rows
        self._pending, self._pending_rows, self.pending_bytes = [], 0, 0

    def finish(self) -> DataFile:
        """Write the footer and make the file durable."""
        self.flush()
        self._opened(self.schema.empty_table()).close()
        staged = self._writer.finish()
        return DataFile(
            key=staged.key,
            stream=self._footer.stream,
            rows=self._rows,
            bytes=staged.bytes,
            sha256=staged.sha256,
            schema=self._footer.schema,
            version=self._footer.version,
            upload_id=staged.upload_id,
            parts=staged.parts,
        )

    def abort(self) -> None:
        """Throw the file away."""
        if self._parquet is not None:
            self._parquet.is_open = False  # else its finalizer writes a footer into the closed file
        self._writer.abort()

    def _opened(self, sample: pa.Table) -> pq.ParquetWriter:
        """Return the writer, which chooses its encodings by the first rows."""
        if self._parquet is None:
            metadata = {**(self.schema.metadata or {}), **_to_metadata(self._footer)}
            self._parquet = pq.ParquetWriter(
                pa.PythonFile(self._writer, mode="w"),
                self.schema.with_metadata(metadata),
                compression=self._compression,
                compression_level=1 if self._compression == "zstd" else None,
                use_dictionary=repetitive_columns(sample),
            )
        return self._parquet


def repetitive_columns(rows: pa.Table) -> list[str]:
    """Return the paths of the columns whose values repeat enough for a dictionary, by the first rows."""
    sample = rows.slice(0, SAMPLE_ROWS)
    return [
        path
        for field in sample.schema
        for path, values in leaves(field.name, sample.column(field.name).combine_chunks())
        if pc.count_distinct(values).as_py() * MIN_REPEATS <= len(values)
    ]


def _to_metadata(footer: Footer) -> dict[bytes, bytes]:
    values = {
        "lake.source": footer.source,
        "lake.stream": footer.stream,
        "lake.commit": str(footer.commit),
        "lake.commit_id": footer.commit_id,
        "lake.schema": footer.schema,
        "lake.version": "" if footer.version is None else str(footer.version),
    }
    return {key.encode(): value.encode() for key, value in values.items()}
