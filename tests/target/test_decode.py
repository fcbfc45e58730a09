import json
import time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_datalake.decode import DECODE_ERRORS, decode_line, decode_number, diagnose, record_text
from target_datalake.errors import MessageError


def diagnosed(line):
    with pytest.raises(DECODE_ERRORS) as refused:
        decode_line(line)
    return diagnose(line, 7, refused.value)


@pytest.mark.parametrize(
    ("literal", "expected"),
    [
        ("19.90", 19.9),
        ("0.1", 0.1),
        ("1e3", 1000.0),
        ("-0.0", -0.0),
        ("5e-324", 5e-324),
        ("0.30000000000000004", 0.30000000000000004),
        ("100000000000000000000000.0", 1e23),
        ("0.1000000000000000000001", Decimal("0.1000000000000000000001")),
        ("1e400", Decimal("1e400")),
        ("1e-400", Decimal("1e-400")),
        ("9007199254740993.0", Decimal("9007199254740993.0")),
    ],
)
def test_a_number_is_a_float_only_where_that_says_the_same(literal, expected):
    number = decode_number(literal)
    assert (type(number), str(number)) == (type(expected), str(expected))


@given(st.from_regex(r"\A-?(0|[1-9][0-9]{0,25})\.[0-9]{1,25}([eE][+-]?[0-9]{1,3})?\Z"))
def test_a_decoded_number_has_the_decimal_value_of_its_literal(literal):
    number = decode_number(literal)
    assert Decimal(repr(number) if isinstance(number, float) else number) == Decimal(literal)


@pytest.mark.parametrize(
    "line",
    [
        b'{"type":"RECORD","stream":"s","record":{"a": [1 ,2]},"time_extracted":null}',
        b' { "record" : {"a": [1 ,2]} , "stream" : "record", "type":"record" } \r',
        b'{"extra":{"record":{"b":1}},"record":{"a": [1 ,2]}}',
        b'{"record":{"b":1},"record":{"a": [1 ,2]}}',
        b'{"\\u0072ecord":{"a": [1 ,2]}}',
    ],
    ids=["plain", "spaces", "decoy", "twice", "escaped"],
)
def test_the_record_of_any_singer_line_is_found(line):
    assert decode_line(line).record == {"a": [1, 2]}
    assert record_text(line) == b'{"a": [1 ,2]}'


REFUSED = {
    "NaN": (b'{"a":NaN}', "json", "NaN"),
    "Infinity": (b'{"a":-Infinity}', "json", "-Infinity"),
    "lone surrogate": (b'{"a":"\\ud800x"}', "encoding", "surrogate"),
    "lone surrogate in a name": (b'{"\\udc00":1}', "encoding", "surrogate"),
    "Latin-1": (b'{"a":"caf\xe9"}', "encoding", "UTF-8"),
    "Latin-1 in a name": (b'{"caf\xe9":1}', "encoding", "UTF-8"),
    "overlong": (b'{"a":"\xc0\x80"}', "encoding", "UTF-8"),
    "surrogate as bytes": (b'{"a":"\xed\xa0\x80"}', "encoding", "UTF-8"),
    "deep arrays": (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "json", "deeply"),
    "deep objects": (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "json", "deeply"),
    "251 levels": (b'{"a":' + b"[" * 250 + b"]" * 250 + b"}", "json", "deeply"),
    "NaN before the depth": (b'{"a":NaN,"b":' + b"[" * 5000 + b"]" * 5000 + b"}", "json", "deeply"),
    "a million digits": (b'{"a":' + b"9" * 1_000_000 + b"}", "json", "digits"),
    "a vast exponent": (b'{"a":1e99999999999999999999}', "json", "digits"),
    "brackets in texts": (b'{"a":"}],\\"{","b":NaN}', "json", "NaN"),
}


@pytest.mark.parametrize(("record", "reason", "message"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize(
    "envelope",
    [b'{"type":"RECORD","stream":"s","record":%s,"version":1}', b'{ "record" : %s }', b'{"x":[{}],"record":%s\t}'],
    ids=["plain", "spaces", "decoy"],
)
def test_a_record_that_only_some_readers_take_keeps_its_own_text(envelope, record, reason, message):
    verdict = diagnosed(envelope % record)
    assert (verdict.reason, verdict.raw) == (reason, record)
    assert message in str(verdict)


@pytest.mark.parametrize(
    "record", [b'{"a":' + b"[" * 249 + b"]" * 249 + b"}", b'{"a":"' + b"[{" * 500 + b'"}'], ids=["deep", "text"]
)
def test_250_levels_are_read_and_brackets_in_texts_are_none(record):
    assert decode_line(b'{"record":%s}' % record).record


@pytest.mark.parametrize(
    "text", ['{"record":{"a":"' + '\\"' * 2_000_000, '{"record":' + '"' * 2_000_001], ids=["escapes", "quotes"]
)
def test_a_string_that_never_ends_is_refused_at_once(text):
    started = time.process_time()
    with pytest.raises(MessageError):
        diagnosed(text.encode())
    assert time.process_time() - started < 5


NO_MESSAGE = {
    "not JSON": b"hello",
    "empty": b"",
    "cut": b'{"type":"RECORD","stream":"s","record":{"a":1',
    "cut after the record": b'{"type":"RECORD","record":{"a":1}',
    "cut and deep": b'{"type":"RECORD","record":{"a":' + b"[" * 5000,
    "two on a line": b'{"record":{"a":1}}{"record":{"a":2}}',
    "bad word": b'{"record":{"a":tru}}',
    "comma": b'{"record":{"a":1,}}',
    "single quotes": b"{'record':{'a':1}}",
    "control character": b'{"record":{"a":"\x01"}}',
    "byte order mark": b'\xef\xbb\xbf{"record":{}}',
    "no record": b'{"type":"RECORD","stream":"s"}',
    "null record": b'{"record":null}',
    "array record": b'{"record":[1]}',
    "array record with NaN": b'{"record":[NaN]}',
    "number for a time": b'{"record":{},"time_extracted":5}',
    "text for a version": b'{"record":{},"version":"1"}',
    "text for a version beside NaN": b'{"record":{"a":NaN},"version":"1"}',
    "an array": b"[]",
}


@pytest.mark.parametrize("line", NO_MESSAGE.values(), ids=NO_MESSAGE)
def test_a_line_that_is_no_record_message_is_the_taps_mistake(line):
    with pytest.raises(MessageError) as caught:
        diagnosed(line)
    assert caught.value.exit_code == 2
    assert "line 7" in caught.value.show()


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_no_bytes_crash_the_diagnosis(before, after):
    for line in (before + after, b'{"record":' + before + b"}" + after, b'{"record":{"a":"' + before + b'"}}'):
        try:
            decode_line(line)
        except DECODE_ERRORS as error:
            try:
                verdict = diagnose(line, 1, error)
            except MessageError:
                continue
            assert verdict.raw in line
            assert verdict.raw.startswith(b"{")


def test_numbers_of_every_size_stay_exact():
    literals = ["0", "-0", str(2**53 + 1), str(2**64), "1" * 300, "0.1", "1.10", "123456789012345678.9"]
    line = ('{"record":{"a":[' + ",".join(literals) + "]}}").encode()
    decoded = decode_line(line).record["a"]
    exact = json.loads(line, parse_float=Decimal)["record"]["a"]
    assert [Decimal(repr(number) if isinstance(number, float) else number) for number in decoded] == exact
