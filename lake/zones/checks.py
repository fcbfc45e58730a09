"""What a header expects of a dataset becomes the expectations that a new version does not meet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lake.sandbox import quote, sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lake.zones.header import Header

_ROWS = '"checked"'


def find_unmet(header: Header, checked: Any, rows: int, rows_before: int | None, memory_limit: str) -> list[str]:
    """Return a sentence for each expectation that is not met; never a value.

    Args:
        header: What is expected.
        checked: The columns it is about, of all rows, as something that DuckDB can scan; None if it is about none.
        rows: How many rows there are.
        rows_before: How many the version before has; None without one.
        memory_limit: How much memory the checks may use.
    """
    unmet = list(_row_change(header, rows, rows_before))
    counts = dict(_counts(header))
    if counts and rows:
        with sandbox({("", "checked"): checked}, memory_limit=memory_limit) as connection:
            for told, query in counts.items():
                found = connection.execute(query).fetchall()[0][0]
                if found:
                    unmet.append(told.format(count=f"{found:,}", rows=f"{rows:,}"))
    return unmet


def _counts(header: Header) -> Iterator[tuple[str, str]]:
    """Yield what is said where a count is not 0, and the query that counts."""
    for name in dict.fromkeys((*header.primary_key, *header.not_null)):
        told = f"not null: {_shown(name)} has no value in {{count}} of {{rows}} rows"
        yield told, f"SELECT count(*) FROM {_ROWS} WHERE {quote(name)} IS NULL"  # noqa: S608 - quoted
    for names in dict.fromkeys((header.primary_key, *header.unique)):
        if names:
            shown = ", ".join(map(_shown, names))
            columns = ", ".join(map(quote, names))
            given = " AND ".join(f"{quote(name)} IS NOT NULL" for name in names)
            shared = f"SELECT 1 FROM {_ROWS} WHERE {given} GROUP BY {columns} HAVING count(*) > 1"  # noqa: S608 - quoted
            yield f"unique: {{count}} values of {shown} stand in several rows", f"SELECT count(*) FROM ({shared})"  # noqa: S608
    for name, values in header.accepted:
        texts = ", ".join(_literal(value) for value in values)
        told = f"accepted values: {_shown(name)} has another value in {{count}} of {{rows}} rows"
        yield told, f"SELECT count(*) FROM {_ROWS} WHERE CAST({quote(name)} AS VARCHAR) NOT IN ({texts})"  # noqa: S608


def _row_change(header: Header, rows: int, before: int | None) -> Iterator[str]:
    if header.row_change is None or before is None:
        return
    change = abs(rows - before) / before if before else float(rows > 0)
    if change > header.row_change:
        told = f"{change:.1%}, and at most {header.row_change:.1%} is expected"
        yield f"row count change: {rows:,} rows after {before:,} are a change of {told}"


def _shown(name: str) -> str:
    return f'"{name}"'.replace("{", "{{").replace("}", "}}")


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
