"""Which records are read as columns, and which go record by record; either way they come to the same."""

import json
import logging

import pytest

from target_datalake.arrow_schema import stream_schema
from target_datalake.columnar.parser import ColumnarParser, make_parser
from target_datalake.errors import MessageError
from target_datalake.rows import RowParser
from target_datalake.runs import to_run

STRING, INTEGER, NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}
MAYBE = {"type": ["string", "null"]}


def document(properties, **more):
    return {"type": "object", "properties": properties, **more}


def line(record: str) -> bytes:
    return f'{{"type": "RECORD", "stream": "s", "record": {record}}}'.encode()


class Counted:
    """A columnar parser, and how many lines went record by record."""

    def __init__(self, schema, monkeypatch):
        self.lines = 0
        joined = stream_schema("s", schema, ())
        self.columnar, self.plain = make_parser(joined, formats="typed", keep_raw=False), RowParser(joined)
        parse = RowParser.parse

        def counting(parser, runs, **options):
            if parser is not self.plain:
                self.lines += sum(map(len, runs))
            return parse(parser, runs, **options)

        monkeypatch.setattr(RowParser, "parse", counting)

    def parse(self, records, first_line=1):
        runs = [to_run([line(record) for record in records], first_line, 7)]
        found = self.columnar.parse(runs, commit=1, batched_at_us=5)
        expected = self.plain.parse(runs, commit=1, batched_at_us=5)
        assert found.rejects == expected.rejects
        assert found.batch.equals(expected.batch)
        return found


@pytest.mark.parametrize(
    ("properties", "more"),
    [
        ({"a": {"type": ["integer", "null"], "minimum": 1, "multipleOf": 5}}, {}),
        ({"a": {"type": "string", "pattern": "^a+$", "minLength": 1}}, {}),
        ({"a": {"type": "string", "pattern": "\\bword\\b"}}, {}),
        ({"a": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]}}, {}),
        ({"a": {"$ref": "#/definitions/d"}}, {"definitions": {"d": {"type": "array", "items": NUMBER}}}),
        ({"a": document({"b": STRING}, required=["b"], additionalProperties=False)}, {}),
        ({"a": {"type": "null"}, "b": STRING}, {}),
        ({"a": {"type": "string", "oneOf": [{"maxLength": 1}, {"minLength": 3}]}}, {}),
    ],
)
def test_what_is_compiled(properties, more):
    schema = stream_schema("s", document(properties, **more), ())
    assert isinstance(make_parser(schema, formats="typed", keep_raw=False), ColumnarParser)


@pytest.mark.parametrize(
    ("properties", "more", "reason"),
    [
        ({"a": {}}, {}, "a: it has no single type"),
        ({"a": {"type": ["string", "integer"]}}, {}, "a: it has no single type"),
        ({"a": document({"b": {"type": "object"}})}, {}, "a: b: it has no single type"),
        ({"a": {"$ref": "#"}}, {}, "a: it has no single type"),
        ({"a": {"type": "array", "items": STRING, "uniqueItems": True}}, {}, "a: an array has keywords"),
        ({"a": STRING}, {"minProperties": 1}, "an object has keywords"),
        ({"a": STRING}, {"if": {"required": ["a"]}}, "an object has keywords"),
        ({"a": STRING}, {"required": ["b"]}, "a property is required that has no column"),
        ({"a": STRING, "A": INTEGER}, {}, "a property has no column"),
        ({"a": STRING}, {"additionalProperties": STRING}, "additionalProperties is a schema"),
        ({}, {}, "it declares no column"),
    ],
)
def test_what_is_not_compiled_is_said_in_the_log(properties, more, reason, caplog):
    caplog.set_level(logging.DEBUG)
    schema = stream_schema("s", document(properties, **more), ())
    assert isinstance(make_parser(schema, formats="typed", keep_raw=False), RowParser)
    assert f"stream 's' goes record by record: {reason}" in caplog.text


def test_a_switch_sends_all_record_by_record(monkeypatch):
    monkeypatch.setenv("LAKE_COLUMNAR", "off")
    schema = stream_schema("s", document({"a": STRING}), ())
    assert isinstance(make_parser(schema, formats="typed", keep_raw=False), RowParser)


PRICE = {"type": "number", "multipleOf": 0.01}


@pytest.mark.parametrize(
    ("properties", "record"),
    [
        ({"a": NUMBER}, '{"a": 0.8444218515250481}'),
        ({"a": NUMBER}, '{"a": 0}'),
        ({"a": NUMBER, "id": INTEGER}, '{"id": 9007199254740993, "a": 1.5}'),
        ({"a": NUMBER, "t": STRING}, '{"t": "12345678901234567890", "a": 1.5}'),
        ({"a": PRICE}, '{"a": 19.90}'),
        ({"a": PRICE}, '{"a": 1234567890.01}'),
        ({"a": {"type": "string", "format": "date-time"}}, '{"a": "2026-01-31 23:59:59.5Z"}'),
        ({"a": {"type": "string", "format": "date-time"}}, '{"a": "2026-01-31T23:59:59.123+02:00"}'),
        ({"a": {"type": "string", "format": "time"}}, '{"a": "23:59:59.5Z"}'),
        ({"a": STRING}, "{}"),
        ({"a": MAYBE}, '{"a": null}'),
        ({"a": STRING, "b": MAYBE}, '{"b": null}'),
        ({"a": STRING, "b": MAYBE, "c": STRING}, '{"b": null, "c": "a"}'),
        ({"a": {"type": "array", "items": MAYBE}}, '{"a": [null, "x"]}'),
        ({"b": STRING, "a": STRING}, '{"a" : "x", "b":"y"}'),
        ({"a": STRING}, '{"a": "naïve \\u00e9 \\ud83d\\ude00 {\\"a\\": null}"}'),
    ],
)
def test_what_is_read_as_columns(properties, record, monkeypatch):
    counted = Counted(document(properties), monkeypatch)
    assert counted.parse([record] * 9).batch.num_rows == 9
    assert counted.lines == 0


@pytest.mark.parametrize(
    ("properties", "record"),
    [
        ({"a": NUMBER}, '{"a": 0.1000000000000000055}'),
        ({"a": NUMBER}, '{"a": 9007199254740993}'),
        ({"a": NUMBER}, '{"a":\r9007199254740993}'),
        ({"id": INTEGER, 'a"id': NUMBER}, '{"a\\"id": 9007199254740993}'),
        ({"a": NUMBER}, '{"a": 9223372036854775808}'),
        ({"a": NUMBER}, '{"a": 1e-400}'),
        ({"a": NUMBER}, '{"a": NaN}'),
        ({"a": NUMBER}, '{"a": 1e400}'),
        ({"a": INTEGER}, '{"a": 1.0}'),
        ({"a": PRICE}, '{"a": "19.90"}'),
        ({"a": PRICE}, '{"a": 19.999}'),
        ({"a": PRICE}, '{"a": 12345678901234567.01}'),
        ({"a": {"type": "string", "format": "date-time"}}, '{"a": "2026-01-31T10Z"}'),
        ({"a": {"type": "string", "format": "date-time"}}, '{"a": "0000-01-31T10:00:00Z"}'),
        ({"a": {"type": "string", "format": "date-time"}}, '{"a": "2026-02-30T10:00:00Z"}'),
        ({"a": {"type": "string", "format": "date-time"}}, '{"a": "2026-01-31T10:00:00.1234567Z"}'),
        ({"a": STRING, "b": MAYBE}, '{"a": null}'),
        ({"a": STRING}, '{"a": "\\ud800"}'),
        ({"a": STRING}, '{"a": "x", "a": "y"}'),
        ({"a": STRING}, '{"\\u0061": null, "b": "a"}'),
        ({"a": document({"b": STRING}, required=["b"])}, '{"a": {}}'),
    ],
)
def test_one_record_in_doubt_among_others_goes_record_by_record_alone(properties, record, monkeypatch):
    counted = Counted(document(properties), monkeypatch)
    good = "{}"
    counted.parse([good] * 40 + [record] + [good] * 40)
    assert 0 < counted.lines <= 4


def test_null_and_missing_are_told_apart_where_a_property_must_be_there(monkeypatch):
    counted = Counted(document({"a": MAYBE}, required=["a"]), monkeypatch)
    counted.parse(['{"a": null}', '{"a": "x"}'] * 5)
    assert counted.lines == 0
    parsed = counted.parse(['{"a": null}', "{}"] * 5)
    assert (parsed.batch.num_rows, len(parsed.rejects)) == (5, 5)


def test_a_key_of_the_same_name_elsewhere_proves_nothing(monkeypatch):
    counted = Counted(
        document({"a": MAYBE, "b": {"type": "object", "properties": {"c": STRING}}}, required=["a"]), monkeypatch
    )
    counted.parse(['{"a": "x", "b": {"c": "y"}, "d": {"a": "z"}}'] * 4)
    parsed = counted.parse(['{"a": null, "d": {"a": null}}', '{"b": {"c": "y"}, "d": {"c": null}}'] * 4)
    assert len(parsed.rejects) == 4


def test_a_key_that_ends_as_another_one_does_not_stand_for_it(monkeypatch):
    counted = Counted(document({"a": MAYBE}, required=["a"]), monkeypatch)
    parsed = counted.parse(['{"a": null, "x": 1}', '{"12\\"a":1}'] * 4)
    assert (parsed.batch.num_rows, len(parsed.rejects)) == (4, 4)


def test_undeclared_keys_are_learnt_and_then_cut_from_the_text(monkeypatch):
    counted = Counted(document({"id": INTEGER}), monkeypatch)
    kinds = ["1.50", '"caf\\u00e9"', "null", "true", '{"x": [1, 0.10], "y": "2026-01-31"}', "[]", "[0.10]"]
    records = [f'{{"new": {json.dumps(n)}, "id": {n}, "k{n % 7}": {kinds[n % 7]}}}' for n in range(70)]
    extra = counted.parse(records).batch.column("_sdc_extra").to_pylist()
    assert extra[0] == '{"/new":0,"/k0":1.50}'
    assert extra[2] == '{"/new":2}'
    assert counted.lines == 0


def test_undeclared_keys_within_objects_and_lists_are_learnt_too(monkeypatch):
    some = {"type": ["object", "null"]}
    author = document({"name": STRING, "city": {**document({"code": STRING}), **some}})
    lines = {"type": ["array", "null"], "items": {**document({"sku": MAYBE}), **some}}
    inner = {"type": ["array", "null"], "items": {**document({"x": INTEGER}), **some}}
    grid = {"type": "array", "items": inner}
    counted = Counted(document({"id": INTEGER, "lines": lines, "author": author, "grid": grid}), monkeypatch)
    everyday = [f'{{"id": {n}, "author": {{"name": "a"}}, "lines": [{{"sku": "s"}}, null]}}' for n in range(20)]
    strange = [
        '{"author": {"age": 1.50, "name": "b", "city": {"code": "NL", "zip": "1234"}}, "lines": null, "a/b": 1}',
        '{"id": 2, "lines": [{"sku": "s"}, {"qty": 2, "sku": null}, {"qty": null}, {"of": [{"qty": 1}]}]}',
        '{"grid": [[{"x": 1}, {"y": true}], null, [], [null, {"y": false, "x": 2}]], "id": 3}',
        '{"id": 4, "author": {"city": {"zip": null}}, "lines": []}',
    ]
    parsed = counted.parse([*everyday, *strange, *everyday, *strange])
    assert [extra for extra in parsed.batch.column("_sdc_extra").to_pylist()[:24] if extra] == [
        '{"/a~1b":1,"/author/age":1.50,"/author/city/zip":"1234"}',
        '{"/lines/1/qty":2,"/lines/3/of":[{"qty": 1}]}',
        '{"/grid/0/1/y":true,"/grid/3/1/y":false}',
    ]
    assert counted.lines == 0


def test_undeclared_keys_of_unlike_types_go_record_by_record(monkeypatch):
    counted = Counted(document({"id": INTEGER}), monkeypatch)
    parsed = counted.parse([f'{{"new": {value}, "id": 1}}' for value in ("1", '"a"', "[]", "{}")] * 5)
    assert parsed.batch.num_rows == 20
    assert counted.lines == 20


@pytest.mark.parametrize("size", [1, 5, 60])
def test_a_chunk_of_which_nothing_is_read_as_columns(size, monkeypatch):
    counted = Counted(document({"id": INTEGER}), monkeypatch)
    parsed = counted.parse(['{"id": "1"}'] * size)
    assert len(parsed.rejects) == size


def test_invalid_records_spread_evenly_leave_the_others_as_columns(monkeypatch):
    counted = Counted(document({"id": INTEGER, "a": {"type": "integer", "maximum": 5}}), monkeypatch)
    odd = {7: '{"id": "1"}', 57: '{"a": 9}', 107: '{"id": 1, "id": 2}', 157: '{"id": 1.0}', 207: '{"id": NaN}'}
    parsed = counted.parse([odd.get(number, f'{{"id": {number}}}') for number in range(300)])
    assert (parsed.batch.num_rows, len(parsed.rejects)) == (297, 3)
    assert counted.lines <= 12


def test_of_several_lines_that_are_no_json_the_first_is_named(monkeypatch):
    counted = Counted(document({"id": INTEGER}), monkeypatch)
    texts = [f'{{"id": {number}}}' for number in range(40)]
    texts[12] = '{"id": 1, "id": 2}'
    texts[20] = texts[35] = '{"id": 01}'
    with pytest.raises(MessageError, match="line 21 is not JSON"):
        counted.parse(texts)


def test_broken_text_stays_with_its_own_line(monkeypatch):
    counted = Counted(document({"id": INTEGER}), monkeypatch)
    bad = line('{"id": 1, "x": "\xff"}').replace("ÿ".encode(), b"\xff")
    lines = [line(f'{{"id": {number}}}') for number in range(60)]
    runs = [to_run([*lines[:30], bad, *lines[30:]], 1, 7)]
    parsed = counted.columnar.parse(runs, commit=1, batched_at_us=5)
    assert (parsed.batch.num_rows, [reject.reason for reject in parsed.rejects]) == (60, ["encoding"])


def test_an_object_over_two_lines_beside_two_on_one_is_no_row_each(monkeypatch):
    counted = Counted(document({"id": INTEGER}), monkeypatch)
    start = '{"type": "RECORD", "stream": "s", "record": '
    texts = [start + '{"a":', start + '{"id": 1}}}}', start + '{"id": 2}}' + start + '{"id": 3}}']
    runs = [to_run([text.encode() for text in texts], 1, 7)]
    messages = []
    for parser in (counted.plain, counted.columnar):
        with pytest.raises(Exception, match="line 1 is not JSON") as caught:
            parser.parse(runs, commit=1, batched_at_us=5)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


@pytest.mark.parametrize(
    ("schema", "records", "rejected"),
    [
        (INTEGER | {"maximum": 2**53}, ["9007199254740992", "9007199254740993"], 1),
        (INTEGER | {"minimum": -(2**53)}, ["-9007199254740992", "-9007199254740993"], 1),
        (NUMBER | {"maximum": 2**63 - 1}, ["9223372036854775807", "9223372036854775808", "1.5", "1e300"], 2),
        (NUMBER | {"maximum": 1e17}, ["1e17", "1.1e17", "99999999999999999"], 1),
        (NUMBER | {"minimum": -(2**63)}, ["-9223372036854775808", "-1e300", "0"], 1),
    ],
)
def test_a_bound_that_is_no_exact_float_lets_nothing_over_it(schema, records, rejected, monkeypatch):
    counted = Counted(document({"a": schema}), monkeypatch)
    found = counted.parse([f'{{"a": {record}}}' for record in records])
    assert len(found.rejects) == rejected


@pytest.mark.parametrize("schema", [{"enum": ["a", None]}, {"type": ["integer", "null"], "multipleOf": 1}])
def test_nulls_that_may_be_are_read_as_columns(schema, monkeypatch):
    kind = {"type": ["string", "null"]} if "enum" in schema else {}
    value = '"a"' if "enum" in schema else "3"
    counted = Counted(document({"a": kind | schema, "b": STRING}), monkeypatch)
    counted.parse([f'{{"a": {value}, "b": "x"}}', '{"a": null, "b": "x"}', '{"b": "x"}', '{"a": null, "b": "y"}'])
    assert counted.lines == 0
