"""The files of an input become a view in Spark: the same rows, under the same columns, that Arrow reads of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from lake.errors import UsageError
from target_datalake.arrow_schema import METADATA_FIELDS
from target_datalake.widening import is_json_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lake.snapshot import LandedFile
    from lake.zones.inputs import Input

_FIX = "build this one with --engine duckdb"


def to_frame(session: Any, source: Input) -> Any:
    """Return the rows of an input as a DataFrame. Raises UsageError for columns that Spark would read otherwise."""
    written = source.dataset.columns_written(source.files)
    groups: dict[tuple[pa.Schema, int], list[LandedFile]] = {}
    for file in source.files:
        groups.setdefault((_held(source, written[file.schema]), file.skip_rows), []).append(file)
    frames = [_read(session, source, held, files, skip) for (held, skip), files in groups.items()]
    if not frames:
        return session.createDataFrame([], to_spark_schema(source.schema, source.record.name))
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


def _held(source: Input, written: pa.Schema) -> pa.Schema:
    """Return the columns to read, with the types that they have in files of one schema; what is not there is null."""
    added = METADATA_FIELDS if source.dataset.zone == "landing" else ()
    held = {field.name: field for field in (*written, *added)}
    for field in source.schema:
        if is_json_text(field) and not is_json_text(held.get(field.name, field)):
            told = f'{source.record.name}: column "{field.name}" landed under unlike types, which Spark reads otherwise'
            raise UsageError(told, where="--engine spark", fix=_FIX)
    return pa.schema([pa.field(field.name, held.get(field.name, field).type) for field in source.schema])


def _read(session: Any, source: Input, held: pa.Schema, files: Sequence[LandedFile], skip: int) -> Any:
    from pyspark.sql import functions as f

    name = source.record.name
    frame = session.read.schema(to_spark_schema(held, name)).parquet(*(to_uri(file.uri) for file in files))
    if skip:
        frame = frame.where(f.col("_metadata.row_index") >= skip)
    if held.types == source.schema.types:
        return frame
    wanted = to_spark_schema(source.schema, name)
    return frame.select(*(_column(field.name).cast(field.dataType).alias(field.name) for field in wanted))


def _column(name: str) -> Any:
    from pyspark.sql import functions as f

    return f.col("`" + name.replace("`", "``") + "`")


def _to_spark_type(kind: pa.DataType, column: str, dataset: str) -> Any:
    from pyspark.sql import types as t

    if pa.types.is_decimal(kind):
        return t.DecimalType(kind.precision, kind.scale)
    if pa.types.is_list(kind):
        return t.ArrayType(_to_spark_type(kind.value_type, column, dataset))
    if pa.types.is_struct(kind):
        return t.StructType([t.StructField(each.name, _to_spark_type(each.type, column, dataset)) for each in kind])
    if pa.types.is_map(kind):
        return t.MapType(*(_to_spark_type(each, column, dataset) for each in (kind.key_type, kind.item_type)))
    if pa.types.is_timestamp(kind):
        return t.TimestampNTZType() if kind.tz is None else t.TimestampType()
    for is_kind, name in _TYPES.items():
        if is_kind(kind):
            return getattr(t, name)()
    raise UsageError(
        f'{dataset}: column "{column}" has the type {kind}, which Spark does not read', where="--engine spark", fix=_FIX
    )


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
