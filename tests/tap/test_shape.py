# ruff: noqa: E501 - each row of the tables stays on its line
"""What the options where, add, drop, mask and explode make of records, and on_new_field of what nobody declared."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_rest_api.catalog import Selection
from tap_rest_api.edits import edits_of, shaped_schema
from tap_rest_api.errors import ConfigError, RecordsPathError
from tap_rest_api.infer import infer_schema
from tap_rest_api.new_fields import new_field_finder
from tap_rest_api.outgoing import Outgoing
from tap_rest_api.records import edit_records, masked_with
from tap_rest_api.shape import explode, shape
from tests.tap.fake_api import FakeApi, Reply
from tests.tap.tap import run_tap
from tests.tap.test_client import make_stream

if TYPE_CHECKING:
    from pathlib import Path

KEY = "a key of sixteen"
RECORD = b'{"id": 1.50, "person": {"email": "a@b.c", "n":12345678901234567890}, "items": [{"p": 1.0}, {"q": 2}, 3]}'


def digest(content: bytes) -> str:
    return hmac.new(KEY.encode(), content, hashlib.sha256).hexdigest()


def edited(record: bytes, **options: Any) -> bytes:
    return bytes(edit_records([record], edits_of(make_stream(**options), KEY))[0])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"drop": ("person.email",)}, b'{"id":1.50,"person":{"n":12345678901234567890},"items":[{"p": 1.0}, {"q": 2}, 3]}'),
        ({"drop": ("items.p", "person")}, b'{"id":1.50,"items":[{},{"q": 2},3]}'),
        ({"drop": ("items[].q", "person", "id")}, b'{"items":[{"p": 1.0},{},3]}'),
        ({"mask": {"person": "drop"}, "drop": ("items",)}, b'{"id":1.50}'),
        ({"drop": ("none", "person.none", "id.deeper", "items.none.x")}, RECORD),
    ],
)  # fmt: skip
def test_fields_are_left_out_at_any_depth_and_the_rest_keeps_its_text(options: dict[str, Any], expected: bytes) -> None:
    assert edited(RECORD, **options) == expected


def test_a_record_that_has_none_of_the_fields_is_the_very_same() -> None:
    record = b'{"a":  1}'
    assert edit_records([record], edits_of(make_stream(drop=("b", "a.c")), KEY))[0] is record


def test_a_key_with_a_dot_is_found_as_well() -> None:
    assert edited(b'{"a.b": 1, "a": {"b": 2, "c": 3}}', drop=("a.b",)) == b'{"a":{"c":3}}'


def test_half_a_surrogate_pair_in_a_key_survives_an_edit() -> None:
    assert edited(b'{"\\ud800": NaN, "b": 1}', drop=("b",)) == b'{"\\ud800":NaN}'


@pytest.mark.parametrize(
    ("value", "content"),
    [
        (b'"a@b.c"', b"a@b.c"),
        (b'"\\u0061@b.c"', b"a@b.c"),
        ('"ä"'.encode(), "ä".encode()),
        (b'"\\ud800"', b"\xed\xa0\x80"),
        (b"1.50", b"1.50"),
        (b"true", b"true"),
        (b'{"b": 1.50, "a": [1, "x"]}', b'{"a":["1","x"],"b":"1.50"}'),
    ],
)
def test_a_masked_value_is_its_keyed_hash(value: bytes, content: bytes) -> None:
    """Not a plain hash: whoever knows nothing but the lake could try out all the likely e-mail addresses."""
    mask = masked_with(KEY)
    assert mask(value) == f'"{digest(content)}"'.encode()
    assert mask(value) != masked_with("another key, as long")(value)


def test_null_stays_null() -> None:
    assert edited(b'{"t": null}', mask={"t": "hash"}) == b'{"t": null}'


def test_the_schema_follows_what_is_done_to_the_records() -> None:
    schema = {
        "type": "object",
        "required": ["email", "age"],
        "properties": {
            "email": {"type": "string", "format": "email"},
            "age": {"type": "integer"},
            "rows": {"type": "array", "items": {"type": "object", "properties": {"a": {}, "b": {}}}},
        },
    }
    stream = make_stream(drop=("rows.a",), mask={"email": "hash", "age": "drop"})
    assert shaped_schema(stream, schema) == {
        "type": "object",
        "required": ["email"],
        "properties": {
            "email": {"type": ["null", "string"]},
            "rows": {"type": "array", "items": {"type": "object", "properties": {"b": {}}}},
        },
    }


@pytest.mark.parametrize(
    ("record", "path", "expected"),
    [
        (b'{"id":1.0,"items":[{"a":1.50},{"a":2}]}', "items", [b'{"id":1.0,"items":{"a":1.50},"items_index":0}', b'{"id":1.0,"items":{"a":2},"items_index":1}']),
        (b'{"o":{"k":1,"rows":[7,8.0]}}', "o.rows", [b'{"o":{"k":1,"rows":7},"rows_index":0}', b'{"o":{"k":1,"rows":8.0},"rows_index":1}']),
        (b'{"a":[{"b":[1,2]},{"b":[3]}]}', "a[].b", [b'{"a":{"b":1},"b_index":0}', b'{"a":{"b":2},"b_index":1}', b'{"a":{"b":3},"b_index":2}']),
        (b'{"items":{"a":1}}', "items", [b'{"items":{"a":1},"items_index":0}']),
        (b'{"items":[]}', "items", []),
        (b'{"items":null}', "items", []),
        (b'{"id":1}', "items", []),
    ],
)  # fmt: skip
def test_an_array_makes_one_record_of_each_element(record: bytes, path: str, expected: list[bytes]) -> None:
    assert list(explode(record, path)) == expected


def test_an_index_that_has_the_name_of_a_field_is_an_error() -> None:
    with pytest.raises(ConfigError, match='field "a_index"'):
        list(explode(b'{"a": [1], "a_index": 2}', "a"))
    with pytest.raises(RecordsPathError, match="not an object"):
        list(explode(b"[1]", "a"))


@pytest.mark.parametrize(
    ("expression", "kept"),
    [
        ("price > `10`", [1]),
        ("tags", [1]),
        ("contains(tags, 'x')", [1]),
        ("count", [1, 2]),
        ("!count", [3]),
    ],
)
def test_where_chooses_records(expression: str, kept: list[int]) -> None:
    records = [
        b'{"id": 1, "price": 10.01, "tags": ["x"], "count": 0}',
        b'{"id": 2, "price": 10.00, "tags": [], "count": 5}',
        b'{"id": 3, "v": NaN}',
    ]
    if "contains" in expression:
        records = records[:2]
    found = shape(records, make_stream(condition=expression))
    assert [json.loads(record)["id"] for record in found] == kept
    assert all(record in records for record in found)


# -- new fields --

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "integer"},
        "o": {"anyOf": [{"type": "object", "properties": {"a": {}}}, {"type": "null"}]},
        "rows": {"type": ["null", "array"], "items": {"type": "object", "properties": {"x": {}}}},
        "open": {"type": "object"},
        "map": {"type": "object", "properties": {"k": {}}, "additionalProperties": {"type": "string"}},
    },
}


@pytest.mark.parametrize(
    ("record", "paths"),
    [
        (b'{"id": 1, "o": {"a": [{"z": 1}]}, "rows": [{"x": {"y": 1}}], "open": {"q": 1}, "map": {"m": "1"}}', []),
        (b'{"id": {"deep": 1}, "o": null, "rows": {"x": 1}}', []),
        (b'{"id": 1, "new": 1}', [("new",)]),
        (b'{"o": {"a": 1, "b": 2}, "rows": [{"x": 1}, {"y": 2}, {"y": null}]}', [("o", "b"), ("rows", "y"), ("rows", "y")]),
        (b'{"o": "text", "t": NaN}', [("t",)]),
    ],
)  # fmt: skip
def test_new_fields_are_found_at_any_depth(record: bytes, paths: list[Any]) -> None:
    assert [field.path for field in new_field_finder(SCHEMA)([b'{"id": 5}', record])] == paths


values = st.recursive(
    st.none() | st.integers() | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(st.sampled_from("abcd"), values, max_size=4)


@given(st.lists(objects, min_size=1, max_size=3), objects)
def test_widened_by_its_new_fields_a_schema_has_none_left_but_nulls(samples: list[Any], other: Any) -> None:
    stream = make_stream(on_new_field="widen")
    outgoing = Outgoing(Selection(stream, infer_schema(samples, ()), frozenset()), "")
    record = json.dumps(other).encode()
    outgoing.lines([record], "t")
    left = [json.loads(bytes(field.value)) for field in new_field_finder(outgoing.schema)([record])]
    assert all(value in (None, []) or not isinstance(value, (int, str)) for value in left)


def test_a_field_new_in_an_object_is_declared_where_an_array_stands_before_the_object_in_any_of() -> None:
    stream = make_stream(on_new_field="widen")
    samples = [{"a": None, "b": None, "c": [None]}, {"a": None, "c": {"a": None}}]
    outgoing = Outgoing(Selection(stream, infer_schema(samples, ()), frozenset()), "")
    record = b'{"c": {"a": 0}}'
    outgoing.lines([record], "t")
    assert not list(new_field_finder(outgoing.schema)([record]))


PAGES = [
    [{"id": 1}, {"id": 2}],
    [{"id": 3, "o": {"a": 1.5}}, {"id": 4, "new": None}],
    [{"id": 5, "o": {"a": 2, "b": "x"}}],
]


def run_pages(folder: Path, choice: str | None) -> Any:
    stream = {
        "name": "items",
        "path": "/items",
        "schema": {
            "type": "object",
            "properties": {"id": {"type": "integer"}, "o": {"type": "object", "properties": {}}},
        },
        "pagination": {"type": "page"},
    }
    if choice is not None:
        stream["on_new_field"] = choice
    with FakeApi(lambda seen: Reply(dict(enumerate(PAGES, 1)).get(int(seen.query["page"]), []))) as api:
        return run_tap(folder, {"base_url": api.url, "streams": [stream]})


@pytest.mark.parametrize("choice", [None, "keep"])
def test_a_new_field_is_kept_by_default(tmp_path: Path, choice: str | None) -> None:
    outcome = run_pages(tmp_path, choice)
    assert outcome.records() == [record for page in PAGES for record in page]
    assert sum(message["type"] == "SCHEMA" for message in outcome.messages) == 1


def test_a_new_field_is_dropped(tmp_path: Path) -> None:
    expected = [{"id": 1}, {"id": 2}, {"id": 3, "o": {}}, {"id": 4}, {"id": 5, "o": {}}]
    assert run_pages(tmp_path, "drop").records() == expected


def test_a_new_field_ends_the_run(tmp_path: Path) -> None:
    outcome = run_pages(tmp_path, "fail")
    assert outcome.exit_code == 2
    assert "new field" in outcome.error.message
    assert '"o.a"' in outcome.error.message
    assert outcome.records() == [{"id": 1}, {"id": 2}]
    assert outcome.error.where.endswith("/on_new_field")


def test_a_wider_schema_stands_before_the_first_record_that_needs_it(tmp_path: Path) -> None:
    outcome = run_pages(tmp_path, "widen")
    kinds = [message["type"][0] for message in outcome.messages]
    assert "".join(kinds) == "SSRRSRRSRASS"
    assert outcome.records() == [record for page in PAGES for record in page]
    fields = [
        message["schema"]["properties"]["o"]["properties"]
        for message in outcome.messages
        if message["type"] == "SCHEMA"
    ]
    assert fields == [
        {},
        {"a": {"type": ["null", "number"]}},
        {"a": {"type": ["null", "number"]}, "b": {"type": ["null", "string"]}},
    ]


# -- together --


def test_what_is_masked_stays_masked_in_children_and_in_the_catalog(tmp_path: Path) -> None:
    answers = {"/people": [{"id": 1, "email": "a@b.c", "age": 7}], "/people/a%40b.c/orders": [{"id": 2}]}
    config = {
        "mask_key": "${env.MASK_KEY}",
        "streams": [
            {"name": "people", "path": "/people", "mask": {"email": "hash", "age": "drop"}},
            {"name": "orders", "path": "/people/${parent.email}/orders",
             "parent": {"stream": "people", "keep": {"who": "email", "age": "age"}}},
        ],
    }  # fmt: skip
    with FakeApi(lambda seen: Reply(answers[seen.path])) as api:
        config["base_url"] = api.url
        outcome = run_tap(tmp_path, config, environment={"MASK_KEY": KEY})
        found = run_tap(tmp_path, config, environment={"MASK_KEY": KEY}, mode="discover")
    hashed = digest(b"a@b.c")
    assert outcome.records("people") == [{"id": 1, "email": hashed}]
    assert outcome.records("orders") == [{"who": hashed, "age": None, "id": 2}]
    people = json.loads(found.output)["streams"][0]["schema"]["properties"]
    assert set(people) == {"id", "email"}
    assert b"a@b.c" not in outcome.output


def test_filtered_and_exploded_records_count_as_they_came(tmp_path: Path) -> None:
    """A stop rule that counted what was left over would end before the last page."""
    pages = {"1": [{"id": 1, "n": [1, 2, 3]}, {"id": 2}], "2": [{"id": 3}, {"id": 4}], "3": [{"id": 5, "n": [4]}]}
    stream = {
        "name": "items",
        "path": "/items",
        "explode": "n",
        "where": "n != `2`",
        "primary_key": ["id", "n_index"],
        "add": {"region": "eu", "at": "${sync.end}", "deep": {"since": "${vars.year}"}},
        "pagination": {"type": "page", "size": 2, "size_param": "size", "stop": "short"},
    }
    with FakeApi(lambda seen: Reply(pages[seen.query["page"]])) as api:
        outcome = run_tap(tmp_path, {"base_url": api.url, "vars": {"year": 2024}, "streams": [stream]})
    found = outcome.records()
    assert [(row["id"], row["n"], row["n_index"]) for row in found] == [(1, 1, 0), (1, 3, 2), (5, 4, 0)]
    assert all(row["region"] == "eu" and row["deep"] == {"since": 2024} and row["at"].endswith("Z") for row in found)


def test_a_field_that_is_added_must_not_be_the_records_own(tmp_path: Path) -> None:
    with FakeApi(lambda _: Reply([{"id": 1, "region": "x"}])) as api:
        stream = {"name": "items", "path": "/", "add": {"region": "eu"}}
        outcome = run_tap(tmp_path, {"base_url": api.url, "streams": [stream]})
    assert outcome.exit_code == 2
    assert outcome.error is not None
    assert outcome.error.where.endswith("/streams/0/add")


def test_deselected_fields_are_left_out_at_any_depth(tmp_path: Path) -> None:
    with FakeApi(lambda _: Reply(b'[{"id": 1.0, "o": {"a": 1.50, "b": 2}}]')) as api:
        config = {"base_url": api.url, "streams": [{"name": "items", "path": "/"}]}
        catalog = json.loads(run_tap(tmp_path, config, mode="discover").output)
        for row in catalog["streams"][0]["metadata"]:
            if row["breadcrumb"][-1:] == ["b"]:
                row["metadata"]["selected"] = "false"
        outcome = run_tap(tmp_path, config, catalog=catalog)
    assert b'"record": {"id":1.0,"o":{"a":1.50}}' in outcome.output
    assert set(outcome.messages[1]["schema"]["properties"]["o"]["properties"]) == {"a"}
