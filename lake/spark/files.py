"""The files of a dataset become a DataFrame of Spark: the rows and columns that Arrow reads of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from lake.errors import UsageError
from target_datalake.widening import is_json_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lake.snapshot import LandedFile

_FIX = 'use another engine: read("arrow"), lake build --engine duckdb; or read without it: columns=[…]'


def to_frame(
    session: Any, dataset: str, files: Sequence[LandedFile], schema: pa.Schema, written: Mapping[str, pa.Schema]
) -> Any:
    """Return the rows of a dataset's files as a DataFrame, which Spark reads when it is asked for rows.

    Args:
        session: Spark's.
        dataset: Its name, for messages.
        files: What to read: Spark is told each of them, and looks for no other.
        schema: The columns to read, under which all files are read as one.
        written: The data columns of each schema that files were written with, by its id.

    Raises:
        UsageError: There is a column that Spark lacks a type for, or would read otherwise.
    """
    groups: dict[tuple[pa.Schema, int], list[LandedFile]] = {}
    for file in files:
        groups.setdefault((_held(dataset, schema, written[file.schema]), file.skip_rows), []).append(file)
    frames = [_read(session, dataset, schema, held, alike) for (held, _), alike in groups.items()]
    if not frames:
        return session.createDataFrame([], to_spark_schema(schema, dataset))
    whole = frames[0]
    for frame in frames[1:]:
        whole = whole.unionAll(frame)
    return whole


def to_spark_schema(schema: pa.Schema, dataset: str) -> Any:
    """Return the columns as Spark has them, all nullable. Raises UsageError for a type that Spark lacks."""
    from pyspark.sql.types import StructField, StructType

    return StructType([StructField(field.name, _to_spark_type(field.type, field.name, dataset)) for field in schema])


def to_uri(uri: str) -> str:
    """Return a file's address as Hadoop takes it."""
    return f"s3a://{uri.removeprefix('s3://')}" if uri.startswith("s3://") else f"file://{uri}"


def column(name: str) -> Any:
    """Return a column by its name, whatever that holds."""
    from pyspark.sql import functions as f

    return f.col("`" + name.replace("`", "``") + "`")


def _held(dataset: str, schema: pa.Schema, written: pa.Schema) -> pa.Schema:
    """Return the columns to read, with the types that they have in files of one schema; what is not there is null."""
    held = {field.name: field for field in written}
    for field in schema:
        if is_json_text(field) and not is_json_text(held.get(field.name, field)):
            told = f'{dataset}: column "{field.name}" landed under unlike types, which Spark reads otherwise'
            raise UsageError(told, where="Spark", fix=_FIX)
    return pa.schema([pa.field(field.name, held.get(field.name, field).type) for field in schema])


def _read(session: Any, dataset: str, schema: pa.Schema, held: pa.Schema, files: Sequence[LandedFile]) -> Any:
    """Return the rows of files that are alike in their columns, and in how many rows are left out at their start."""
    from pyspark.sql import functions as f

    frame = session.read.schema(to_spark_schema(held, dataset)).parquet(*(to_uri(file.uri) for file in files))
    if files[0].skip_rows:
        frame = frame.where(f.col("_metadata.row_index") >= files[0].skip_rows)
    if held.types == schema.types:
        return frame
    wanted = to_spark_schema(schema, dataset)
    return frame.select(*(column(field.name).cast(field.dataType).alias(field.name) for field in wanted))


def _to_spark_type(kind: pa.DataType, name: str, dataset: str) -> Any:
    from pyspark.sql import types as t

    if pa.types.is_decimal(kind):
        return t.DecimalType(kind.precision, kind.scale)
    if pa.types.is_list(kind):
        return t.ArrayType(_to_spark_type(kind.value_type, name, dataset))
    if pa.types.is_struct(kind):
        return t.StructType([t.StructField(each.name, _to_spark_type(each.type, name, dataset)) for each in kind])
    if pa.types.is_map(kind):
        return t.MapType(*(_to_spark_type(each, name, dataset) for each in (kind.key_type, kind.item_type)))
    if pa.types.is_timestamp(kind):
        return t.TimestampNTZType() if kind.tz is None else t.TimestampType()
    for is_kind, spark in _TYPES.items():
        if is_kind(kind):
            return getattr(t, spark)()
    told = f'{dataset}: column "{name}" has the type {kind}, which Spark does not read'
    raise UsageError(told, where="Spark", fix=_FIX)


_TYPES: Mapping[Callable[[pa.DataType], bool], str] = {
    pa.types.is_int64: "LongType",
    pa.types.is_int32: "IntegerType",
    pa.types.is_int16: "ShortType",
    pa.types.is_int8: "ByteType",
    pa.types.is_float64: "DoubleType",
    pa.types.is_float32: "FloatType",
    pa.types.is_boolean: "BooleanType",
    pa.types.is_string: "StringType",
    pa.types.is_date32: "DateType",
    pa.types.is_binary: "BinaryType",
}
