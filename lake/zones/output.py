"""Arrow batches become the data files of one version of a dataset, staged for its commit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import pyarrow as pa
import pyarrow.parquet as pq

from lake.errors import UsageError
from lake.zones.columns import to_document
from target_datalake import layout
from target_datalake.arrow_schema import schema_id
from target_datalake.errors import ConfigError
from target_datalake.parquet import Footer, ParquetFile
from target_datalake.partition import plan_partitions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from lake.zones.definition import Definition
    from target_datalake.commits import DataFile
    from target_datalake.storage import Storage

FILE_BYTES = 512 << 20
"""A file ends when it has taken this much of Arrow data, so that readers share the work."""

MAX_OPEN_FILES = 16
"""Partitions whose files are open at once; the one that has waited longest is finished for another."""

_SPLIT_BYTES = 64 << 20
"""Rows of a partitioned dataset wait until there are as many, so that each partition gets them together."""


@dataclass
class Output:
    """Where a version's files go.

    Attributes:
        storage: The lake.
        definition: Whose version it is.
        version: Its number, which is also that of the commit.
        commit_id: The commit's id.
        descriptions: What the inputs' columns of the same names mean.
        compression: How columns are compressed.
        told: Told how many rows are written so far.
    """

    storage: Storage
    definition: Definition
    version: int
    commit_id: str
    descriptions: dict[str, str] = field(default_factory=dict)
    compression: str = "zstd"
    told: Callable[[int], None] = lambda _rows: None
    schema_id: str = ""
    _named: int = 0
    _open: dict[str, ParquetFile] = field(default_factory=dict)
    _open_bytes: dict[str, int] = field(default_factory=dict)
    _finished: list[DataFile] = field(default_factory=list)

    @property
    def prefix(self) -> str:
        """Return the folder, below the lake, in which all files of the version stand."""
        return layout.version_prefix(self.definition.owner, self.version)

    def begin(self, schema: pa.Schema) -> None:
        """Say which columns the files have, before any is written; keeps the schema's document in the lake."""
        document = to_document(self.definition, schema, self.descriptions)
        self.schema_id = schema_id(document)
        key = layout.schema_key(self.definition.owner, self.definition.dataset, self.schema_id)
        self.storage.put_if_absent(key, document)

    def next_key(self, folder: str = "") -> str:
        """Return the key of a next file, in the folder of a partition or without one."""
        name = layout.file_name(self.version, self._named, self.commit_id)
        self._named += 1
        return f"{self.prefix}/{folder}/{name}.parquet" if folder else f"{self.prefix}/{name}.parquet"

    def write(
        self,
        batches: Iterable[pa.RecordBatch],
        schema: pa.Schema,
        checked: Sequence[str] = (),
        beside: Path | None = None,
    ) -> tuple[DataFile, ...]:
        """Stage rows, in their order, and return the files. What was begun and not finished is for `abort`.

        Args:
            batches: The rows.
            schema: Their columns.
            checked: Columns to be kept beside, as Parquet on this machine.
            beside: The file to keep them in.

        Raises:
            StorageError: The lake cannot be written.
            UsageError: The partitions cannot be made of these columns.
        """
        self.begin(schema)
        kept, rows = pa.schema([schema.field(name) for name in checked]), 0
        with pq.ParquetWriter(beside, kept) if beside and checked else _Nowhere() as copy:
            for folder, batch in self._split(_watched(batches, copy, kept), schema):
                self._file(folder, schema).write(batch)
                self._open_bytes[folder] += batch.nbytes
                rows += batch.num_rows
                self.told(rows)
                if self._open_bytes[folder] >= FILE_BYTES:
                    self._finish(folder)
        while self._open:
            self._finish(next(iter(self._open)))
        return tuple(self._finished)

    def abort(self) -> None:
        """Throw away what was staged: it will not be committed."""
        for file in self._open.values():
            file.abort()
        self._open.clear()
        for done in self._finished:
            self.storage.discard(done.staged())
        self._finished.clear()

    def _split(self, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[tuple[str, pa.RecordBatch]]:
        definition = self.definition
        try:
            partitioning = plan_partitions(definition.name, definition.header.partition_by, schema)
        except ConfigError as error:
            raise UsageError(error.message, where=f"{definition.path}:1", fix=error.fix) from None
        if partitioning is None:
            yield from (("", batch) for batch in batches if batch.num_rows)
            return
        for table in _tables(batches, schema):
            for folder, part in partitioning.split(table):
                yield from ((folder, batch) for batch in part.combine_chunks().to_batches())

    def _file(self, folder: str, schema: pa.Schema) -> ParquetFile:
        if folder not in self._open:
            if len(self._open) >= MAX_OPEN_FILES:
                self._finish(next(iter(self._open)))
            owner, dataset = self.definition.owner, self.definition.dataset
            footer = Footer(owner, dataset, self.version, self.commit_id, self.schema_id, self.version)
            writer = self.storage.stage(self.next_key(folder))
            self._open[folder] = ParquetFile(writer, schema, footer, self.compression)
            self._open_bytes[folder] = 0
        return self._open[folder]

    def _finish(self, folder: str) -> None:
        self._finished.append(self._open[folder].finish())
        del self._open[folder]


class _Nowhere:
    """Takes rows that nobody will look at."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Forget them."""


def _watched(batches: Iterable[pa.RecordBatch], copy: _Nowhere, kept: pa.Schema) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        copy.write_batch(batch.select(kept.names))
        yield batch


def _tables(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(each.nbytes for each in waiting) >= _SPLIT_BYTES:
            yield pa.Table.from_batches(waiting, schema)
            waiting = []
    if waiting:
        yield pa.Table.from_batches(waiting, schema)
