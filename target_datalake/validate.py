"""A stream's JSON Schema → a validator of its records. The only module that knows jsonschema-rs.

Messages are worded here from keywords and types, so that no record value ever stands in one.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from decimal import Context, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

import jsonschema_rs

from target_datalake.errors import SchemaError
from target_datalake.json_schema import escape, levels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from target_datalake.json_schema import JsonSchema

MAX_ERRORS: Final = 100
"""Errors kept of one record: a million bad items would say no more."""

_COMPILERS: Final = {
    4: jsonschema_rs.Draft4Validator,
    6: jsonschema_rs.Draft6Validator,
    7: jsonschema_rs.Draft7Validator,
    2019: jsonschema_rs.Draft201909Validator,
    2020: jsonschema_rs.Draft202012Validator,
}
_TEMPORAL: Final = ("date-time", "date", "time")
_MAX_NAMES: Final = 5
_DECIMALS: Final = Context(prec=10_000)
"""Wide enough to divide any number that a float64, a decimal128 or msgspec's longest integer holds."""


@dataclass(frozen=True)
class RecordError:
    """One thing wrong with a record.

    Attributes:
        path: JSON pointer to the value in the record; empty for the record itself.
        schema_path: JSON pointer to the keyword it breaks; empty where the schema allows what no column can hold.
        message: What was expected, in words that hold no value of the record.
    """

    path: str
    schema_path: str
    message: str


def conforms(document: Any, schema: dict[str, Any]) -> bool:
    """Return whether a document of ours, such as a configuration, is valid against a Draft 4 schema of ours."""
    return jsonschema_rs.Draft4Validator(schema, offline=True).is_valid(document)


class Validator:
    """Checks decoded records (integers of any size, floats, Decimals) against one JSON Schema.

    Date-time, date and time formats are not checked: the columns' own parsers decide about them.

    Args:
        schema: The checked schema.
        formats: "all" asserts the other formats too; "typed" none of them.

    Raises:
        SchemaError: The schema breaks its draft, refers outside itself, or has a pattern that needs backtracking.

    Attributes:
        is_valid: Says whether one record is valid. A function of its own, since it is called for every record.
    """

    def __init__(self, schema: JsonSchema, *, formats: str = "typed") -> None:
        asserted = formats == "all"
        has_multiples = any("multipleOf" in node for level in levels(schema.document) for node in level)
        try:
            self._compiled = _COMPILERS[schema.draft](
                schema.document,
                validate_formats=asserted,
                formats=dict.fromkeys(_TEMPORAL, _accept) if asserted else None,
                pattern_options=jsonschema_rs.RegexOptions(),
                keywords={"multipleOf": _MultipleOf} if has_multiples else None,  # it slows all checks down
                offline=True,
            )
        except (ValueError, jsonschema_rs.ReferencingError) as error:
            raise _schema_error(schema.stream, error) from error
        self.is_valid: Callable[[Any], bool] = self._compiled.is_valid

    def errors(self, record: Any) -> list[RecordError]:
        """Return what is wrong with a record, at most `MAX_ERRORS` of it; nothing for a valid one."""
        found = itertools.islice(self._compiled.iter_errors(record), MAX_ERRORS)
        return [RecordError(_pointer(e.instance_path), _pointer(e.schema_path), _message(e)) for e in found]


class _MultipleOf:
    """`multipleOf` in decimal arithmetic, where 19.90 is a multiple of 0.01; in binary it is not quite."""

    def __init__(self, _parent: dict[str, Any], value: float | Decimal, _path: list[str | int]) -> None:
        self._divisor = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
        _, digits, exponent = self._divisor.as_tuple()
        self._places = -int(exponent) if digits == (1,) else 0

    def validate(self, instance: Any) -> None:
        kind = type(instance)
        if kind is float:
            text = repr(instance)
            if len(text) - text.find(".") - 1 <= self._places and "e" not in text:
                return  # 19.9 has no more places than 0.01: a price, nearly always
            number = Decimal(text)
        elif kind is int or kind is Decimal:
            number = Decimal(instance)
        else:
            return
        try:
            is_multiple = not _DECIMALS.remainder(number, self._divisor)
        except InvalidOperation:
            is_multiple = False
        if not is_multiple:
            raise ValueError(f"expected a multiple of {self._divisor}")


def _accept(_text: str) -> bool:
    return True


def _schema_error(stream: str, error: Exception) -> SchemaError:
    """Word why a schema does not compile. The schema is no secret: its own text may stand in the message."""
    pointer = _pointer(getattr(error, "instance_path", ()))
    kind = getattr(getattr(error, "kind", None), "name", "")
    reason = getattr(error, "message", None) or str(error)
    if "disabled" in reason or kind == "$ref":
        fix = "a schema is never fetched: put what $ref names under /definitions"
    elif kind in {"pattern", "format"}:
        fix = "patterns run in linear time: no lookaround, no back-references"
    else:
        fix = 'mend the schema, or name its draft with "$schema"; without it Draft 7 is meant'
    return SchemaError(
        f'stream "{stream}": its schema cannot be used: {_clip(reason)}',
        where=f"SCHEMA message, /schema{pointer}",
        fix=fix,
    )


def _pointer(path: Iterable[str | int]) -> str:
    return "".join(f"/{escape(str(token))}" for token in path)


def _clip(text: str, length: int = 300) -> str:
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[:length]}…"


def _message(error: jsonschema_rs.ValidationError) -> str:
    keyword = error.kind.name
    word = _WORDS.get(keyword)
    return word(error, error.kind) if word else f"breaks {keyword}"


def _type_message(error: jsonschema_rs.ValidationError, kind: Any) -> str:
    return f"expected {' or '.join(kind.types)}, found {json_type(error.instance)}"


def json_type(value: Any) -> str:
    """Return the JSON Schema type of a decoded value."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, float | Decimal):
        return "number"
    return {type(None): "null", int: "integer", str: "string", dict: "object", list: "array"}.get(type(value), "value")


def _names(names: list[str]) -> str:
    listed = ", ".join(json.dumps(_clip(name, 80)) for name in names[:_MAX_NAMES])
    return listed if len(names) <= _MAX_NAMES else f"{listed} and {len(names) - _MAX_NAMES} more"


def _options(kind: Any) -> str:
    return _clip(json.dumps(kind.options, ensure_ascii=False, default=str))


_WORDS: Final[dict[str, Callable[[jsonschema_rs.ValidationError, Any], str]]] = {
    "type": _type_message,
    "required": lambda _, kind: f"lacks the required property {_names([kind.property])}",
    "additionalProperties": lambda _, kind: f"has properties the schema does not allow: {_names(kind.unexpected)}",
    "unevaluatedProperties": lambda _, kind: f"has properties the schema does not allow: {_names(kind.unexpected)}",
    "enum": lambda _, kind: f"expected one of {_options(kind)}",
    "const": lambda _, kind: f"expected {_clip(json.dumps(kind.expected_value, default=str))}",
    "minimum": lambda _, kind: f"expected at least {kind.limit}",
    "maximum": lambda _, kind: f"expected at most {kind.limit}",
    "exclusiveMinimum": lambda _, kind: f"expected more than {kind.limit}",
    "exclusiveMaximum": lambda _, kind: f"expected less than {kind.limit}",
    "minLength": lambda _, kind: f"expected at least {kind.limit} characters",
    "maxLength": lambda _, kind: f"expected at most {kind.limit} characters",
    "minItems": lambda _, kind: f"expected at least {kind.limit} items",
    "maxItems": lambda _, kind: f"expected at most {kind.limit} items",
    "minProperties": lambda _, kind: f"expected at least {kind.limit} properties",
    "maxProperties": lambda _, kind: f"expected at most {kind.limit} properties",
    "uniqueItems": lambda _, __: "expected items that all differ",
    "contains": lambda _, __: "has no item of the kind that must be there",
    "pattern": lambda _, kind: f"does not match the pattern {_clip(kind.pattern)}",
    "format": lambda _, kind: f"expected the format {kind.format}",
    "multipleOf": lambda error, _: error.message,
    "anyOf": lambda _, __: "matches none of the schemas of anyOf",
    "oneOf": lambda _, __: "does not match exactly one of the schemas of oneOf",
    "not": lambda _, __: "matches a schema that it must not match",
    "falseSchema": lambda _, __: "must not be there",
    "propertyNames": lambda _, __: "has a property whose name breaks the schema",
}
