"""What a reader asks for by its name is held against what there is, and tells which columns have to be read."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from lake.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

_RAW = "_sdc_raw"
"""A column that only some files have: those written while the text of records was kept."""


def check_choice(name: str, value: str, known: Sequence[str]) -> None:
    """Check that something is among what is known. Raises UsageError, which tells the nearest."""
    if value not in known:
        near = difflib.get_close_matches(str(value), known, n=1, cutoff=0.4)
        fix = f"did you mean {near[0]!r}?" if near else f"use one of: {', '.join(known)}"
        raise UsageError(f"there is no {name} {value!r}", where=name, fix=fix)


def check_columns(columns: Sequence[str] | None, schema: pa.Schema) -> None:
    """Check that columns are there, and some are named. Raises UsageError."""
    if isinstance(columns, str):
        raise UsageError(f"columns is the text {columns!r}", where="columns", fix=f"write columns=[{columns!r}]")
    if columns is not None and not columns:
        raise UsageError("no column is named", where="columns", fix="leave columns out to read all of them")
    known = [*schema.names, _RAW]
    for column in columns or ():
        check_choice("column", column, known)


def needed_columns(
    schema: pa.Schema, columns: Sequence[str] | None, where: str | None, keys: Sequence[str] | None
) -> Sequence[str] | None:
    """Return the columns to read for those asked for; None for all.

    Args:
        schema: What there is.
        columns: What is asked for; None for all.
        where: A condition, whose columns have to be read too.
        keys: The primary key of whose rows only the last is asked for; None for all rows.
    """
    if columns is None:
        return None
    needed = dict.fromkeys(columns)
    if keys is not None:
        from lake import latest  # pyarrow takes 250 ms to import

        needed |= dict.fromkeys(latest.needed_columns(schema.names, keys))
    if where is not None:
        from lake.predicate import columns_of  # duckdb and sqlglot take 100 ms

        needed |= dict.fromkeys(columns_of(where, [*schema.names, _RAW]))
    return list(needed)


def with_asked(schema: pa.Schema, columns: Sequence[str] | None) -> pa.Schema:
    """Return a schema with the column of raw records, if that is asked for by its name."""
    from lake.tables import with_raw  # pyarrow takes 250 ms to import

    return with_raw(schema) if columns is not None and _RAW in columns else schema
