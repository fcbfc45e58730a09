"""Integers past ±2^53, of a batch or a landed file → the paths of the columns that hold them.

A float64 holds no such integer exactly. So a column of them cannot be read as number, and does not become one.
Paths are Parquet's: names with dots between them, ``list.element`` for the items of a list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from target_datalake.errors import NotFoundError
from target_datalake.leaves import leaves

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_datalake.commit_log import CommitLog

_EXACT: Final = 2**53


def wide_columns(batch: pa.RecordBatch, fields: Iterable[pa.Field]) -> set[str]:
    """Return the paths of a batch's columns, those within objects and lists included, that hold such integers."""
    columns = (leaves(field.name, batch.column(field.name)) for field in fields)
    return {path for column in columns for path, values in column if values.type == pa.int64() and _pass(values)}


def landed_wide_columns(log: CommitLog, stream: str) -> set[str]:
    """Return the paths of the columns that hold such integers in what has landed of a stream, by the files' footers.

    Every file that ever landed and is still there counts: this is asked once in a stream's life, and a column too many
    only keeps its type. Raises StorageError.
    """
    found: set[str] = set()
    for commit in log.entries():
        for file in commit.add:
            if file.stream == stream:
                found |= _wide_in_file(log, file.key)
    return found


def _pass(values: pa.Array) -> bool:
    bounds = pc.min_max(values)
    return _is_wide(bounds["min"].as_py(), bounds["max"].as_py())


def _is_wide(least: int | None, most: int | None) -> bool:
    return least is not None and most is not None and (least < -_EXACT or most > _EXACT)


def _wide_in_file(log: CommitLog, key: str) -> set[str]:
    try:
        with log.storage.open(key) as file, pq.ParquetFile(file) as parquet:
            footer = parquet.metadata
    except NotFoundError:
        return set()  # a maintenance command has replaced it by others that are there
    groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
    columns = [group.column(number) for group in groups for number in range(group.num_columns)]
    return {column.path_in_schema for column in columns if column.physical_type == "INT64" and _wide_chunk(column)}


def _wide_chunk(column: Any) -> bool:
    statistics = column.statistics
    if statistics is None or not statistics.has_min_max:
        return bool(statistics is None or statistics.num_values)
    return isinstance(statistics.min, int) and _is_wide(statistics.min, statistics.max)
