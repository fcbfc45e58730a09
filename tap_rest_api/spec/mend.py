"""Turns a schema into one that every validator takes, and the places of what it said that none does."""

from __future__ import annotations

import math
import re
from typing import Any

_TYPES = frozenset({"null", "boolean", "object", "array", "number", "integer", "string"})
_NOT_LINEAR = re.compile(r"\(\?<?[=!]|\\[1-9]|\(\?P?[=<>(]")
"""Lookaround, references back, named groups: the target matches in linear time, without them."""

_MAPS = ("properties", "patternProperties")
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_NODES = ("items", "additionalProperties", "not")


def mend_schema(schema: Any, place: str = "") -> tuple[Any, list[str]]:
    """Return a schema without what no validator takes, and the JSON pointers of what that was."""
    if not isinstance(schema, dict):
        return schema, []
    mended: dict[str, Any] = {}
    left_out: list[str] = []
    for key, value in schema.items():
        if _is_wrong(key, value) or _is_endless(value):
            left_out.append(f"{place}/{key}")
            continue
        if key in _MAPS:
            found = {name: _mend_member(item, f"{place}/{key}/{name}") for name, item in value.items()}
            mended[key] = {name: item for name, (item, _) in found.items()}
            left_out += [wrong for _, more in found.values() for wrong in more]
        elif key in _LISTS:
            items = [_mend_member(item, f"{place}/{key}/{number}") for number, item in enumerate(value)]
            mended[key] = [item for item, _ in items]
            left_out += [wrong for _, more in items for wrong in more]
        else:
            mended[key], more = mend_schema(value, f"{place}/{key}") if key in _NODES else (value, [])
            left_out += more
    return mended, left_out


def _mend_member(schema: Any, place: str) -> tuple[Any, list[str]]:
    """Mend a schema among others; of what is none nothing is known but that it is there."""
    return mend_schema(schema, place) if isinstance(schema, dict) else ({}, [] if schema is True else [place])


def _is_endless(value: Any) -> bool:
    """Tell 1e400, or YAML's .inf and .nan, which JSON does not know."""
    return isinstance(value, float) and not math.isfinite(value)


def _is_wrong(key: str, value: Any) -> bool:
    if key == "type":
        kinds = value if isinstance(value, list) else [value]
        return not kinds or not all(isinstance(kind, str) and kind in _TYPES for kind in kinds)
    if key == "required":
        return not (isinstance(value, list) and all(isinstance(name, str) for name in value))
    if key in _MAPS:
        return not isinstance(value, dict)
    if key == "enum" or key in _LISTS:
        return not (isinstance(value, list) and value)
    if key in _NODES:
        return not isinstance(value, (dict, bool, list))  # drafts up to 2019-09 have lists of items
    return key == "pattern" and not (isinstance(value, str) and _NOT_LINEAR.search(value) is None)
