"""A SQL query becomes an Arrow table, over the datasets that it names and nothing else."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import traverse_scope

from lake.errors import QueryError, UnknownDatasetError
from lake.sandbox import Name, sandbox

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from lake.dataset import Dataset

_EXAMPLE = 'write one SELECT, such as "SELECT count(*) FROM landing.diaper_reviews"'
_WRITES = (exp.DDL, exp.DML, exp.Copy, exp.Command, exp.Into)


def run_query(catalog: Mapping[str, Dataset], text: str, *, memory_limit: str | None = None) -> pa.Table:
    """Answer one query.

    Args:
        catalog: Where the names of datasets are looked up: ``landing.<stream>``, ``landing."<source>.<stream>"``, or
            a bare name.
        text: One SELECT in DuckDB's SQL.
        memory_limit: See `sandbox`.

    Raises:
        QueryError: It is no single query, names an unknown dataset, or fails.
        StorageError: A data file is missing or damaged; it is named.
    """
    read = {name: (dataset, dataset.files()) for name in parse_tables(text) for dataset in [_find(catalog, name)]}
    tables = {name: dataset.scan_files(files, dataset.schema_of(files)) for name, (dataset, files) in read.items()}

    def check() -> None:
        for dataset, files in read.values():
            dataset.check_readable(files)

    with sandbox(tables, memory_limit=memory_limit, check=check) as connection:
        answer = connection.sql(text).to_arrow_table()
    twice = [name for name, count in Counter(answer.column_names).items() if count > 1]
    if twice:
        raise QueryError(f"two columns are named {twice[0]!r}", where="SQL", fix="name one of them with AS")
    return answer


def parse_tables(text: str) -> list[Name]:
    """Return the tables that a query reads, as schema (empty for none) and name, in order of appearance.

    Raises:
        QueryError: It is not exactly one query, or does more than to read.
    """
    tree = _parse(text)
    found: dict[Name, None] = {}
    for scope in traverse_scope(tree):
        for source in scope.sources.values():
            if isinstance(source, exp.Table) and isinstance(source.this, exp.Identifier):
                if source.catalog:
                    raise QueryError(f"there is no database {source.catalog!r}", where="SQL", fix="use zone.name")
                found[source.db, source.name] = None
    return list(found)


def parse_names(text: str) -> frozenset[str] | None:
    """Return every name that stands in a query, in lower case: it reads no column of another name.

    None where it may read columns that it does not name, as ``*`` does. Raises as `parse_tables` does.
    """
    tree = _parse(text)
    stars = [star for star in tree.find_all(exp.Star) if not isinstance(star.parent, exp.Count)]
    joins = [join for join in tree.find_all(exp.Join) if join.args.get("method")]  # NATURAL, ASOF, POSITIONAL
    tables = {
        name.lower() for each in tree.find_all(exp.Table, exp.Subquery, exp.CTE) for name in (each.name, each.alias)
    }
    whole_rows = [column for column in tree.find_all(exp.Column) if column.name.lower() in tables and not column.table]
    positions = [alias for alias in tree.find_all(exp.TableAlias) if alias.columns]
    if stars or joins or whole_rows or positions or tree.find(exp.Columns, exp.Pivot, exp.PositionalColumn):
        return None
    return frozenset(each.name.lower() for each in tree.find_all(exp.Identifier))


def _parse(text: str) -> exp.Query:
    try:
        statements = [statement for statement in sqlglot.parse(text, dialect="duckdb") if statement is not None]
    except (SqlglotError, RecursionError) as error:
        message = str(error).split("\n", 1)[0]
        raise QueryError(f"this is not SQL: {message}", where="SQL", fix=_EXAMPLE) from None
    if len(statements) != 1:
        raise QueryError(f"expected one query, found {len(statements)} statements", where="SQL", fix=_EXAMPLE)
    tree = statements[0]
    if not isinstance(tree, exp.Query) or any(tree.find(kind) for kind in _WRITES):
        raise QueryError("only queries are answered: the lake is not written through SQL", where="SQL", fix=_EXAMPLE)
    return tree


def _find(catalog: Mapping[str, Dataset], name: Name) -> Dataset:
    schema, table = name
    try:
        return catalog[f"{schema}.{table}" if schema else table]
    except UnknownDatasetError as error:
        raise QueryError(error.message, where="SQL", fix=error.fix) from None
