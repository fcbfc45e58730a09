"""A checked JSON Schema → the Arrow fields of its columns, by the table in docs/architecture.md.

Every field is nullable. A value that no one column type holds becomes JSON text: a string field whose metadata says
so. What is left out (a field known only as null, an unusable name) stays undeclared, and `_sdc_extra` keeps its values.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from target_datalake.errors import SchemaError
from target_datalake.widening import ELEMENT, is_json_text, json_text, same, widen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from target_datalake.json_schema import JsonSchema

MAX_FIELDS: Final = 10_000
MAX_NESTING: Final = 24
"""Levels of objects and arrays that become columns; what is deeper becomes JSON text (Parquet readers stop at 100)."""

_NUMERIC: Final = frozenset({"integer", "number"})
_DECIMAL_DIGITS: Final = 38
_STRING_TYPES: Final = {
    "date-time": pa.timestamp("us", "UTC"),
    "date": pa.date32(),
    "time": pa.time64("us"),
}


def column_fields(schema: JsonSchema, *, reserved: frozenset[str]) -> list[pa.Field]:
    """Return a field for each property of a record that can be a column, in order of appearance.

    Args:
        schema: The checked schema of a record.
        reserved: Lower-case names that no column may take.

    Raises:
        SchemaError: It is not the schema of an object, or its fields are too many.
    """
    types = _Types(schema)
    node, active = types.flatten(schema.document, frozenset({"#"}))
    if "type" in node and "object" not in _type_names(node):
        raise SchemaError(
            f'stream "{schema.stream}": its schema is not that of an object, so no record can be valid',
            where="SCHEMA message, /schema/type",
        )
    return types.fields(node, active, depth=0, taken=set(reserved))


def _type_names(node: dict[str, Any]) -> list[str]:
    names = node["type"]
    return names if isinstance(names, list) else [names]


class _Types:
    """Derives fields from one schema, within a budget that also ends schemas which double at every `$ref`."""

    def __init__(self, schema: JsonSchema) -> None:
        self._schema = schema
        self._budget = MAX_FIELDS

    def fields(
        self, node: dict[str, Any], active: frozenset[str], *, depth: int, taken: Iterable[str] = ()
    ) -> list[pa.Field]:
        """Return the fields of an object; of names that differ only in case the first one is taken (DuckDB)."""
        names, fields = set(taken), []
        for name, child in node.get("properties", {}).items():
            if name and name.lower() not in names:
                field = self.field(name, child, active, depth)
                if field is not None:
                    fields.append(field)
                    names.add(name.lower())
        return fields

    def field(self, name: str, schema: Any, active: frozenset[str], depth: int) -> pa.Field | None:
        """Return the field of one value; None when null is all it can be."""
        node, active = self.flatten(schema, active)
        if "type" not in node:
            return self._untyped(name, node, active, depth)
        kinds = frozenset(_type_names(node)) - {"null"}
        if not kinds:
            return None
        if kinds == _NUMERIC:
            kinds = frozenset({"number"})
        if len(kinds) > 1:
            return json_text(name)
        (kind,) = kinds
        if kind in _SCALARS:
            return pa.field(name, _SCALARS[kind](node))
        if depth >= MAX_NESTING:
            return json_text(name)
        return self._struct(name, node, active, depth) if kind == "object" else self._list(name, node, active, depth)

    def flatten(self, schema: Any, active: frozenset[str]) -> tuple[dict[str, Any], frozenset[str]]:
        """Write `$ref` and `allOf` out into one object, and return it with the references it is made of.

        Whatever the result says holds for every valid value: where two parts say the same keyword the first stands.
        A reference back into itself, or one that is no local pointer, adds nothing, so that its value is untyped.
        """
        self._spend()
        if not isinstance(schema, dict):
            return ({} if schema else {"type": []}), active
        own = {keyword: value for keyword, value in schema.items() if keyword not in {"$ref", "allOf"}}
        parts = schema.get("allOf", [])
        if "$ref" in schema:
            own, parts = ({}, []) if self._schema.ref_hides_siblings else (own, parts)
            target = None if schema["$ref"] in active else self._schema.target(schema["$ref"])
            if target is None:
                return own, active
            parts, active = [target, *parts], active | {schema["$ref"]}
        for part in parts:
            flat, active = self.flatten(part, active)
            own = _merged(own, flat)
        return own, active

    def _spend(self) -> None:
        self._budget -= 1
        if self._budget < 0:
            raise SchemaError(
                f'stream "{self._schema.stream}": its schema has more than {MAX_FIELDS} fields once written out',
                where="SCHEMA message, /schema/properties",
                fix="select fewer fields",
            )

    def _untyped(self, name: str, node: dict[str, Any], active: frozenset[str], depth: int) -> pa.Field | None:
        branches = node.get("anyOf") or node.get("oneOf")
        if branches:
            return self._union(name, branches, active, depth)
        is_null = node.get("const", "") is None or node.get("enum") == [None]
        return None if is_null else json_text(name)

    def _union(self, name: str, branches: list[Any], active: frozenset[str], depth: int) -> pa.Field | None:
        found = [self.field(name, branch, active, depth) for branch in branches]
        fields = [field for field in found if field is not None]
        if not fields:
            return None
        union = fields[0]
        for field in fields[1:]:
            union = _either(union, field)
        return union

    def _struct(self, name: str, node: dict[str, Any], active: frozenset[str], depth: int) -> pa.Field:
        fields = self.fields(node, active, depth=depth + 1)
        return pa.field(name, pa.struct(fields)) if fields else json_text(name)

    def _list(self, name: str, node: dict[str, Any], active: frozenset[str], depth: int) -> pa.Field:
        items = node.get("items")
        if not isinstance(items, dict) or not items or "prefixItems" in node:
            return json_text(name)
        element = self.field(ELEMENT, items, active, depth + 1)
        return json_text(name) if element is None else pa.field(name, pa.list_(element))


def _merged(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    merged = {**second, **first}
    if "type" in first and "type" in second:
        merged["type"] = _common_types(_type_names(first), _type_names(second))
    if "properties" in first and "properties" in second:
        merged["properties"] = {**first["properties"]}
        for name, schema in second["properties"].items():
            held = first["properties"].get(name)
            merged["properties"][name] = schema if held is None else {"allOf": [held, schema]}
    return merged


def _common_types(first: list[str], second: list[str]) -> list[str]:
    """Return the types that both lists allow; every integer is a number."""
    both = [kind for kind in first if kind in second]
    if _NUMERIC.isdisjoint(both) and not _NUMERIC.isdisjoint(first) and not _NUMERIC.isdisjoint(second):
        both.append("integer")
    return both


def _either(first: pa.Field, second: pa.Field) -> pa.Field:
    """Return the field for a value of either kind; JSON text when no other holds both.

    Objects and arrays must be the same: a value valid by one branch may hold anything where the other has a type.
    """
    if same(first, second):
        return first
    if pa.types.is_nested(first.type) or pa.types.is_nested(second.type) or is_json_text(first):
        return json_text(first.name)
    strings = [field for field in (first, second) if field.type in {pa.string(), *_STRING_TYPES.values()}]
    if len(strings) == 2 and not is_json_text(second):  # noqa: PLR2004 (both of them)
        return pa.field(first.name, pa.string())
    for landed, new in ((first, second), (second, first)):
        widened, conflicts = widen(landed, new)
        if not conflicts:
            return widened
    return json_text(first.name)


def _integer(node: dict[str, Any]) -> pa.DataType:
    bounds = (node.get(key) for key in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"))
    exceeds = any(
        not isinstance(bound, bool) and isinstance(bound, int | float | Decimal) and not -(2**63) <= bound <= 2**63
        for bound in bounds
    )
    return pa.decimal128(_DECIMAL_DIGITS, 0) if exceeds else pa.int64()


def _number(node: dict[str, Any]) -> pa.DataType:
    scale = _scale(node.get("multipleOf"))
    return pa.float64() if scale is None else pa.decimal128(_DECIMAL_DIGITS, scale)


def _scale(multiple: Any) -> int | None:
    """Return k when the multiple is 10^-k, with k from 0 to 38."""
    if isinstance(multiple, bool) or not isinstance(multiple, int | float | Decimal):
        return None
    _, digits, exponent = Decimal(repr(multiple) if isinstance(multiple, float) else multiple).normalize().as_tuple()
    is_power = digits == (1,) and isinstance(exponent, int) and -_DECIMAL_DIGITS <= exponent <= 0
    return -int(exponent) if is_power else None


def _string(node: dict[str, Any]) -> pa.DataType:
    declared = node.get("format")
    return _STRING_TYPES.get(declared, pa.string()) if isinstance(declared, str) else pa.string()


_SCALARS: Final[dict[str, Callable[[dict[str, Any]], pa.DataType]]] = {
    "integer": _integer,
    "number": _number,
    "string": _string,
    "boolean": lambda _: pa.bool_(),
}
