from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from tap_rest_api.columns import column_reader
from tap_rest_api.errors import BodyError, RecordsPathError
from tap_rest_api.pages import Page, page_parser
from tap_rest_api.slices import slice_array, slice_object
from tap_rest_api.transport import Response

NOW = datetime(2024, 1, 31, tzinfo=UTC)


def page(body: bytes | str, records: str | None = None) -> Page:
    """Parse in the thorough way and in the quick one, which must not differ."""
    response = Response(200, {}, body if isinstance(body, bytes) else body.encode(), "http://x", NOW, NOW)
    thorough, quick = attempt(response, records, None), attempt(response, records, PATHS)
    if isinstance(thorough, Exception):
        assert repr(quick) == repr(thorough)
        raise thorough
    assert [bytes(record) for record in quick.records] == [bytes(record) for record in thorough.records]
    for path in PATHS if "NaN" not in str(body) and "Infinity" not in str(body) else PATHS[:-1]:
        assert quick.body.find(path) == thorough.body.find(path)
    return thorough


def attempt(response: Response, records: str | None, paths: Any) -> Any:
    try:
        return page_parser(records, paths)(response)
    except (BodyError, RecordsPathError) as error:
        return error


PATHS = ["next", "meta.next", "a.b", "missing", "more", "data[-1].id"]


def texts(body: bytes | str, records: str | None = None) -> list[bytes]:
    return [bytes(record) for record in page(body, records).records]


RECORDS = b'[{"id": 1, "x": 1.50}, {"id":2,"o":{"a":[1,2]}}]'
OWN_TEXTS = [b'{"id": 1, "x": 1.50}', b'{"id":2,"o":{"a":[1,2]}}']


@pytest.mark.parametrize(
    ("body", "path", "found"),
    [
        (RECORDS, None, None),
        (b'{"data": ' + RECORDS + b"}", "data", "data"),
        (b'{"data": ' + RECORDS + b', "meta": {"n": [1]}}', None, "data"),
        (b'{"result": {"orders": ' + RECORDS + b'}, "errors": []}', None, "result.orders"),
        (b'{"a": {"b": {"c": ' + RECORDS + b"}}}", "a.b.c", "a.b.c"),
        (b'{"a.b": ' + RECORDS + b', "a": {"b": []}}', "a.b", "a.b"),
        (b'\xef\xbb\xbf {"data": ' + RECORDS + b"}\r\n", "data", "data"),
    ],
    ids=["array", "key", "only array", "nested array", "path", "exact key first", "bom"],
)
def test_records_are_found_and_keep_their_own_text(body: bytes, path: str | None, found: str | None) -> None:
    assert texts(body, path) == OWN_TEXTS
    assert page(body, path).path == found


@pytest.mark.parametrize("body", ["[]", '{"data": []}', '{"data": [], "errors": []}', '{"x": {"data": []}}'])
def test_an_empty_page_has_no_records(body: str) -> None:
    assert texts(body) == []


def test_null_where_the_records_should_be_is_an_empty_page() -> None:
    assert texts('{"data": null}', "data") == []


@pytest.mark.parametrize(
    ("body", "path", "words", "fix"),
    [
        ('{"meta": 1, "results": []}', "data.items", 'no field "data.items"', 'keys: meta, results. Try "results"'),
        ('{"data": {"items": []}}', "data", 'no array at "data"', 'Try "data.items"'),
        ('{"data": "x"}', "data", "no array at", "keys: data."),
        ('{"data": [1]}', None, "no array of records", "keys: data."),
        ("{}", None, "no array of records", "without keys"),
        ("[1]", "data", "no field", "the body is an array"),
        ('{"a": [{}], "b": [{}]}', None, "several arrays", "one of: a, b"),
        ('{"a": [1]}', "b[]", 'no field "b[]"', "keys: a"),
    ],
)
def test_records_that_are_not_there_are_an_error_with_a_suggestion(
    body: str, path: str | None, words: str, fix: str
) -> None:
    with pytest.raises(RecordsPathError, match=words.replace("[", r"\[")) as caught:
        page(body, path)
    assert fix in caught.value.fix


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"<!DOCTYPE html>", "not JSON"),
        (b"null", "not JSON"),
        (b'"text"', "not JSON"),
        (b'{"data": [{"id": 1}', "not JSON"),
        (b'{"data": [{"id": 1}]} trailing', "not JSON"),
        (b'{"data": [{"id": 1},]}', "not JSON"),
        (b'{"data" [1]}', "not JSON"),
        (b'{"data": [{"t": "a\nb"}]}x', "not JSON"),
        (b'{"data": [{"t": "\xff"}]}', "not UTF-8 at byte 17"),
        (b'{"data": [' + b'{"a":' * 100_000, "not JSON"),
        (b"[" * 100_000, "not JSON|nested too deeply"),
    ],
    ids=lambda value: value[:24].decode("latin-1") if isinstance(value, bytes) else "",
)
def test_a_body_that_is_not_json_is_an_error_worth_another_try(body: bytes, words: str) -> None:
    with pytest.raises(BodyError, match=words):
        page(body)


def test_jmespath_shapes_records_with_exact_numbers() -> None:
    body = '{"edges": [{"node": {"id": 12345678901234567890, "x": 1.10}}, {"node": {"id": 2, "x": 1e400}}]}'
    rows = [json.loads(text, parse_float=Decimal) for text in texts(body, "edges[].node")]
    assert rows == [{"id": 12345678901234567890, "x": Decimal("1.10")}, {"id": 2, "x": Decimal("1e400")}]


def test_an_object_is_one_record_if_asked_for() -> None:
    assert texts('{"id": 1}', "[@]") == [b'{"id":1}']


@pytest.mark.parametrize("bad", ['"\\ud800"', "NaN", "-Infinity"])
def test_what_is_not_quite_json_spoils_no_neighbour(bad: str) -> None:
    body = f'{{"next": "n", "data": [{{"id": 1}},\n {{"id": 2, "v": {bad}}}, {{"id": 3}} ], "more": true}}'
    found = page(body, "data")
    assert [bytes(r) for r in found.records] == [b'{"id": 1}', f'{{"id": 2, "v": {bad}}}'.encode(), b'{"id": 3}']
    assert column_reader(["id"])(found.records) == {"id": [1, 2, 3]}
    assert (found.body.find("next"), found.body.find("more")) == ("n", True)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("meta.next", "t"),
        ("a.b", 1),
        ("missing", None),
        ("meta.missing.deep", None),
        ("meta.next.deeper", None),
        ("meta.price", Decimal("1.10")),
        ("length(data)", 2),
        ("data[-1].id", 9),
    ],
)
def test_paths_are_looked_up_in_the_body(path: str, value: Any) -> None:
    body = '{"a.b": 1, "a": {"b": 2}, "meta": {"next": "t", "price": 1.10}, "data": [{"id": 8}, {"id": 9}]}'
    assert page(body, "data").body.find(path) == value


def test_a_path_is_looked_up_in_the_last_record() -> None:
    found = page('[{"id": 1}, {"id": 2, "k": {"x": 3}, "a.b": 4}]')
    assert [found.find_last(path) for path in ("id", "k.x", "a.b", "none")] == [2, 3, 4, None]


def test_columns_are_read_from_every_record() -> None:
    found = page('[{"id": 1, "odd-name": "x", "other": {"deep": [1]}}, {"id": null}, {}]')
    assert column_reader(["id", "odd-name"])(found.records) == {"id": [1, None, UNSET], "odd-name": ["x", UNSET, UNSET]}
    assert column_reader([])(found.records) == {}


def test_a_huge_number_in_a_column_stays_exact() -> None:
    assert column_reader(["id"])(page('[{"id": 1e400}, {"id": 2}]').records) == {"id": [Decimal("1e400"), 2]}


@pytest.mark.parametrize("body", ["[1]", '[{"id": 1}, "x"]', '[{"id": 1e400}, []]', "[null]"])
def test_a_record_that_is_not_an_object_is_an_error(body: str) -> None:
    with pytest.raises(RecordsPathError, match="not an object"):
        column_reader(["id"])(page(body).records)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
layouts = st.sampled_from([{}, {"indent": 2}, {"separators": (",", ":")}, {"ensure_ascii": False}])


@given(st.dictionaries(st.text(), json_values), layouts)
def test_slices_of_an_object_are_its_values(value: dict[str, Any], layout: dict[str, Any]) -> None:
    sliced = slice_object(
        json.dumps(value, **layout).encode("utf-8", "surrogatepass").decode("utf-8", "replace").encode()
    )
    assert {key: json.loads(text) for key, text in sliced.items()} == value


@given(st.lists(json_values), layouts)
def test_slices_of_an_array_are_its_elements(value: list[Any], layout: dict[str, Any]) -> None:
    assert [json.loads(text) for text in slice_array(json.dumps(value, **layout).encode())] == value


@given(st.binary())
def test_no_body_crashes_the_parser(body: bytes) -> None:
    with suppress(BodyError, RecordsPathError):
        page(body)


@given(st.binary(), st.integers(0, 60))
def test_no_damaged_body_crashes_the_parser(noise: bytes, at: int) -> None:
    whole = b'{"meta": {"next": "abc"}, "data": [{"id": 1, "t": "x\\u00e4"}, {"id": 2}]}'
    with suppress(BodyError, RecordsPathError):
        found = page(whole[:at] + noise + whole[at:], "data")
        column_reader(["id"])(found.records)
        found.body.find("meta.next")
