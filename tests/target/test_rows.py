import datetime as dt
import json
from decimal import Decimal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from target_datalake.arrow_schema import join, stream_schema
from target_datalake.errors import MessageError, SchemaError
from target_datalake.rows import RowParser
from target_datalake.runs import to_run

RECEIVED_AT_US = 1_769_900_399_000_001


def line(record, **envelope):
    more = "".join(f",{json.dumps(key)}:{json.dumps(value)}" for key, value in envelope.items())
    return f'{{"type":"RECORD","stream":"orders","record":{record}{more}}}'.encode()


def parser(properties, head=None, formats="typed", keep_raw=False, **more):
    schema = stream_schema("orders", {"type": "object", "properties": properties, **more}, ("id",))
    return RowParser(join(head, schema), formats=formats, keep_raw=keep_raw)


def parse(parser, *records):
    return parser.parse([to_run([line(record) for record in records], 1, RECEIVED_AT_US)], commit=1, batched_at_us=0)


def landed(declared, literal):
    """The one value of the column, and what `_sdc_extra` keeps."""
    parsed = parse(parser({"x": declared}), f'{{"x":{literal}}}')
    assert not parsed.rejects
    (row,) = parsed.batch.to_pylist()
    return row.get("x"), row["_sdc_extra"]


def rejected(declared, literal):
    parsed = parse(parser({"x": declared}), f'{{"x":{literal}}}')
    assert parsed.batch.num_rows == 0
    (reject,) = parsed.rejects
    assert reject.raw == f'{{"x":{literal}}}'.encode()
    return reject


def utc(*parts):
    return dt.datetime(*parts, tzinfo=dt.UTC)


INTEGER, NUMBER, STRING = {"type": "integer"}, {"type": "number"}, {"type": "string"}
UINT64 = {"type": "integer", "minimum": 0, "maximum": 2**64 - 1}
CENTS = {"type": "number", "multipleOf": 0.01}
DATE_TIME = {"type": ["string", "null"], "format": "date-time"}
DATE, TIME = {"type": "string", "format": "date"}, {"type": "string", "format": "time"}

EXACT = {
    "integer": (INTEGER, "42", 42),
    "int64 maximum": (INTEGER, "9223372036854775807", 2**63 - 1),
    "int64 minimum": (INTEGER, "-9223372036854775808", -(2**63)),
    "integer with a point": (INTEGER, "5.0", 5),
    "integer with an exponent": (INTEGER, "1e3", 1000),
    "large integer with a point": (INTEGER, "9007199254740993.0", 9007199254740993),
    "uint64": (UINT64, "18446744073709551615", Decimal(2**64 - 1)),
    "uint64 with a point": (UINT64, "18446744073709551615.0", Decimal(2**64 - 1)),
    "number": (NUMBER, "19.90", 19.9),
    "number without a point": (NUMBER, "5", 5.0),
    "number of many digits": (NUMBER, "0.30000000000000004", 0.30000000000000004),
    "smallest number": (NUMBER, "5e-324", 5e-324),
    "largest number": (NUMBER, "1.7976931348623157e308", 1.7976931348623157e308),
    "integer of 2^53 as number": (NUMBER, "9007199254740992", 9007199254740992.0),
    "10^23 as number": (NUMBER, "100000000000000000000000", 1e23),
    "cents": (CENTS, "19.9", Decimal("19.90")),
    "cents that a float has not": (CENTS, "12345678901234567890.12", Decimal("12345678901234567890.12")),
    "cents with zeros": (CENTS, "1.5000", Decimal("1.50")),
    "cents without a point": (CENTS, "7", Decimal("7.00")),
    "cents with an exponent": (CENTS, "1e2", Decimal("100.00")),
    "string": (STRING, '"caf\\u00e9 \\ud83d\\ude00"', "café 😀"),
    "string with U+0000": (STRING, '"a\\u0000b"', "a\x00b"),
    "boolean": ({"type": "boolean"}, "true", True),
    "null": ({"type": ["null", "integer"]}, "null", None),
    "date-time": (DATE_TIME, '"2026-01-31T23:59:59.123456Z"', utc(2026, 1, 31, 23, 59, 59, 123456)),
    "date-time with a zone": (DATE_TIME, '"2026-01-31t23:59:59+01:00"', utc(2026, 1, 31, 22, 59, 59)),
    "date-time without a zone": (DATE_TIME, '"2026-01-31 23:59:59"', utc(2026, 1, 31, 23, 59, 59)),
    "date-time before 1970": (DATE_TIME, '"0001-01-01T00:00:00.000001Z"', utc(1, 1, 1, 0, 0, 0, 1)),
    "date-time with zeros": (DATE_TIME, '"2026-01-31T23:59:59.123456000Z"', utc(2026, 1, 31, 23, 59, 59, 123456)),
    "date": (DATE, '"1969-12-31"', dt.date(1969, 12, 31)),
    "time": (TIME, '"23:59:59.5Z"', dt.time(23, 59, 59, 500000)),
    "object": (
        {"type": "object", "properties": {"a": INTEGER, "b": DATE, "c": STRING}},
        '{"b":"2026-01-31","a":1.0}',
        {"a": 1, "b": dt.date(2026, 1, 31), "c": None},
    ),
    "array": ({"type": "array", "items": {"type": ["integer", "null"]}}, "[1, 2.0, null]", [1, 2, None]),
    "empty array": ({"type": "array", "items": STRING}, "[]", []),
    "array of objects": (
        {"type": "array", "items": {"type": "object", "properties": {"at": DATE_TIME}}},
        '[{"at":"2026-01-31T00:00:00Z"},{}]',
        [{"at": utc(2026, 1, 31)}, {"at": None}],
    ),
    "JSON object": ({"type": "object"}, '{"b" : 1.10, "a":[1e2]}', '{"b" : 1.10, "a":[1e2]}'),
    "JSON array": ({"type": "array"}, "[1.0, 1e400]", "[1.0, 1e400]"),
    "JSON string": ({}, '"caf\\u00e9"', '"caf\\u00e9"'),
    "JSON number": ({"type": ["string", "number"]}, "100000000000000000000.10", "100000000000000000000.10"),
    "JSON null": ({}, "null", None),
    "JSON in an object": (
        {"type": "object", "properties": {"any": {}, "n": INTEGER}},
        '{"any": {"z":0.10},"n":1}',
        {"any": '{"z":0.10}', "n": 1},
    ),
    "JSON in an array": (
        {"type": "array", "items": {"type": ["object", "null"]}},
        '[{"a": 1}, null]',
        ['{"a": 1}', None],
    ),
}


@pytest.mark.parametrize(("declared", "literal", "value"), EXACT.values(), ids=EXACT)
def test_a_value_lands_exactly(declared, literal, value):
    assert landed(declared, literal) == (value, None)


@pytest.mark.parametrize("literal", ["-0.0", "0.0"])
def test_zero_keeps_its_sign(literal):
    assert str(landed(NUMBER, literal)[0]) == literal


KEPT = {
    "more digits than a float": (NUMBER, "0.1000000000000000055511151231257827", 0.1),
    "2^53 + 1 as number": (NUMBER, "9007199254740993", 9007199254740992.0),
    "smaller than a float": (NUMBER, "1e-400", 0.0),
    "a dollar amount of 20 digits": (NUMBER, "12345678901234567890.12", 12345678901234567000.0),
    "nanoseconds": (DATE_TIME, '"2026-01-31T23:59:59.123456789Z"', utc(2026, 1, 31, 23, 59, 59, 123456)),
    "nanoseconds with a zone": (DATE_TIME, '"2026-01-31T23:59:59.1234567+01:00"', utc(2026, 1, 31, 22, 59, 59, 123456)),
    "nanoseconds of a time": (TIME, '"00:00:00.0000001"', dt.time(0, 0)),
}


@pytest.mark.parametrize(("declared", "literal", "value"), KEPT.values(), ids=KEPT)
def test_what_a_column_cannot_hold_to_the_last_digit_stands_in_sdc_extra_too(declared, literal, value):
    assert landed(declared, literal) == (value, f'{{"/x":{literal}}}')


MISFITS = {
    "past int64": (INTEGER, "9223372036854775808", "value", "", "expected an integer of at most 64 bits"),
    "past int64 with a point": (INTEGER, "1e300", "value", "", "expected an integer of at most 64 bits"),
    "past 38 digits": (UINT64 | {"maximum": 1e60}, "9" * 39, "value", "", None),
    "past float64": (NUMBER, "1e400", "value", "", "expected a number within a 64-bit float's range"),
    "integer past float64": (NUMBER, "9" * 400, "value", "", "expected a number within a 64-bit float's range"),
    "cents past 38 digits": (
        CENTS,
        "9" * 37,
        "value",
        "",
        "expected a number of at most 36 digits before and 2 after the point",
    ),
    "half a cent": (CENTS, "0.005", "schema", "/properties/x/multipleOf", "expected a multiple of 0.01"),
    "quoted cents": (CENTS, '"12.50"', "schema", "/properties/x/type", "expected number, found string"),
    "fraction": (INTEGER, "1.7", "schema", "/properties/x/type", "expected integer, found number"),
    "fraction past a float": (INTEGER, "9007199254740992.5", "schema", "/properties/x/type", None),
    "missing type": (STRING, "null", "schema", "/properties/x/type", "expected string, found null"),
    "date only": (DATE_TIME, '"2031-07-01"', "schema", "/properties/x/format", None),
    "year 0": (DATE_TIME, '"0000-01-01T00:00:00Z"', "schema", "/properties/x/format", None),
    "leap second": (DATE_TIME, '"2016-12-31T23:59:60Z"', "schema", "/properties/x/format", None),
    "no such day": (DATE, '"2026-02-30"', "schema", "/properties/x/format", "expected a day and time that exist"),
    "not a time": (TIME, '"noon"', "schema", "/properties/x/format", "expected a time as in 23:59:59Z"),
    "NaN": (NUMBER, "NaN", "json", "", "has a number that JSON does not know: NaN"),
    "lone surrogate": (STRING, '"\\ud800"', "encoding", "", "has a lone surrogate"),
}


@pytest.mark.parametrize(("declared", "literal", "reason", "schema_path", "message"), MISFITS.values(), ids=MISFITS)
def test_a_value_that_no_column_holds_rejects_its_record(declared, literal, reason, schema_path, message):
    reject = rejected(declared, literal)
    (error,) = reject.errors
    assert (reject.reason, error.schema_path) == (reason, schema_path)
    assert error.path == ("" if reason in {"json", "encoding"} else "/x")
    assert message is None or error.message == message
    assert literal in {"null", "NaN"} or literal.strip('"') not in error.message


def test_all_misfits_of_a_record_are_named():
    declared = {"type": "array", "items": {"type": "object", "properties": {"a/b": INTEGER, "at": DATE_TIME}}}
    reject = rejected(declared, '[{"a/b":1},{"a/b":99999999999999999999,"at":"soon"}]')
    assert [(error.path, error.schema_path) for error in reject.errors] == [
        ("/x/1/a~1b", ""),
        ("/x/1/at", "/properties/x/items/properties/at/format"),
    ]
    assert reject.reason == "schema"


def test_undeclared_keys_at_any_depth_stand_in_sdc_extra():
    inner = {"type": "object", "properties": {"a": STRING}}
    declared = {"x": inner, "list": {"type": "array", "items": inner}}
    record = '{"x":{"a":"1","b~/c":1.10},"new":{"deep": [1]},"list":[{},{"a":"2","z":"é"}],"gone":null}'
    (row,) = parse(parser(declared), record).batch.to_pylist()
    assert (row["x"], row["list"]) == ({"a": "1"}, [{"a": None}, {"a": "2"}])
    assert row["_sdc_extra"] == '{"/new":{"deep": [1]},"/x/b~0~1c":1.10,"/list/1/z":"é"}'


@pytest.mark.parametrize(
    ("properties", "record", "extra"),
    [
        (["Name", "name"], '{"Name":"a","name":"b"}', '{"/name":"b"}'),
        (["", "x"], '{"":"a","x":"b"}', '{"/":"a"}'),
        (["_sdc_sequence"], '{"_sdc_sequence":"a"}', '{"/_sdc_sequence":"a"}'),
        (["load_date"], '{"load_date":"2026"}', '{"/load_date":"2026"}'),
    ],
    ids=["case", "empty", "metadata", "folder"],
)
def test_values_under_names_without_a_column_stand_in_sdc_extra(properties, record, extra):
    (row,) = parse(parser(dict.fromkeys(properties, STRING)), record).batch.to_pylist()
    assert row["_sdc_extra"] == extra
    assert row["_sdc_sequence"] == (1 << 32) + 1


def test_a_field_known_only_as_null_leaves_nothing_over():
    (row,) = parse(parser({"x": {"type": "null"}, "y": STRING}), '{"x":null,"y":"a"}').batch.to_pylist()
    assert (row["y"], row["_sdc_extra"]) == ("a", None)
    assert "x" not in row


def test_a_stream_without_columns_keeps_everything_in_sdc_extra():
    parsed = parse(parser({}), '{"a":1}', "{}")
    assert parsed.batch.column("_sdc_extra").to_pylist() == ['{"/a":1}', None]


@pytest.mark.parametrize(
    ("before", "now", "literal", "value", "extra"),
    [
        (NUMBER, INTEGER, "7", 7.0, None),
        (NUMBER, INTEGER, "9007199254740993", 9007199254740992.0, '{"/x":9007199254740993}'),
        (CENTS, INTEGER, "7", Decimal("7.00"), None),
        (NUMBER, CENTS, "12345678901234567890.12", 12345678901234567000.0, '{"/x":12345678901234567890.12}'),
        (STRING, DATE_TIME, '"2026-01-31T00:00:00Z"', "2026-01-31T00:00:00Z", None),
        ({}, {"type": "object", "properties": {"a": INTEGER}}, '{"a": 1.0}', '{"a": 1.0}', None),
        (
            {"type": "array", "items": {"type": ["string", "integer"]}},
            {"type": "array", "items": STRING},
            '["a"]',
            ['"a"'],
            None,
        ),
    ],
    ids=["integer", "large integer", "cents", "cents as number", "date-time", "JSON text", "JSON text in an array"],
)
def test_records_of_a_narrower_schema_land_in_the_landed_column(before, now, literal, value, extra):
    head = stream_schema("orders", {"type": "object", "properties": {"x": before}}, ())
    (row,) = parse(parser({"x": now}, head=head), f'{{"x":{literal}}}').batch.to_pylist()
    assert (row["x"], row["_sdc_extra"]) == (value, extra)


def test_a_key_that_only_an_older_schema_declared_is_undeclared():
    head = stream_schema(
        "orders", {"properties": {"x": INTEGER, "o": {"type": "object", "properties": {"p": STRING}}}}, ()
    )
    now = parser({"y": STRING, "o": {"type": "object", "properties": {"q": STRING}}}, head=head)
    (row,) = parse(now, '{"x":"free","y":"a","o":{"p":[1],"q":"b"}}').batch.to_pylist()
    assert (row["x"], row["y"], row["o"]) == (None, "a", {"p": None, "q": "b"})
    assert json.loads(row["_sdc_extra"]) == {"/x": "free", "/o/p": [1]}


def test_each_row_says_when_and_where_it_came_from():
    lines = [
        line('{"x":1}', time_extracted="2026-01-31T00:00:00.5+01:00", version=7),
        line('{"x":2}', time_extracted=None, version=8),
        line('{"x":3}'),
    ]
    runs = [to_run(lines[:2], 10, RECEIVED_AT_US), to_run(lines[2:], 99, RECEIVED_AT_US + 1)]
    batch = parser({"x": INTEGER}).parse(runs, commit=3, batched_at_us=5).batch
    rows = [list(row.values()) for row in batch.to_pylist()]
    received = utc(2026, 1, 31, 22, 59, 59, 1)
    one = dt.timedelta(microseconds=1)
    batched = utc(1970, 1, 1, 0, 0, 0, 5)
    assert rows == [
        [1, utc(2026, 1, 30, 23, 0, 0, 500000), received, batched, (3 << 32) + 10, 7, None],
        [2, None, received, batched, (3 << 32) + 11, 8, None],
        [3, None, received + one, batched, (3 << 32) + 99, None, None],
    ]


def test_the_record_as_received_stands_beside_it_on_request():
    parsed = parse(parser({"x": NUMBER}, keep_raw=True), '{ "x" :1.10 }', '{"x":"bad"}', '{"x":2, "é":"\\u00e9"}')
    assert parsed.batch.schema.names[-1] == "_sdc_raw"
    assert parsed.batch.column("_sdc_raw").to_pylist() == ['{ "x" :1.10 }', '{"x":2, "é":"\\u00e9"}']


def test_a_bad_record_stops_no_other():
    records = ['{"x":1}', '{"x":"1"}', '{"x":NaN}', '{"x":99999999999999999999}', '{"x":2}']
    parsed = parse(parser({"x": INTEGER}), *records)
    assert parsed.batch.column("x").to_pylist() == [1, 2]
    assert [(reject.line, reject.reason) for reject in parsed.rejects] == [(2, "schema"), (3, "json"), (4, "value")]
    assert {reject.stream for reject in parsed.rejects} == {"orders"}


@pytest.mark.parametrize(
    "declared",
    [
        {},
        STRING,
        {"type": "array", "items": STRING},
        {"enum": [1]},
        {"uniqueItems": True},
        {"anyOf": [STRING, INTEGER]},
    ],
    ids=["untyped", "type", "items", "enum", "uniqueItems", "anyOf"],
)
@pytest.mark.parametrize("levels", [249, 250, 256, 990, 995, 100_000])
@pytest.mark.parametrize(("left", "right"), ["[]", ('{"x":', "}")], ids=["arrays", "objects"])
def test_a_deep_record_never_ends_the_run(declared, levels, left, right):
    deep = f'{{"x":{left * levels}1{right * levels}}}'
    parsed = parse(parser({"x": declared}), deep, "{}")
    assert parsed.batch.num_rows + len(parsed.rejects) == 2
    if levels > 249:
        (reject,) = parsed.rejects
        assert (reject.reason, reject.raw) == ("json", deep.encode())


def test_bytes_that_are_not_utf_8_stay_bytes():
    bad = b'{"type":"RECORD","stream":"orders","record":{"x":"caf\xe9"}}'
    parsed = parser({"x": STRING}).parse([to_run([bad], 4, 0)], commit=1, batched_at_us=0)
    assert [(reject.raw, reject.reason, reject.line) for reject in parsed.rejects] == [
        (b'{"x":"caf\xe9"}', "encoding", 4)
    ]


@pytest.mark.parametrize(
    "message",
    [
        b"not JSON",
        b'{"type":"RECORD","stream":"orders"}',
        line("[]"),
        line("{}", time_extracted="yesterday"),
        line("{}", time_extracted="2026-01-31"),
        line("{}", version=2**63),
    ],
    ids=["garbage", "no record", "array", "time", "day", "version"],
)
def test_a_line_that_breaks_the_singer_specification_names_its_number(message):
    with pytest.raises(MessageError, match="line 12") as caught:
        parser({}).parse([to_run([line("{}"), message], 11, 0)], commit=1, batched_at_us=0)
    assert caught.value.exit_code == 2


def test_no_lines_give_an_empty_batch():
    parsed = parser({"x": INTEGER}).parse([], commit=1, batched_at_us=0)
    assert (parsed.batch.num_rows, parsed.rejects) == (0, [])
    assert parsed.batch.schema.equals(parser({"x": INTEGER}).arrow_schema)


def test_a_schema_that_no_validator_takes_is_refused_before_any_record():
    with pytest.raises(SchemaError):
        parser({"x": {"type": "string", "pattern": "(?=a)"}})


def test_other_formats_reject_on_request():
    email = {"x": {"type": "string", "format": "email"}}
    assert parse(parser(email), '{"x":"nobody"}').batch.num_rows == 1
    (reject,) = parse(parser(email, formats="all"), '{"x":"nobody"}').rejects
    assert reject.errors[0].schema_path == "/properties/x/format"


def test_of_duplicate_keys_the_last_one_counts_as_for_every_json_reader():
    (row,) = parse(parser({"x": {}, "y": INTEGER}), '{"x":1,"y":1,"x":2,"y":2}').batch.to_pylist()
    assert (row["x"], row["y"]) == ("2", 2)


def test_a_record_after_one_that_needed_its_source_is_read_alike():
    plain, odd = '{"x":0.5}', '{"x":0.1000000000000000000001}'
    together = parse(parser({"x": NUMBER}), plain, odd, odd, plain, plain).batch
    assert together.column("x").to_pylist() == [0.5, 0.1, 0.1, 0.5, 0.5]
    assert [extra is None for extra in together.column("_sdc_extra").to_pylist()] == [True, False, False, True, True]


def test_a_file_with_strange_names_reads_back(tmp_path):
    names = ["a.b", "a/b", "a b", 'q"uote', "nul\u0000", "é", "list.element", "0", "select"]
    declared = {"type": "object", "properties": dict.fromkeys(names, INTEGER)}
    stream = parser({**dict.fromkeys(names, INTEGER), "inner": declared})
    values = json.dumps(dict.fromkeys(names, 1))
    batch = parse(stream, f'{values[:-1]}, "inner": {values}}}').batch
    pq.write_table(pa.Table.from_batches([batch]), tmp_path / "x.parquet")
    (row,) = pq.read_table(tmp_path / "x.parquet").to_pylist()
    assert row == batch.to_pylist()[0]
    assert (row["inner"], row["nul\u0000"], row["_sdc_extra"]) == (dict.fromkeys(names, 1), 1, None)


def test_engines_read_the_file_alike(tmp_path):
    values = {
        name.replace(" ", "_").replace("^", ""): (declared, literal) for name, (declared, literal, _) in EXACT.items()
    }
    stream = parser({name: declared for name, (declared, _) in values.items()})
    record = "{" + ",".join(f'"{name}":{literal}' for name, (_, literal) in values.items()) + "}"
    batch = parse(stream, record).batch
    path = tmp_path / "x.parquet"
    pq.write_table(pa.Table.from_batches([batch]), path)
    assert pq.read_table(path).schema.equals(stream.arrow_schema, check_metadata=True)
    assert pq.read_table(path).to_pylist() == batch.to_pylist()
    connection = duckdb.connect()
    assert connection.execute("select uint64, cents, date, object from read_parquet(?)", [str(path)]).fetchall() == [
        (2**64 - 1, Decimal("19.90"), dt.date(1969, 12, 31), {"a": 1, "b": dt.date(2026, 1, 31), "c": None})
    ]
