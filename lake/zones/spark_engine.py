"""Spark runs a dataset's query, and its executors write the files of the new version where they will stand.

The columns of the result are those that DuckDB finds for the query, so that both engines make the same dataset. The
query itself is carried over by `lake.spark.dialect`, unless ``<dataset>.spark.sql`` stands beside it.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.dataset as ds
import pyarrow.parquet as pq

from lake.errors import QueryError, UsageError
from lake.filesystem import to_filesystem
from lake.spark.dialect import rename_tables, to_spark
from lake.spark.files import to_frame, to_spark_schema, to_uri
from lake.spark.session import first_line, start_session
from lake.verify import measure
from lake.zones.columns import checked_columns
from lake.zones.definition import SPARK
from lake.zones.duckdb_engine import check_mergeable, columns_of
from lake.zones.engine import Result
from lake.zones.places import without_literals
from target_datalake.commits import DataFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from lake.spark.session import SparkOptions
    from lake.zones.engine import Job
    from lake.zones.inputs import Input
    from lake.zones.output import Output
    from target_datalake.storage import Storage


_UNREADABLE = re.compile("FAILED_READ_FILE|CANNOT_READ|PATH_NOT_FOUND|FileNotFound|is not a Parquet file")
"""How Spark says that files are not what they were."""


class SparkEngine:
    """Runs queries on Spark, in this process (``local[*]``) or on a cluster that reaches the lake's files itself."""

    name = "spark"

    def __init__(self, options: SparkOptions) -> None:
        self._options = options

    def run(self, job: Job, output: Output) -> Result:
        """Write the rows of the result.

        Raises:
            QueryError: The query has to be mended.
            UsageError: Spark cannot do what the definition asks for.
            StorageError: A file of an input is missing or damaged.
        """
        definition = job.definition
        if definition.header.partition_by:
            fix = 'leave "partition by" out, or build it with --engine duckdb'
            raise UsageError(f'{definition.name}: "partition by" is for DuckDB', where=f"{definition.path}:1", fix=fix)
        schema = columns_of(job)
        check_mergeable(job, schema)
        session = start_session(self._options, job.memory_limit)
        with _told(job):
            frame = _result(session, job, schema)
            folder = f"{output.prefix}/{output.commit_id}"
            output.begin(schema)
            frame.write.mode("errorifexists").parquet(to_uri(f"{output.storage.uri}/{folder}"))
        files = take_files(output, folder)
        checked = checked_columns(definition.header, schema)
        return Result(files, _scan(output.storage, files, schema) if checked else None)


def take_files(output: Output, folder: str) -> tuple[DataFile, ...]:
    """Return the files that executors left in a folder, counted, hashed, and on disk to stay; remove all else there."""
    storage, files = output.storage, []
    for stored in list(storage.list(folder)):
        with storage.open(stored.key) as file:
            rows = pq.read_metadata(file).num_rows if stored.key.endswith(".parquet") else 0
            file.seek(0)
            _, digest = measure(file)
        if not rows:
            storage.delete(stored.key)
            continue
        files.append(
            DataFile(
                key=stored.key,
                stream=output.definition.dataset,
                rows=rows,
                bytes=stored.bytes,
                sha256=digest,
                schema=output.schema_id,
                version=output.version,
            )
        )
    if not storage.uri.startswith("s3://"):
        _sync(Path(storage.uri), folder, files)
    return tuple(files)


def _sync(root: Path, folder: str, files: list[DataFile]) -> None:
    """Bring files, and the folders down to them, to the disk: executors close files without."""
    folders = [root / folder, *(root / folder).parents]
    for path in [*(root / file.key for file in files), *folders[: folders.index(root) + 1]]:
        if path.exists():
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def _result(session: Any, job: Job, schema: pa.Schema) -> Any:
    """Return the rows of the new version, under its columns."""
    views = {}
    for number, each in enumerate(job.inputs):
        _rows(session, each).createOrReplaceTempView(f"__table_{number}")
        views[each.table] = (f"__table_{number}", each.schema)
    definition = job.definition
    beside = str(Path(definition.path or definition.name).with_suffix(SPARK))
    written = definition.beside
    text = rename_tables(written, views, beside) if written else to_spark(definition.text, views, beside)
    frame = cast_columns(session.sql(text), schema, definition.name)
    if job.previous is not None:
        frame = _merge(_rows(session, job.previous), frame, job, schema)
    if definition.header.delete_when:
        frame.createOrReplaceTempView("__result")
        kept = f"SELECT * FROM result WHERE ({definition.header.delete_when}\n) IS NOT TRUE"  # noqa: S608 - one condition
        kept = to_spark(kept, {("", "result"): ("__result", schema)}, beside)
        frame = cast_columns(session.sql(kept), schema, definition.name)
    return frame


def _rows(session: Any, source: Input) -> Any:
    source.dataset.check_sizes(source.files)
    written = source.dataset.columns_written(source.files)
    return to_frame(session, source.record.name, source.files, source.schema, written)


def _merge(old: Any, new: Any, job: Job, schema: pa.Schema) -> Any:
    """Return the new rows, and those old ones whose key none of them has. Columns go by number: any name is a name."""
    numbered = [f"c{number}" for number in range(len(schema))]
    keys = [f"c{schema.names.index(name)}" for name in job.definition.header.primary_key]
    fresh = new.toDF(*numbered)
    kept = old.toDF(*numbered).join(fresh.select(*keys), keys, "left_anti").select(*numbered)
    return cast_columns(kept.union(fresh), schema, job.definition.name)


def cast_columns(frame: Any, schema: pa.Schema, dataset: str) -> Any:
    """Give a frame's columns, in their order, the names and types of a schema. Raises QueryError if it has fewer."""
    from pyspark.sql import functions as f

    if len(frame.columns) != len(schema):
        told = f"{dataset}: on Spark the query has {len(frame.columns)} columns, on DuckDB {len(schema)}"
        raise QueryError(told, fix="let both queries name the same columns, in the same order")
    numbered = frame.toDF(*(f"c{number}" for number in range(len(schema))))
    types = to_spark_schema(schema, dataset)
    return numbered.select(*(f.col(f"c{n}").cast(field.dataType).alias(field.name) for n, field in enumerate(types)))


def _scan(storage: Storage, files: tuple[DataFile, ...], schema: pa.Schema) -> ds.Dataset:
    form, system = ds.ParquetFileFormat(), to_filesystem(storage)
    return ds.FileSystemDataset([form.make_fragment(file.key, system) for file in files], schema, form, system)


@contextmanager
def _told(job: Job) -> Iterator[None]:
    """Say what Spark says of a query that it does not take, or that fails as it runs."""
    from py4j.protocol import Py4JError
    from pyspark.errors.exceptions.base import PySparkException

    try:
        yield
    except (PySparkException, Py4JError) as error:
        if _UNREADABLE.search(str(error)):
            job.check_readable()
        name, path = job.definition.name, job.definition.path
        raise QueryError(
            f"{name}: Spark says: {without_literals(first_line(error))}", where=path, fix="mend the query"
        ) from None
