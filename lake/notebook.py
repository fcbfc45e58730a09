"""A dataset or a catalog becomes the HTML that a notebook shows."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from lake.text import shorten, to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pyarrow as pa

    from lake.outline import SchemaOutline
    from lake.snapshot import StreamFacts

_CELL = 80


def dataset_html(name: str, facts: StreamFacts, outline: SchemaOutline, head: pa.Table) -> str:
    """Return a dataset's name, description, size, columns and some rows."""
    size = f"{facts.rows:,} rows in {facts.files:,} files, {to_bytes(facts.bytes)}"
    columns = [(each.name, each.type, each.description) for each in outline.columns]
    shown = head.select([column for column in head.column_names if not column.startswith("_sdc_")])
    rows = list(zip(*([_cell(value) for value in column.to_pylist()] for column in shown.columns), strict=True))
    parts = [f"<h4>{escape(name)}</h4>"]
    parts += [f"<p>{escape(text)}</p>" for text in (outline.description, size) if text]
    parts += [_table(("column", "type", "description"), columns)]
    parts += [_table(shown.column_names, rows)] if rows else []
    return "\n".join(parts)


def catalog_html(uri: str, datasets: Iterable[tuple[str, StreamFacts, SchemaOutline]]) -> str:
    """Return the datasets of a catalog, by the names they go by."""
    rows = [(name, f"{facts.rows:,}", to_bytes(facts.bytes), outline.description) for name, facts, outline in datasets]
    return f"<h4>{escape(uri)}</h4>\n{_table(('dataset', 'rows', 'bytes', 'description'), rows)}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["".join(f"<th>{escape(name)}</th>" for name in header)]
    lines += ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows]
    body = "\n".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table>\n{body}\n</table>"


def _cell(value: object) -> str:
    return "" if value is None else shorten(str(value), _CELL)
