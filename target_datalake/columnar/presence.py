"""Null in a column → whether its key was missing or its value null, counted in the text.

Arrow's parser gives null for both, and JSON Schema tells them apart. A key's text is counted in the whole chunk, and
the count compared with the values there are: what is proved holds for all rows. What cannot be proved is doubted.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections import Counter

_is_countable: Final = re.compile(r"[0-9A-Za-z_.$@ :-]+", re.ASCII).fullmatch
_has_escaped_ascii: Final = re.compile(rb"\\u00[2-7]").search
"""A key may be written with escapes that hide it, `\\u0069d` for `id`; nobody does, so one rules all proofs out."""


class Presence:
    """The keys of one chunk.

    Args:
        text: The lines.
        names: How many columns each name stands for.
    """

    def __init__(self, text: bytes, names: Counter[str]) -> None:
        self._text = text
        self._names = names

    def is_everywhere(self, name: str, objects: int) -> bool:
        """Say whether a key surely stands in each of so many objects. None has it twice: the parser refuses that."""
        if self._names[name] != 1 or not _is_countable(name):
            return False
        key = f'"{name}"'.encode()
        return self._text.count(key + b":") + self._text.count(key + b" :") == objects

    def is_never_null(self, name: str, values: int) -> bool:
        """Say whether a key surely stands only where there is a value, of which there are so many."""
        if not self._has_null:
            return True
        if self._names[name] != 1 or not _is_countable(name) or self._hides_keys:
            return False
        key = f'"{name}"'.encode()
        count = self._text.count(key)
        if count > values:  # it may be a text's value too
            count -= sum(self._text.count(key + end) for end in (b",", b"}", b"]"))
        return count == values

    @cached_property
    def _has_null(self) -> bool:
        return b"null" in self._text

    @cached_property
    def _hides_keys(self) -> bool:
        return _has_escaped_ascii(self._text) is not None
