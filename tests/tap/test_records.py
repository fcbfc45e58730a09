from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_rest_api.errors import BodyError
from tap_rest_api.messages import activate_version_line, record_lines, schema_line, state_line
from tap_rest_api.records import add_fields, edit_records, leave_out


def test_fields_are_put_in_front_and_the_rest_is_untouched() -> None:
    records = [b'{"id": 1.50, "t":"\\u00e4"}', b"{}", b"{ }", b'{ "a":1}']
    assert add_fields(records, {"shop": 7, "ö": "x"}) == [
        b'{"shop": 7, "\\u00f6": "x", "id": 1.50, "t":"\\u00e4"}',
        b'{"shop": 7, "\\u00f6": "x"}',
        b'{"shop": 7, "\\u00f6": "x"}',
        b'{"shop": 7, "\\u00f6": "x", "a":1}',
    ]


def test_half_a_surrogate_pair_cannot_be_added() -> None:
    with pytest.raises(BodyError, match="surrogate"):
        add_fields([b"{}"], {"t": "\ud800"})


def test_fields_are_left_out_and_the_rest_keeps_its_digits() -> None:
    records = [b'{"id": 1, "secret": {"a": [1]}, "x": 1.10, "y": 1e400}', b'{"secret": 1}', b'{"t": NaN, "secret": 1}']
    assert edit_records(records, {"secret": leave_out}) == [b'{"id":1,"x":1.10,"y":1e400}', b"{}", b'{"t":NaN}']


objects = st.dictionaries(st.text(), st.integers() | st.text() | st.lists(st.floats(allow_nan=False)), max_size=5)


@given(objects, st.sets(st.text(), max_size=3))
def test_leaving_out_is_the_same_as_deleting(record: dict[str, Any], names: set[str]) -> None:
    kept = json.loads(bytes(edit_records([json.dumps(record).encode()], dict.fromkeys(names, leave_out))[0]))
    assert kept == {name: value for name, value in record.items() if name not in names}


def test_a_page_becomes_one_chunk_of_record_lines_around_its_own_bytes() -> None:
    chunk = record_lines('it"em', [b'{"id": 1.50}', b"{}"], "2024-01-31T00:00:00Z")
    assert chunk == (
        b'{"type": "RECORD", "stream": "it\\"em", "record": {"id": 1.50}, "time_extracted": "2024-01-31T00:00:00Z"}\n'
        b'{"type": "RECORD", "stream": "it\\"em", "record": {}, "time_extracted": "2024-01-31T00:00:00Z"}\n'
    )


def test_records_of_a_full_table_carry_its_version() -> None:
    line = json.loads(record_lines("s", [b"{}"], "t", 17))
    assert line == {"type": "RECORD", "stream": "s", "record": {}, "time_extracted": "t", "version": 17}


def test_no_records_are_no_bytes() -> None:
    assert record_lines("s", [], "t") == b""


def test_the_other_messages_are_singers_own() -> None:
    schema = {"type": "object", "properties": {"ü": {"multipleOf": 0.01, "x-own": True}}}
    assert json.loads(schema_line("s", schema, ("id",), "at")) == {
        "type": "SCHEMA",
        "stream": "s",
        "schema": schema,
        "key_properties": ["id"],
        "bookmark_properties": ["at"],
    }
    assert "bookmark_properties" not in json.loads(schema_line("s", schema, (), None))
    assert json.loads(state_line({"bookmarks": {}})) == {"type": "STATE", "value": {"bookmarks": {}}}
    assert json.loads(activate_version_line("s", 3)) == {"type": "ACTIVATE_VERSION", "stream": "s", "version": 3}
