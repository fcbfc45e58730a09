import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from target_datalake.arrow_schema import (
    METADATA_FIELDS,
    file_schema,
    from_document,
    join,
    schema_id,
    stream_schema,
    to_document,
)
from target_datalake.errors import SchemaError
from target_datalake.widening import is_json_text

MOMENT = pa.timestamp("us", "UTC")
JSON = "JSON text"
NODE = {"type": "object", "properties": {"value": {"type": "integer"}, "next": {"$ref": "#/definitions/node"}}}
DEFINITIONS = {
    "money": {"type": "number", "multipleOf": 0.01},
    "node": NODE,
    "loop": {"$ref": "#/definitions/loop"},
    "base": {"type": "object", "properties": {"id": {"type": "integer"}}},
}


def schema_of(properties, **more):
    return {"type": "object", "properties": properties, "definitions": DEFINITIONS, **more}


def schema(properties, **more):
    return stream_schema("orders", schema_of(properties, **more), ("id",))


def shape(field):
    """A field's type as plain values: what pyarrow's equality says nothing about is the JSON text inside."""
    if is_json_text(field):
        return JSON
    if pa.types.is_struct(field.type):
        return {child.name: shape(child) for child in field.type}
    if pa.types.is_list(field.type):
        return [shape(field.type.value_field)]
    return field.type


def shapes(stream):
    return {field.name: shape(field) for field in stream.arrow}


TYPES = {
    "integer": ({"type": "integer"}, pa.int64()),
    "nullable integer": ({"type": ["null", "integer"]}, pa.int64()),
    "integer within int64": ({"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}, pa.int64()),
    "integer past int64": ({"type": "integer", "maximum": 2**64 - 1}, pa.decimal128(38, 0)),
    "integer below int64": ({"type": "integer", "exclusiveMinimum": -1e20}, pa.decimal128(38, 0)),
    "number": ({"type": "number"}, pa.float64()),
    "integer or number": ({"type": ["integer", "number", "null"]}, pa.float64()),
    "cents": ({"type": "number", "multipleOf": 0.01}, pa.decimal128(38, 2)),
    "tiny": ({"type": "number", "multipleOf": 1e-7}, pa.decimal128(38, 7)),
    "whole": ({"type": "number", "multipleOf": 1}, pa.decimal128(38, 0)),
    "five cents": ({"type": "number", "multipleOf": 0.05}, pa.float64()),
    "tens": ({"type": "number", "multipleOf": 10}, pa.float64()),
    "smaller than decimals": ({"type": "number", "multipleOf": 1e-39}, pa.float64()),
    "string": ({"type": "string"}, pa.string()),
    "date-time": ({"type": "string", "format": "date-time"}, MOMENT),
    "date": ({"type": "string", "format": "date"}, pa.date32()),
    "time": ({"type": "string", "format": "time"}, pa.time64("us")),
    "other format": ({"type": "string", "format": "uuid"}, pa.string()),
    "boolean": ({"type": "boolean"}, pa.bool_()),
    "object": (
        {"type": "object", "properties": {"a": {"type": "object", "properties": {"b": {"type": "boolean"}}}}},
        {"a": {"b": pa.bool_()}},
    ),
    "array": ({"type": "array", "items": {"type": "string"}}, [pa.string()]),
    "array of arrays": ({"type": "array", "items": {"type": "array", "items": {"type": "number"}}}, [[pa.float64()]]),
    "array of objects": (
        {"type": "array", "items": NODE},
        [{"value": pa.int64(), "next": {"value": pa.int64(), "next": JSON}}],
    ),
    "array of unions": ({"type": "array", "items": {"type": ["string", "integer"]}}, [JSON]),
    "object without properties": ({"type": "object"}, JSON),
    "object with empty properties": ({"type": "object", "properties": {}}, JSON),
    "object of nulls": ({"type": "object", "properties": {"a": {"type": "null"}}}, JSON),
    "map": ({"type": "object", "additionalProperties": {"type": "integer"}}, JSON),
    "pattern properties": ({"type": "object", "patternProperties": {"^x": {"type": "integer"}}}, JSON),
    "array without items": ({"type": "array"}, JSON),
    "array of anything": ({"type": "array", "items": {}}, JSON),
    "array of nulls": ({"type": "array", "items": {"type": "null"}}, JSON),
    "tuple": ({"type": "array", "items": [{"type": "integer"}, {"type": "string"}]}, JSON),
    "tuple of 2020": ({"type": "array", "prefixItems": [{"type": "integer"}], "items": {"type": "integer"}}, JSON),
    "mixed union": ({"type": ["string", "integer"]}, JSON),
    "untyped": ({}, JSON),
    "true": (True, JSON),
    "untyped properties": ({"properties": {"a": {"type": "string"}}}, JSON),
    "anyOf with null": ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, pa.int64()),
    "oneOf with null": ({"oneOf": [{"type": "string", "format": "date"}, {"type": "null"}]}, pa.date32()),
    "anyOf of numbers": ({"anyOf": [{"type": "integer"}, {"type": "number"}]}, pa.float64()),
    "anyOf of strings": ({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string"}]}, pa.string()),
    "anyOf of kinds": ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, JSON),
    "anyOf of two objects": ({"anyOf": [NODE, {"type": "object", "properties": {"x": {"type": "string"}}}]}, JSON),
    "type beside anyOf": ({"type": "string", "anyOf": [{"minLength": 2}, {"maxLength": 1}]}, pa.string()),
    "nullable": ({"type": "integer", "nullable": True}, pa.int64()),
    "nullable ref": ({"$ref": "#/definitions/money", "nullable": True}, pa.decimal128(38, 2)),
    "ref": ({"$ref": "#/definitions/money"}, pa.decimal128(38, 2)),
    "ref hides its siblings": ({"$ref": "#/definitions/money", "type": "string"}, pa.decimal128(38, 2)),
    "ref to nothing": ({"$ref": "#/definitions/none"}, JSON),
    "recursive ref": ({"$ref": "#/definitions/node"}, {"value": pa.int64(), "next": JSON}),
    "ref to the root": ({"$ref": "#"}, JSON),
    "ref to itself": ({"$ref": "#/definitions/loop"}, JSON),
    "allOf": (
        {"allOf": [{"$ref": "#/definitions/base"}, {"type": "object", "properties": {"b": {"type": "string"}}}]},
        {"id": pa.int64(), "b": pa.string()},
    ),
    "allOf of one name": (
        {
            "type": "object",
            "properties": {"a": {"type": "number"}},
            "allOf": [{"properties": {"a": {"type": "integer"}}}],
        },
        {"a": pa.int64()},
    ),
    "allOf of numbers": ({"allOf": [{"type": ["number", "integer"]}, {"type": "number"}]}, pa.float64()),
    "allOf of number and integer": ({"allOf": [{"type": "number"}, {"type": ["integer", "null"]}]}, pa.int64()),
    "allOf of types": ({"allOf": [{"type": ["string", "integer"]}, {"type": ["integer", "null"]}]}, pa.int64()),
}


@pytest.mark.parametrize(("declared", "expected"), TYPES.values(), ids=TYPES)
def test_a_declared_type_has_its_column_type(declared, expected):
    stream = schema({"x": declared})
    assert shapes(stream) == {"x": expected}
    assert stream.arrow.field("x").nullable


@pytest.mark.parametrize(("declared", "expected"), TYPES.values(), ids=TYPES)
def test_parquet_gives_every_column_type_back(declared, expected, tmp_path):
    stream = schema({"x": declared})
    pq.write_table(stream.arrow.empty_table(), tmp_path / "x.parquet")
    assert pq.read_schema(tmp_path / "x.parquet").equals(stream.arrow, check_metadata=True)


def test_refs_of_later_drafts_hold_together_with_their_siblings():
    draft = "https://json-schema.org/draft/2020-12/schema"
    declared = {"$ref": "#/definitions/base", "properties": {"b": {"type": "string"}}}
    assert shapes(schema({"x": declared}, **{"$schema": draft})) == {"x": {"id": pa.int64(), "b": pa.string()}}


@pytest.mark.parametrize(
    "declared",
    [{"type": "null"}, {"type": ["null"]}, {"const": None}, {"enum": [None]}, False, {"anyOf": [{"type": "null"}]}],
    ids=str,
)
def test_a_field_known_only_as_null_has_no_column(declared):
    assert shapes(schema({"x": declared, "y": {"type": "string"}})) == {"y": pa.string()}


def test_names_that_engines_confuse_have_no_column():
    string = {"type": "string"}
    properties = dict.fromkeys(["", "Name", "name", "_SDC_Extra", "_sdc_raw", "load_date", "_sdc_deleted_at"], string)
    assert list(shapes(schema(properties))) == ["Name", "_sdc_deleted_at"]
    inner = schema({"x": {"type": "object", "properties": properties}})
    assert list(shapes(inner)["x"]) == ["Name", "_SDC_Extra", "_sdc_raw", "load_date", "_sdc_deleted_at"]


def test_columns_stand_in_the_order_of_the_schema_then_the_metadata():
    stream = schema({"b": {"type": "string"}, "a": {"type": "string"}})
    assert file_schema(stream).names == ["b", "a", *METADATA_FIELDS.names]
    assert file_schema(stream, keep_raw=True).names == ["b", "a", *METADATA_FIELDS.names, "_sdc_raw"]


def test_a_schema_without_usable_properties_has_only_metadata_columns():
    assert file_schema(stream_schema("s", {"type": "object"}, ())).names == METADATA_FIELDS.names


@pytest.mark.parametrize("root", [{"type": "array"}, {"type": "string"}, {"type": []}], ids=str)
def test_a_schema_of_something_else_than_an_object_is_refused(root):
    with pytest.raises(SchemaError, match='"orders"'):
        stream_schema("orders", root, ())


def test_a_schema_that_doubles_at_every_reference_ends_in_an_error():
    levels = 30
    definitions = {
        f"d{level}": {"type": "object", "properties": {name: {"$ref": f"#/definitions/d{level + 1}"} for name in "ab"}}
        for level in range(levels)
    }
    definitions[f"d{levels}"] = {"type": "string"}
    with pytest.raises(SchemaError, match="more than 10000 fields"):
        stream_schema("s", {"properties": {"x": {"$ref": "#/definitions/d0"}}, "definitions": definitions}, ())


@pytest.mark.parametrize("kind", ["object", "array"])
def test_nesting_too_deep_for_parquet_readers_becomes_json_text(kind, tmp_path):
    declared = {"type": "string"}
    for _ in range(60):
        inside = {"properties": {"a": declared}} if kind == "object" else {"items": declared}
        declared = {"type": kind, **inside}
    arrow = schema({"x": declared}).arrow
    pq.write_table(arrow.empty_table(), tmp_path / "x.parquet")
    assert pq.read_schema(tmp_path / "x.parquet").equals(arrow)


JOINS = {
    "same": ({"type": "integer"}, {"type": "integer"}, pa.int64(), 1),
    "integer to number": ({"type": "integer"}, {"type": "number"}, pa.float64(), 2),
    "integer under number": ({"type": "number"}, {"type": "integer"}, pa.float64(), 1),
    "integer to cents": ({"type": "integer"}, {"type": "number", "multipleOf": 0.01}, pa.decimal128(38, 2), 2),
    "integer under cents": ({"type": "number", "multipleOf": 0.01}, {"type": "integer"}, pa.decimal128(38, 2), 1),
    "cents under number": ({"type": "number"}, {"type": "number", "multipleOf": 0.01}, pa.float64(), 1),
    "cents to mills": (
        {"type": "number", "multipleOf": 0.01},
        {"type": "number", "multipleOf": 0.001},
        pa.decimal128(38, 3),
        2,
    ),
    "date-time under string": ({"type": "string"}, {"type": "string", "format": "date-time"}, pa.string(), 1),
    "anything under JSON text": ({}, {"type": "integer"}, JSON, 1),
    "field in an object": (
        {"type": "object", "properties": {"a": {"type": "integer"}}},
        {"type": "object", "properties": {"b": {"type": "integer"}}},
        {"a": pa.int64(), "b": pa.int64()},
        1,
    ),
    "number in an object in an array": (
        {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "integer"}}}},
        {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "number"}}}},
        [{"a": pa.float64()}],
        2,
    ),
}


@pytest.mark.parametrize(("landed", "new", "expected", "generation"), JOINS.values(), ids=JOINS)
def test_a_new_type_joins_the_landed_one(landed, new, expected, generation):
    joined = join(schema({"x": landed}), schema({"x": new}))
    assert (shapes(joined), joined.generation) == ({"x": expected}, generation)
    assert joined.json_schema == schema({"x": new}).json_schema


CONFLICTS = {
    "string under integer": ({"type": "integer"}, {"type": "string"}, "x"),
    "integer under string": ({"type": "string"}, {"type": "integer"}, "x"),
    "string under date-time": ({"type": "string", "format": "date-time"}, {"type": "string"}, "x"),
    "number under cents": ({"type": "number", "multipleOf": 0.01}, {"type": "number"}, "x"),
    "JSON text under string": ({"type": "string"}, {}, "x"),
    "boolean under integer": ({"type": "integer"}, {"type": "boolean"}, "x"),
    "array under object": (NODE, {"type": "array", "items": {"type": "string"}}, "x"),
    "object in an object": (
        {"type": "object", "properties": {"a": {"type": "integer"}}},
        {"type": "object", "properties": {"a": {"type": "string"}}},
        "x.a",
    ),
    "items": ({"type": "array", "items": {"type": "integer"}}, {"type": "array", "items": {"type": "string"}}, "x[]"),
}


@pytest.mark.parametrize(("landed", "new", "path"), CONFLICTS.values(), ids=CONFLICTS)
def test_unlike_types_are_a_conflict_that_names_the_field(landed, new, path):
    with pytest.raises(SchemaError) as caught:
        join(schema({"x": landed}), schema({"x": new}))
    assert f'field "{path}" has landed as' in caught.value.message
    assert '"orders"' in caught.value.message


@pytest.mark.parametrize(("landed", "new", "path"), CONFLICTS.values(), ids=CONFLICTS)
def test_a_conflict_opens_a_new_generation_where_that_is_allowed(landed, new, path):
    assert path
    kept = {"kept": {"type": "boolean"}}
    joined = join(schema({"x": landed} | kept), schema({"x": new}), on_change="new_generation")
    assert joined.generation == 2
    assert shapes(joined) == shapes(schema({"x": new} | kept))


def test_the_first_schema_of_a_stream_stands_as_it_is():
    new = schema({"x": {"type": "string"}})
    assert join(None, new) is new


def test_landed_fields_stay_and_new_ones_follow():
    string = {"type": "string"}
    joined = join(schema(dict.fromkeys("ba", string)), schema(dict.fromkeys("ca", string)))
    assert list(shapes(joined)) == ["b", "a", "c"]
    assert joined.generation == 1


def test_a_new_field_that_differs_from_a_landed_one_in_case_has_no_column():
    joined = join(schema({"Name": {"type": "string"}}), schema({"name": {"type": "string"}}))
    assert list(shapes(joined)) == ["Name"]


@pytest.mark.parametrize(
    "new",
    [{"x": {"type": "number"}}, {"x": {"type": "integer"}, "y": {"type": "string"}}, {"x": {"type": "string"}}],
    ids=["wider", "field", "conflict"],
)
def test_where_nothing_may_change_every_change_is_refused(new):
    with pytest.raises(SchemaError):
        join(schema({"x": {"type": "integer"}}), schema(new), on_change="fail")


def test_a_field_less_is_no_change():
    head = schema({"x": {"type": "integer"}, "y": {"type": "string"}})
    assert join(head, schema({"y": {"type": "string"}}), on_change="fail").arrow.equals(head.arrow)


def test_a_column_that_became_number_stays_it_in_its_generation():
    integer, number = schema({"x": {"type": "integer"}}), schema({"x": {"type": "number"}})
    head = integer
    for new in (number, integer, number, integer):
        head = join(head, new)
    assert (shapes(head), head.generation) == ({"x": pa.float64()}, 2)


def test_a_document_gives_the_schema_back():
    head = schema({name.replace(" ", "_"): declared for name, (declared, _) in TYPES.items()})
    wide = join(head, schema({"integer": {"type": "number"}}))
    again = from_document(to_document(wide))
    assert again == wide
    assert again.arrow.equals(wide.arrow, check_metadata=True)


def test_a_document_is_the_same_whatever_the_order_of_the_keys():
    forward = stream_schema("s", {"type": "object", "properties": {"a": {"type": "string", "title": "é"}}}, ("a",))
    backward = stream_schema("s", {"properties": {"a": {"title": "é", "type": "string"}}, "type": "object"}, ("a",))
    assert to_document(forward) == to_document(backward)
    assert len(schema_id(to_document(forward))) == 12


def test_a_document_can_be_read_by_a_person():
    document = json.loads(to_document(schema({"x": {"type": "object"}, "y": {"type": "integer"}})))
    assert document["columns"] == [{"name": "x", "type": "JSON text"}, {"name": "y", "type": "int64"}]
    assert document["key_properties"] == ["id"]
