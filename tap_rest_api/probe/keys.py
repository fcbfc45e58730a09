"""Turns sampled records into the field that tells them apart, and the one that may say when each last changed."""

from __future__ import annotations

import re
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


def find_primary_key(records: Sequence[Mapping[str, Any]], stream: str) -> str | None:
    """Return the field that is in every record, never null, never twice, and named like a key; the likeliest one."""
    candidates = [name for name in (records[0] if records else ()) if _tells_apart(name, records)]
    fitting = [name for name in candidates if rank_key_name(name, stream) is not None]
    return min(fitting, key=lambda name: rank_key_name(name, stream) or 0, default=None)


def unique_fields(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the fields that could be keys but for their names."""
    return [name for name in (records[0] if records else ()) if _tells_apart(name, records)]


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
    values = [record.get(name) for record in records]
    if not all(isinstance(value, (str, int)) and not isinstance(value, bool) and value != "" for value in values):
        return False
    return len(set(values)) == len(values) and len({type(value) for value in values}) == 1


def find_moments(records: Sequence[Mapping[str, Any]], schema: Mapping[str, Any]) -> list[str]:
    """Return the date-times that are in every record and named like a change's, then those named like a creation's."""
    dated = [
        name
        for name, field in schema.get("properties", {}).items()
        if field.get("format") in ("date-time", "date") and all(isinstance(record.get(name), str) for record in records)
    ]
    changed = [name for name in dated if _CHANGED.fullmatch(name)]
    return [*changed, *(name for name in dated if _CREATED.fullmatch(name))]


def tells_changes(name: str) -> bool:
    """Tell whether a field is named like one that moves with every change of its record."""
    return bool(_CHANGED.fullmatch(name))


def is_moment(name: str, field: Any) -> bool:
    """Tell whether a field is a date or date-time by its schema, and named like a change's or a creation's."""
    is_dated = isinstance(field, dict) and field.get("format") in ("date-time", "date")
    return is_dated and bool(_CHANGED.fullmatch(name) or _CREATED.fullmatch(name))


def is_date(name: str, schema: Mapping[str, Any]) -> bool:
    """Tell a date from a date-time."""
    return bool(schema["properties"][name].get("format") == "date")
