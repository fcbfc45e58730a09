"""A stream's JSON Schema as received → one that is safe to compile: draft known, size bounded, `nullable` rewritten.

Nothing here fetches anything: a `$ref` is followed only as a JSON pointer into the schema itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from target_datalake.errors import SchemaError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DRAFTS: Final = {
    "http://json-schema.org/draft-04/schema": 4,
    "http://json-schema.org/draft-06/schema": 6,
    "http://json-schema.org/draft-07/schema": 7,
    "https://json-schema.org/draft/2019-09/schema": 2019,
    "https://json-schema.org/draft/2020-12/schema": 2020,
}
DEFAULT_DRAFT: Final = 7
_OLDEST_DRAFT: Final = 4
MAX_DEPTH: Final = 250
"""Levels of objects and arrays in a schema; its compiler stops at 256."""

MAX_NODES: Final = 500_000

_ONE: Final = frozenset(
    {"items", "additionalItems", "additionalProperties", "contains", "not", "if", "then", "else"}
    | {"propertyNames", "contentSchema", "unevaluatedItems", "unevaluatedProperties", "components"}
)
"""Keywords whose value is a schema; `components` is where OpenAPI keeps its `schemas`."""

_LISTS: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems", "items"})
_MAPS: Final = frozenset(
    {"properties", "patternProperties", "definitions", "$defs", "schemas", "dependentSchemas", "dependencies"}
)
_TYPES: Final = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})


@dataclass(frozen=True)
class JsonSchema:
    """A checked schema.

    Attributes:
        stream: Whose it is, for messages.
        document: The schema with every `nullable` rewritten.
        draft: 4, 6, 7, 2019 or 2020.
        nodes: Each subschema by its JSON pointer. Empty where one has an identifier of its own, since a pointer in a
            reference may then start there.
    """

    stream: str
    document: dict[str, Any]
    draft: int
    nodes: dict[str, dict[str, Any]]

    @property
    def ref_hides_siblings(self) -> bool:
        """Whether keywords beside `$ref` are ignored (drafts 4 to 7)."""
        return self.draft <= DEFAULT_DRAFT

    def target(self, ref: str) -> dict[str, Any] | None:
        """Return the subschema that a local pointer names; None when it is another kind of reference."""
        return self.nodes.get(unquote(ref[1:])) if ref.startswith("#") else None


def parse_schema(stream: str, received: Any) -> JsonSchema:
    """Check what a SCHEMA message carries as its schema.

    Raises:
        SchemaError: It is no object, is nested too deeply or too large, or a keyword has a value of the wrong kind.
    """
    if not isinstance(received, dict):
        raise SchemaError(f'stream "{stream}": its schema is not a JSON object', where="SCHEMA message, /schema")
    _check_size(stream, received)
    draft = _draft(received)
    for pointer, node in subschemas(received):
        _check_keywords(stream, pointer, node)
    document = _rewritten(received)
    nodes = dict(subschemas(document))
    identifier = "id" if draft == _OLDEST_DRAFT else "$id"
    has_inner_id = any(pointer and isinstance(node.get(identifier), str) for pointer, node in nodes.items())
    return JsonSchema(stream, document, draft, {} if has_inner_id else nodes)


def subschemas(schema: Any, pointer: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the JSON pointer and the object of this schema and of each schema within it."""
    if isinstance(schema, dict):
        yield pointer, schema
        for keyword, value in schema.items():
            for path, child in _children(keyword, value):
                yield from subschemas(child, f"{pointer}/{keyword}{path}")


def _draft(schema: dict[str, Any]) -> int:
    declared = schema.get("$schema")
    return DRAFTS.get(declared.rstrip("#"), DEFAULT_DRAFT) if isinstance(declared, str) else DEFAULT_DRAFT


def levels(value: Any) -> Iterator[list[Any]]:
    """Yield the objects and arrays of each level of nesting, outermost first; without recursion, however deep."""
    level = [value]
    while level:
        yield level
        children = (child for node in level for child in (node.values() if isinstance(node, dict) else node))
        level = [child for child in children if isinstance(child, dict | list)]


def _check_size(stream: str, schema: dict[str, Any]) -> None:
    nodes = 0
    for depth, level in enumerate(levels(schema), 1):
        nodes += len(level)
        if depth > MAX_DEPTH or nodes > MAX_NODES:
            limit = f"{MAX_DEPTH} levels" if depth > MAX_DEPTH else f"{MAX_NODES} objects and arrays"
            raise SchemaError(f'stream "{stream}": its schema has more than {limit}')


def _children(keyword: str, value: Any) -> Iterator[tuple[str, Any]]:
    if keyword in _LISTS and isinstance(value, list):
        yield from ((f"/{index}", child) for index, child in enumerate(value))
    elif keyword in _MAPS and isinstance(value, dict):
        yield from ((f"/{escape(name)}", child) for name, child in value.items())
    elif keyword in _ONE:
        yield "", value


def escape(token: str) -> str:
    """Return a name as a JSON pointer writes it (RFC 6901)."""
    return token.replace("~", "~0").replace("/", "~1")


def _is_schema(value: Any) -> bool:
    return isinstance(value, dict | bool)


def _is_schema_list(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_schema, value))


def _is_type(value: Any) -> bool:
    names = value if isinstance(value, list) else [value]
    return all(isinstance(name, str) and name in _TYPES for name in names)


_EXPECTED: Final[dict[str, tuple[Callable[[Any], bool], str]]] = {
    "type": (_is_type, "a JSON type or a list of them"),
    "properties": (
        lambda value: isinstance(value, dict) and all(map(_is_schema, value.values())),
        "an object of schemas",
    ),
    "items": (lambda value: _is_schema(value) or _is_schema_list(value), "a schema"),
    "allOf": (_is_schema_list, "a list of schemas"),
    "anyOf": (_is_schema_list, "a list of schemas"),
    "oneOf": (_is_schema_list, "a list of schemas"),
    "$ref": (lambda value: isinstance(value, str), "a string"),
    "enum": (lambda value: isinstance(value, list), "a list"),
}


def _check_keywords(stream: str, pointer: str, node: dict[str, Any]) -> None:
    """Check the keywords that column types are read from; the validator's compiler checks all others."""
    for keyword, (is_expected, expected) in _EXPECTED.items():
        if keyword in node and not is_expected(node[keyword]):
            raise SchemaError(
                f'stream "{stream}": {pointer}/{keyword} is not {expected}',
                where=f"SCHEMA message, /schema{pointer}/{keyword}",
            )


def _rewritten(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    copy = {keyword: _rewritten_keyword(keyword, value) for keyword, value in schema.items()}
    return _nullable(copy) if copy.pop("nullable", False) is True else copy


def _rewritten_keyword(keyword: str, value: Any) -> Any:
    if keyword in _LISTS and isinstance(value, list):
        return [_rewritten(child) for child in value]
    if keyword in _MAPS and isinstance(value, dict):
        return {name: _rewritten(child) for name, child in value.items()}
    return _rewritten(value) if keyword in _ONE else value


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """Say OpenAPI's `nullable: true` in JSON Schema; an `enum` beside it gains null too, as APIs mean it."""
    if "type" not in schema:
        return {"anyOf": [schema, {"type": "null"}]} if schema else schema
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    widened = {**schema, "type": [*types, *([] if "null" in types else ["null"])]}
    if "enum" in schema and None not in schema["enum"]:
        widened["enum"] = [*schema["enum"], None]
    return widened
