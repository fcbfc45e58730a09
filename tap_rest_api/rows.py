"""Turns a page's records into rows: of each its replication key's value, and what tells it from any other row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec import UNSET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """The records of a page, as far as a bookmark is concerned.

    Attributes:
        values: Of the replication key, one for each record; None or UNSET where it has none.
        key_of: Gives a record's primary key by its index.
    """

    values: Sequence[Any]
    key_of: Callable[[int], Key]

    def identities(self, indexes: Iterable[int] | None = None) -> list[int]:
        """Return the identities of some records, or of all of them."""
        wanted = range(len(self.values)) if indexes is None else indexes
        return [identity(self.values[index], self.key_of(index)) for index in wanted]

    def digest(self, *, is_sorted: bool) -> int:
        """Return eight bytes that tell these rows, in this order, from any others.

        A row that is sorted by its value leaves its place with it; any other may change where it is.
        """
        keys = self.identities() if is_sorted else [self.key_of(index) for index in range(len(self.values))]
        return hash(repr(keys))


def identity(value: Any, key: Key) -> int:
    """Return eight bytes that tell a row at one time of its life from all other rows, and from itself at another."""
    return hash(repr((value if has_value(value) else None, key)))  # of a text: SipHash, keyed by the process


def valued(values: Sequence[Any]) -> Sequence[int]:
    """Return the indexes of the records that have a value."""
    if {type(None), type(UNSET), float}.isdisjoint(map(type, values)):
        return range(len(values))
    return [index for index, value in enumerate(values) if has_value(value)]


def has_value(value: Any) -> bool:
    """Tell whether a record has a value; NaN is none."""
    return value is not None and value is not UNSET and bool(value == value)  # noqa: PLR0124 - NaN
