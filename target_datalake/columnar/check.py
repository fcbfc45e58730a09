"""Rows as the parser reads them → the columns that land, and the rows that are in doubt.

A row in doubt is valid perhaps: the record-by-record path decides. All others are valid, with exactly these values.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from target_datalake.columnar.conversions import may_be_cut

if TYPE_CHECKING:
    from target_datalake.columnar.plan import Column
    from target_datalake.columnar.presence import Presence


@dataclass
class Doubts:
    """The rows that are in doubt.

    Attributes:
        found: They, in any order.
        has_tiny: Whether a number is zero, or so small that its literal may have said something smaller still.
    """

    found: list[pa.Array] = field(default_factory=list)
    has_tiny: bool = False

    def add(self, rows: pa.Array) -> None:
        """Take more rows, in any order, perhaps again."""
        if len(rows):
            self.found.append(rows.cast(pa.int64()))

    def rows(self) -> pa.Int64Array:
        """Return them in order, each once."""
        if not self.found:
            return pa.array([], pa.int64())
        rows = pc.unique(pa.concat_arrays(self.found))
        return rows.take(pc.sort_indices(rows))


@dataclass(frozen=True)
class _Level:
    """Where the values of a column stand.

    Attributes:
        exists: Which of the objects around them exist; None if all do.
        count: How many of those exist.
        rows: The row of each value; None for one value a row.
    """

    exists: pa.BooleanArray | None
    count: int
    rows: pa.Array | None

    def to_rows(self, marks: pa.BooleanArray) -> pa.Array:
        """Return the rows of the values that are marked."""
        indices = pc.indices_nonzero(marks)
        return indices if self.rows is None else self.rows.take(indices)


def check(plan: Column, values: pa.StructArray, presence: Presence, doubts: Doubts) -> pa.StructArray:
    """Return the landed form of the records, and add the rows in doubt."""
    checker = _Checker(presence, doubts)
    return checker.column(plan, values, _Level(None, len(values), None), in_list=False)


class _Checker:
    """Walks through a plan and its columns."""

    def __init__(self, presence: Presence, doubts: Doubts) -> None:
        self._presence = presence
        self._doubts = doubts

    def column(self, column: Column, values: pa.Array, level: _Level, *, in_list: bool) -> pa.Array:
        if values.null_count:
            self._check_nulls(column, values, level, in_list=in_list)
        for kernel in column.kernels:
            self._check(kernel(values), level)
        if pa.types.is_struct(column.read):
            return self._object(column, values, level)
        if pa.types.is_list(column.read):
            return self._list(column, values, level)
        if column.read == pa.float64():
            self._doubts.has_tiny |= may_be_cut(values)
        landed, holds = column.convert(values)
        if holds is not None:
            self._check(holds, level, values)
        return landed

    def _check(self, holds: pa.BooleanArray, level: _Level, values: pa.Array | None = None) -> None:
        """Doubt the values for which something does not hold."""
        if values is not None and holds.null_count != values.null_count:  # a conversion that gives null
            holds = pc.if_else(pc.is_valid(values), pc.fill_null(holds, fill_value=False), True)  # noqa: FBT003 (a value)
        if pc.all(holds, min_count=0).as_py() is False:
            self._doubts.add(level.to_rows(pc.fill_null(pc.invert(holds), fill_value=False)))

    def _check_nulls(self, column: Column, values: pa.Array, level: _Level, *, in_list: bool) -> None:
        """Doubt the values that are null, or missing, where that may not be."""
        absent = pc.is_null(values)
        if level.exists is not None:
            absent = pc.and_(absent, level.exists)
        if column.nullable and (in_list or not column.required):
            return
        rows = level.to_rows(absent)
        if not in_list and len(rows):
            if column.nullable:
                rows = self._presence.without_key(column.name, level.count, rows, alone=level.rows is None)
            elif not column.required:
                rows = self._presence.with_null(column.name, len(values) - values.null_count, rows)
        self._doubts.add(rows)

    def _object(self, column: Column, values: pa.StructArray, level: _Level) -> pa.StructArray:
        exists = pc.is_valid(values) if values.null_count else None
        inner = _Level(exists, len(values) - values.null_count, level.rows)
        parts = dict(zip((part.name for part in values.type), values.flatten(), strict=True))
        landed = {child.name: self.column(child, parts[child.name], inner, in_list=False) for child in column.children}
        arrays = [landed[one.name] if one.name in landed else pa.nulls(len(values), one.type) for one in column.fields]
        return pa.StructArray.from_arrays(arrays, fields=list(column.fields), mask=_mask(values))

    def _list(self, column: Column, values: pa.ListArray, level: _Level) -> pa.ListArray:
        (item,) = column.children
        parents = pc.list_parent_indices(values)
        rows = parents if level.rows is None else level.rows.take(parents)
        items = values.flatten()
        landed = self.column(item, items, _Level(None, len(items), rows), in_list=True)
        if landed is items and values.type.equals(column.landed):
            return values
        return pa.ListArray.from_arrays(_offsets(values), landed, type=column.landed, mask=_mask(values))


def _offsets(values: pa.ListArray) -> pa.Array:
    """Return where each list's items begin among the flattened ones."""
    lengths = pc.fill_null(pc.list_value_length(values), 0)
    return pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths).cast(pa.int32())])


def _mask(values: pa.Array) -> pa.BooleanArray | None:
    return pc.is_null(values) if values.null_count else None
