"""Null in a column → whether its key was missing or its value null, by a look at the text.

Arrow's parser gives null for both, and JSON Schema tells them apart. A key's text is counted in the whole chunk, and
the count compared with the values there are: what is proved holds for all rows. Else each row is looked at; what
cannot be proved is doubted.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_is_countable: Final = re.compile(r"[0-9A-Za-z_.$@ :-]+", re.ASCII).fullmatch
_has_escaped_ascii: Final = re.compile(rb"\\u00[2-7]").search
"""A key may be written with escapes that hide it, `\\u0069d` for `id`; nobody does, so one rules all proofs out."""


class Presence:
    """The keys of one chunk.

    Args:
        texts: The lines.
        text: The same as one text.
        fields: All that the parser reads of them: another key of a column's name spoils a proof.
    """

    def __init__(self, texts: pa.BinaryArray, text: bytes, fields: Iterable[pa.Field]) -> None:
        self._texts = texts
        self._text = text
        self._names = Counter(name for field in fields for name in _names(field))

    def without_key(self, name: str, objects: int, rows: pa.Array, *, alone: bool) -> pa.Array:
        """Return those of some rows in which a key is perhaps missing, where it has no value.

        Args:
            name: The key. No object has it twice: the parser refuses that.
            objects: How many objects there are that it should stand in.
            rows: The rows.
            alone: Whether a row has one such object at most.
        """
        if self._names[name] != 1 or not _is_countable(name):
            return rows
        key = f'"{name}":'.encode()
        if b"\\" + key in self._text:  # the end of a longer key that has a quote in it
            return rows
        if self._text.count(key) == objects:
            return rows.slice(0, 0)
        return rows.filter(pc.invert(pc.match_substring(self._texts, key).take(rows))) if alone else rows

    def with_null(self, name: str, values: int, rows: pa.Array) -> pa.Array:
        """Return those of some rows in which a key is perhaps null, where it has no value.

        Args:
            name: The key.
            values: How many values it has in all rows.
            rows: The rows.
        """
        if not self._has_null:
            return rows.slice(0, 0)
        if _is_countable(name) and not self._hides_keys:
            key = f'"{name}"'.encode()
            count = self._text.count(key)
            if count > values:  # it may be a text's value too
                count -= sum(self._text.count(key + end) for end in (b",", b"}", b"]"))
            if count == values:
                return rows.slice(0, 0)
        return rows.filter(self._with_null.take(rows))

    @cached_property
    def _has_null(self) -> bool:
        return b"null" in self._text

    @cached_property
    def _with_null(self) -> pa.BooleanArray:
        return pc.match_substring(self._texts, b"null")

    @cached_property
    def _hides_keys(self) -> bool:
        return _has_escaped_ascii(self._text) is not None


def _names(field: pa.Field) -> Iterator[str]:
    yield field.name
    inner = (
        field.type
        if pa.types.is_struct(field.type)
        else [field.type.value_field]
        if pa.types.is_list(field.type)
        else []
    )
    for child in inner:
        yield from _names(child)
