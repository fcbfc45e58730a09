"""A table and a SQL condition become the rows for which it is true, each as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from lake.errors import QueryError
from lake.sandbox import quote, sandbox

if TYPE_CHECKING:
    from collections.abc import Sequence

_FORBIDDEN = (exp.Query, exp.AggFunc, exp.Window, exp.Command)
_ROW = "__row"
_EXAMPLE = 'write it like "rating >= 4"'


def parse_predicate(where: str) -> frozenset[str]:
    """Check a condition on one row, in DuckDB's SQL, and return the names it uses, in lower case.

    Raises:
        QueryError: It is no single condition, or asks for more than the row it stands beside.
    """
    statement = f"SELECT * FROM t WHERE (\n{where}\n)"  # noqa: S608 - only parsed
    try:
        condition = sqlglot.parse_one(statement, dialect="duckdb").args.get("where")
    except (SqlglotError, RecursionError) as error:
        message = str(error).split("\n", 1)[0]
        raise QueryError(f"the condition is not SQL: {message}", where="where", fix=_EXAMPLE) from None
    if not isinstance(condition, exp.Where) or not isinstance(condition.this, exp.Paren):
        raise QueryError("the condition is not one expression", where="where", fix=_EXAMPLE)
    if any(condition.find(kind) for kind in _FORBIDDEN):
        fix = "leave out subqueries, aggregates and window functions; `lake sql` takes them"
        raise QueryError("a condition looks at one row alone", where="where", fix=fix)
    return frozenset(column.parts[0].name.lower() for column in condition.find_all(exp.Column))


def columns_of(where: str, known: Sequence[str]) -> list[str]:
    """Return the columns of a dataset that a condition needs. Raises as `parse_predicate` does."""
    used = parse_predicate(where)
    return [name for name in known if name.lower() in used]


def filter_rows(table: pa.Table, where: str) -> pa.Table:
    """Return the rows for which a condition is true, in their order and unchanged.

    DuckDB only tells which rows they are: no value passes through its types.

    Raises:
        QueryError: The condition is not SQL, or does not fit the columns.
    """
    found = matching_rows(table, where)
    return table if len(found) == table.num_rows else table.take(found)


def matching_rows(table: pa.Table, where: str) -> pa.ChunkedArray:
    """Return the numbers, from 0, of the rows for which a condition is true, in their order. Raises QueryError."""
    used = columns_of(where, table.column_names)
    numbered = table.select(used).append_column(_ROW, pa.array(range(table.num_rows), pa.int64()))
    with sandbox({("", "rows"): numbered}) as connection:
        query = f"SELECT {quote(_ROW)} FROM rows WHERE (\n{where}\n) ORDER BY 1"  # noqa: S608 - parsed as one condition
        return connection.sql(query).to_arrow_table().column(0)
