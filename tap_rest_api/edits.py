"""Turns the options "drop" and "mask" into edits of a stream's records and of their schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_rest_api import records, schemas
from tap_rest_api.field_tree import parse_path, to_tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tap_rest_api.config import Stream
    from tap_rest_api.field_tree import Tree
    from tap_rest_api.records import Edit
    from tap_rest_api.schemas import Schema, SchemaEdit


def edits_of(stream: Stream, mask_key: str, deselected: Iterable[tuple[str, ...]] = ()) -> Tree[Edit]:
    """Return what is done to a stream's records last: deselected fields, "drop" and "mask"."""
    how: Mapping[str, Edit] = {"hash": records.masked_with(mask_key), "drop": records.leave_out}
    out = [(path, records.leave_out) for path in deselected]
    return to_tree([*out, *((keys, how[what]) for keys, what in _changes(stream))])


def masks_of(stream: Stream, mask_key: str) -> Tree[Edit]:
    """Return what is done to the records of a parent whose fields a child keeps: personal data stays masked."""
    how: Mapping[str, Edit] = {"hash": records.masked_with(mask_key), "drop": records.leave_out}
    return to_tree((keys, how[what]) for path, what in stream.mask.items() for keys in parse_path(path))


def shaped_schema(stream: Stream, schema: Schema) -> Schema:
    """Return a schema of the API's records as one of what is left after the options "drop" and "mask"."""
    how: Mapping[str, SchemaEdit] = {"hash": schemas.to_hash, "drop": schemas.leave_out}
    return schemas.edit_schema(schema, to_tree((keys, how[what]) for keys, what in _changes(stream)))


def _changes(stream: Stream) -> Iterator[tuple[list[str], str]]:
    for path, what in {**stream.mask, **dict.fromkeys(stream.drop, "drop")}.items():
        for keys in parse_path(path):
            yield keys, what
