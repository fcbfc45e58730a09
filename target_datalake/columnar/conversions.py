"""A column as the JSON parser reads it → the column that lands, and which of its values are surely exact."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from target_datalake.columnar.keywords import EXACT_DIGITS, Uncompilable, to_units
from target_datalake.columnar.temporal import parse_texts

Conversion = Callable[[pa.Array], tuple[pa.Array, "pa.BooleanArray | None"]]
"""Gives the landed values and which of them hold; None if all do. Where one does not, its value means nothing."""

_EXACT: Final = 2**53
_SMALLEST: Final = 2.2250738585072014e-308
"""The smallest float64 of full precision."""


def conversion(read: pa.DataType, declared: pa.DataType, landed: pa.DataType) -> Conversion:
    """Return the conversion of a scalar.

    Args:
        read: The type that the parser reads.
        declared: The type that the schema as received gives.
        landed: The type of the column.

    Raises:
        Uncompilable: There is none.
    """
    if read == pa.float64():
        return _of_numbers(landed)
    if pa.types.is_temporal(declared) and landed == declared:
        return lambda texts: parse_texts(texts, landed)
    if read == landed:
        return as_it_is
    if read == pa.int64() and landed == pa.float64():
        return _to_float64
    if read == pa.int64() and pa.types.is_decimal(landed) and landed.scale == 0:
        return lambda values: (values.cast(landed), None)
    raise Uncompilable(f"{declared} lands as {landed}")


def as_it_is(values: pa.Array) -> tuple[pa.Array, None]:
    """Return the values themselves."""
    return values, None


def _of_numbers(landed: pa.DataType) -> Conversion:
    if landed == pa.float64():
        return lambda values: (values, pc.is_finite(values))
    if pa.types.is_decimal(landed) and landed.scale <= EXACT_DIGITS:
        return lambda values: _to_decimal(values, landed)
    raise Uncompilable(f"a number lands as {landed}")


def _to_float64(values: pa.Int64Array) -> tuple[pa.Array, pa.BooleanArray]:
    held = pc.and_(pc.less_equal(values, _EXACT), pc.greater_equal(values, -_EXACT))
    return values.cast(pa.float64(), safe=False), held


def _to_decimal(values: pa.DoubleArray, landed: Any) -> tuple[pa.Array, pa.BooleanArray]:
    units, exact = to_units(values, landed.scale)
    whole = pc.if_else(exact, units, 0.0).cast(pa.int64()).cast(pa.decimal128(38, 0))
    return pa.Array.from_buffers(landed, len(whole), whole.buffers(), whole.null_count, whole.offset), exact


def may_be_cut(values: pa.DoubleArray) -> bool:
    """Say whether a number is so small that its literal may have been smaller still."""
    return bool(pc.any(pc.less(pc.abs(values), _SMALLEST)).as_py())
