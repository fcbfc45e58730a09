import pytest

from target_datalake.errors import SchemaError
from target_datalake.json_schema import MAX_DEPTH, parse_schema


def nested_all_of(levels):
    schema = {}
    for _ in range(levels):
        schema = {"allOf": [schema]}
    return schema


@pytest.mark.parametrize(
    ("declared", "draft"),
    [
        (None, 7),
        ("http://json-schema.org/draft-04/schema#", 4),
        ("http://json-schema.org/draft-06/schema#", 6),
        ("http://json-schema.org/draft-07/schema", 7),
        ("https://json-schema.org/draft/2019-09/schema", 2019),
        ("https://json-schema.org/draft/2020-12/schema", 2020),
        ("http://json-schema.org/schema#", 7),
    ],
)
def test_the_draft_is_the_one_that_is_named_else_draft_7(declared, draft):
    schema = {"type": "object"} | ({"$schema": declared} if declared else {})
    assert parse_schema("s", schema).draft == draft


@pytest.mark.parametrize(
    ("received", "rewritten"),
    [
        ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
        ({"type": "string", "nullable": False}, {"type": "string"}),
        ({"type": ["null", "string"], "nullable": True}, {"type": ["null", "string"]}),
        ({"type": "string", "enum": ["a"], "nullable": True}, {"type": ["string", "null"], "enum": ["a", None]}),
        (
            {"$ref": "#/definitions/x", "nullable": True},
            {"anyOf": [{"$ref": "#/definitions/x"}, {"type": "null"}]},
        ),
        ({"nullable": True}, {}),
    ],
    ids=["type", "false", "already", "enum", "ref", "untyped"],
)
def test_nullable_is_said_in_json_schema(received, rewritten):
    document = parse_schema("s", {"properties": {"a": received}, "definitions": {"x": {}}}).document
    assert document["properties"]["a"] == rewritten


def test_what_only_looks_like_nullable_is_left_alone():
    received = {"properties": {"nullable": {"type": "boolean", "default": {"nullable": True}}}}
    assert parse_schema("s", received).document == received


def test_the_received_schema_is_not_changed():
    received = {"properties": {"a": {"type": "string", "nullable": True}}}
    parse_schema("s", received)
    assert received == {"properties": {"a": {"type": "string", "nullable": True}}}


@pytest.mark.parametrize(
    "received",
    [
        "string",
        None,
        [],
        {"type": "strin"},
        {"type": 5},
        {"properties": []},
        {"properties": {"a": "string"}},
        {"properties": {"a": {"anyOf": {}}}},
        {"properties": {"a": {"items": 5}}},
        {"properties": {"a": {"$ref": 5}}},
        nested_all_of(10_000),
    ],
)
def test_a_schema_that_is_none_is_refused_by_name(received):
    with pytest.raises(SchemaError, match='stream "orders"') as caught:
        parse_schema("orders", received)
    assert caught.value.exit_code == 2


def test_a_schema_may_be_as_deep_as_the_limit():
    assert parse_schema("s", nested_all_of(MAX_DEPTH // 2 - 1)).document


@pytest.mark.parametrize(
    ("ref", "target"),
    [
        ("#/definitions/a~1b", {"title": "slash"}),
        ("#/definitions/a%20c", {"title": "space"}),
        ("#/anyOf/0", {"title": "first"}),
        ("#/components/schemas/d", {"title": "OpenAPI"}),
        ("#/default", None),
        ("#/anyOf/9", None),
        ("#/definitions/none", None),
        ("#anchor", None),
        ("http://example.com/x.json", None),
        ("file:///etc/passwd", None),
    ],
)
def test_a_reference_is_followed_only_as_a_pointer_into_the_schema(ref, target):
    schema = {"definitions": {"a/b": {"title": "slash"}, "a c": {"title": "space"}}, "anyOf": [{"title": "first"}]}
    schema |= {"components": {"schemas": {"d": {"title": "OpenAPI"}}}, "default": {"type": 5}}
    assert parse_schema("s", schema).target(ref) == target


def test_pointers_are_not_followed_where_an_inner_id_moves_their_base():
    schema = {"definitions": {"a": {"$id": "http://example.com/a", "type": "string"}}}
    assert parse_schema("s", schema).target("#/definitions/a") is None
