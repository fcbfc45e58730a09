"""The columns of a result become those of a dataset's files, and the document that describes them."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import pyarrow as pa

from lake.errors import QueryError, UsageError
from lake.zones.places import place_of
from target_datalake.arrow_schema import StreamSchema
from target_datalake.arrow_schema import to_document as to_schema_document

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lake.zones.definition import Definition
    from lake.zones.header import Header


def to_columns(definition: Definition, schema: pa.Schema) -> pa.Schema:
    """Return the columns under which a result is written: its own, those encoded by dictionary as plain values.

    Raises:
        QueryError: A column has no name of its own, or a type that no file holds; says how to mend it.
    """
    check_distinct(definition, schema.names)
    return pa.schema([pa.field(field.name, _stored(definition, field.name, field.type)) for field in schema])


def check_distinct(definition: Definition, names: Sequence[str]) -> None:
    """Check that columns have names, and that more than case tells these apart. Raises QueryError."""
    seen: set[str] = set()
    for name in names:
        if not name or name.lower() in seen:
            told = f"two columns are named {name!r}" if name else "a column has no name"
            fix = "name it with AS; case alone does not tell columns apart"
            raise QueryError(f"{definition.name}: {told}", where=place_of(definition, name or "SELECT"), fix=fix)
        seen.add(name.lower())


def check_names(definition: Definition, schema: pa.Schema) -> None:
    """Check that the columns that a header names are there.

    Raises:
        UsageError: One is not; says which it may have meant.
    """
    for key, name in _named(definition.header):
        if name not in schema.names:
            near = difflib.get_close_matches(name, schema.names, n=1)
            fix = f'did you mean "{near[0]}"?' if near else f"the columns are: {', '.join(schema.names[:20])}"
            raise UsageError(
                f'{definition.name} has no column "{name}", which its header names under "{key}"',
                where=place_of(definition, key),
                fix=fix,
            )


def checked_columns(header: Header, schema: pa.Schema) -> list[str]:
    """Return the columns whose values the header's expectations are about, in the order of the schema."""
    wanted = {name for key, name in _named(header) if key not in {"partition by", "column"}}
    return [name for name in schema.names if name in wanted]


def to_document(definition: Definition, schema: pa.Schema, inherited: Mapping[str, str]) -> bytes:
    """Return the schema document of a dataset, as those of landed streams are: its words, its key, its columns.

    Args:
        definition: Whose columns they are.
        schema: The columns.
        inherited: What columns of these names mean in the inputs; a header's own words come first.
    """
    header = definition.header
    words = {name: header.columns.get(name) or inherited.get(name, "") for name in schema.names}
    properties = {name: {"description": text} if text else {} for name, text in words.items()}
    described = {"description": header.description} if header.description else {}
    json_schema = {"type": "object", **described, "properties": properties}
    return to_schema_document(StreamSchema(definition.dataset, header.primary_key, json_schema, schema))


def _named(header: Header) -> list[tuple[str, str]]:
    named = [("primary key", name) for name in header.primary_key]
    named += [("partition by", name) for name in header.partition_by]
    named += [("column", name) for name in header.columns]
    named += [("not null", name) for name in header.not_null]
    named += [("unique", name) for names in header.unique for name in names]
    return named + [("accepted values", name) for name, _ in header.accepted]


def _stored(definition: Definition, column: str, kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return _stored(definition, column, kind.value_type)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.list_(pa.field("element", _stored(definition, column, kind.value_type)))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(each.name, _stored(definition, column, each.type)) for each in kind])
    if pa.types.is_map(kind):
        return pa.map_(_stored(definition, column, kind.key_type), _stored(definition, column, kind.item_type))
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    for is_kind, fix in _UNFIT:
        if is_kind(kind):
            told = f'{definition.name}: column "{column}" has the type {kind}, which no file holds'
            raise QueryError(told, where=place_of(definition, column), fix=fix)
    return kind


_UNFIT: Sequence[tuple[Callable[[pa.DataType], bool], str]] = (
    (pa.types.is_null, "give it a type, such as CAST(NULL AS VARCHAR)"),
    (pa.types.is_interval, "cast it, such as epoch(…) or CAST(… AS VARCHAR)"),
    (pa.types.is_union, "cast it, such as CAST(… AS VARCHAR)"),
)
