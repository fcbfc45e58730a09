"""Turns a part of an OpenAPI 3 document, or of a JSON Schema file, into a schema that stands on its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

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


@dataclass(slots=True)
class _Resolver:
    document: Mapping[str, Any]
    where: str
    nodes: int = field(default=0)

    def find(self, pointer: str) -> Any:
        found: Any = self.document
        for part in pointer.split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
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
            return self._follow(node["$ref"], trail)
        plain = {key: self._resolve_member(key, value, trail) for key, value in node.items() if _is_kept(key)}
        return _to_json_schema(_merge_all_of(plain), is_nullable=any(node.get(word) is True for word in _NULLABLE))

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
    objects = [*parts, rest] if "properties" in rest else parts
    if len(objects) > 1 and not all("properties" in part for part in objects):
        return schema
    merged: dict[str, Any] = {}
    for part in [*parts, rest]:
        properties = {**merged.get("properties", {}), **part.get("properties", {})}
        required = list(dict.fromkeys([*merged.get("required", ()), *part.get("required", ())]))
        merged = {**merged, **part}
        merged |= {"properties": properties} if properties else {}
        merged |= {"required": required} if required else {}
    return merged


def _to_json_schema(schema: dict[str, Any], *, is_nullable: bool) -> dict[str, Any]:
    """Put what OpenAPI 3.0 says in its own words into those of JSON Schema."""
    found = dict(_with_numeric_bounds(schema))
    if "properties" in found:
        found.setdefault("type", "object")
        if "required" in found:  # of what is written only, nothing is left
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
