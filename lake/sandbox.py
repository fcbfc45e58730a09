"""Tables become something that SQL can ask, and nothing else can: a DuckDB that sees only what it is handed."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import duckdb

from lake.errors import QueryError
from lake.interrupt import interrupted_by_signals
from lake.unlocked import to_scannable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Name = tuple[str, str]

_SETTINGS = {
    "python_enable_replacements": "false",  # a Python variable's name is no table
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
}
_LOCKS = (
    "SET TimeZone = 'UTC'",
    "SET enable_external_access = false",
    "SET lock_configuration = true",  # last: nothing above can be taken back
)


@contextmanager
def sandbox(
    tables: Mapping[Name, Any], *, memory_limit: str | None = None, check: Callable[[], None] | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database in memory over some tables, closed to files, network, extensions and its own settings.

    Args:
        tables: What DuckDB can scan, such as a pyarrow Table or Dataset, by schema and name; the schema may be empty.
        memory_limit: How much of it stays in memory, such as ``2GB``; what is more spills into a folder of its own,
            which is removed at the end. None is DuckDB's default, 80% of the machine's.
        check: Called when the rows of a table could not be read; raises what is wrong with them.

    Raises:
        QueryError: What is asked inside cannot be answered; the message is DuckDB's first line.
    """
    with tempfile.TemporaryDirectory(prefix="lake-sql-") as folder:
        limit = {} if memory_limit is None else {"memory_limit": memory_limit}
        with duckdb.connect(":memory:", config={**_SETTINGS, **limit, "temp_directory": folder}) as connection:
            for number, (name, table) in enumerate(tables.items()):
                _put(connection, name, f"__table_{number}", table)
            for statement in _LOCKS:
                connection.execute(statement)
            try:
                with interrupted_by_signals(connection):
                    yield connection
            except duckdb.Error as error:
                if check is not None and is_unreadable(error):
                    check()
                raise QueryError(_first_line(error), fix="mend the query") from None


def is_unreadable(error: duckdb.Error) -> bool:
    """Tell whether a query failed since the rows of a table could not be read, which is no fault of the query."""
    return "reading the stream registered as" in str(error)


def join_name(name: Name) -> str:
    """Return a table's name as people write it: `zone.name`, or the name alone."""
    return ".".join(part for part in name if part)


def quote(name: str) -> str:
    """Return a name as SQL takes it, whatever it holds."""
    return '"' + name.replace('"', '""') + '"'


def _put(connection: duckdb.DuckDBPyConnection, name: Name, handle: str, table: Any) -> None:
    schema = quote(name[0] or "main")
    connection.register(handle, to_scannable(table))
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    connection.execute(f"CREATE VIEW {schema}.{quote(name[1])} AS SELECT * FROM {handle}")  # noqa: S608 - quoted


def _first_line(error: duckdb.Error) -> str:
    return str(error).strip().split("\n", 1)[0]
