"""A stream's schema → how its records are read, checked and written as columns; or why they are not.

The plan is a tree of columns like the Arrow fields, with the kernels of all subschemas that apply to a value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from target_datalake.columnar.conversions import Conversion, as_it_is, conversion
from target_datalake.columnar.keywords import Kernel, Uncompilable, kernels
from target_datalake.columnar.subschemas import Part, Subschemas, is_null, type_names
from target_datalake.widening import is_json_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_datalake.json_schema import JsonSchema

_READ_TYPES: Final = {"integer": pa.int64(), "number": pa.float64(), "string": pa.string(), "boolean": pa.bool_()}
_MAX_COLUMNS: Final = 2_000
"""A schema of more is read record by record: most of its columns are null in most records."""


@dataclass(frozen=True)
class Column:
    """One value of a record, the items of a list, or the record itself.

    Attributes:
        name: Its name.
        read: The Arrow type that the parser reads.
        landed: The type that lands.
        required: Whether it must be there.
        nullable: Whether null is valid.
        kernels: Every keyword that applies to it.
        convert: What makes the landed value of a scalar.
        children: The members of an object, or the items of an array.
        fields: An object's landed fields, of which those without a child are null.
    """

    name: str
    read: pa.DataType
    landed: pa.DataType
    required: bool
    nullable: bool
    kernels: tuple[Kernel, ...]
    convert: Conversion
    children: tuple[Column, ...] = ()
    fields: tuple[pa.Field, ...] = ()

    def walk(self) -> Iterator[Column]:
        """Yield this column and those within it."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True)
class Plan:
    """How a stream is read as columns.

    Attributes:
        record: The record.
        integers: Keys that name integers wherever they stand, as UTF-8.
        has_floats: Whether a number's literal may say more than its column.
        is_closed: Whether an object somewhere takes no undeclared keys.
    """

    record: Column
    integers: frozenset[bytes]
    has_floats: bool
    is_closed: bool


def compile_plan(landed: pa.Schema, declared: pa.Schema, schema: JsonSchema, *, formats: str) -> Plan:
    """Return how the records of a stream are read as columns.

    Args:
        landed: Its columns.
        declared: Those that the schema as received gives.
        schema: The schema as received, checked.
        formats: "typed" or "all", see `Validator`.

    Raises:
        Uncompilable: They are not; the text says where and why.
    """
    compiler = _Compiler(schema, formats)
    if not len(declared):
        raise Uncompilable("it declares no column")
    parts = compiler.subschemas.parts(schema.document)
    record = compiler.object_column("record", (list(landed), list(declared)), parts, required=True)
    columns = list(record.walk())[1:]
    if len(columns) > _MAX_COLUMNS:
        raise Uncompilable(f"it has more than {_MAX_COLUMNS} columns")
    others = {column.name for column in columns if column.read != pa.int64()}
    return Plan(
        record,
        frozenset(
            column.name.encode() for column in columns if column.name not in others and column.name.isidentifier()
        ),
        any(column.read == pa.float64() for column in columns),
        compiler.is_closed,
    )


class _Compiler:
    """Compiles one stream's schema."""

    def __init__(self, schema: JsonSchema, formats: str) -> None:
        self._schema = schema
        self.subschemas = Subschemas(schema)
        self._formats = formats
        self.is_closed = False

    def column(self, declared: pa.Field, landed: pa.Field, parts: list[Part], *, required: bool) -> Column:
        """Return the column of one value."""
        if is_json_text(landed) or is_json_text(declared):
            raise Uncompilable("it has no single type")
        if pa.types.is_struct(declared.type):
            return self.object_column(declared.name, (list(landed.type), list(declared.type)), parts, required=required)
        kind = "array" if pa.types.is_list(declared.type) else _kind(declared.type, parts)
        checks = self._kernels(kind, parts)
        nullable = all(part.takes_null for part in parts)
        if kind == "array":
            item = self._item(declared.type.value_field, landed.type.value_field, parts)
            read = pa.list_(pa.field(item.name, item.read))
            return Column(declared.name, read, landed.type, required, nullable, checks, as_it_is, (item,))
        read = _READ_TYPES[kind]
        convert = conversion(read, declared.type, landed.type)
        return Column(declared.name, read, landed.type, required, nullable, checks, convert)

    def object_column(
        self, name: str, fields: tuple[list[pa.Field], list[pa.Field]], parts: list[Part], *, required: bool
    ) -> Column:
        """Return the column of an object, of its landed and its declared fields."""
        landed = {field.name: field for field in fields[0]}
        places = {name: place for place, name in enumerate(landed)}
        declared = sorted(fields[1], key=lambda field: places.get(field.name, -1))  # in the order of conversion
        names = [field.name for field in declared]
        checks = self._kernels("object", parts)
        needed = self._required(parts, names)
        nulls = {name for part in parts for name in self._columnless(part.node, names)}
        children = tuple(self._member(field, landed, parts, required=field.name in needed) for field in declared)
        return Column(
            name,
            pa.struct([(child.name, child.read) for child in children] + [(name, pa.null()) for name in sorted(nulls)]),
            pa.struct(fields[0]),
            required,
            all(part.takes_null for part in parts),
            checks,
            as_it_is,
            children,
            tuple(fields[0]),
        )

    def _member(self, declared: pa.Field, landed: dict[str, pa.Field], parts: list[Part], *, required: bool) -> Column:
        schemas = [p.node["properties"][declared.name] for p in parts if declared.name in p.node.get("properties", {})]
        if declared.name not in landed:
            raise Uncompilable(f"{declared.name}: the name differs from a landed one in case alone")
        try:
            inner = [part for schema in schemas for part in self.subschemas.parts(schema)]
            return self.column(declared, landed[declared.name], inner, required=required)
        except Uncompilable as error:
            raise Uncompilable(f"{declared.name}: {error}") from None

    def _item(self, declared: pa.Field, landed: pa.Field, parts: list[Part]) -> Column:
        schemas = [part.node["items"] for part in parts if "items" in part.node]
        if any(isinstance(schema, list) or "prefixItems" in part.node for schema in schemas for part in parts):
            raise Uncompilable("its items have schemas of their own")
        inner = [part for schema in schemas for part in self.subschemas.parts(schema)]
        return self.column(declared, landed, inner, required=False)

    def _kernels(self, kind: str, parts: list[Part]) -> tuple[Kernel, ...]:
        for part in parts:
            names = type_names(part.node)
            if names and kind not in names and not (kind == "integer" and "number" in names):
                raise Uncompilable(f"no {kind} is valid")
        found = [kernels(part.node, kind, self._schema, formats=self._formats) for part in parts]
        return tuple(kernel for several in found for kernel in several)

    def _required(self, parts: list[Part], names: list[str]) -> set[str]:
        needed = {name for part in parts for name in part.node.get("required", [])}
        if not needed.issubset(names):
            raise Uncompilable("a property is required that has no column")
        return needed

    def _columnless(self, node: dict[str, Any], names: list[str]) -> Iterator[str]:
        """Yield the properties that can only be null, and refuse what is said about others that have no column."""
        properties = node.get("properties", {})
        for name, schema in properties.items():
            if name not in names and is_null(schema):
                yield name
            elif name not in names and schema not in (True, {}):
                raise Uncompilable("a property has no column")
        others = node.get("additionalProperties", True)
        if others is False and properties.keys() >= set(names):
            self.is_closed = True
        elif others not in (True, {}):
            raise Uncompilable("additionalProperties is a schema")


def _kind(declared: pa.DataType, parts: list[Part]) -> str:
    """Return the JSON type of a scalar column's values."""
    if declared == pa.bool_():
        return "boolean"
    if pa.types.is_string(declared) or pa.types.is_temporal(declared):
        return "string"
    if pa.types.is_decimal(declared):
        names = [list(type_names(part.node)) for part in parts]
        is_whole = any("integer" in several and "number" not in several for several in names)
        return "integer" if is_whole else "number"
    return "integer" if declared == pa.int64() else "number"
