"""Turns a part of an OpenAPI 3 document, or of a JSON Schema file, into a schema that stands on its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from tap_rest_api.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MAX_NODES = 100_000  # references among each other multiply
_NULLABLE = ("nullable", "x-nullable")  # as 3.0 says it, and 2.0
_MAPS = ("properties", "patternProperties")
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_NODES = ("items", "additionalProperties", "not")
# What OpenAPI adds to JSON Schema and no validator reads, or what has been resolved.
_LEFT_OUT = frozenset(
    "nullable example discriminator xml externalDocs readOnly writeOnly deprecated definitions $defs components".split()
)
_REMARKS = frozenset({"type", "title", "description", "required", "default", "additionalProperties"})
"""What a part of an `allOf` may hold without properties, and still be merged."""

_NULL = {"type": "null"}
_BOUNDS = (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum"))


def resolve_schema(document: Mapping[str, Any], pointer: str, where: str) -> dict[str, Any]:
    """Return the schema at a JSON pointer (RFC 6901), its references resolved within the document.

    A reference that leads back into itself is left open. Nothing is fetched.

    Raises:
        ConfigError: There is nothing at the pointer, or at a reference, or a reference leaves the document.
    """
    resolver = _Resolver(document, where)
    try:
        schema = resolver.resolve(resolver.find(pointer), (pointer,))
    except RecursionError:
        raise ConfigError("the schema is nested too deeply", where=where) from None
    if not isinstance(schema, dict):
        raise ConfigError(f'there is no schema at "{pointer}"', where=where)
    return schema


def has_reference(node: Any) -> bool:
    """Tell whether there is a reference anywhere in a schema."""
    if isinstance(node, dict):
        return "$ref" in node or any(map(has_reference, node.values()))
    return isinstance(node, list) and any(map(has_reference, node))


def unescape(part: str) -> str:
    """Return a part of a reference's JSON pointer as the key it stands for (RFC 6901, 3 and 6)."""
    return unquote(part).replace("~1", "/").replace("~0", "~")


@dataclass(slots=True)
class _Resolver:
    document: Mapping[str, Any]
    where: str
    nodes: int = field(default=0)

    def find(self, pointer: str) -> Any:
        found: Any = self.document
        for part in pointer.split("/")[1:]:
            key = unescape(part)
            if not isinstance(found, dict) or key not in found:
                fix = "check the part behind the #, such as #/components/schemas/Order."
                raise ConfigError(f'there is nothing at "#{pointer}"', where=self.where, fix=fix)
            found = found[key]
        return found

    def resolve(self, node: Any, trail: tuple[str, ...]) -> Any:
        """Resolve a node; `trail` are the references that led to it."""
        self.nodes += 1
        if self.nodes > _MAX_NODES:
            raise ConfigError(f"the schema has more than {_MAX_NODES} parts once it is resolved", where=self.where)
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return _with_siblings(self._follow(node["$ref"], trail), node)
        plain = {key: self._resolve_member(key, value, trail) for key, value in node.items() if _is_kept(key)}
        return _to_json_schema(_merge_null(_merge_all_of(plain)), is_nullable=_is_nullable(node))

    def _follow(self, reference: Any, trail: tuple[str, ...]) -> Any:
        if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
            fix = "put what it refers to into the file; nothing is fetched."
            raise ConfigError(f'the reference "{reference}" leads out of the file', where=self.where, fix=fix)
        pointer = reference[1:]
        return {} if pointer in trail else self.resolve(self.find(pointer), (*trail, pointer))

    def _resolve_member(self, key: str, value: Any, trail: tuple[str, ...]) -> Any:
        if key in _MAPS and isinstance(value, dict):
            shown = {name: item for name, item in value.items() if not _is_write_only(item)}
            return {name: self.resolve(item, trail) for name, item in shown.items()}
        if key in _LISTS and isinstance(value, list):
            return [self.resolve(item, trail) for item in value]
        return self.resolve(value, trail) if key in _NODES else value


def _with_siblings(schema: Any, node: Mapping[str, Any]) -> Any:
    """Heed what stands beside a reference: 3.1 allows a description, and many mean null there, in 3.0 too."""
    if not isinstance(schema, dict):
        return schema
    described = {**schema, "description": node["description"]} if "description" in node and schema else schema
    return _nullable(described) if _is_nullable(node) else described


def _is_nullable(node: Mapping[str, Any]) -> bool:
    return any(node.get(word) is True for word in _NULLABLE)


def _is_kept(key: str) -> bool:
    return key not in _LEFT_OUT and not key.startswith("x-")


def _is_write_only(schema: Any) -> bool:
    return isinstance(schema, dict) and schema.get("writeOnly") is True


def _merge_all_of(schema: dict[str, Any]) -> dict[str, Any]:
    """Make one object of a composition of objects, and of `allOf` around a single schema that schema."""
    parts = schema.get("allOf")
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        return schema
    rest = {key: value for key, value in schema.items() if key != "allOf"}
    is_plain = all("properties" in part or _REMARKS.issuperset(part) for part in parts)
    if not is_plain and (len(parts) > 1 or "properties" in rest):
        return schema
    merged: dict[str, Any] = {}
    for part in [*parts, rest]:
        properties = {**merged.get("properties", {}), **part.get("properties", {})}
        required = list(dict.fromkeys([*_required(merged), *_required(part)]))
        merged = {**merged, **part}
        merged |= {"properties": properties} if properties else {}
        merged |= {"required": required} if required else {}
    return merged


def _required(schema: Mapping[str, Any]) -> list[Any]:
    """Return the names; some documents say true of a property instead, as draft 3 did."""
    found = schema.get("required")
    return found if isinstance(found, list) else []


def _merge_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Make of a choice between one schema and null that schema, or null."""
    for word in ("anyOf", "oneOf"):
        choices = schema[word] if isinstance(schema.get(word), list) else []
        others = [choice for choice in choices if choice != _NULL]
        if len(others) == 1 < len(choices) and "type" not in schema and "type" in others[0]:
            return _nullable({**others[0], **{key: value for key, value in schema.items() if key != word}})
    return schema


def _to_json_schema(schema: dict[str, Any], *, is_nullable: bool) -> dict[str, Any]:
    """Put what OpenAPI 3.0 says in its own words into those of JSON Schema."""
    found = dict(_with_numeric_bounds(schema))
    if "properties" in found:
        found.setdefault("type", "object")
        if isinstance(found.get("required"), list):  # of what is written only, nothing is left
            found["required"] = [name for name in found["required"] if name in found["properties"]]
    return _nullable(found) if is_nullable else found


def _with_numeric_bounds(schema: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    flags = {flag: bound for bound, flag in _BOUNDS if isinstance(schema.get(flag), bool)}
    exclusive = {bound: flag for flag, bound in flags.items() if schema[flag] and bound in schema}
    for key, value in schema.items():
        if key not in flags:
            yield exclusive.get(key, key), value


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    kind = schema.get("type")
    if kind is None:
        return {"anyOf": [schema, {"type": "null"}]} if schema else {}
    kinds = [kind] if isinstance(kind, str) else list(kind)
    wider = {**schema, "type": list(dict.fromkeys(["null", *kinds]))}
    if "enum" in wider and None not in wider["enum"]:
        wider["enum"] = [*wider["enum"], None]
    return wider
