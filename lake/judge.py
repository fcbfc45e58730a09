"""A SQL condition becomes verdicts about rows, and about records that are known only by their text."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from lake.errors import QueryError
from lake.predicate import columns_of, matching_rows
from lake.sandbox import quote, sandbox


class Judge:
    """One condition over the columns of a dataset.

    Args:
        where: A condition on one row, in SQL.
        columns: What every table has that is asked about.

    Raises:
        QueryError: It is no single condition, names a column that is not there, or compares what cannot be compared.

    Attributes:
        columns: Those columns.
    """

    def __init__(self, where: str, columns: pa.Schema) -> None:
        self._where = where
        self._used = columns_of(where, columns.names)
        self.columns = columns
        matching_rows(columns.empty_table(), where)  # what is wrong with the condition shows here, before any value

    def matches(self, table: pa.Table, place: str) -> pa.BooleanArray:
        """Return for each row whether the condition is true; it is neither where it is false nor where it is NULL.

        Args:
            table: Rows under the columns.
            place: Where they stand, for an error.

        Raises:
            QueryError: It cannot be evaluated for a row; the message holds no value.
        """
        try:
            found = matching_rows(table, self._where)
        except QueryError:  # DuckDB's message may hold a value
            fix = "cast with TRY_CAST, which gives NULL where a value does not fit"
            raise QueryError("the condition cannot be evaluated for every row", where=place, fix=fix) from None
        return pc.is_in(pa.array(range(table.num_rows), pa.int64()), value_set=found.combine_chunks())

    def matches_texts(self, texts: pa.Table, place: str) -> tuple[pa.BooleanArray, pa.BooleanArray]:
        """Decide about records whose values are texts: each counts as its column's type, if that can hold it.

        Args:
            texts: A string column for each of the columns; null where a record has no value.
            place: Where they stand, for an error.

        Returns:
            For each record whether the condition is true, and whether a column that the condition names cannot hold
            its value, so that nobody can tell.
        """
        rows = self._cast(texts)
        lost = pa.array([False] * texts.num_rows, pa.bool_())
        for name in self._used:
            was_there, is_gone = pc.is_valid(texts.column(name)), pc.is_null(rows.column(name))
            lost = pc.or_(lost, pc.and_(was_there, is_gone).combine_chunks())
        matched = self.matches(rows, place)
        return matched, pc.and_not(lost, matched)

    def _cast(self, texts: pa.Table) -> pa.Table:
        with sandbox({("", "typed"): self.columns.empty_table(), ("", "texts"): texts}) as connection:
            types = connection.sql("SELECT * FROM typed").types
            casts = ", ".join(_cast(field, str(kind)) for field, kind in zip(self.columns, types, strict=True))
            cast: pa.Table = connection.sql(f"SELECT {casts} FROM texts").to_arrow_table()  # noqa: S608 - quoted
        return cast


def _cast(field: pa.Field, kind: str) -> str:
    name = quote(field.name)
    source = f"TRY_CAST({name} AS JSON)" if pa.types.is_nested(field.type) else name
    return f"TRY_CAST({source} AS {kind}) AS {name}"
