"""Where a value stands in its record's source text → that text, and the notes taken about it.

Nothing is looked up before it is asked for, since most values never are.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from target_datalake.decode import split_array, split_object
from target_datalake.json_schema import escape
from target_datalake.validate import RecordError

if TYPE_CHECKING:
    import msgspec


@dataclass
class Notes:
    """What the conversion of one record found.

    Attributes:
        extra: From JSON pointer to the source's literal, of what no column holds.
        errors: Why the record is rejected, if it is.
        consulted: Whether the source text was needed.
    """

    extra: dict[str, str] = field(default_factory=dict)
    errors: list[RecordError] = field(default_factory=list)
    consulted: bool = False

    def extra_text(self) -> str | None:
        """Return the `_sdc_extra` of the record: a JSON object, or None if nothing was left over."""
        if not self.extra:
            return None
        members = (f"{json.dumps(key, ensure_ascii=False)}:{text}" for key, text in self.extra.items())
        return "{" + ",".join(members) + "}"


class Place:
    """The place of a record in its message, or of a value in the object or array that it is part of.

    Args:
        notes: What is noted about the record.
        members: The record's members as text; given for a record only.
        parent: The place of the object or array around the value.
        key: The value's name or index there.
    """

    __slots__ = ("_key", "_parent", "_parts", "notes")

    def __init__(
        self,
        notes: Notes,
        members: dict[str, msgspec.Raw] | None = None,
        parent: Place | None = None,
        key: str | int = "",
    ) -> None:
        self.notes = notes
        self._parts: dict[str, msgspec.Raw] | list[msgspec.Raw] | None = members
        self._parent = parent
        self._key = key

    def at(self, key: str | int) -> Place:
        """Return the place of a member or an item, which must be there."""
        return Place(self.notes, None, self, key)

    def text(self) -> str:
        """Return the value as the source wrote it. A record as a whole has no text here."""
        return bytes(self._raw()).decode("utf-8")

    def keep(self) -> None:
        """Put the value's text into `_sdc_extra`."""
        pointer = "".join(f"/{escape(str(key))}" for key in self._path())
        self.notes.extra[pointer] = self.text()

    def refuse(self, message: str, keyword: str = "") -> None:
        """Reject the record for this value.

        Args:
            message: What was expected, without the value.
            keyword: The keyword of the schema that says so; empty if only the column does.
        """
        self.notes.consulted = True
        path = self._path()
        pointer = "".join(f"/{escape(str(key))}" for key in path)
        steps = ("/items" if isinstance(key, int) else f"/properties/{escape(key)}" for key in path)
        self.notes.errors.append(RecordError(pointer, f"{''.join(steps)}/{keyword}" if keyword else "", message))

    def _path(self) -> list[str | int]:
        return [] if self._parent is None else [*self._parent._path(), self._key]  # noqa: SLF001 (its own kind)

    def _raw(self) -> msgspec.Raw:
        assert self._parent is not None  # noqa: S101 - a record's members are given, so that nobody asks for it whole
        self.notes.consulted = True
        return self._parent._part(self._key)  # noqa: SLF001 (its own kind)

    def _part(self, key: str | int) -> msgspec.Raw:
        if self._parts is None:
            raw = self._raw()
            self._parts = split_array(raw) if isinstance(key, int) else split_object(raw)
        return self._parts[key]  # type: ignore[index] # an index goes with an array, a name with an object
