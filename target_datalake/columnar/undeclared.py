"""Keys that a schema does not declare → Arrow types that the JSON parser reads them by.

The parser refuses a key it does not know, and so it is told of those that come: what type each has, found out from
lines it refused.

What is known of a record is a struct beside the one that its schema declares: an undeclared key is a field of it with
the type of its values, and a declared object, or array of objects, that has undeclared keys is a struct of those.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.json as pj

from target_datalake.decode import DECODE_ERRORS, record_members, split_array, split_object

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import msgspec

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
_NOTHING: Final = pa.struct([])


class Unlearnable(Exception):  # noqa: N818 (a verdict about some keys, no error)
    """Undeclared keys have values of unlike types, or are too many."""


@dataclass(frozen=True)
class Undeclared:
    """What comes beside the declared keys.

    Attributes:
        message: Beside the parts of a RECORD message.
        record: Beside what its record declares, at any depth.
    """

    message: pa.StructType = _NOTHING
    record: pa.StructType = _NOTHING

    @property
    def is_known(self) -> bool:
        """Return whether there is any."""
        return bool(self.message.num_fields or self.record.num_fields)

    def learn(self, lines: Iterable[bytes], message: pa.StructType, record: pa.StructType) -> Undeclared:
        """Return what some more lines show.

        Args:
            lines: RECORD messages, perhaps broken ones.
            message: The parts of a message.
            record: What a record declares.

        Raises:
            Unlearnable: There is no such type.
        """
        outer, inner = _Samples(message), _Samples(record)
        for line in lines:
            try:
                outer.add(split_object(line))
                inner.add(record_members(line))
            except DECODE_ERRORS:
                continue
        return Undeclared(outer.beside(self.message), inner.beside(self.record))


class _Samples:
    """The values that unknown keys of some objects have.

    Args:
        declared: The keys that are known.
    """

    def __init__(self, declared: pa.StructType) -> None:
        self._declared = {field.name: field.type for field in declared}
        self._types: dict[str, set[pa.DataType]] = {}
        self._nested: dict[str, list[bytes]] = {}
        self._inside: dict[str, _Samples] = {}

    def add(self, members: Mapping[str, msgspec.Raw]) -> None:
        for name, raw in members.items():
            if name in self._declared:
                self._look_inside(name, self._declared[name], bytes(raw))
            else:
                self._add_unknown(name, bytes(raw))
        if len(self._types) > MAX_KEYS:
            raise Unlearnable

    def _add_unknown(self, name: str, value: bytes) -> None:
        types = self._types.setdefault(name, set())
        if value[:1] not in {b"{", b"["}:
            types.add(_KINDS[chr(value[0])])
        elif len(nested := self._nested.setdefault(name, [])) < _SAMPLES:
            nested.append(value)

    def _look_inside(self, name: str, kind: pa.DataType, value: bytes) -> None:
        if pa.types.is_struct(kind) and value[:1] == b"{":
            self._inside.setdefault(name, _Samples(kind)).add(split_object(value))
        elif pa.types.is_list(kind) and pa.types.is_nested(kind.value_type) and value[:1] == b"[":
            for item in split_array(value):
                self._look_inside(name, kind.value_type, bytes(item))

    def beside(self, before: pa.StructType) -> pa.StructType:
        """Return what is known now beside what is declared."""
        known = {field.name: field.type for field in before}
        for name, types in self._types.items():
            nested = self._nested.get(name)
            for found in [*types, *([_inferred(nested)] if nested else [])]:
                known[name] = _common(known.get(name, pa.null()), found)
        for name, samples in self._inside.items():
            inner = samples.beside(known.get(name, _NOTHING))
            if inner.num_fields:
                known[name] = inner
        return pa.struct(list(known.items()))


def merged(declared: pa.DataType, beside: pa.StructType) -> pa.DataType:
    """Return the type by which a value is read: what its schema declares, and the undeclared keys within it."""
    if pa.types.is_list(declared):
        return pa.list_(declared.value_field.with_type(merged(declared.value_type, beside)))
    inner = {field.name: field for field in beside}
    own = [
        field.with_type(merged(field.type, inner.pop(field.name).type)) if field.name in inner else field
        for field in declared
    ]
    return pa.struct([*own, *inner.values()])


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
