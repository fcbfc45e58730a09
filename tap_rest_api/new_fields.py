"""Turns a schema into what finds the fields of a record that it does not declare, at any depth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET, Raw

from tap_rest_api.json_body import open_array, open_object, opens
from tap_rest_api.schemas import declared_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tap_rest_api.json_body import Slice
    from tap_rest_api.schemas import Schema

    Finder = Callable[[Sequence[Slice]], list["NewField"]]


@dataclass(frozen=True, slots=True)
class NewField:
    """A field that no schema declares. `path` is the keys that lead to it, with arrays left out."""

    path: tuple[str, ...]
    value: Slice


def new_field_finder(schema: Schema) -> Finder:
    """Return what finds the new fields of a page's records. An object without `properties` has none.

    A page without any is told by one decoding that builds nothing; only another is looked at record by record.
    """
    shape = _to_type([schema])
    decoder = msgspec.json.Decoder(list[shape])  # type: ignore[valid-type]  # made at run time

    def find(records: Sequence[Slice]) -> list[NewField]:
        try:
            decoder.decode(b"[%b]" % b",".join(records))
        except (msgspec.DecodeError, RecursionError):  # a new field, or a value of another type than declared
            return [field for record in records for field in _find(record, [schema], ())]
        return []

    return find


def _to_type(schemas: Sequence[Schema]) -> Any:
    fields = declared_fields(schemas)
    if fields is None:
        return Raw
    members = [(f"f{index}", _to_member(below), UNSET) for index, below in enumerate(fields.values())]
    names = {f"f{index}": name for index, name in enumerate(fields)}
    return msgspec.defstruct("Declared", members, rename=names, forbid_unknown_fields=True, gc=False)


def _to_member(schemas: Sequence[Schema]) -> Any:
    shape = _to_type(schemas)
    return shape if shape is Raw else shape | list[shape] | None  # type: ignore[valid-type]  # made at run time


def _find(value: Slice, schemas: Sequence[Schema], at: tuple[str, ...]) -> Iterator[NewField]:
    if opens(value, b"["):
        for element in open_array(value):
            yield from _find(element, schemas, at)
    elif opens(value, b"{"):
        fields = declared_fields(schemas)
        if fields is None:
            return
        for name, item in open_object(value).items():
            if name not in fields:
                yield NewField((*at, name), item)
            else:
                yield from _find(item, fields[name], (*at, name))
