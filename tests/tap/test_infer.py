from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_rest_api.infer import infer_schema
from tap_rest_api.json_body import decode_loosely


def field(*values: Any) -> Any:
    return infer_schema([{"f": value} for value in values], ())["properties"].get("f", "left open")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((1, 2), {"type": ["null", "integer"]}),
        ((1, 2.5), {"type": ["null", "number"]}),
        ((2.5, None), {"type": ["null", "number"]}),
        ((True,), {"type": ["null", "boolean"]}),
        (("01234",), {"type": ["null", "string"]}),
        (("",), {"type": ["null", "string"]}),
        (("2024-01-31",), {"type": ["null", "string"], "format": "date"}),
        (("2024-01-31T10:00:00Z", "2024-01-31 10:00:00.5+01:00"), {"type": ["null", "string"], "format": "date-time"}),
        (("2024-01-31T10:00:00Z", "2024-01-31"), {"type": ["null", "string"]}),
        (("2024-01-31T10:00:00Z", "soon"), {"type": ["null", "string"]}),
        (("2024-02-30",), {"type": ["null", "string"]}),
        ((1, "a"), {"type": ["null", "integer", "string"]}),
        ((None,), "left open"),
        (([],), {"type": ["null", "array"]}),
        (([1, None],), {"type": ["null", "array"], "items": {"type": ["null", "integer"]}}),
        (({"a": 1}, {"b": None}), {"type": ["null", "object"], "properties": {"a": {"type": ["null", "integer"]}}}),
    ],
    ids=str,
)
def test_a_schema_says_what_the_samples_prove_and_no_more(values: tuple[Any, ...], expected: Any) -> None:
    assert field(*values) == expected


def test_nothing_is_required_and_only_the_key_is_never_null() -> None:
    schema = infer_schema([{"id": 1, "a": {"b": 2}}, {"id": 2, "a": {"b": 3}}], ["id"])
    assert "required" not in json.dumps(schema)
    assert schema["properties"]["id"] == {"type": "integer"}
    assert schema["properties"]["a"]["properties"]["b"] == {"type": ["null", "integer"]}


def test_without_samples_the_key_is_declared_without_a_type() -> None:
    assert infer_schema([], ["id"]) == {"type": "object", "properties": {"id": {}}}


def test_an_integer_of_a_million_digits_is_an_integer() -> None:
    """Discovery ended with a traceback."""
    record = decode_loosely(b'{"id": 1, "n": ' + b"9" * 1_000_000 + b"}")
    assert infer_schema([record], ())["properties"]["n"] == {"type": ["null", "integer"]}
    assert infer_schema([record, {"n": 1.5}], ())["properties"]["n"] == {"type": ["null", "number"]}


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.dates().map(str)
    | st.datetimes().map(lambda moment: f"{moment.isoformat()}Z"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
records = st.dictionaries(st.text(max_size=3), values, max_size=4)


@given(st.lists(records, max_size=5))
def test_a_schema_accepts_its_own_samples(samples: list[dict[str, Any]]) -> None:
    schema = infer_schema(samples, ())
    validator = jsonschema_rs.Draft7Validator(schema, validate_formats=False)
    for sample in samples:
        assert validator.is_valid(sample), (schema, sample)


@given(st.lists(records, min_size=1, max_size=4), st.randoms())
def test_the_order_of_samples_does_not_matter(samples: list[dict[str, Any]], chance: Any) -> None:
    shuffled = samples[:]
    chance.shuffle(shuffled)
    accepted = [infer_schema(order, ()) for order in (samples, shuffled)]
    validators = [jsonschema_rs.Draft7Validator(schema) for schema in accepted]
    assert all(validators[0].is_valid(sample) == validators[1].is_valid(sample) for sample in samples)
    assert set(accepted[0]["properties"]) == set(accepted[1]["properties"])
