"""A landing stream with a primary key becomes the definition of a clean dataset: the latest row of each key."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from lake.latest import DELETED
from lake.sandbox import quote
from lake.zones.definition import Definition
from lake.zones.header import Header

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
            yield _define(name, each)


def _define(name: str, dataset: Dataset) -> Definition:
    outline = dataset.outline(dataset.facts())
    stream = f"{dataset.source}.{dataset.stream}"
    keys, table = ", ".join(map(quote, outline.key_properties)), f"landing.{quote(stream)}"
    text = (
        f"SELECT * EXCLUDE ({', '.join(_LEFT_OUT)}) FROM {table}\n"  # noqa: S608 - quoted
        f"WHERE _sdc_sequence IN (SELECT max(_sdc_sequence) FROM {table} GROUP BY {keys})"
    )
    header = Header(
        description=outline.description,
        primary_key=outline.key_properties,
        incremental=f"landing.{stream}",
        delete_when=f"{DELETED} IS NOT NULL" if DELETED in [column.name for column in outline.columns] else "",
    )
    return Definition("clean", name, "", text, "sql", header, (("landing", stream),))
