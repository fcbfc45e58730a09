"""The next commit while its files are being staged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from target_datalake import layout
from target_datalake.commits import new_commit_id
from target_datalake.parquet import Footer, ParquetFile
from target_datalake.rejects import RejectsFile

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from target_datalake.storage import Storage


@dataclass(frozen=True)
class Rows:
    """What a stream's rows have in common while one SCHEMA is in force.

    Attributes:
        stream: Their stream.
        columns: Their columns, metadata columns included.
        schema_id: The id of their schema document.
        generation: The number of their prefix.
    """

    stream: str
    columns: pa.Schema
    schema_id: str
    generation: int


class Draft:
    """Names and opens the files of one commit to be; the number and the id stand in every name.

    Attributes:
        n: The number the commit will have.
        id: Its id, by which the writer knows its own entry in the log.
    """

    def __init__(self, storage: Storage, source: str, n: int, clock_us: Callable[[], int], compression: str) -> None:
        self._storage = storage
        self.source = source
        self.n = n
        self.id = new_commit_id()
        self._clock_us = clock_us
        self._compression = compression
        self._files = 0

    @cached_property
    def load_date(self) -> date:
        """Return the UTC date on which staging began: that of the first data file."""
        return datetime.fromtimestamp(self._clock_us() / 1e6, UTC).date()

    def open_data(self, rows: Rows, version: int | None, partition: str) -> ParquetFile:
        """Start a data file for rows of one table version and one partition."""
        prefix = layout.stream_prefix(self.source, rows.stream, rows.generation)
        writer = self._storage.stage(layout.data_key(prefix, self.load_date, self._next_name(), partition))
        footer = Footer(self.source, rows.stream, self.n, self.id, rows.schema_id, version)
        return ParquetFile(writer, rows.columns, footer, self._compression)

    def open_rejects(self, stream: str) -> RejectsFile:
        """Start a file of rejected records, readable by its owner only."""
        key = layout.rejected_key(self.source, stream, self._next_name())
        return RejectsFile(stream, self._storage.stage(key, private=True))

    def _next_name(self) -> str:
        name = layout.file_name(self.n, self._files, self.id)
        self._files += 1
        return name
