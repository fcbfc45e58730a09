"""A column → its leaves: the values within its objects and lists, each under the path that Parquet gives it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from target_datalake.widening import ELEMENT

if TYPE_CHECKING:
    from collections.abc import Iterator


def leaves(path: str, values: pa.Array) -> Iterator[tuple[str, pa.Array]]:
    """Yield the path of each leaf, names with dots between them and ``list.element`` for items, and all its values."""
    if pa.types.is_struct(values.type):
        for field, child in zip(values.type, values.flatten(), strict=True):
            yield from leaves(f"{path}.{field.name}", child)
    elif pa.types.is_list(values.type):
        yield from leaves(f"{path}.list.{ELEMENT}", values.flatten())
    else:
        yield path, values
