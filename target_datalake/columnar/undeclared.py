"""Keys that a schema does not declare → Arrow types that the JSON parser reads them by, and their `_sdc_extra`.

The parser refuses a key it does not know, and so it is told of those that come: what type each has, found out from
lines it refused. Their values land as the source wrote them, so they are cut from the text and never from a column.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec
import pyarrow as pa
import pyarrow.json as pj

from target_datalake.decode import DECODE_ERRORS, decode_number, record_members
from target_datalake.json_schema import escape
from target_datalake.place import Notes

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_KEYS: Final = 200
_SAMPLES: Final = 200
_MAX_BRACKETS: Final = 100
"""Brackets in a value whose type is inferred: Arrow's reader of nested types recurses."""

_KINDS: Final = {
    **dict.fromkeys("-0123456789", pa.float64()),
    '"': pa.string(),
    "t": pa.bool_(),
    "f": pa.bool_(),
    "n": pa.null(),
}
_read_value = msgspec.json.Decoder(float_hook=decode_number).decode
_split_message = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Unlearnable(Exception):  # noqa: N818 (a verdict about some keys, no error)
    """Undeclared keys have values of unlike types, or are too many."""


@dataclass(frozen=True)
class Undeclared:
    """What comes beside the declared keys.

    Attributes:
        message: Fields beside those of a RECORD message.
        record: Fields beside those of its record.
    """

    message: tuple[pa.Field, ...] = ()
    record: tuple[pa.Field, ...] = ()

    @property
    def is_known(self) -> bool:
        """Return whether there is any."""
        return bool(self.message or self.record)

    def learn(self, lines: Iterable[bytes], message: Iterable[str], record: Iterable[str]) -> Undeclared:
        """Return what some more lines show.

        Args:
            lines: RECORD messages, perhaps broken ones.
            message: The known keys of a message.
            record: The declared keys of a record.

        Raises:
            Unlearnable: There is no such type.
        """
        outer, inner = _Samples(message), _Samples(record)
        for line in lines:
            try:
                outer.add(_split_message(line))
                inner.add(record_members(line))
            except DECODE_ERRORS:
                continue
        return Undeclared(outer.fields(self.message), inner.fields(self.record))


class _Samples:
    """What values keys have that are not known."""

    def __init__(self, known: Iterable[str]) -> None:
        self._known = frozenset(known)
        self._types: dict[str, set[pa.DataType]] = {}
        self._nested: dict[str, list[bytes]] = {}

    def add(self, members: dict[str, msgspec.Raw]) -> None:
        for name in members.keys() - self._known:
            value = bytes(members[name])
            types = self._types.setdefault(name, set())
            if value[:1] not in {b"{", b"["}:
                types.add(_KINDS[chr(value[0])])
            elif len(nested := self._nested.setdefault(name, [])) < _SAMPLES:
                nested.append(value)
        if len(self._types) > MAX_KEYS:
            raise Unlearnable

    def fields(self, before: tuple[pa.Field, ...]) -> tuple[pa.Field, ...]:
        known = {field.name: field.type for field in before}
        for name, types in self._types.items():
            nested = self._nested.get(name)
            for found in [*types, *([_inferred(nested)] if nested else [])]:
                known[name] = _common(known.get(name, pa.null()), found)
        return tuple(pa.field(name, kind) for name, kind in known.items())


def _inferred(values: list[bytes]) -> pa.DataType:
    if any(value.count(b"[") + value.count(b"{") > _MAX_BRACKETS for value in values):
        raise Unlearnable
    text = b"".join(b'{"x":' + value.replace(b"\n", b" ") + b"}\n" for value in values)
    try:
        options = pj.ReadOptions(use_threads=False, block_size=len(text) + 1)
        table = pj.read_json(pa.BufferReader(text), read_options=options)
    except pa.ArrowInvalid as error:
        raise Unlearnable from error
    return _plain(table.schema.field("x").type)


def _plain(kind: pa.DataType) -> pa.DataType:
    """Return an inferred type such that it takes all numbers and all texts."""
    if pa.types.is_struct(kind):
        return pa.struct([(field.name, _plain(field.type)) for field in kind])
    if pa.types.is_list(kind):
        return pa.list_(_plain(kind.value_type))
    if pa.types.is_integer(kind):
        return pa.float64()
    return pa.string() if pa.types.is_temporal(kind) else kind


def _common(first: pa.DataType, second: pa.DataType) -> pa.DataType:
    if first == second or pa.types.is_null(second):
        return first
    if pa.types.is_null(first):
        return second
    if pa.types.is_list(first) and pa.types.is_list(second):
        return pa.list_(_common(first.value_type, second.value_type))
    if pa.types.is_struct(first) and pa.types.is_struct(second):
        names = dict.fromkeys([*(field.name for field in first), *(field.name for field in second)])
        return pa.struct([(name, _common(_member(first, name), _member(second, name))) for name in names])
    raise Unlearnable


def _member(kind: pa.DataType, name: str) -> pa.DataType:
    index = kind.get_field_index(name)
    return kind.field(index).type if index >= 0 else pa.null()


def extra_text(line: bytes, names: frozenset[str]) -> str | None:
    """Return the `_sdc_extra` of a record whose undeclared keys are among the names.

    Raises one of `DECODE_ERRORS` where a value is none that the record-by-record path reads.
    """
    notes = Notes()
    for name, raw in record_members(line).items():
        text = bytes(raw)
        if name in names and text != b"null":
            if text[:1] != b'"':
                _read_value(text)
            notes.extra[f"/{escape(name)}"] = text.decode("utf-8")
    return notes.extra_text()
