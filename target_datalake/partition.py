"""The rows of a table → the same rows by data partition: for each folder, those whose values name it."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from target_datalake import layout
from target_datalake.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

_SPARE_BYTES = 88
"""How much longer the folder of another value may be: eight characters of twelve bytes each instead of one."""


@dataclass(frozen=True)
class Partitioning:
    """The columns by whose values rows are split, outer folders first. The columns stay in the rows."""

    columns: tuple[str, ...]

    def split(self, table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
        """Yield each folder once, with its rows in the order they have in the table."""
        folders = pc.binary_join_element_wise(*(_folders(name, table.column(name)) for name in self.columns), "/")
        order = pc.sort_indices(folders)  # a stable sort
        runs = pc.run_end_encode(folders.take(order))
        rows, start = table.take(order), 0
        for folder, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
            yield folder, rows.slice(start, end - start)
            start = end


def plan_partitions(stream: str, columns: tuple[str, ...], schema: pa.Schema) -> Partitioning | None:
    """Return how the rows of a stream are split; None if they are not.

    Args:
        stream: Whose rows they are, for messages.
        columns: The configured `partition_by`.
        schema: The data columns of the stream.

    Raises:
        ConfigError: A name is not that of a column, or is one whose values name no folder.
    """
    for column in columns:
        _check(stream, column, schema)
    return Partitioning(columns) if columns else None


def _check(stream: str, column: str, schema: pa.Schema) -> None:
    where = f"target config, /streams/{stream}/partition_by"
    if column not in schema.names:
        near = difflib.get_close_matches(column, schema.names, n=1)
        fix = f'did you mean "{near[0]}"?' if near else f"the columns are: {', '.join(schema.names[:20])}"
        raise ConfigError(f'stream "{stream}" has no column "{column}" to partition by', where=where, fix=fix)
    if pa.types.is_nested(schema.field(column).type):
        fix = "name a column of texts, numbers, dates or booleans"
        raise ConfigError(f'column "{column}" holds objects or arrays: they name no folder', where=where, fix=fix)
    if len(layout.partition_folder(column, "x" * 1000)) > layout.MAX_FOLDER_BYTES - _SPARE_BYTES:
        raise ConfigError(f'the column name "{column[:40]}…" is too long for a folder', where=where)
    if f"by_{column}".lower() in {name.lower() for name in schema.names}:
        fix = "partition by another column: engines refuse a name that is a folder and a column at once"
        raise ConfigError(f'stream "{stream}" has a column named "by_{column}" itself', where=where, fix=fix)


def _folders(name: str, column: pa.ChunkedArray) -> pa.Array:
    """Return the folder of each value of a column."""
    if pa.types.is_timestamp(column.type):
        column = pc.floor_temporal(column, unit="day").cast(pa.date32())
    values = pc.dictionary_encode(column.combine_chunks(), null_encoding="encode")
    folders = [layout.partition_folder(name, _text(value)) for value in values.dictionary.to_pylist()]
    return pa.array(folders, pa.string()).take(values.indices)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    return json.dumps(value) if isinstance(value, bool) else str(value)
