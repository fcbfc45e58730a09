import time
from decimal import Decimal

import pytest

from target_datalake.errors import SchemaError
from target_datalake.json_schema import parse_schema
from target_datalake.validate import MAX_ERRORS, Validator

DRAFT_4 = "http://json-schema.org/draft-04/schema#"
DRAFT_2020 = "https://json-schema.org/draft/2020-12/schema"


def validator(properties, formats="typed", **more):
    return Validator(parse_schema("orders", {"type": "object", "properties": properties, **more}), formats=formats)


@pytest.mark.parametrize(
    ("declared", "value", "valid"),
    [
        ({"type": "integer"}, 2**70, True),
        ({"type": "integer"}, 1.0, True),
        ({"type": "integer"}, Decimal("1.0"), True),
        ({"type": "integer"}, 1.5, False),
        ({"type": "integer"}, True, False),
        ({"type": "integer", "maximum": 2**63 - 1}, 2**63, False),
        ({"type": "number", "minimum": 0.1}, Decimal("0.09999999999999999999999"), False),
        ({"type": "string", "nullable": True}, None, True),
        ({"type": "string"}, None, False),
        ({"type": "string", "pattern": "^[A-Z]{2}$"}, "NL", True),
        ({"type": "string", "pattern": "^[A-Z]{2}$"}, "nl", False),
        ({"const": 5}, 5.0, True),
        ({"exclusiveMinimum": 5}, 5, False),
        ({"type": "string", "format": "date-time"}, "not a date", True),
        ({"type": "string", "format": "email"}, "no address", True),
        ({"$ref": "#/properties/y"}, "x", False),
    ],
)
def test_a_record_is_valid_by_its_schema(declared, value, valid):
    checked = validator({"x": declared, "y": {"type": "integer"}})
    assert checked.is_valid({"x": value}) is valid
    assert (checked.errors({"x": value}) == []) is valid


def test_an_integer_with_a_point_is_none_in_draft_4():
    assert not validator({"x": {"type": "integer"}}, **{"$schema": DRAFT_4}).is_valid({"x": 1.0})


def test_later_drafts_have_their_own_keywords():
    schema = {"x": {"prefixItems": [{"type": "integer"}]}}
    assert validator(schema).is_valid({"x": ["a"]})
    assert not validator(schema, **{"$schema": DRAFT_2020}).is_valid({"x": ["a"]})


@pytest.mark.parametrize("schema", [{}, {"$schema": DRAFT_4}, {"$schema": DRAFT_2020}], ids=["7", "4", "2020"])
def test_all_formats_but_those_of_date_and_time_are_asserted_on_request(schema):
    checked = validator({"x": {"format": "email"}, "t": {"format": "date-time"}}, formats="all", **schema)
    assert not checked.is_valid({"x": "no address"})
    assert checked.is_valid({"x": "a@example.com", "t": "31 January"})


@pytest.mark.parametrize(
    ("multiple", "value", "valid"),
    [
        (0.01, 19.9, True),
        (0.01, 19.999, False),
        (0.01, 10_000_000_000_000.016, False),
        (0.01, Decimal("100000000000000.01"), True),
        (0.01, Decimal("100000000000000.015"), False),
        (0.05, 0.35, True),
        (0.1, 0.30000000000000004, False),
        (3, 9, True),
        (3, 10**40 + 1, False),
        (7, Decimal("1e999999999"), False),
        (0.01, "text", True),
        (0.01, True, True),
    ],
)
def test_multiples_are_counted_in_decimals(multiple, value, valid):
    assert validator({"x": {"multipleOf": multiple}}).is_valid({"x": value}) is valid


def test_every_error_has_its_paths_and_no_value():
    checked = validator(
        {
            "a/b": {"type": "integer"},
            "c": {"enum": ["open", "closed"]},
            "d": {"type": "array", "items": {"type": "object", "properties": {"e": {"maxLength": 2, "pattern": "^x"}}}},
            "f": {"multipleOf": 0.01},
            "g": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        },
        required=["id"],
        additionalProperties=False,
    )
    secret = "s3cret"
    record = {"a/b": secret, "c": secret, "d": [{}, {"e": secret}], "f": 0.001, "g": secret, "more": secret}
    errors = {(error.path, error.schema_path, error.message) for error in checked.errors(record)}
    assert errors == {
        ("", "/required", 'lacks the required property "id"'),
        ("", "/additionalProperties", 'has properties the schema does not allow: "more"'),
        ("/a~1b", "/properties/a~1b/type", "expected integer, found string"),
        ("/c", "/properties/c/enum", 'expected one of ["open", "closed"]'),
        ("/d/1/e", "/properties/d/items/properties/e/maxLength", "expected at most 2 characters"),
        ("/d/1/e", "/properties/d/items/properties/e/pattern", "does not match the pattern ^x"),
        ("/f", "/properties/f/multipleOf", "expected a multiple of 0.01"),
        ("/g", "/properties/g/anyOf", "matches none of the schemas of anyOf"),
    }


EVERY_KEYWORD = {
    "type": ({"type": ["integer", "null"]}, "s3cret"),
    "enum": ({"enum": [1]}, "s3cret"),
    "const": ({"const": 1}, "s3cret"),
    "minimum": ({"minimum": 5}, 3.125),
    "maximum": ({"maximum": 1}, 3.125),
    "exclusiveMinimum": ({"exclusiveMinimum": 5}, 3.125),
    "exclusiveMaximum": ({"exclusiveMaximum": 1}, 3.125),
    "minLength": ({"minLength": 50}, "s3cret"),
    "maxLength": ({"maxLength": 1}, "s3cret"),
    "pattern": ({"pattern": "^x$"}, "s3cret"),
    "format": ({"format": "email"}, "s3cret"),
    "minItems": ({"minItems": 2}, ["s3cret"]),
    "maxItems": ({"maxItems": 0}, ["s3cret"]),
    "uniqueItems": ({"uniqueItems": True}, ["s3cret", "s3cret"]),
    "contains": ({"contains": {"type": "integer"}}, ["s3cret"]),
    "additionalItems": ({"items": [{}], "additionalItems": False}, [1, "s3cret"]),
    "minProperties": ({"minProperties": 2}, {"a": "s3cret"}),
    "maxProperties": ({"maxProperties": 0}, {"a": "s3cret"}),
    "propertyNames": ({"propertyNames": {"maxLength": 1}}, {"ab": "s3cret"}),
    "dependencies": ({"dependencies": {"a": ["b"]}}, {"a": "s3cret"}),
    "oneOf": ({"oneOf": [{}, {}]}, "s3cret"),
    "not": ({"not": {}}, "s3cret"),
    "false": (False, "s3cret"),
    "if": ({"if": {}, "then": {"type": "integer"}}, "s3cret"),
    "multipleOf": ({"multipleOf": 2}, 3.125),
}


@pytest.mark.parametrize(("declared", "value"), EVERY_KEYWORD.values(), ids=EVERY_KEYWORD)
def test_no_keyword_tells_the_value(declared, value):
    errors = validator({"x": declared}, formats="all").errors({"x": value})
    assert errors
    for error in errors:
        assert error.path.startswith("/x")
        assert "s3cret" not in error.message
        assert "3.125" not in error.message
        assert not error.message.startswith("breaks ") or error.message.split()[1] in error.schema_path


def test_a_million_errors_are_cut_short():
    assert len(validator({"x": {"items": {"type": "string"}}}).errors({"x": [1] * 10_000})) == MAX_ERRORS


UNUSABLE = {
    "http reference": ({"$ref": "http://127.0.0.1:9/x.json"}, "never fetched"),
    "file reference": ({"$ref": "file:///etc/passwd"}, "never fetched"),
    "relative reference": ({"$ref": "other.json"}, "never fetched"),
    "reference to an id": ({"$id": "http://127.0.0.1:9/", "allOf": [{"$ref": "other"}]}, "never fetched"),
    "reference to nothing": ({"$ref": "#/definitions/none"}, "never fetched"),
    "lookahead": ({"pattern": "(?=a)b"}, "no lookaround"),
    "lookbehind": ({"pattern": "(?<!a)b"}, "no lookaround"),
    "back-reference": ({"pattern": r"(a)\1"}, "no lookaround"),
    "broken pattern": ({"pattern": "("}, "no lookaround"),
    "broken pattern of names": ({"patternProperties": {"(?=a)": {}}}, ""),
    "multiple of zero": ({"multipleOf": 0}, ""),
    "multiple of a text": ({"multipleOf": "0.01"}, ""),
    "negative length": ({"maxLength": -1}, ""),
    "required of draft 3": ({"required": True}, "$schema"),
}


@pytest.mark.parametrize(("declared", "fix"), UNUSABLE.values(), ids=UNUSABLE)
def test_a_schema_that_cannot_be_used_says_how_to_mend_it(declared, fix):
    with pytest.raises(SchemaError, match='"orders"') as caught:
        validator({"x": declared})
    assert fix in caught.value.fix
    assert caught.value.exit_code == 2
    assert "\n" not in caught.value.message


def test_a_local_file_is_not_read(tmp_path):
    other = tmp_path / "other.json"
    other.write_text("{}")
    with pytest.raises(SchemaError):
        validator({"x": {"$ref": other.as_uri()}})


def test_a_pattern_that_backtracks_elsewhere_is_linear():
    checked = validator({"x": {"pattern": "^(a+)+$"}})
    started = time.process_time()
    assert not checked.is_valid({"x": "a" * 50_000 + "!"})
    assert time.process_time() - started < 5


def test_a_recursive_schema_follows_its_record():
    checked = Validator(
        parse_schema("s", {"type": "object", "properties": {"next": {"$ref": "#"}, "v": {"type": "integer"}}})
    )
    record = {"v": "bad"}
    for _ in range(249):
        record = {"next": record}
    assert [error.path for error in checked.errors(record)] == ["/next" * 249 + "/v"]


@pytest.mark.parametrize("exponent", ["1e-999999999", "-1e999999999", "1.5e999999999999999999"])
def test_a_number_with_a_vast_exponent_costs_nothing(exponent):
    checked = validator({"x": {"type": ["integer", "number"], "minimum": 0, "multipleOf": 3, "enum": [1, 2]}})
    started = time.process_time()
    assert not checked.is_valid({"x": Decimal(exponent)})
    assert checked.errors({"x": Decimal(exponent)})
    assert time.process_time() - started < 1
