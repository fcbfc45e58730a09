"""Turns an operation's parameters and answer into how it pages and filters, as far as their names tell."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tap_rest_api.probe.hints import SIZE_PARAMS, is_offset_param, is_page_param, is_token_key
from tap_rest_api.probe.keys import is_moment, rank_key_name, tells_changes

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from tap_rest_api.spec.operations import Operation

_CURSOR_PARAM = re.compile(
    r"(?:next_?|page_?|start_?|continuation_?)?(?:cursor|token)|after|starting_?after|page\[(?:after|cursor)\]",
    re.IGNORECASE,
)
_NEXT_URL = re.compile(
    r"(?:.*\.)?(?:next|next_?(?:url|link|href|page_?url)|@odata\.nextLink)(?:\.href)?", re.IGNORECASE
)
_SINCE = (
    re.compile(r"(?:if[_-]?)?(?P<word>.*?)[_\[.-]*(?:since|after|from|gte|gt|min|start)\]?", re.IGNORECASE),
    re.compile(r"(?:since|after|from|min|start)[_.-]?(?P<word>.+)", re.IGNORECASE),
)
"""How a parameter is named that asks for what is new, with the beginning of the field that it is about."""

_LARGEST = 1000
_DEEPEST = 3


def find_pagination(operation: Operation) -> dict[str, Any]:
    """Return the option, or nothing where no name tells."""
    query = {parameter.name: parameter.schema for parameter in operation.parameters if parameter.place == "query"}
    option = _by_link(operation) or _by_cursor(operation, query) or _by_count(query)
    if not option:
        return {}
    for name, schema in query.items():
        largest = schema.get("maximum")
        if name in SIZE_PARAMS and isinstance(largest, int) and largest >= 1:
            return {**option, "size": min(largest, _LARGEST), "size_param": name}
    return option


def _by_link(operation: Operation) -> dict[str, Any]:
    if operation.has_link:
        return {"type": "link"}
    for path, schema in _scalars(operation.envelope, "", 1):
        is_next = _NEXT_URL.fullmatch(path)
        if is_next and (
            schema.get("format") in ("uri", "url", "uri-reference") or "url" in path.lower() or "link" in path.lower()
        ):
            return {"type": "link", "next": path}
    return {}


def _by_cursor(operation: Operation, query: Mapping[str, Any]) -> dict[str, Any]:
    params = [name for name in query if _CURSOR_PARAM.fullmatch(name)]
    tokens = [path for path, _ in _scalars(operation.envelope, "", 1) if is_token_key(path.rpartition(".")[2])]
    return {"type": "cursor", "next": tokens[0], "param": params[0]} if params and tokens else {}


def _by_count(query: Mapping[str, Any]) -> dict[str, Any]:
    for name, schema in query.items():
        if is_page_param(name):
            starts = schema.get("minimum", schema.get("default"))
            return {"type": "page", "param": name, **({"start": 0} if starts == 0 else {})}
        if is_offset_param(name):
            return {"type": "offset", "param": name}
    return {}


def _scalars(schema: Mapping[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, field in schema.get("properties", {}).items():
        if not isinstance(field, dict) or not re.fullmatch(r"[\w@.$-]+", name):
            continue
        if "properties" in field and depth < _DEEPEST:
            yield from _scalars(field, f"{prefix}{name}.", depth + 1)
        elif "array" not in str(field.get("type")):
            yield f"{prefix}{name}", field


def find_primary_key(operation: Operation) -> list[str]:
    """Return the field that is named like a key and may hold one."""
    fields = operation.schema.get("properties", {})
    ranked = {name: rank_key_name(name, operation.name) for name in fields if _is_scalar(fields[name])}
    known = {name: rank for name, rank in ranked.items() if rank is not None and rank < 50}  # noqa: PLR2004 - not any *_id
    return [min(known, key=lambda name: known[name])] if known else []


def _is_scalar(field: Any) -> bool:
    kinds = field.get("type") if isinstance(field, dict) else None
    return bool({"string", "integer"} & set([kinds] if isinstance(kinds, str) else kinds or ()))


def find_filter(operation: Operation, taken: Collection[str]) -> tuple[str, str, str] | None:
    """Return a replication key, the parameter that takes its start, and the template for it.

    Args:
        operation: The operation.
        taken: Parameters that its pagination uses: `after` may be a cursor.
    """
    moments = [name for name, field in operation.schema.get("properties", {}).items() if is_moment(name, field)]
    changed = [name for name in moments if tells_changes(name)]
    for parameter in operation.parameters:
        is_free = parameter.place == "query" and parameter.name not in taken
        matches = [pattern.fullmatch(parameter.name) for pattern in _SINCE] if is_free else []
        match = next(filter(None, matches), None)
        if match is None or str(parameter.schema.get("type", "string")) not in ("string", "['null', 'string']"):
            continue
        word = (match["word"] or "").lower().strip("_")
        own = [name for name in moments if word and name.lower().startswith(word)]
        likely = changed if tells_changes(word) else [] if word else changed or moments
        key = next(iter(own or likely), None)
        if key is not None:
            is_date = parameter.schema.get("format") == "date"
            return key, parameter.name, "${sync.start|%Y-%m-%d}" if is_date else "${sync.start}"
    return None
