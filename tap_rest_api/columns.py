"""Turns a page's records into the values of a few of their fields, without decoding the rest of them."""

from __future__ import annotations

import json
from decimal import Decimal
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET

from tap_rest_api.errors import RecordsPathError
from tap_rest_api.json_body import exact_integer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tap_rest_api.json_body import Slice

Columns = dict[str, list[Any]]


def column_reader(names: Sequence[str]) -> Callable[[Sequence[Slice]], Columns]:
    """Return what reads some top-level fields of every record of a page.

    The reader gives one list a name, in the order of the records; UNSET stands for an absent field. It raises
    RecordsPathError when a record is not an object.
    """
    names = list(dict.fromkeys(names))
    slots = [f"f{index}" for index in range(len(names))]
    fields = [(slot, Any, UNSET) for slot in slots]
    row = msgspec.defstruct("Row", fields, rename=dict(zip(slots, names, strict=True)), gc=False)
    decoder = msgspec.json.Decoder(list[row])  # type: ignore[valid-type]  # made at run time

    def read(records: Sequence[Slice]) -> Columns:
        try:
            rows = decoder.decode(b"[%b]" % b",".join(records))
        except (msgspec.DecodeError, RecursionError):
            return _read_tolerantly(records, names)
        return {name: list(map(attrgetter(slot), rows)) for slot, name in zip(slots, names, strict=True)}

    return read


def _read_tolerantly(records: Sequence[Slice], names: Sequence[str]) -> Columns:
    """Read a page that msgspec refuses, for a NaN, half a surrogate pair or a number beyond every float."""
    rows = [_decode(record) for record in records]
    if not all(isinstance(row, dict) for row in rows):
        raise RecordsPathError("has a record that is not an object", fix='"records" must lead to an array of objects.')
    return {name: [row.get(name, UNSET) for row in rows] for name in names}


def _decode(record: Slice) -> Any:
    return json.loads(bytes(record), parse_float=Decimal, parse_int=exact_integer)
