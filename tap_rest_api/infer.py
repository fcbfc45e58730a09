"""Turns sampled records into a JSON Schema that asks no more of later records than it must."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from genson import SchemaBuilder
from genson.schema.strategies import Number, String

from tap_rest_api.instants import parse_instant

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d.*", re.ASCII)


class _FormattedString(String):  # type: ignore[misc]  # genson has no types
    """A string that is a date or date-time as long as every sample is."""

    KEYWORDS = ("type", "format")

    def __init__(self, node_class: Any) -> None:
        super().__init__(node_class)
        self._formats: set[str] = set()

    def add_object(self, obj: Any) -> None:
        super().add_object(obj)
        self._formats.add(_format_of(obj))

    def to_schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = super().to_schema()
        form = next(iter(self._formats)) if len(self._formats) == 1 else ""
        return {**schema, "format": form} if form else schema


class _LongNumber(Number):  # type: ignore[misc]  # genson has no types
    """A number; an integer of thousands of digits comes as a Decimal."""

    PYTHON_TYPES = (int, float, Decimal)


class _Builder(SchemaBuilder):  # type: ignore[misc]  # genson has no types
    EXTRA_STRATEGIES = (_FormattedString, _LongNumber)


def _format_of(text: str) -> str:
    if parse_instant(text) is None:
        return ""
    if _DATE.fullmatch(text):
        return "date"
    return "date-time" if _DATE_TIME.fullmatch(text) else ""


def infer_schema(records: Iterable[Mapping[str, Any]], keys: Collection[str]) -> dict[str, Any]:
    """Infer a schema from samples.

    A sample proves what can be there, not what must be: no field is required and all but the keys may be
    null. A field that was null in every sample, or an array without elements, says nothing and is left open.

    Args:
        records: Decoded records; numbers as int and float, very long integers as Decimal.
        keys: The primary key.
    """
    builder = _Builder(schema_uri=None)
    for record in records:
        builder.add_object(record)
    schema = _widen(builder.to_schema())
    fields = schema.get("properties", {})
    fields.update({name: _non_null(fields.get(name, {})) for name in keys})
    return {"type": "object", "properties": fields}


def infer_field(values: Iterable[Any]) -> dict[str, Any]:
    """Infer the schema of one field from its values, as `infer_schema` would; empty where they say nothing."""
    field: dict[str, Any] = infer_schema([{"field": value} for value in values], ())["properties"].get("field", {})
    return field


def _widen(schema: dict[str, Any]) -> dict[str, Any]:
    """Drop what a sample cannot prove, and let every typed value be null as well."""
    wide = {key: value for key, value in schema.items() if key != "required"}
    if "properties" in wide:
        fields = {name: _nullable(_widen(field)) for name, field in wide["properties"].items()}
        wide["properties"] = {name: field for name, field in fields.items() if field}
    if "items" in wide:
        wide["items"] = _nullable(_widen(wide["items"]))
    if "anyOf" in wide:
        wide["anyOf"] = [_widen(option) for option in wide["anyOf"]]
    return wide


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    if "anyOf" in schema:
        return {**schema, "anyOf": [*schema["anyOf"], {"type": "null"}]}
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    proven = [kind for kind in kinds if kind != "null"]
    return {**schema, "type": ["null", *proven]} if proven else {}


def _non_null(schema: dict[str, Any]) -> dict[str, Any]:
    kinds = [kind for kind in schema.get("type", []) if kind != "null"]
    return {**schema, "type": kinds[0] if len(kinds) == 1 else kinds} if kinds else schema
