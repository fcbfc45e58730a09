"""Turns the records of a page into those that a stream is about: arrays exploded, and the ones that "where" chooses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_rest_api.errors import ConfigError, RecordsPathError
from tap_rest_api.json_body import decode_loosely, open_array, open_object, opens, search
from tap_rest_api.records import join_object

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tap_rest_api.config import Stream
    from tap_rest_api.json_body import Slice

_FALSE: tuple[Any, ...] = (None, False, "", [], {})  # as JMESPath has it: 0 is true


def shape(records: Sequence[Slice], stream: Stream) -> Sequence[Slice]:
    """Explode, then choose. Records that are neither stay as they are.

    Raises:
        RecordsPathError: A record is not an object.
        ConfigError: "where" does not fit the records, or the place of an element has the name of a field.
    """
    if stream.explode is not None:
        records = [part for record in records for part in explode(record, stream.explode)]
    if stream.condition is not None:
        records = [record for record in records if holds(stream.condition, decode_loosely(record))]
    return records


def holds(expression: str, value: Any) -> bool:
    """Tell whether a JMESPath finds in a value what counts as true."""
    found = search(expression, value)
    return not any(found is false or (type(found) is type(false) and found == false) for false in _FALSE)


def explode(record: Slice, path: str) -> Iterator[bytes]:
    """Make one record of each element of a nested array; the element stands where the array stood.

    Which element it was, from 0, stands in a new field: the array's name and `_index`. A value that is not an
    array counts as its only element; where it is null, absent or empty there is no record.
    """
    keys = path.replace("[]", "").split(".")
    name = f"{keys[-1]}_index"
    for index, members in enumerate(_explode(record, keys)):
        if name in members:
            fix = "leave that field out, or do not explode."
            raise ConfigError(f'the records have a field "{name}", where explode puts the place', fix=fix)
        yield join_object({**members, name: b"%d" % index})


def _explode(record: Slice, keys: Sequence[str]) -> Iterator[Mapping[str, Slice]]:
    if not opens(record, b"{"):
        raise RecordsPathError("has a record that is not an object", fix='"records" must lead to an array of objects.')
    members = open_object(record)
    for element in _elements(members.get(keys[0], b"null"), keys[1:]):
        yield {**members, keys[0]: element}


def _elements(value: Slice, keys: Sequence[str]) -> Iterator[Slice]:
    if opens(value, b"["):
        for element in open_array(value):
            yield from _elements(element, keys)
    elif not keys:
        if not opens(value, b"n"):
            yield value
    elif opens(value, b"{"):
        members = open_object(value)
        for element in _elements(members.get(keys[0], b"null"), keys[1:]):
            yield join_object({**members, keys[0]: element})
