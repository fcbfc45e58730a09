"""Turns the paths of an OpenAPI document into its list operations: requests that are answered with records."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_rest_api.errors import ConfigError
from tap_rest_api.openapi import resolve_schema, unescape
from tap_rest_api.probe.address import to_name
from tap_rest_api.spec.answers import find_records
from tap_rest_api.spec.mend import mend_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PATH_PARAMETER = re.compile(r"\{([^{}]+)\}")
_JSON = re.compile(r"(?:application|text)/(?:[\w.+-]*\+)?json|\*/\*|application/\*", re.IGNORECASE)


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
        security: What it asks for of who asks, instead of the document's; None where it says nothing of that.
        left_out: Places in the answer's schema of what no validator takes.
    """

    name: str
    path: str
    parameters: Sequence[Parameter]
    records: str | None
    schema: Mapping[str, Any]
    envelope: Mapping[str, Any]
    has_link: bool
    summary: str
    security: Sequence[Mapping[str, Any]] | None
    left_out: Sequence[str]

    def needs(self) -> list[str]:
        """Return the names of the path's parameters, in order."""
        return PATH_PARAMETER.findall(self.path)


def list_operations(document: Mapping[str, Any], place: str) -> Iterator[Operation | str]:
    """Yield the list operations; of one that cannot be read, a word about why."""
    for path, item in (document.get("paths") or {}).items():
        try:
            whole = _follow(document, item)
            if not isinstance(whole, dict) or not isinstance(whole.get("get"), dict):
                continue
            found = _read(document, place, str(path), whole)
        except (ConfigError, KeyError, TypeError, AttributeError) as error:
            reason = error.message if isinstance(error, ConfigError) else "it is not as OpenAPI has it"
            yield f"GET {path}: {reason}"
            continue
        if found is not None:
            yield found


def _read(document: Mapping[str, Any], place: str, path: str, item: Mapping[str, Any]) -> Operation | None:
    get = item["get"]
    response = _success(document, get)
    envelope, left_out = mend_schema(_resolve(document, place, _schema_of(response)) if response else {})
    found = find_records(envelope, path)
    if found is None:
        return None
    for server in (*item.get("servers", ()), *get.get("servers", ())):
        raise ConfigError(f"it has a server of its own, {server['url']}")
    parameters = {
        (parameter.name, parameter.place): parameter
        for raw in (*item.get("parameters", ()), *get.get("parameters", ()))
        if (parameter := _to_parameter(document, place, raw)) is not None
    }
    headers = {str(name).lower() for name in (response or {}).get("headers") or ()}
    summary = str(get.get("summary") or get.get("operationId") or "")
    records, schema = found
    return Operation(
        name=_name_of(path),
        path=path,
        parameters=tuple(parameters.values()),
        records=records,
        schema=schema,
        envelope=envelope,
        has_link="link" in headers,
        summary=summary,
        security=_security_of(get),
        left_out=left_out,
    )


def _security_of(get: Mapping[str, Any]) -> Sequence[Mapping[str, Any]] | None:
    found = get.get("security")
    if found is not None and not (isinstance(found, list) and all(isinstance(need, dict) for need in found)):
        raise TypeError("security")
    return found


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
            node = node[unescape(part)]
    raise ConfigError("a reference leads back to itself")


def _resolve(document: Mapping[str, Any], place: str, schema: Any) -> Mapping[str, Any]:
    """Return a schema that stands on its own."""
    known = {key: document[key] for key in ("components", "definitions", "paths") if key in document}
    return resolve_schema({**known, "@": schema}, "/@", place) if schema else {}


def _to_parameter(document: Mapping[str, Any], place: str, raw: Any) -> Parameter | None:
    found = _follow(document, raw)
    if found.get("in") == "body":
        return None
    if not isinstance(found["name"], str):
        raise TypeError("name")
    schema, _ = mend_schema(_resolve(document, place, found.get("schema")) if "schema" in found else found)
    default = {"default": found["example"]} if "example" in found and "default" not in schema else {}
    return Parameter(found["name"], found["in"], bool(found.get("required")), {**default, **schema})


def _name_of(path: str) -> str:
    fixed = [part for part in path.split("/") if part and "{" not in part]
    return to_name(fixed[-1]) if fixed else "records"
