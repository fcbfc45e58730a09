"""Undeclared values among the columns that were read → the rows that have some, and their `_sdc_extra`.

They land as the source wrote them, so they are cut from the text and never taken from a column.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from target_datalake.decode import decode_number, record_members, split_array, split_object
from target_datalake.json_schema import escape
from target_datalake.place import Notes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_read_value = msgspec.json.Decoder(float_hook=decode_number).decode


def rows_beside(
    values: pa.Array, declared: pa.DataType, beside: pa.StructType, rows: pa.Array | None = None
) -> Iterator[pa.Array]:
    """Yield the rows in which an undeclared key has a value, in any order, perhaps again.

    Args:
        values: What the parser read, of the type that `merged` gives.
        declared: What the schema declares of it.
        beside: What is known beside that.
        rows: The row of each value; None for one value a row.
    """
    if pa.types.is_list(declared):
        parents = pc.list_parent_indices(values)
        yield from rows_beside(
            values.flatten(), declared.value_type, beside, parents if rows is None else rows.take(parents)
        )
        return
    parts = dict(zip((field.name for field in values.type), values.flatten(), strict=True))
    for field in beside:
        index = declared.get_field_index(field.name)
        if index >= 0:
            yield from rows_beside(parts[field.name], declared.field(index).type, field.type, rows)
        else:
            there = pc.indices_nonzero(pc.is_valid(parts[field.name]))
            yield there if rows is None else rows.take(there)


def extra_text(line: bytes, declared: pa.StructType, beside: pa.StructType) -> str | None:
    """Return the `_sdc_extra` of a record whose undeclared keys are known.

    Raises one of `DECODE_ERRORS` where a value is none that the record-by-record path reads.
    """
    notes = Notes()
    _keep_members(record_members(line), declared, beside, "", notes)
    return notes.extra_text()


def _keep_members(
    members: Mapping[str, msgspec.Raw], declared: pa.StructType, beside: pa.StructType, pointer: str, notes: Notes
) -> None:
    """Note the undeclared members of an object, and then those within its declared ones."""
    names = {field.name for field in declared}
    inside = {field.name: field.type for field in beside if field.name in names}
    for name, raw in members.items():
        text = bytes(raw)
        if name not in names and text != b"null":
            if text[:1] != b'"':
                _read_value(text)
            notes.extra[f"{pointer}/{escape(name)}"] = text.decode("utf-8")
    for field in declared:
        if field.name in inside and field.name in members:
            place = f"{pointer}/{escape(field.name)}"
            _keep_within(bytes(members[field.name]), field.type, inside[field.name], place, notes)


def _keep_within(text: bytes, declared: pa.DataType, beside: pa.StructType, pointer: str, notes: Notes) -> None:
    if text == b"null":
        return
    if pa.types.is_list(declared):
        for index, item in enumerate(split_array(text)):
            _keep_within(bytes(item), declared.value_type, beside, f"{pointer}/{index}", notes)
    else:
        _keep_members(split_object(text), declared, beside, pointer, notes)
