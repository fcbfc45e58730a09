"""Data files become one Arrow table under one schema, whatever schema each was written with."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import reduce
from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from target_datalake.arrow_schema import METADATA_FIELDS, RAW_FIELD
from target_datalake.errors import StorageError
from target_datalake.widening import is_json_text, json_text, widen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lake.snapshot import LandedFile
    from target_datalake.storage import Storage

_PARALLEL_FILES = 4
"""Files read at once. Arrow decodes each with threads of its own; more helps where a read is a round trip."""

_to_json = msgspec.json.Encoder(decimal_format="number").encode


def unify_schemas(written: Iterable[pa.Schema], added: Iterable[pa.Field] = METADATA_FIELDS) -> pa.Schema:
    """Return the columns under which files of several schemas are read as one.

    Where two types meet in one that holds both, that one is taken; where they do not, the column is JSON text.

    Args:
        written: The data columns of each schema, oldest first.
        added: The columns that follow them in every file.
    """
    none: list[pa.Field] = []
    return pa.schema([*reduce(_join, written, none), *added])


def read_table(
    storage: Storage, files: Sequence[LandedFile], schema: pa.Schema, columns: Sequence[str] | None = None
) -> pa.Table:
    """Return the rows of the files, in their order, under a schema. A column that a file lacks is null there.

    Args:
        storage: The lake.
        files: What to read.
        schema: What every file is read as.
        columns: Names of the schema's columns to read, in this order; None for all, and `_sdc_raw` where it was kept.

    Raises:
        StorageError: A file is missing or damaged.
    """
    wanted = schema if columns is None else pa.schema([schema.field(name) for name in columns])
    asked = with_raw(wanted) if columns is None else wanted
    with ThreadPoolExecutor(_PARALLEL_FILES) as pool:
        tables = list(pool.map(lambda file: _read_file(storage, file.key, asked.names).slice(file.skip_rows), files))
    if any(RAW_FIELD.name in table.column_names for table in tables):
        wanted = asked
    return pa.concat_tables([conform(table, wanted) for table in tables]) if tables else wanted.empty_table()


def read_first_rows(storage: Storage, file: LandedFile, schema: pa.Schema, rows: int) -> pa.Table:
    """Return the first rows of one file under a schema. Raises StorageError."""
    with opened(storage, file.key) as parquet:
        batches = parquet.iter_batches(batch_size=max(rows, 1), columns=_held(parquet, schema.names))
        table = pa.Table.from_batches([next(batches)]) if parquet.metadata.num_rows else schema.empty_table()
    return conform(table, schema).slice(0, rows)


def check_readable(storage: Storage, key: str) -> None:
    """Read a file through, and keep nothing of it. Raises StorageError, which names it, if that cannot be done."""
    with opened(storage, key) as parquet:
        for _ in parquet.iter_batches():
            pass


def has_raw(storage: Storage, file: LandedFile) -> bool:
    """Tell whether a file keeps the text of its records. Raises StorageError."""
    with opened(storage, file.key) as parquet:
        return RAW_FIELD.name in parquet.schema_arrow.names


def with_raw(schema: pa.Schema) -> pa.Schema:
    """Return a schema with the column of raw records at its end."""
    return schema if RAW_FIELD.name in schema.names else schema.append(RAW_FIELD)


def _join(fields: list[pa.Field], written: pa.Schema) -> list[pa.Field]:
    coming = {field.name: field for field in written}
    joined = [_join_field(field, coming.pop(field.name, field)) for field in fields]
    return [*joined, *coming.values()]


def _join_field(field: pa.Field, other: pa.Field) -> pa.Field:
    joined, conflicts = widen(field, other)
    return json_text(field.name) if conflicts else joined


def _read_file(storage: Storage, key: str, names: Sequence[str]) -> pa.Table:
    with opened(storage, key, whole=True) as parquet:
        return parquet.read(_held(parquet, names))


@contextmanager
def opened(storage: Storage, key: str, *, whole: bool = False) -> Iterator[pq.ParquetFile]:
    """Open a data file; `whole` lets Arrow ask at once, in few requests, for all that will be read of it.

    Raises:
        StorageError: It is missing, or damaged wherever it is read.
    """
    with explained_damage(storage, key), storage.open(key) as file, pq.ParquetFile(file, pre_buffer=whole) as parquet:
        yield parquet


@contextmanager
def explained_damage(storage: Storage, key: str) -> Iterator[None]:
    """Turn what Arrow says of a damaged or missing file into an error for people."""
    try:
        yield
    except (pa.ArrowException, UnicodeDecodeError, OSError) as error:  # a name's bytes may be what is damaged
        fix = f"restore it from a backup. Arrow says: {str(error).splitlines()[0]}"
        raise StorageError("a data file is damaged", where=f"{storage.uri}/{key}", fix=fix) from error


def _held(parquet: pq.ParquetFile, names: Sequence[str]) -> list[str]:
    held = set(parquet.schema_arrow.names)
    return [name for name in names if name in held]


def conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return the rows under a schema: a column that they lack is null, one that it lacks is left out."""
    return pa.Table.from_arrays([_conform_column(table, field) for field in schema], schema=schema)


def _conform_column(table: pa.Table, field: pa.Field) -> pa.ChunkedArray:
    if field.name not in table.column_names:
        return pa.chunked_array([pa.nulls(table.num_rows, field.type)])
    column = table.column(field.name)
    if is_json_text(field) and not is_json_text(table.schema.field(field.name)):
        return pa.chunked_array([_as_json(chunk) for chunk in column.chunks], pa.string())
    return column.cast(field.type)


def _as_json(values: pa.Array) -> pa.Array:
    texts = [None if value is None else _to_json(value).decode() for value in values.to_pylist()]
    return pa.array(texts, pa.string())
