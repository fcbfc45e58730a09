"""Turns the schema of an answer into where its records are, and the schema of one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_USUAL = ("data", "results", "items", "records", "value", "values", "entries", "content", "list", "nodes")
_DEEPEST = 3


def find_records(envelope: Mapping[str, Any], path: str) -> tuple[str | None, Mapping[str, Any]] | None:
    """Find the array of objects in an answer; of an answer that is one of several, in the first that has one."""
    if _is_list(envelope):
        return None, _item_of(envelope)
    for choice in _choices(envelope):
        if (found := find_records(choice, path)) is not None:
            return found
    last = path.rstrip("/").rpartition("/")[2].lower()
    arrays = dict(_arrays(envelope, "", 1))
    if not arrays or last.startswith("{"):  # one record, whose arrays are its own
        return None

    def likelihood(place: str) -> tuple[bool, bool, int]:
        key = place.rpartition(".")[2].lower()
        return key == last, key in _USUAL, -place.count(".")

    best = max(arrays, key=likelihood)
    is_envelope = any(likelihood(best)[:2]) or len(envelope.get("properties", {})) <= 6  # noqa: PLR2004 - a few words around
    has_identity = "id" in envelope.get("properties", {})
    return (best, _item_of(arrays[best])) if is_envelope and not has_identity else None


def _arrays(schema: Mapping[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, field in schema.get("properties", {}).items():
        if not isinstance(field, dict) or not re.fullmatch(r"[\w@$-]+", name):
            continue
        if _is_list(field):
            yield f"{prefix}{name}", field
        elif depth < _DEEPEST:
            yield from _arrays(field, f"{prefix}{name}.", depth + 1)


def _is_list(schema: Mapping[str, Any]) -> bool:
    kinds = schema.get("type")
    is_array = kinds == "array" or (isinstance(kinds, list) and "array" in kinds)
    items = schema.get("items")
    return is_array and isinstance(items, dict) and (not items or _is_object(items))


def _is_object(schema: Any) -> bool:
    if not isinstance(schema, dict):
        return False
    choices = _choices(schema)
    return "properties" in schema or schema.get("type") == "object" or (bool(choices) and all(map(_is_object, choices)))


def _choices(schema: Mapping[str, Any]) -> list[Any]:
    return schema.get("oneOf") or schema.get("anyOf") or []


def _item_of(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a record's schema; of records that are one of several kinds, one with the fields of all of them.

    What holds for all kinds is kept: the fields that each one requires. A field that they do not agree on is left open.
    """
    item = {**schema["items"], "type": "object"}
    kinds = [_item_of({"items": kind}) for kind in _choices(item)]
    if not kinds:
        return item
    properties: dict[str, Any] = {}
    for name, field in (pair for kind in (*kinds, item) for pair in kind.get("properties", {}).items()):
        properties[name] = field if properties.get(name, field) == field else {}
    required = [
        name for name in kinds[0].get("required", ()) if all(name in kind.get("required", ()) for kind in kinds)
    ]
    rest = {key: value for key, value in item.items() if key not in ("oneOf", "anyOf")}
    return {**rest, "properties": properties, **({"required": required} if required else {})}
