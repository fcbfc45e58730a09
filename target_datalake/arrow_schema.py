"""A stream's JSON Schema → the Arrow schema of its Parquet files, joined with what has landed before."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from target_datalake.column_types import column_fields
from target_datalake.errors import SchemaError
from target_datalake.json_schema import parse_schema
from target_datalake.widening import Conflict, apart, is_rewritten, type_name, widen_fields, widened_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Container

_MOMENT: Final = pa.timestamp("us", "UTC")

METADATA_FIELDS: Final = pa.schema(
    [
        ("_sdc_extracted_at", _MOMENT),
        ("_sdc_received_at", _MOMENT),
        ("_sdc_batched_at", _MOMENT),
        ("_sdc_sequence", pa.int64()),
        ("_sdc_table_version", pa.int64()),
        ("_sdc_extra", pa.string()),
    ]
)
"""What the target adds to every row, after the stream's own columns."""

RAW_FIELD: Final = pa.field("_sdc_raw", pa.string())
"""The record as received; there with `keep_raw`."""

DELETED_AT: Final = pa.field("_sdc_deleted_at", _MOMENT)
"""When the source deleted a record, where the tap's schema declares it; a moment whatever the format it declares."""

_DELETED_TEXT: Final = pa.field(DELETED_AT.name, pa.string())

_RESERVED: Final = frozenset({*METADATA_FIELDS.names, RAW_FIELD.name, "load_date"})
"""Names no data column takes. `load_date` is the folder's name, and pandas cannot read a name in both."""

_ID_DIGITS: Final = 12


@dataclass(frozen=True)
class StreamSchema:
    """What a stream's SCHEMA message says, and the columns that its files have.

    Attributes:
        stream: The stream's name.
        key_properties: Its primary key, empty if it has none.
        json_schema: The schema as received.
        arrow: The data columns, without metadata columns. A field that holds JSON text says so: `logical` is `json`.
        generation: 2 means that the files stand under `<stream>~2`, since a column's physical type has changed once.
    """

    stream: str
    key_properties: tuple[str, ...]
    json_schema: dict[str, Any]
    arrow: pa.Schema
    generation: int = 1


def stream_schema(stream: str, json_schema: dict[str, Any], key_properties: tuple[str, ...]) -> StreamSchema:
    """Return the schema of a stream that has not landed yet.

    Properties without a column (known only as null, an empty or reserved name, a name that an earlier one has in
    another case) are left out: `_sdc_extra` keeps their values.

    Raises:
        SchemaError: It cannot be used; the message names the stream and the place.
    """
    fields = column_fields(parse_schema(stream, json_schema), reserved=_RESERVED)
    columns = [DELETED_AT if field.equals(_DELETED_TEXT, check_metadata=True) else field for field in fields]
    return StreamSchema(stream, tuple(key_properties), json_schema, pa.schema(columns))


def file_schema(schema: StreamSchema, *, keep_raw: bool = False) -> pa.Schema:
    """Return the columns of the stream's Parquet files: its own, then the metadata columns."""
    raw = [RAW_FIELD] if keep_raw else []
    return pa.schema([*schema.arrow, *METADATA_FIELDS, *raw])


def join(
    head: StreamSchema | None,
    new: StreamSchema,
    *,
    on_change: str = "evolve",
    find_wide: Callable[[], Container[str]] = frozenset,
) -> StreamSchema:
    """Return the schema under which the new records land beside what has landed.

    Landed fields stay, new ones follow them. A landed column changes its physical type only where it must (integer to
    number), and then a new generation begins. The JSON Schema and the key are the new one's.

    Args:
        head: What has landed last; None for a new stream.
        new: What the tap declares now.
        on_change: "evolve"; "fail" refuses every new field and type; "new_generation" gives a field whose types
            conflict the new type, in a new generation.
        find_wide: Asked only when an integer is to become number: the paths of the columns that hold integers past
            ±2^53, which no float64 holds.

    Raises:
        SchemaError: A field's types conflict, or something changed and nothing may.
    """
    if head is None:
        return new
    fields, conflicts = _keep_wide_apart(head.arrow, *widen_fields(head.arrow, new.arrow), find_wide)
    if conflicts and on_change != "new_generation":
        raise _conflict_error(new.stream, conflicts[0])
    arrow = pa.schema(fields)
    if on_change == "fail" and not arrow.equals(head.arrow, check_metadata=True):
        raise _change_error(head, arrow)
    rewritten = bool(conflicts) or is_rewritten(pa.struct(list(head.arrow)), pa.struct(fields))
    return replace(new, arrow=arrow, generation=head.generation + rewritten)


def _keep_wide_apart(
    landed: pa.Schema, fields: list[pa.Field], conflicts: list[Conflict], find_wide: Callable[[], Container[str]]
) -> tuple[list[pa.Field], list[Conflict]]:
    """Add the conflicts of integers that no number column holds, and mark the columns they stand in."""
    by_column = {
        field.name: list(widened_columns(landed.field(field.name).type, field.type, field.name))
        for field in fields
        if field.name in landed.names
    }
    if not any(by_column.values()):
        return fields, conflicts
    wide = find_wide()
    found = {name: path for name, paths in by_column.items() for path in paths if path in wide}
    more = [Conflict(path, "integers past ±2^53", "number") for path in found.values()]
    return [apart(field) if field.name in found else field for field in fields], [*conflicts, *more]


def to_document(schema: StreamSchema) -> bytes:
    """Return the canonical text of a schema: the same schema always gives the same bytes.

    An object of `stream`, `generation`, `key_properties`, `json_schema`, `columns` (name and type, for people) and
    `arrow` (the columns as an Arrow IPC schema in base64, for programs). Keys are sorted; columns keep their order.
    """
    document = {
        "stream": schema.stream,
        "generation": schema.generation,
        "key_properties": list(schema.key_properties),
        "json_schema": schema.json_schema,
        "columns": [{"name": field.name, "type": type_name(field)} for field in schema.arrow],
        "arrow": base64.b64encode(schema.arrow.serialize()).decode("ascii"),
    }
    return json.dumps(document, indent=2, sort_keys=True).encode() + b"\n"


def from_document(data: bytes) -> StreamSchema:
    """Return the schema that `to_document` wrote.

    Raises:
        ValueError: The bytes are no such document.
        KeyError: A part of it is missing.
    """
    document = json.loads(data)
    return StreamSchema(
        stream=document["stream"],
        key_properties=tuple(document["key_properties"]),
        json_schema=document["json_schema"],
        arrow=pa.ipc.read_schema(pa.py_buffer(base64.b64decode(document["arrow"]))),
        generation=document["generation"],
    )


def schema_id(document: bytes) -> str:
    """Return the name a document has in the lake: the first 12 hexadecimal digits of its sha256."""
    return hashlib.sha256(document).hexdigest()[:_ID_DIGITS]


def _conflict_error(stream: str, conflict: Conflict) -> SchemaError:
    return SchemaError(
        f'stream "{stream}": field "{conflict.path}" has landed as {conflict.landed} and now comes as {conflict.new}',
        where=f'SCHEMA message of stream "{stream}"',
        fix='mend the tap\'s schema, or set "on_schema_change": "new_generation" for this stream',
    )


def _change_error(head: StreamSchema, arrow: pa.Schema) -> SchemaError:
    changed = [field.name for field in arrow if not _has(head.arrow, field)]
    return SchemaError(
        f'stream "{head.stream}": its schema has changed: {", ".join(changed[:10])}',
        where='target config, on_schema_change: "fail"',
        fix='allow it with "on_schema_change": "evolve", or mend the tap\'s schema',
    )


def _has(schema: pa.Schema, field: pa.Field) -> bool:
    return field.name in schema.names and bool(schema.field(field.name).equals(field, check_metadata=True))
