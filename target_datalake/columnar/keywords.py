"""Keywords of JSON Schema → kernels: functions from a column to which of its values are surely valid.

A kernel gives a boolean for each value, null for null; a value that it doubts may still be valid. Those of `by_value`
ask the validator itself, once for each distinct value.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from target_datalake.columnar.patterns import to_re2
from target_datalake.json_schema import JsonSchema
from target_datalake.validate import Validator

if TYPE_CHECKING:
    from collections.abc import Iterable

Kernel = Callable[[pa.Array], pa.BooleanArray]

EXACT_DIGITS: Final = 15
"""Decimal digits that every float64 gives back."""

TEMPORAL: Final = frozenset({"date-time", "date", "time"})
"""Formats that columns' own parsers decide about."""

_INT64: Final = range(-(2**63), 2**63)
_EXACT_INTEGERS: Final = range(-(2**53) + 1, 2**53)
"""Integers that no other integer is rounded to as a float64."""


class Uncompilable(Exception):  # noqa: N818 (a schema that goes record by record, no error)
    """A schema that is not checked as columns; the text says why."""


def kernels(node: dict[str, Any], kind: str, schema: JsonSchema, *, formats: str) -> Iterable[Kernel]:
    """Yield the kernels of one subschema for values of one JSON type that its `type` allows.

    Raises:
        Uncompilable: A keyword has none.
    """
    compilers = _COMPILERS[kind]
    asks = not _asserted(node, kind, formats).isdisjoint(node)
    found = [compilers[keyword](value, node) for keyword, value in node.items() if keyword in compilers]
    if asks or None in found:
        yield by_value(node, kind, schema, formats)
    else:
        yield from (kernel for kernel in found if kernel is not None)


def by_value(node: dict[str, Any], kind: str, schema: JsonSchema, formats: str) -> Kernel:
    """Return the kernel that asks the validator."""
    if kind in {"array", "object"}:
        raise Uncompilable(f"an {kind} has keywords that no kernel checks")
    if kind == "number" and schema.draft == 4:  # noqa: PLR2004 (1 and 1.0 are of unlike types there)
        raise Uncompilable("a number of Draft 4 has keywords that no kernel checks")
    is_valid = _validator(node, schema, formats).is_valid

    def check(values: pa.Array) -> pa.BooleanArray:
        distinct = pc.unique(values).drop_null()
        refused = [value for value in distinct.to_pylist() if not is_valid(value)]
        return pc.invert(pc.is_in(values, pa.array(refused, values.type)))

    return check


def takes_null(node: dict[str, Any], schema: JsonSchema) -> bool:
    """Say whether null is valid by one subschema. Raises Uncompilable where it takes the whole schema to tell."""
    return _validator(node, schema, "typed").is_valid(None)


def _validator(node: dict[str, Any], schema: JsonSchema, formats: str) -> Validator:
    if any(f"'{keyword}'" in str(node) for keyword in ("$ref", "$dynamicRef", "$recursiveRef")):
        raise Uncompilable("a $ref stands within a choice")
    alone = {keyword: value for keyword, value in node.items() if keyword not in {"$schema", "$id", "id"}}
    return Validator(JsonSchema(schema.stream, alone, schema.draft, {}), formats=formats)


def _asserted(node: dict[str, Any], kind: str, formats: str) -> frozenset[str]:
    """Return the keywords that say something about values of a type, and that only the validator understands."""
    if kind == "object":
        return _CHOICES | _OF_OBJECTS
    if kind != "string":
        return _CHOICES
    is_checked = formats == "all" and node.get("format") not in TEMPORAL
    return _CHOICES | _CONTENTS | (frozenset({"format"}) if is_checked else frozenset())


_Compile = Callable[[Any, dict[str, Any]], "Kernel | None"]
"""Makes the kernel of a keyword from its value and the subschema it stands in; None if the validator is to be asked."""


def _always(values: pa.Array) -> pa.BooleanArray:
    return pc.true_unless_null(values)


def _bound(compare: Callable[[Any, Any], Any], strict: Callable[[Any, Any], Any], flag: str) -> _Compile:
    """Return the compiler of `minimum` or `maximum`; Draft 4 says with a flag beside it that the bound is left out."""

    def compile_bound(limit: Any, node: dict[str, Any]) -> Kernel | None:
        return _comparison(strict if node.get(flag) is True else compare, limit)

    return compile_bound


def _strict_bound(compare: Callable[[Any, Any], Any]) -> _Compile:
    def compile_bound(limit: Any, _node: dict[str, Any]) -> Kernel | None:
        return _always if isinstance(limit, bool) else _comparison(compare, limit)

    return compile_bound


def _comparison(compare: Callable[[Any, Any], Any], limit: Any) -> Kernel | None:
    if isinstance(limit, bool) or not isinstance(limit, int | float) or not math.isfinite(limit):
        return None
    if limit != int(limit) or int(limit) in _EXACT_INTEGERS:
        return lambda values: compare(values.cast(pa.float64(), safe=False), pa.scalar(float(limit)))
    if int(limit) not in _INT64:
        return None
    whole, near = pa.scalar(int(limit), pa.int64()), pa.scalar(float(limit))

    def check(values: pa.Array) -> pa.BooleanArray:
        if pa.types.is_integer(values.type):
            return compare(values, whole)
        return pc.and_(compare(values, near), pc.not_equal(values, near))  # a float at the bound is for the validator

    return check


def _multiple_of_integer(divisor: Any, _node: dict[str, Any]) -> Kernel | None:
    if places_of(divisor) is not None:
        return _always
    if isinstance(divisor, bool) or not isinstance(divisor, int) or divisor not in _INT64 or divisor <= 0:
        return None
    by = pa.scalar(divisor, pa.int64())
    return lambda values: pc.equal(pc.multiply(pc.divide(values, by), by), values)


def _multiple_of_number(divisor: Any, _node: dict[str, Any]) -> Kernel | None:
    places = places_of(divisor)
    return None if places is None else lambda values: to_units(values, places)[1]


def places_of(divisor: Any) -> int | None:
    """Return k for 10^-k, with k from 0 to 15."""
    if isinstance(divisor, bool) or not isinstance(divisor, int | float):
        return None
    for places in range(EXACT_DIGITS + 1):
        if Decimal(repr(divisor)) == Decimal(1).scaleb(-places):
            return places
    return None


def to_units(values: pa.DoubleArray, places: int) -> tuple[pa.DoubleArray, pa.BooleanArray]:
    """Return how many times 10^-places each value is, and which of them are so exactly, as decimals, in 15 digits."""
    power = 10.0**places
    units = pc.round(pc.multiply(values, power))
    return units, pc.and_(pc.equal(pc.divide(units, power), values), pc.less(pc.abs(units), 10.0**EXACT_DIGITS))


def _length(compare: Callable[[Any, Any], Any], measure: Callable[[pa.Array], pa.Array]) -> _Compile:
    def compile_length(limit: Any, _node: dict[str, Any]) -> Kernel | None:
        if isinstance(limit, bool) or not isinstance(limit, int | float) or limit != int(limit) or limit > 2**31 - 1:
            return None
        return lambda values: compare(measure(values), pa.scalar(int(limit), pa.int32()))

    return compile_length


def _pattern(pattern: Any, _node: dict[str, Any]) -> Kernel | None:
    translated = to_re2(pattern)
    if translated is None:
        return None
    try:
        pc.match_substring_regex(pa.array([""]), translated)
    except pa.ArrowInvalid:
        return None
    return lambda values: pc.match_substring_regex(values, translated)


def _options(is_option: Callable[[Any], bool]) -> _Compile:
    def compile_options(options: Any, _node: dict[str, Any]) -> Kernel | None:
        allowed = [option for option in options if is_option(option)] if isinstance(options, list) else []
        return lambda values: pc.and_(pc.is_in(values, pa.array(allowed, values.type)), pc.true_unless_null(values))

    return compile_options


def _constant(is_option: Callable[[Any], bool]) -> _Compile:
    compile_options = _options(is_option)
    return lambda value, node: compile_options([value], node)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value.isprintable()


def _is_whole(value: Any) -> bool:
    return type(value) is int and value in _INT64


def _is_number(value: Any) -> bool:
    return type(value) is float or (type(value) is int and value in _EXACT_INTEGERS)


def _is_boolean(value: Any) -> bool:
    return isinstance(value, bool)


_NUMERIC: Final[dict[str, _Compile]] = {
    "minimum": _bound(pc.greater_equal, pc.greater, "exclusiveMinimum"),
    "maximum": _bound(pc.less_equal, pc.less, "exclusiveMaximum"),
    "exclusiveMinimum": _strict_bound(pc.greater),
    "exclusiveMaximum": _strict_bound(pc.less),
}
_COMPILERS: Final[dict[str, dict[str, _Compile]]] = {
    "integer": {
        **_NUMERIC,
        "multipleOf": _multiple_of_integer,
        "enum": _options(_is_whole),
        "const": _constant(_is_whole),
    },
    "number": {
        **_NUMERIC,
        "multipleOf": _multiple_of_number,
        "enum": _options(_is_number),
        "const": _constant(_is_number),
    },
    "string": {
        "minLength": _length(pc.greater_equal, pc.utf8_length),
        "maxLength": _length(pc.less_equal, pc.utf8_length),
        "pattern": _pattern,
        "enum": _options(_is_text),
        "const": _constant(_is_text),
    },
    "object": {},
    "boolean": {"enum": _options(_is_boolean), "const": _constant(_is_boolean)},
    "array": {
        "minItems": _length(pc.greater_equal, pc.list_value_length),
        "maxItems": _length(pc.less_equal, pc.list_value_length),
        **dict.fromkeys(
            ("uniqueItems", "contains", "minContains", "maxContains", "enum", "const", "unevaluatedItems"),
            lambda _value, _node: None,
        ),
    },
}
_CHOICES: Final = frozenset({"anyOf", "oneOf", "not", "if", "$dynamicRef", "$recursiveRef"})
_CONTENTS: Final = frozenset({"contentMediaType", "contentEncoding", "contentSchema"})
_OF_OBJECTS: Final = frozenset(
    {"patternProperties", "minProperties", "maxProperties", "dependencies", "dependentRequired", "dependentSchemas"}
    | {"propertyNames", "unevaluatedProperties", "enum", "const"}
)
