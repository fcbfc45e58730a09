"""Rows as received become one row for each primary key: the last one that came."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

SEQUENCE = "_sdc_sequence"
DELETED = "_sdc_deleted_at"


def latest_rows(table: pa.Table, keys: Sequence[str]) -> pa.Table:
    """Return, for each primary key, the row with the highest `_sdc_sequence`, then leave out those that are deleted.

    Args:
        table: Rows with their `_sdc_sequence`, which no two rows of a dataset share.
        keys: The primary key; without one every row is the latest of its own.
    """
    if keys:
        highest = table.select([*keys, SEQUENCE]).group_by(list(keys)).aggregate([(SEQUENCE, "max")])
        table = table.filter(pc.is_in(table[SEQUENCE], value_set=highest[f"{SEQUENCE}_max"].combine_chunks()))
    return table.filter(pc.is_null(table[DELETED])) if DELETED in table.column_names else table


def needed_columns(known: Sequence[str], keys: Sequence[str]) -> list[str]:
    """Return the columns that `latest_rows` looks at."""
    return [name for name in (*keys, SEQUENCE, DELETED) if name in known]
