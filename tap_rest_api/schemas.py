"""Turns a JSON Schema into one in which fields, at any depth, are left out or changed, and lists its fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tap_rest_api.field_tree import Tree

    Schema = Mapping[str, Any]
    SchemaEdit = Callable[[Schema], Schema | None]

_VARIANTS = ("anyOf", "oneOf", "allOf")
_SHAPES: dict[str, type] = {"properties": dict, "required": list, **dict.fromkeys(_VARIANTS, list)}


def leave_out(_: Schema) -> None:
    """Take a field out of the schema."""
    return


def to_hash(_: Schema) -> Schema:
    """Declare a field as what the option "mask" makes of it."""
    return {"type": ["null", "string"]}


def edit_schema(schema: Schema, tree: Tree[SchemaEdit]) -> Schema:
    """Change the fields that a tree names; a field that is left out is not required any more."""
    if not tree:
        return schema
    edited = dict(schema)
    for key in _VARIANTS:
        if isinstance(schema.get(key), list):
            edited[key] = [edit_schema(variant, tree) for variant in schema[key]]
    if isinstance(schema.get("items"), dict):
        edited["items"] = edit_schema(schema["items"], tree)
    if isinstance(schema.get("properties"), dict):
        pairs = ((name, _edit_field(field, tree.get(name))) for name, field in schema["properties"].items())
        edited["properties"] = {name: field for name, field in pairs if field is not None}
        if "required" in schema:
            gone = schema["properties"].keys() - edited["properties"].keys()
            edited["required"] = [name for name in schema["required"] if name not in gone]
    return edited


def _edit_field(field: Schema, below: Tree[SchemaEdit] | SchemaEdit | None) -> Schema | None:
    if below is None:
        return field
    return edit_schema(field, below) if isinstance(below, dict) else below(field)


def misshapen(schema: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the places in a schema where something else stands than JSON Schema has there, as far as we read it."""
    if not isinstance(schema, dict):
        yield at
        return
    for key, kind in _SHAPES.items():
        if not isinstance(schema.get(key, kind()), kind):
            yield (*at, key)
    for place, found in _parts(schema):
        yield from misshapen(found, (*at, *place))


def _parts(schema: Schema) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Yield the schemas right below a schema, each with its place."""
    fields = schema.get("properties")
    if isinstance(fields, dict):
        yield from ((("properties", name), field) for name, field in fields.items())
    if isinstance(schema.get("items"), dict):
        yield ("items",), schema["items"]
    for key in _VARIANTS:
        if isinstance(schema.get(key), list):
            yield from (((key, index), variant) for index, variant in enumerate(schema[key]))


def breadcrumbs(schema: Schema, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield where each field stands, at any depth, as Singer's metadata names it; each once."""
    yield from dict.fromkeys(_breadcrumbs(schema, at))


def _breadcrumbs(schema: Schema, at: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for name, field in schema.get("properties", {}).items():
        yield (*at, "properties", name)
        yield from _breadcrumbs(field, (*at, "properties", name))
    if isinstance(schema.get("items"), dict):
        yield from _breadcrumbs(schema["items"], (*at, "items"))
    for key in _VARIANTS:
        for variant in schema.get(key, ()):
            yield from _breadcrumbs(variant, at)


def field_path(breadcrumb: Sequence[str]) -> tuple[str, ...]:
    """Return the keys of the field that a breadcrumb names; empty for one that names none."""
    keys: list[str] = []
    crumbs = iter(breadcrumb)
    for crumb in crumbs:
        if crumb == "properties":
            keys.append(next(crumbs, ""))
        elif crumb in _VARIANTS:
            next(crumbs, None)
        elif crumb != "items":
            return ()
    return tuple(keys)


def has_field(schema: Schema, path: Sequence[str]) -> bool:
    """Tell whether a schema declares a field, or leaves open what is in one of the objects on the way to it."""
    if not path:
        return True
    nodes = list(_objects(schema))
    if not any("properties" in node for node in nodes):
        return bool(nodes)
    fields = [node["properties"][path[0]] for node in nodes if path[0] in node.get("properties", {})]
    return any(has_field(field, path[1:]) for field in fields)


def _objects(schema: Schema) -> Iterator[Schema]:
    """Yield the schemas that say what an object may hold, in arrays and among variants."""
    kinds = schema.get("type", "object")
    inner = [variant for key in _VARIANTS for variant in schema.get(key, ())]
    if isinstance(schema.get("items"), dict):
        inner.append(schema["items"])
    if "properties" in schema or (not inner and (kinds == "object" or "object" in kinds)):
        yield schema
    for node in inner:
        yield from _objects(node)


def declared_fields(schemas: Sequence[Schema]) -> dict[str, list[Schema]] | None:
    """Return by name what the schemas of one place declare; None where any field may stand.

    Arrays count as their elements, and variants together.
    """
    nodes = [node for schema in schemas for node in _objects(schema)]
    if not any("properties" in node for node in nodes) or any(map(_is_open, nodes)):
        return None
    fields: dict[str, list[Schema]] = {}
    for node in nodes:
        for name, field in node.get("properties", {}).items():
            fields.setdefault(name, []).append(field)
    return fields


def _is_open(schema: Schema) -> bool:
    return isinstance(schema.get("additionalProperties"), dict) or "patternProperties" in schema


def add_field(schema: Schema, path: Sequence[str], field: Schema) -> Schema:
    """Declare one more field, in the first object on the way that has `properties`; the schema itself if none has."""
    fields = schema.get("properties")
    if fields is not None and len(path) == 1:
        return {**schema, "properties": {**fields, path[0]: field}}
    if fields is not None and path[0] in fields:
        wider = add_field(fields[path[0]], path[1:], field)
        return schema if wider is fields[path[0]] else {**schema, "properties": {**fields, path[0]: wider}}
    if isinstance(schema.get("items"), dict):
        wider = add_field(schema["items"], path, field)
        if wider is not schema["items"]:
            return {**schema, "items": wider}
    for key in _VARIANTS:
        for index, variant in enumerate(schema.get(key, ())):
            wider = add_field(variant, path, field)
            if wider is not variant:
                return {**schema, key: [*schema[key][:index], wider, *schema[key][index + 1 :]]}
    return schema
