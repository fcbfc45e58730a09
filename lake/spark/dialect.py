"""A query in DuckDB's SQL becomes one in Spark's, if both engines are known to answer it alike.

Nothing passes that is not on a list below, and everything on the lists is run on both engines, over awkward values, by
``tests/spark``. What is off the lists is refused, since much of it would give other rows without a word: `week`,
`dayofweek`, `list`, `CAST(1.5 AS BIGINT)`, `LIKE` with a backslash, `lower('İ')`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import traverse_scope

from lake.errors import QueryError
from lake.sandbox import join_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lake.sandbox import Name

_FIX = "write it with other functions, or put the query in Spark's own SQL beside it, in {beside}"

_CLAUSES = (
    *(exp.Select, exp.From, exp.Where, exp.Group, exp.Having, exp.Order, exp.Ordered, exp.Limit, exp.Offset),
    *(exp.Qualify, exp.Distinct, exp.With, exp.CTE, exp.Subquery, exp.Table, exp.TableAlias, exp.Join),
    *(exp.Union, exp.Except, exp.Intersect, exp.Cube, exp.Rollup, exp.GroupingSets),
    *(exp.Window, exp.WindowSpec, exp.Filter, exp.Alias, exp.Column, exp.Dot, exp.Identifier, exp.Star, exp.Paren),
    *(exp.Literal, exp.Null, exp.Boolean, exp.DataType, exp.DataTypeParam, exp.Var, exp.Interval),
)
_OPERATORS = (
    *(exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.Neg, exp.DPipe),
    *(exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Is, exp.NullSafeEQ, exp.NullSafeNEQ),
    *(exp.And, exp.Or, exp.Not, exp.In, exp.Between, exp.Exists, exp.Like, exp.Escape, exp.Case, exp.If),
)
_FUNCTIONS = (
    *(exp.Count, exp.CountIf, exp.Sum, exp.Avg, exp.Min, exp.Max, exp.LogicalAnd, exp.LogicalOr),
    *(exp.RowNumber, exp.Rank, exp.DenseRank, exp.PercentRank, exp.Ntile, exp.Lag, exp.Lead),
    *(exp.FirstValue, exp.LastValue),
    *(exp.Cast, exp.Coalesce, exp.Nullif, exp.Greatest, exp.Least, exp.Abs, exp.Sign, exp.Round),
    *(exp.Length, exp.Replace, exp.Trim, exp.Contains, exp.StartsWith, exp.EndsWith, exp.StrPosition, exp.Substring),
    *(exp.Concat, exp.ConcatWs, exp.MD5, exp.SHA2),
    *(exp.Year, exp.Quarter, exp.Month, exp.Day, exp.DayOfYear, exp.Hour, exp.Minute, exp.Second, exp.LastDay),
    *(exp.Extract, exp.TimestampTrunc),
)
_PROVED = frozenset((*_CLAUSES, *_OPERATORS, *_FUNCTIONS))

_KINDS: Mapping[str, frozenset[Any]] = {
    "integer": frozenset(
        {*exp.DataType.SIGNED_INTEGER_TYPES, *exp.DataType.UNSIGNED_INTEGER_TYPES, exp.DataType.Type.INT128}
    ),
    "decimal": frozenset({exp.DataType.Type.DECIMAL}),
    "double": frozenset({exp.DataType.Type.DOUBLE}),
    "text": frozenset(exp.DataType.TEXT_TYPES),
    "boolean": frozenset({exp.DataType.Type.BOOLEAN}),
    "date": frozenset({exp.DataType.Type.DATE}),
    "time stamp": frozenset(
        {exp.DataType.Type.TIMESTAMP, exp.DataType.Type.TIMESTAMPNTZ, exp.DataType.Type.TIMESTAMPTZ}
    ),
}
_CASTS: Mapping[str, frozenset[str]] = {
    "integer": frozenset({"integer", "boolean"}),
    "decimal": frozenset({"integer", "decimal"}),
    "double": frozenset({"integer", "decimal", "double"}),
    "text": frozenset({"integer", "decimal", "boolean", "date", "text"}),
    "boolean": frozenset({"boolean"}),
    "date": frozenset({"date", "time stamp"}),
    "time stamp": frozenset({"date", "time stamp"}),
}
"""What may be cast to each kind."""

_SPACES = " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
"""What DuckDB's `trim` takes away: Unicode's space separators. Spark's takes away U+0020 alone."""

_LITERAL = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]00(?::00)?)?)?")
_UNITS = frozenset({"YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND"})
_UNIT_OF: Mapping[type[exp.Expr], tuple[str, frozenset[str]]] = {
    exp.TimestampTrunc: ("unit", _UNITS),
    exp.Extract: ("this", _UNITS - {"WEEK"}),
    exp.Interval: ("unit", _UNITS - {"QUARTER"}),
}


def to_spark(text: str, tables: Mapping[Name, tuple[str, pa.Schema]], beside: str) -> str:
    """Return a query for Spark that gives the rows which DuckDB gives for `text`.

    Where one engine fails, as on an overflow, so does the other, or it is Spark alone that fails. Sums and averages of
    floats may differ in their last bits, as the order in which a cluster adds them is not fixed.

    Args:
        text: One query, in DuckDB's SQL.
        tables: For each table that it reads, the name of Spark's view and its columns.
        beside: The file in which a user may write the query for Spark, for messages.

    Raises:
        QueryError: It holds something of which it is not proved that both engines do the same.
    """
    fix = _FIX.format(beside=beside)
    try:
        tree = _typed(text, tables)
    except SqlglotError as error:
        raise QueryError(f"not for Spark: {str(error).splitlines()[0]}", fix=fix) from None
    for node in tree.walk():
        doubt = _doubt(node)
        if doubt:
            raise QueryError(f"{doubt} is not known to be the same on DuckDB and Spark", fix=fix)
    return tree.transform(_rewrite).sql(dialect="spark")


def condition_to_spark(where: str, schema: pa.Schema) -> str:
    """Return a condition on one row, in DuckDB's SQL, as Spark takes it of a DataFrame by the alias ``rows``.

    Raises:
        QueryError: It holds something of which it is not proved that both engines do the same.
    """
    query = f"SELECT 1 AS one FROM rows WHERE (\n{where}\n)"  # noqa: S608 - only parsed
    try:
        text = to_spark(query, {("", "rows"): ("rows", schema)}, "")
    except QueryError as error:
        fix = "leave where out, and filter the DataFrame by Spark's own functions"
        raise QueryError(error.message, where="where", fix=fix) from None
    condition = sqlglot.parse_one(text, dialect="spark").args["where"].this
    return str(condition.sql(dialect="spark"))


def rename_tables(text: str, tables: Mapping[Name, tuple[str, pa.Schema]], beside: str) -> str:
    """Return a query in Spark's own SQL over the views that stand for the tables it names. Raises QueryError."""
    try:
        tree = _parse(text, tables, "spark")
    except SqlglotError as error:
        raise QueryError(f"this is not Spark's SQL: {str(error).splitlines()[0]}", where=beside) from None
    except KeyError as error:
        name = join_name(error.args[0])
        fix = "read what the query for DuckDB reads, under the same names"
        raise QueryError(f"this query reads {name}, which the one beside it does not", where=beside, fix=fix) from None
    return tree.sql(dialect="spark")


def _typed(text: str, tables: Mapping[Name, tuple[str, pa.Schema]]) -> exp.Expr:
    """Return the query over the views, each column qualified, each type known."""
    tree = _parse(text, tables, "duckdb")
    types: dict[str, object] = {
        view: {field.name: _to_type(field.type) for field in schema} for view, schema in tables.values()
    }
    return annotate_types(qualify(tree, schema=types, dialect="duckdb"), schema=types, dialect="duckdb")


def _parse(text: str, tables: Mapping[Name, tuple[str, pa.Schema]], dialect: str) -> exp.Query:
    """Return the query with each table's name replaced by its view's, under the name that columns go by."""
    tree = sqlglot.parse_one(text, dialect=dialect)
    if not isinstance(tree, exp.Query):
        raise SqlglotError("write one query")
    for scope in traverse_scope(tree):
        for source in scope.sources.values():
            if isinstance(source, exp.Table) and isinstance(source.this, exp.Identifier):
                view, _ = tables[source.db, source.name]
                if not source.alias:
                    source.set("alias", exp.TableAlias(this=exp.to_identifier(source.name, quoted=True)))
                source.set("this", exp.to_identifier(view))
                source.set("db", None)
    for column in tree.find_all(exp.Column):
        if (column.text("db"), column.table) in tables:  # else it is a column, and what follows is inside its object
            column.set("db", None)
    return tree


def _to_type(kind: pa.DataType) -> exp.DataType:
    if pa.types.is_struct(kind):
        fields = [
            exp.ColumnDef(this=exp.to_identifier(each.name, quoted=True), kind=_to_type(each.type)) for each in kind
        ]
        return exp.DataType(this=exp.DataType.Type.STRUCT, expressions=fields, nested=True)
    if pa.types.is_decimal(kind):
        return exp.DataType.build(f"DECIMAL({kind.precision},{kind.scale})", dialect="duckdb")
    for is_kind, name in _ARROW:
        if is_kind(kind):
            return exp.DataType.build(name, dialect="duckdb")
    return exp.DataType(this=exp.DataType.Type.UNKNOWN)


_ARROW: tuple[tuple[Callable[[pa.DataType], bool], str], ...] = (
    (pa.types.is_integer, "BIGINT"),
    (pa.types.is_floating, "DOUBLE"),
    (pa.types.is_string, "VARCHAR"),
    (pa.types.is_large_string, "VARCHAR"),
    (pa.types.is_boolean, "BOOLEAN"),
    (pa.types.is_date, "DATE"),
    (pa.types.is_timestamp, "TIMESTAMPTZ"),
)


def _doubt(node: exp.Expr) -> str | None:
    """Return what of a node is not proved; None where all is."""
    if type(node) not in _PROVED:
        return _shown(node)
    if type(node) in _UNIT_OF:
        argument, proved = _UNIT_OF[type(node)]
        unit = node.args.get(argument)
        return None if unit is not None and unit.name.upper() in proved else _shown(node)
    check = _CHECKS.get(type(node))
    return _shown(node) if check is not None and not check(node) else None


def _is_proved_cast(node: exp.Expr) -> bool:
    wanted = _kind(node.args["to"])
    if wanted is None:
        return False
    if isinstance(node.this, exp.Literal) and node.this.is_string:
        return wanted == "text" or (wanted in {"date", "time stamp"} and bool(_LITERAL.fullmatch(node.this.name)))
    return isinstance(node.this, exp.Null) or _kind(node.this.type) in _CASTS[wanted]


def _is_plain_pattern(node: exp.Expr) -> bool:
    """Tell whether a pattern of LIKE is a text without a backslash, which escapes in Spark and not in DuckDB."""
    pattern = node.expression
    return isinstance(pattern, exp.Literal) and "\\" not in pattern.name


def _is_plain_substring(node: exp.Expr) -> bool:
    """Tell whether it counts from a fixed place on: places before the first count otherwise in Spark."""
    start, length = node.args.get("start"), node.args.get("length")
    return (
        isinstance(start, exp.Literal)
        and start.name.isdecimal()
        and int(start.name) > 0
        and (length is None or (isinstance(length, exp.Literal) and length.name.isdecimal()))
    )


def _has_only(*arguments: str) -> Callable[[exp.Expr], bool]:
    """Make a check that a function was called with no more than these arguments."""

    def check(node: exp.Expr) -> bool:
        return all(name in arguments for name, value in node.args.items() if value)

    return check


def _is_plain_round(node: exp.Expr) -> bool:
    """Tell whether it rounds a float or a decimal to a fixed number of places after the point."""
    places = node.args.get("decimals")
    fixed = places is None or (isinstance(places, exp.Literal) and places.name.isdecimal())
    return fixed and not node.args.get("truncate") and _kind(node.this.type) in {"double", "decimal"}


_CHECKS: Mapping[type[exp.Expr], Callable[[exp.Expr], bool]] = {
    exp.Cast: _is_proved_cast,
    exp.Like: _is_plain_pattern,
    exp.Substring: _is_plain_substring,
    exp.Round: _is_plain_round,
    exp.Trim: _has_only("this"),
    exp.StrPosition: _has_only("this", "substr"),
    exp.SHA2: lambda node: node.text("length") in {"", "256"},
    exp.Subquery: lambda node: not node.args.get("sample"),
    exp.Table: lambda node: not node.args.get("sample"),
    exp.Join: lambda node: not node.args.get("method"),
    exp.Distinct: _has_only("expressions"),
}


def _kind(kind: exp.DataType | None) -> str | None:
    return next((name for name, types in _KINDS.items() if kind is not None and kind.this in types), None)


def _shown(node: exp.Expr) -> str:
    """Return a node as DuckDB writes it, cut where it is long."""
    text = node.sql(dialect="duckdb")
    return text if len(text) <= 60 else f"{text[:59]}…"  # noqa: PLR2004 - what fits a line of a message


def _rewrite(node: exp.Expr) -> exp.Expr:
    """Divide and average in floats, round and trim, as DuckDB does."""
    if isinstance(node, exp.Div):
        return exp.Div(this=_as_double(node.this), expression=_as_double(node.expression), typed=False, safe=False)
    if isinstance(node, exp.Round) and _kind(node.this.type) == "double":
        return _rounded(node)
    if isinstance(node, exp.Trim):
        return exp.Trim(this=node.this, expression=exp.Literal.string(_SPACES), position="BOTH")
    if isinstance(node, exp.Avg) and not isinstance(node.this, exp.Distinct):
        return exp.Avg(this=_as_double(node.this))
    return node


def _rounded(node: exp.Round) -> exp.Expr:
    """Round a float as DuckDB does: the scaled float, halves away from zero; as it is where scaling overflows."""
    scale = exp.Literal.number(f"1e{node.text('decimals') or 0}")
    scaled = exp.Mul(this=exp.paren(node.this.copy()), expression=scale)
    rounded = exp.Div(this=exp.Round(this=scaled), expression=scale.copy(), typed=False, safe=False)
    fits = exp.LTE(this=exp.Abs(this=scaled.copy()), expression=exp.Literal.number("1.7976931348623157e308"))
    return exp.Case(ifs=[exp.If(this=fits, true=rounded)], default=node.this.copy())


def _as_double(node: exp.Expr) -> exp.Expr:
    return exp.cast(node, exp.DataType.Type.DOUBLE) if _kind(node.type) != "double" else node
