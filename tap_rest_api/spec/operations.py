"""Turns the paths of an OpenAPI document into its list operations: requests that are answered with records."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_rest_api.errors import ConfigError
from tap_rest_api.openapi import resolve_schema
from tap_rest_api.probe.address import to_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PATH_PARAMETER = re.compile(r"\{([^{}]+)\}")
_JSON = re.compile(r"(?:application|text)/(?:[\w.+-]*\+)?json|\*/\*|application/\*", re.IGNORECASE)
_USUAL = ("data", "results", "items", "records", "value", "values", "entries", "content", "list", "nodes")
_DEEPEST = 3


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a request, with its schema."""

    name: str
    place: str
    is_required: bool
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """A GET that is answered with records.

    Attributes:
        name: What its stream may be called.
        records: The option "records"; None where the body is the array.
        schema: A record's.
        envelope: Of the whole answer, whose properties stand around the records.
        has_link: The answer has a Link header.
    """

    name: str
    path: str
    parameters: Sequence[Parameter]
    records: str | None
    schema: Mapping[str, Any]
    envelope: Mapping[str, Any]
    has_link: bool
    summary: str

    def needs(self) -> list[str]:
        """Return the names of the path's parameters, in order."""
        return PATH_PARAMETER.findall(self.path)


def list_operations(document: Mapping[str, Any], place: str) -> Iterator[Operation | str]:
    """Yield the list operations; of one that cannot be read, a word about why."""
    for path, item in (document.get("paths") or {}).items():
        if not isinstance(item, dict) or not isinstance(item.get("get"), dict):
            continue
        try:
            found = _read(document, place, str(path), item)
        except (ConfigError, KeyError, TypeError, AttributeError) as error:
            reason = error.message if isinstance(error, ConfigError) else "it is not as OpenAPI has it"
            yield f"GET {path}: {reason}"
            continue
        if found is not None:
            yield found


def _read(document: Mapping[str, Any], place: str, path: str, item: Mapping[str, Any]) -> Operation | None:
    get = item["get"]
    response = _success(document, get)
    envelope = _resolve(document, place, _schema_of(response)) if response else {}
    found = _records_in(envelope, path)
    if found is None:
        return None
    parameters = {
        (parameter.name, parameter.place): parameter
        for raw in (*item.get("parameters", ()), *get.get("parameters", ()))
        if (parameter := _to_parameter(document, place, raw)) is not None
    }
    headers = {str(name).lower() for name in (response or {}).get("headers") or ()}
    summary = str(get.get("summary") or get.get("operationId") or "")
    records, schema = found
    return Operation(
        _name_of(path), path, tuple(parameters.values()), records, schema, envelope, "link" in headers, summary
    )


def _success(document: Mapping[str, Any], get: Mapping[str, Any]) -> Mapping[str, Any] | None:
    answers = {str(status): answer for status, answer in (get.get("responses") or {}).items()}
    for status in ("200", "2XX", "2xx", "default"):
        if status in answers:
            found = _follow(document, answers[status])
            return found if isinstance(found, dict) else None
    return None


def _schema_of(response: Mapping[str, Any]) -> Any:
    if "schema" in response:  # 2.0
        return response["schema"]
    for kind, content in (response.get("content") or {}).items():
        if _JSON.match(kind):
            return content.get("schema", {})
    return {}


def _follow(document: Mapping[str, Any], node: Any) -> Any:
    """Follow references to responses and parameters, which may lead to another one."""
    for _ in range(10):
        if not isinstance(node, dict) or "$ref" not in node:
            return node
        reference = str(node["$ref"])
        if not reference.startswith("#/"):
            raise ConfigError(f'the reference "{reference}" leads out of the document')
        node = document
        for part in reference[2:].split("/"):
            node = node[part.replace("~1", "/").replace("~0", "~")]
    raise ConfigError("a reference leads back to itself")


def _resolve(document: Mapping[str, Any], place: str, schema: Any) -> Mapping[str, Any]:
    """Return a schema that stands on its own."""
    known = {key: document[key] for key in ("components", "definitions", "paths") if key in document}
    return resolve_schema({**known, "@": schema}, "/@", place) if schema else {}


def _to_parameter(document: Mapping[str, Any], place: str, raw: Any) -> Parameter | None:
    found = _follow(document, raw)
    if found.get("in") == "body":
        return None
    schema = _resolve(document, place, found.get("schema")) if "schema" in found else found
    default = {"default": found["example"]} if "example" in found and "default" not in schema else {}
    return Parameter(found["name"], found["in"], bool(found.get("required")), {**default, **schema})


def _records_in(envelope: Mapping[str, Any], path: str) -> tuple[str | None, Mapping[str, Any]] | None:
    """Find the array of objects in an answer."""
    if _is_list(envelope):
        return None, _item_of(envelope)
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
    return (
        is_array and isinstance(items, dict) and (not items or "properties" in items or items.get("type") == "object")
    )


def _item_of(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**schema["items"], "type": "object"}


def _name_of(path: str) -> str:
    fixed = [part for part in path.split("/") if part and "{" not in part]
    return to_name(fixed[-1]) if fixed else "records"
