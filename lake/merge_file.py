"""A file that takes the place of others: gathered in memory, then written whole where no reader looks."""

from __future__ import annotations

import gzip
import hashlib
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from target_datalake import layout
from target_datalake.commits import DataFile
from target_datalake.errors import StorageError
from target_datalake.parquet import Footer, ParquetFile
from target_datalake.storage import StagedFile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lake.held_source import CommitNames
    from target_datalake.storage import Storage


class MergeWriter:
    """The bytes of one file; `finish` writes them under its `merge_key`, and a crash before that leaves nothing."""

    def __init__(self, storage: Storage, key: str, merge_key: str, *, private: bool = False) -> None:
        self._storage, self._key, self._merge_key, self._private = storage, key, merge_key, private
        self._bytes = bytearray()
        self.closed = False

    def write(self, data: Any, /) -> int:
        """Append a buffer's bytes."""
        view = memoryview(data).cast("B")
        self._bytes += view
        return len(view)

    def finish(self) -> StagedFile:
        """Write the file, durably."""
        self.closed = True
        data = bytes(self._bytes)
        self._storage.put(self._merge_key, data, private=self._private)
        return StagedFile(self._key, len(data), hashlib.sha256(data).hexdigest())

    def abort(self) -> None:
        """Forget the bytes."""
        self.closed = True
        self._bytes.clear()


def open_committed(storage: Storage, file: DataFile) -> pq.ParquetFile:
    """Open a data file whose bytes are those that were committed, so that no damage is written on.

    Raises:
        StorageError: They are not, or it is missing.
    """
    return pq.ParquetFile(pa.BufferReader(read_committed(storage, file)))


def read_committed(storage: Storage, file: DataFile) -> bytes:
    """Return the bytes of a file, which are those that were committed. Raises StorageError if not."""
    data = storage.read(file.key)
    if hashlib.sha256(data).hexdigest() != file.sha256:
        fix = "`lake verify` shows all that is damaged: restore this file from a backup"
        raise StorageError("a file is not as it was committed", where=f"{storage.uri}/{file.key}", fix=fix)
    return data


def compression_of(parquet: pq.ParquetFile) -> str:
    """Return the compression that a data file was written with, as the target's configuration names it."""
    metadata = parquet.metadata
    if not metadata.num_row_groups or not metadata.num_columns:
        return "zstd"
    name: str = metadata.row_group(0).column(0).compression.lower()
    return "none" if name == "uncompressed" else name


def write_data(
    storage: Storage,
    names: CommitNames,
    like: DataFile,
    batches: Iterable[pa.RecordBatch],
    *,
    columns: pa.Schema,
    compression: str,
) -> DataFile:
    """Write rows as a data file that will stand in another's folder, and return it; its `spans` are the caller's.

    Args:
        storage: The lake.
        names: Names the file.
        like: The file whose folder, stream, schema and version it takes.
        batches: The rows, all of the columns.
        columns: The columns.
        compression: How the columns are compressed.
    """
    name = f"{names.next_name()}.parquet"
    key, merge_key = f"{like.key.rpartition('/')[0]}/{name}", layout.merge_key(names.source, name)
    footer = Footer(names.source, like.stream, names.n, names.id, like.schema, like.version)
    file = ParquetFile(MergeWriter(storage, key, merge_key), columns, footer, compression)
    for batch in batches:
        file.write(batch)
    return msgspec.structs.replace(file.finish(), merge_key=merge_key)


def write_rejects(storage: Storage, names: CommitNames, like: DataFile, lines: list[bytes]) -> DataFile:
    """Write rejected records, lines with their newline, as a file in another's folder, readable by its owner only."""
    name = f"{names.next_name()}.jsonl.gz"
    key, merge_key = f"{like.key.rpartition('/')[0]}/{name}", layout.merge_key(names.source, name)
    writer = MergeWriter(storage, key, merge_key, private=True)
    writer.write(gzip.compress(b"".join(lines), 6, mtime=0))
    staged = writer.finish()
    return DataFile(
        key=key,
        stream=like.stream,
        rows=len(lines),
        bytes=staged.bytes,
        sha256=staged.sha256,
        schema=like.schema,
        merge_key=merge_key,
    )
