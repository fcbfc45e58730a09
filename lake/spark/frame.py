"""A dataset's files, and what of their rows is asked for, become a DataFrame of Spark."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lake.errors import UsageError
from lake.latest import DELETED, SEQUENCE
from lake.predicate import parse_predicate
from lake.spark.dialect import condition_to_spark
from lake.spark.files import column, to_frame
from lake.spark.session import current_session, first_line, unlike_settings
from target_datalake.errors import NotFoundError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa

    from lake.snapshot import LandedFile

_RANK = "__lake_rank"
_S3A = "S3AFileSystem"


@dataclass(frozen=True)
class Asked:
    """Which of the rows, and what of them.

    Attributes:
        dataset: The dataset's name, for messages.
        columns: The columns, in their order; None for all that are read.
        where: A condition on one row, in DuckDB's SQL.
        latest: The primary key of whose rows only the last is asked for; None for all rows.
    """

    dataset: str
    columns: Sequence[str] | None = None
    where: str | None = None
    latest: Sequence[str] | None = None


def read_frame(
    files: Sequence[LandedFile], schema: pa.Schema, written: Mapping[str, pa.Schema], asked: Asked, lake: str
) -> Any:
    """Return a DataFrame over explicit files, of the session that is active, or else of one on this machine.

    Spark reads them when it is asked for rows, so it tells by itself what is damaged, or went meanwhile.

    Args:
        files: What to read.
        schema: The columns to read.
        written: The data columns of each schema that files were written with, by its id.
        asked: Which of the rows.
        lake: The lake's address, for messages.

    Raises:
        MissingExtraError: pyspark is not installed.
        UsageError: There is no Java, a column is nothing for Spark, or the session's settings are nothing for `where`.
        QueryError: The condition is no condition, or Spark is not known to answer it as DuckDB does.
        StorageError: A file is missing, or Spark cannot reach the lake.
    """
    session = current_session()
    with _told(lake):
        frame = to_frame(session, asked.dataset, files, schema, written)
        if asked.latest is not None:
            frame = _latest(frame, asked.latest)
        if asked.where is not None:
            _check_settings(session)
            parse_predicate(asked.where)
            frame = frame.alias("rows").where(condition_to_spark(asked.where, schema))
        return frame if asked.columns is None else frame.select(*map(column, asked.columns))


def _latest(frame: Any, keys: Sequence[str]) -> Any:
    """Return what `lake.latest.latest_rows` returns of a table."""
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    if keys:
        newest = Window.partitionBy(*map(column, keys)).orderBy(column(SEQUENCE).desc())
        frame = frame.withColumn(_RANK, f.row_number().over(newest)).where(column(_RANK) == 1).drop(_RANK)
    return frame.where(column(DELETED).isNull()) if DELETED in frame.columns else frame


def _check_settings(session: Any) -> None:
    unlike = unlike_settings(session)
    if unlike:
        told = f"the active Spark session takes SQL otherwise than DuckDB: {', '.join(unlike)}"
        values = ", ".join(f"{name} to {value}" for name, value in unlike.items())
        fix = f"leave where out, and filter the DataFrame by Spark's own functions; or set {values}"
        raise UsageError(told, where="where", fix=fix)


@contextmanager
def _told(lake: str) -> Iterator[None]:
    """Say what Spark says of files that it does not find."""
    from py4j.protocol import Py4JError
    from pyspark.errors.exceptions.base import PySparkException

    try:
        yield
    except (PySparkException, Py4JError) as error:
        told = first_line(error)
        if "PATH_NOT_FOUND" in told:
            fix = "see `lake verify`; restore it from a backup"
            raise NotFoundError(f"a data file is missing: Spark says: {told}", where=lake, fix=fix) from None
        if _S3A in told or 'scheme "s3a"' in told:
            fix = 'start the Spark session with "spark.jars.packages" first, as docs/scale.md shows, and read then'
            raise UsageError("this Spark cannot read s3://: it lacks Hadoop's S3A", where=lake, fix=fix) from None
        fix = "see that Spark, with its own credentials, reaches the lake: docs/scale.md"
        raise StorageError(f"Spark cannot read the files: {told}", where=lake, fix=fix) from None
