"""DuckDB runs a dataset's query in the sandbox, and its rows stream into the files of a new version."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.dataset as ds

from lake.errors import QueryError
from lake.query import parse_names
from lake.sandbox import is_unreadable, quote, sandbox
from lake.unlocked import is_read_by_python, unlocked
from lake.zones.columns import check_distinct, check_names, to_columns
from lake.zones.engine import write_rows
from lake.zones.inputs import digest_columns
from lake.zones.places import place_of_error, without_literals

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

    from lake.zones.engine import Job, Result
    from lake.zones.inputs import Input
    from lake.zones.output import Output

_BATCH_ROWS = 16_384
_AHEAD = {"batch_size": _BATCH_ROWS, "batch_readahead": 2, "fragment_readahead": 1}

_RESULT = '"__lake"."result"'
_PREVIOUS = ("__lake", "previous")


class DuckDbEngine:
    """Runs queries in this process; what does not fit in memory spills into the job's scratch folder."""

    name = "duckdb"

    def run(self, job: Job, output: Output) -> Result:
        """Write the rows of the result. Raises QueryError, and StorageError for an input's damaged file."""
        names = parse_names(job.definition.text)
        tables = {each.table: _bounded(each, names) for each in job.inputs}
        if job.previous is not None:
            tables[_PREVIOUS] = _bounded(job.previous, None)
        with sandbox(tables, memory_limit=job.memory_limit) as connection:
            with _told(job, running=False):
                schema = _prepare(job, connection)
            check_mergeable(job, schema)
            with _told(job, running=True):
                relation = connection.sql(_final(job, connection))
                rows = relation.to_arrow_reader(_BATCH_ROWS)
                return write_rows(job, output, (_conform(batch, schema) for batch in rows), schema)


def columns_of(job: Job) -> pa.Schema:
    """Return the columns that a query's result has, without running it. Raises QueryError."""
    empty = {each.table: each.schema.empty_table() for each in job.inputs}
    with sandbox(empty, memory_limit=job.memory_limit) as connection, _told(job, running=False):
        return _prepare(job, connection)


def _prepare(job: Job, connection: duckdb.DuckDBPyConnection) -> pa.Schema:
    """Bind the query, and return the columns of its result."""
    check_distinct(job.definition, connection.sql(job.definition.text).columns)  # a view would rename the second
    connection.execute('CREATE SCHEMA IF NOT EXISTS "__lake"')
    connection.execute(f"CREATE VIEW {_RESULT} AS {job.definition.text}")
    found = connection.sql(f"SELECT * FROM {_RESULT} LIMIT 0").to_arrow_table().schema  # noqa: S608 - our own name
    schema = to_columns(job.definition, found)
    check_names(job.definition, schema)
    return schema


def _bounded(rows: Input, names: frozenset[str] | None) -> ds.Scanner | ds.Dataset:
    """Return what DuckDB reads of an input: the columns that are named, a few small batches ahead of it.

    By itself Arrow reads sixteen large batches ahead in each of four files, which of ten million rows are 500 MB more.
    """
    columns = [name for name in rows.schema.names if names is None or name.lower() in names]
    columns = columns or rows.schema.names[:1]  # rows that are only counted
    scan = rows.scan()
    if is_read_by_python(scan):
        return unlocked(scan, **_AHEAD)  # DuckDB itself asks it for the columns that it needs
    return scan.scanner(columns=columns, **_AHEAD)


def check_mergeable(job: Job, schema: pa.Schema) -> None:
    """Check that a result has the columns of the version it is to be merged into: another DuckDB may type others."""
    if job.previous is not None and digest_columns(job.previous.schema) != digest_columns(schema):
        told = f"{job.definition.name}: its columns are no longer those of the version before"
        fix = f"build it anew: lake build --select {job.definition.name} --full"
        raise QueryError(told, where=job.definition.path, fix=fix)


def _final(job: Job, connection: duckdb.DuckDBPyConnection) -> str:
    """Return the query for all rows of the new version."""
    gone = job.definition.header.delete_when
    kept = f" WHERE ({gone}\n) IS NOT TRUE" if gone else ""
    if job.previous is None:
        return f"SELECT * FROM {_RESULT}{kept}"  # noqa: S608 - our own name; the condition was parsed as one
    connection.execute(f'CREATE TABLE "__lake"."delta" AS SELECT * FROM {_RESULT}')  # noqa: S608 - our own names
    keys = " AND ".join(f"d.{quote(name)} = p.{quote(name)}" for name in job.definition.header.primary_key)
    return (
        f'SELECT * FROM "__lake"."previous" p WHERE NOT EXISTS (FROM "__lake"."delta" d WHERE {keys}) '  # noqa: S608
        f'UNION ALL BY NAME SELECT * FROM "__lake"."delta"{kept}'
    )


def _conform(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    if batch.schema.equals(schema):
        return batch
    return pa.RecordBatch.from_arrays([batch.column(field.name).cast(field.type) for field in schema], schema=schema)


@contextmanager
def _told(job: Job, *, running: bool) -> Iterator[None]:
    """Say where a query is wrong; of one that fails as it runs nothing that may be a record's value."""
    import duckdb  # here for its errors

    try:
        yield
    except duckdb.Error as error:
        if is_unreadable(error):
            job.check_readable()
        text = str(error).strip()
        told = without_literals(text) if running else text
        where = place_of_error(job.definition, text)
        message = f"{job.definition.name}: {told.split(chr(10), 1)[0]}"
        raise QueryError(message, where=where, fix=_fix(text)) from None


def _fix(text: str) -> str:
    if "Out of Memory" in text:
        return "give it more with --memory-limit, or free some space for temporary files"
    hints = [line.strip() for line in text.split("\n")[1:] if line.startswith(("Candidate", "Did you mean"))]
    return hints[0] if hints else "mend the query"
