"""Datasets become what `lake catalog` and `lake show` print."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from lake.catalog import name_datasets
from lake.snapshot import summarize
from lake.text import shorten, to_bytes, to_minute, to_table
from target_datalake.log import escape

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from lake.catalog import Catalog
    from lake.dataset import Dataset
    from lake.history import History
    from lake.outline import SchemaOutline
    from lake.snapshot import StreamFacts

_HEADER = ("name", "zone", "source", "rows", "files", "bytes", "columns", "last commit")
_RIGHT = ("rows", "files", "bytes", "columns")

_MAX_CELL = 40
"""Characters of a value in a preview."""

_to_json = msgspec.json.Encoder(decimal_format="number").encode


class DatasetOverview(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset at a glance; `rows`, `files` and `bytes` are those that a reader sees."""

    name: str
    zone: str
    source: str
    description: str
    rows: int
    files: int
    bytes: int
    columns: int
    last_commit: int | None
    last_commit_at: str | None


def read_overviews(catalog: Catalog) -> list[DatasetOverview]:
    """Return every dataset of a catalog at a glance. Opens no data file."""
    facts = {history.source: summarize(history.commits()) for history in _histories(catalog)}
    named = name_datasets(catalog.datasets())
    return [
        _overview(name, dataset, (known := facts[dataset.source][dataset.stream]), dataset.outline(known))
        for name, dataset in named.items()
        if dataset.stream in facts[dataset.source]  # else it landed just now
    ]


def _histories(catalog: Catalog) -> list[History]:
    return [*catalog.histories(), *catalog.zone_histories()]


def to_catalog_table(overviews: Sequence[DatasetOverview], *, terminal: bool) -> str:
    """Return datasets as a table."""
    if not overviews:
        return "No dataset has landed yet."
    rows = [
        (
            each.name,
            each.zone,
            each.source,
            f"{each.rows:,}",
            f"{each.files:,}",
            to_bytes(each.bytes),
            str(each.columns),
            to_minute(datetime.fromisoformat(each.last_commit_at)) if each.last_commit_at else "-",
        )
        for each in overviews
    ]
    return to_table(_HEADER, rows, right=_RIGHT, terminal=terminal)


def to_document(name: str, dataset: Dataset, rows: int) -> dict[str, Any]:
    """Return all that `lake show` knows of a dataset, with a preview of some rows, as JSON values."""
    facts = dataset.facts()
    outline = dataset.outline(facts)
    columns = [{"name": each.name, "type": each.type, "description": each.description} for each in outline.columns]
    return {
        **msgspec.to_builtins(_overview(name, dataset, facts, outline)),
        "full_name": dataset.name,
        "key_properties": list(outline.key_properties),
        "received": facts.received,
        "rejected": facts.rejected,
        "commits": facts.commits,
        "columns": columns,
        "preview": msgspec.json.decode(_to_json(dataset.head(rows).to_pylist())) if rows else [],
    }


def to_page(dataset: Dataset, rows: int, *, terminal: bool) -> str:
    """Return all that `lake show` knows of a dataset as text."""
    document = to_document(dataset.name, dataset, 0)
    key = ", ".join(document["key_properties"]) or "none"
    columns = [(each["name"], each["type"], shorten(_flat(each["description"]), 80)) for each in document["columns"]]
    size = f"rows {document['rows']:,} in {document['files']:,} files, {to_bytes(document['bytes'])}"
    facts = f"{size}; commits {document['commits']:,}; rejected {document['rejected']:,}; key: {key}"
    lines = [escape(line) for line in (dataset.name, _flat(document["description"]), facts) if line]
    lines += ["", to_table(("column", "type", "description"), columns, right=(), terminal=terminal)]
    preview = dataset.head(rows) if rows else None
    if preview is not None and preview.num_rows:
        lines += ["", to_preview(preview, terminal=terminal)]
    return "\n".join(lines)


def to_preview(table: pa.Table, *, terminal: bool) -> str:
    """Return rows as a table of shortened values, without the ``_sdc_*`` columns."""
    return to_grid(
        table.select([name for name in table.column_names if not name.startswith("_sdc_")]), terminal=terminal
    )


def to_grid(table: pa.Table, *, terminal: bool) -> str:
    """Return rows as a table of shortened values."""
    rows = zip(*([_cell(value) for value in column.to_pylist()] for column in table.columns), strict=True)
    return to_table(table.column_names, list(rows), right=(), terminal=terminal)


def _overview(name: str, dataset: Dataset, facts: StreamFacts, outline: SchemaOutline) -> DatasetOverview:
    return DatasetOverview(
        name=name,
        zone=dataset.zone,
        source=dataset.source if dataset.zone == "landing" else "",
        description=outline.description,
        rows=facts.rows,
        files=facts.files,
        bytes=facts.bytes,
        columns=len(outline.columns),
        last_commit=facts.last_commit,
        last_commit_at=facts.last_commit_at,
    )


def _flat(text: str) -> str:
    return " ".join(text.split())


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else _to_json(value).decode().strip('"')
    return shorten(text, _MAX_CELL)
