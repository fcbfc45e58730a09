"""Arrow batches of one stream become a Parquet file, staged for the next commit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from target_datalake.commits import DataFile

if TYPE_CHECKING:
    from target_datalake.storage import StagedWriter

ROW_GROUP_ROWS = 128 << 10
ROW_GROUP_BYTES = 64 << 20
"""A row group is written when its rows or their Arrow bytes reach these, or when memory is short."""


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
        self._parquet = pq.ParquetWriter(
            pa.PythonFile(writer, mode="w"),
            schema.with_metadata({**(schema.metadata or {}), **_to_metadata(footer)}),
            compression=compression,
            compression_level=1 if compression == "zstd" else None,
        )

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
            self._parquet.write_table(table, row_group_size=max(table.num_rows, 1))
            self._rows += table.num_rows
        self._pending, self._pending_rows, self.pending_bytes = [], 0, 0

    def finish(self) -> DataFile:
        """Write the footer and make the file durable."""
        self.flush()
        self._parquet.close()
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
        self._parquet.is_open = False  # else its finalizer writes a footer into the closed file
        self._writer.abort()


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
