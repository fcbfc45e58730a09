"""A landing stream with a primary key becomes the definition of a clean dataset: the latest row of each key."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from lake.latest import DELETED
from lake.sandbox import quote
from lake.zones.definition import Definition, parse_sql

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lake.dataset import Dataset

_LEFT_OUT = ("_sdc_received_at", "_sdc_batched_at", "_sdc_table_version")
"""Columns about how a record came; `_sdc_extracted_at`, `_sdc_sequence` and `_sdc_extra` stay."""


def default_definitions(datasets: Iterable[Dataset], defined: Iterable[Definition]) -> Iterator[Definition]:
    """Yield the clean datasets that landing streams have by default.

    Args:
        datasets: What is in the lake.
        defined: What files define: such a clean dataset takes the default's place.
    """
    taken = {each.dataset.lower() for each in defined if each.zone == "clean"}
    landed = [each for each in datasets if each.zone == "landing"]
    shared = Counter(each.stream.lower() for each in landed)
    for each in landed:
        name = each.stream if shared[each.stream.lower()] == 1 else f"{each.source}.{each.stream}"
        if name.lower() not in taken and each.key_properties:
            yield parse_sql("clean", name, _text(each), "")


def _text(dataset: Dataset) -> str:
    outline = dataset.outline(dataset.facts())
    keys = ", ".join(map(quote, outline.key_properties))
    lines = [f"-- primary key: {keys}", f"-- incremental: landing.{dataset.source}.{dataset.stream}"]
    if outline.description:
        lines.insert(0, f"-- description: {' '.join(outline.description.split())}")
    if DELETED in [column.name for column in outline.columns]:
        lines.append(f"-- delete when: {DELETED} IS NOT NULL")
    table = f"landing.{quote(f'{dataset.source}.{dataset.stream}')}"
    left_out = ", ".join(map(quote, _LEFT_OUT))
    return "\n".join(
        (
            *lines,
            f"SELECT * EXCLUDE ({left_out}) FROM {table}",  # noqa: S608 - quoted
            f'WHERE "_sdc_sequence" IN (SELECT max("_sdc_sequence") FROM {table} GROUP BY {keys})',  # noqa: S608 - quoted
        )
    )
