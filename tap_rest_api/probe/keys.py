"""Turns sampled records into the field that tells them apart, and the one that may say when each last changed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_KEY_NAMES = ("id", "uuid", "guid", "_id", "key", "pk", "identifier", "code", "sku", "slug", "number", "iri", "@id")
_ENDS_LIKE_A_KEY = re.compile(r"(?:.*[_-])?(?:id|uuid|guid|key|code|number|no|sku)|.*(?:[a-z]Id|ID|Uuid|Key|Code)")
_CHANGED = re.compile(
    r"(?:last_?|date_?|time_?)*(?:updated|modified|changed|edited|touched)(?:_?(?:at|on|date|time|datetime|timestamp|utc))*"
    r"|last_?(?:update|change|modification)(?:_?(?:at|on|date|time))?|system_?modstamp",
    re.IGNORECASE,
)
_CREATED = re.compile(
    r"(?:date_?)?(?:created|inserted|published|added|occurred|recorded)(?:_?(?:at|on|date|time))*|timestamp|ts|date(?:_?time)?"
    r"|event_?time|time",
    re.IGNORECASE,
)


_EPOCHS = {"epoch": range(10**9, 10**10), "epoch_ms": range(10**12, 10**13)}
"""What a count of seconds, or of milliseconds, since 1970 is between: 2001 and 2286."""

_MOST_FIELDS = 30  # of which pairs are tried


@dataclass(frozen=True, slots=True)
class Moment:
    """A field that may say when its record changed or came to be, and how it writes that.

    Attributes:
        form: ``date-time``, ``date``, ``epoch`` (seconds) or ``epoch_ms``.
    """

    name: str
    form: str


def find_primary_key(records: Sequence[Mapping[str, Any]], stream: str) -> str | None:
    """Return the field that is in every record, never null, never twice, and named like a key; the likeliest one."""
    candidates = [name for name in (records[0] if records else ()) if _tells_apart(name, records)]
    fitting = [name for name in candidates if rank_key_name(name, stream) is not None]
    return min(fitting, key=lambda name: rank_key_name(name, stream) or 0, default=None)


def unique_fields(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the fields that could be keys but for their names."""
    return [name for name in (records[0] if records else ()) if _tells_apart(name, records)]


def find_unique_pairs(records: Sequence[Mapping[str, Any]], stream: str) -> list[tuple[str, str]]:
    """Return the pairs of fields that are never twice together, of which at least one is named like a key."""
    fields = [name for name in (records[0] if records else ()) if _is_filled(name, records)][:_MOST_FIELDS]
    like_keys = {name for name in fields if rank_key_name(name, stream) is not None}
    return [
        pair
        for pair in combinations(fields, 2)
        if like_keys.intersection(pair) and len({tuple(map(record.get, pair)) for record in records}) == len(records)
    ]


def rank_key_name(name: str, stream: str) -> int | None:
    """Return how much a name is a key's, the least the likeliest; None if it is not."""
    own = {
        f"{part}{end}"
        for part in (stream, stream.removesuffix("s"), stream.removesuffix("es"))
        for end in ("_id", "id")
    }
    if name.lower() in _KEY_NAMES[:3]:
        return _KEY_NAMES.index(name.lower())
    if name.lower() in own:
        return 10
    if name.lower() in _KEY_NAMES:
        return 20 + _KEY_NAMES.index(name.lower())
    return 50 if _ENDS_LIKE_A_KEY.fullmatch(name) else None


def _tells_apart(name: str, records: Sequence[Mapping[str, Any]]) -> bool:
    return _is_filled(name, records) and len({record[name] for record in records}) == len(records)


def _is_filled(name: str, records: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether every record has a text, or every one an integer."""
    values = [record.get(name) for record in records]
    if not all(isinstance(value, (str, int)) and not isinstance(value, bool) and value != "" for value in values):
        return False
    return len({type(value) for value in values}) == 1


def find_moments(records: Sequence[Mapping[str, Any]], schema: Mapping[str, Any]) -> list[Moment]:
    """Return the moments that are in every record and named like a change's, then those named like a creation's."""
    dated = [
        Moment(name, form)
        for name, field in schema.get("properties", {}).items()
        if (form := _form_of([record.get(name) for record in records], field)) is not None
    ]
    changed = [moment for moment in dated if _CHANGED.fullmatch(moment.name)]
    return [*changed, *(moment for moment in dated if _CREATED.fullmatch(moment.name))]


def _form_of(values: Sequence[Any], field: Mapping[str, Any]) -> str | None:
    if all(isinstance(value, str) for value in values):
        return str(field["format"]) if field.get("format") in ("date-time", "date") else None
    for form, likely in _EPOCHS.items():
        if all(isinstance(value, int) and value in likely for value in values):
            return form
    return None


def tells_changes(name: str) -> bool:
    """Tell whether a field is named like one that moves with every change of its record."""
    return bool(_CHANGED.fullmatch(name))


def is_moment(name: str, field: Any) -> bool:
    """Tell whether a field is a date or date-time by its schema, and named like a change's or a creation's."""
    is_dated = isinstance(field, dict) and field.get("format") in ("date-time", "date")
    return is_dated and bool(_CHANGED.fullmatch(name) or _CREATED.fullmatch(name))
