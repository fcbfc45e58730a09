"""A validated record's values → what its Arrow columns take, exactly.

Each column gets a function made once from its field; a column whose values need nothing gets none. Such a function is
given the value, the place of the object or array it stands in, and its key there. Without a place it raises `Unplaced`
as soon as it needs one, and the record is converted again with its place: so the everyday record costs no bookkeeping.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation
from typing import TYPE_CHECKING, Any, Final, cast

import pyarrow as pa

from target_datalake import timestamps
from target_datalake.widening import is_json_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_datalake.place import Place

Convert = Callable[[Any, "Place | None", "str | int"], Any]
ConvertObject = Callable[[dict[str, Any], "Place | None"], dict[str, Any]]

_INT64_MIN: Final = -(2**63)
_INT64_MAX: Final = 2**63 - 1
_DECIMAL_DIGITS: Final = 38
_EXACTLY: Final = Context(prec=_DECIMAL_DIGITS, traps=[Inexact, InvalidOperation])


class Unplaced(Exception):  # noqa: N818 (a request for a second look, not an error)
    """A value's conversion needs its source text."""


def object_converter(landed: Iterable[pa.Field], declared: Iterable[pa.Field]) -> ConvertObject:
    """Return a function that turns a decoded object into what its struct takes, in place.

    Args:
        landed: The columns.
        declared: The fields that the record's own schema gives, which its values are known to be valid for. A column
            among `landed` only is not declared: a value under its name goes to `_sdc_extra`, like any undeclared one.
    """
    own = {field.name: field for field in declared}
    shared = [(field, own[field.name]) for field in landed if field.name in own]
    names = frozenset(field.name for field, _ in shared)
    undeclared_columns = frozenset(field.name for field in landed) - names
    children = [(field.name, convert) for field, new in shared if (convert := converter(field, new))]

    def convert_object(value: dict[str, Any], place: Place | None) -> dict[str, Any]:
        if not names.issuperset(value):
            _keep_undeclared(value, names, place)
            for name in undeclared_columns:
                value.pop(name, None)
        for name, convert in children:
            child = value.get(name)
            if child is not None:
                value[name] = convert(child, place, name)
        return value

    return convert_object


def converter(landed: pa.Field, declared: pa.Field) -> Convert | None:
    """Return the function for one column; None where a valid value is what Arrow takes."""
    if is_json_text(landed):
        return _json_text
    if pa.types.is_struct(landed.type):
        return _struct(landed, declared)
    if pa.types.is_list(landed.type):
        return _list(landed, declared)
    if pa.types.is_decimal(landed.type):
        return _decimal(landed.type.scale)
    return _SCALARS[landed.type]


def _placed(place: Place | None, key: str | int) -> Place:
    if place is None:
        raise Unplaced
    return place.at(key)


def _keep_undeclared(value: dict[str, Any], names: frozenset[str], place: Place | None) -> None:
    for name, child in value.items():
        if child is not None and name not in names:
            _placed(place, name).keep()


def _struct(landed: pa.Field, declared: pa.Field) -> Convert:
    convert_object = object_converter(landed.type, declared.type)
    return lambda value, place, key: convert_object(value, place and place.at(key))


def _list(landed: pa.Field, declared: pa.Field) -> Convert | None:
    convert = converter(landed.type.value_field, declared.type.value_field)
    if convert is None:
        return None

    def convert_list(value: list[Any], place: Place | None, key: str | int) -> list[Any]:
        inner = place and place.at(key)
        return [None if item is None else convert(item, inner, index) for index, item in enumerate(value)]

    return convert_list


def _json_text(_value: Any, place: Place | None, key: str | int) -> str:
    return _placed(place, key).text()


def _exact(value: float | Decimal) -> Decimal:
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def _int64(value: float | Decimal, place: Place | None, key: str | int) -> int | None:
    if type(value) is int and _INT64_MIN <= value <= _INT64_MAX:
        return value
    exact = _exact(value)
    if _INT64_MIN <= exact <= _INT64_MAX and exact == exact.to_integral_value():
        return int(exact)
    _placed(place, key).refuse("expected an integer of at most 64 bits")
    return None


def _float64(value: float | Decimal, place: Place | None, key: str | int) -> float | None:
    if type(value) is float:
        return value
    try:
        nearest = float(value)
    except OverflowError:
        nearest = float("inf")
    if nearest in {float("inf"), float("-inf")}:
        _placed(place, key).refuse("expected a number within a 64-bit float's range")
        return None
    if Decimal(repr(nearest)) != value:
        _placed(place, key).keep()
    return nearest


def _decimal(scale: int) -> Convert:
    quantum = Decimal(1).scaleb(-scale)

    def convert_decimal(value: float | Decimal, place: Place | None, key: str | int) -> Decimal | None:
        try:
            return _EXACTLY.quantize(_exact(value), quantum)
        except DecimalException:
            digits = f"{_DECIMAL_DIGITS - scale} digits before and {scale} after the point"
            _placed(place, key).refuse(f"expected a number of at most {digits}")
            return None

    return convert_decimal


def _temporal(parse: Callable[[str], Any], shortest: str) -> Convert:
    cut_length = len(shortest) + len(".0000001")

    def convert_text(text: str, place: Place | None, key: str | int) -> Any:
        try:
            value = parse(text)
        except ValueError as error:
            _placed(place, key).refuse(_expected(error), "format")
            return None
        if len(text) >= cut_length and timestamps.is_cut(text):
            _placed(place, key).keep()
        return value

    return convert_text


_any_date_time: Final = _temporal(timestamps.parse_date_time, "0001-01-01T00:00:00")


def _date_time(text: str, place: Place | None, key: str | int) -> datetime | None:
    if timestamps.is_everyday(text):
        try:
            return datetime.fromisoformat(text[:-1])
        except ValueError:  # no such day: said in the same words as for all others
            pass
    return cast("datetime | None", _any_date_time(text, place, key))


def _expected(error: ValueError) -> str:
    """Return our own words: those of `datetime` may hold the value."""
    text = str(error)
    return text if text.startswith("expected") else "expected a day and time that exist"


_SCALARS: Final[dict[pa.DataType, Convert | None]] = {
    pa.int64(): _int64,
    pa.float64(): _float64,
    pa.string(): None,
    pa.bool_(): None,
    pa.timestamp("us", "UTC"): _date_time,
    pa.date32(): _temporal(timestamps.parse_date, "0001-01-01"),
    pa.time64("us"): _temporal(timestamps.parse_time, "00:00:00"),
}
