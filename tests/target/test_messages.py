"""Lines become messages whatever producer wrote them; what is no message is named by its line."""

import json
import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_datalake.errors import MessageError
from target_datalake.input import Batch, read_batches
from target_datalake.message_reader import MessageReader
from target_datalake.messages import ActivateVersion, Records, Schema, State, Tick


def read(*lines: bytes | str, torn: bool = False) -> list:
    encoded = [line.encode() if isinstance(line, str) else line for line in lines]
    return list(MessageReader(lambda: 7).read([Batch(b"".join(line + b"\n" for line in encoded), torn)]))


def records(messages: list) -> list[tuple[str, int, bytes]]:
    found = [
        (message.stream, number, line.removesuffix(b"\n"))
        for message in messages
        if isinstance(message, Records)
        for number, line in zip(message.run.numbers.to_pylist(), message.run.texts.to_pylist(), strict=True)
    ]
    return sorted(found, key=lambda record: record[1])


RECORD = '{"type": "RECORD", "stream": "a", "record": {"id": 1}}'


@pytest.mark.parametrize(
    "line",
    [
        RECORD,
        '{"type":"RECORD","stream":"a","record":{"id":1}}',
        '{"record": {"id": 1}, "stream": "a", "type": "RECORD"}',
        '{"type": "record", "stream": "a", "record": {}}',
        ' { "type" : "RECORD" , "stream" : "a" , "record" : {} } \r',
        '{"type": "RECORD", "stream": "\\u0061", "record": {}}',
        '{"type": "RECORD", "stream": "a", "version": 3, "record": {"id": 1}}',
    ],
    ids=["ours", "compact", "keys turned", "lower case", "spaces", "escaped name", "version first"],
)
def test_any_producers_record_is_a_record(line):
    assert records(read(line, line)) == [("a", 1, line.encode()), ("a", 2, line.encode())]


def test_records_that_follow_each_other_make_one_run():
    assert len(read(RECORD, RECORD, RECORD)) == 1


@given(st.lists(st.sampled_from(["a", "b", "c", '"', "é"]), max_size=12))
def test_interleaved_streams_keep_their_lines_and_numbers(streams):
    lines = [json.dumps({"type": "RECORD", "stream": name, "record": {}}) for name in streams]
    found = records(read(*lines))
    assert found == [(name, number, lines[number - 1].encode()) for number, name in enumerate(streams, 1)]


def test_a_schema_has_its_keys_and_its_line():
    line = '{"type": "SCHEMA", "stream": "a", "schema": {"type": "object"}, "key_properties": ["id"]}'
    assert read("", line) == [Schema("a", {"type": "object"}, ("id",), 2)]


def test_a_state_stays_as_the_tap_wrote_it():
    (state,) = read('{"type": "STATE", "value": { "b" : 1.50, "currently_syncing" : "x"}}')
    assert state == State('{ "b" : 1.50, "currently_syncing" : "x"}', "x")


@pytest.mark.parametrize("value", ["{}", "null"])
def test_an_empty_state_never_wipes_the_bookmarks(value):
    assert read(f'{{"type": "STATE", "value": {value}}}') == []


def test_unknown_types_are_permitted():
    assert read('{"type": "LOG", "message": "hello"}', '{"type": "CUSTOM"}') == []


def test_activate_version():
    assert read('{"type": "ACTIVATE_VERSION", "stream": "a", "version": 17}') == [ActivateVersion("a", 17, 1)]


@pytest.mark.parametrize(
    "line",
    [
        "hello",
        "{",
        "[]",
        "1",
        '{"type": 1}',
        '{"stream": "a"}',
        '{"type": "RECORD", "record": {}}',
        '{"type": "SCHEMA", "stream": "a"}',
        '{"type": "SCHEMA", "schema": {}}',
        '{"type": "SCHEMA", "stream": "a", "schema": 3}',
        '{"type": "STATE", "value": 3}',
        '{"type": "STATE", "value": NaN}',
        '{"type": "ACTIVATE_VERSION", "stream": "a"}',
        '{"type": "BATCH", "stream": "a"}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_what_is_no_message_is_refused_with_its_line(line):
    with pytest.raises(MessageError, match="line 3") as caught:
        read(RECORD, RECORD, line)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "record",
    [b"NaN", b'"\\ud800"', b'"\xff"', b"[" * 5000 + b"]" * 5000, b"9" * 5000],
    ids=["NaN", "lone surrogate", "bad UTF-8", "deep", "long integer"],
)
def test_a_record_with_one_bad_value_still_reaches_its_stream(record):
    line = b'{"type": "RECORD", "stream": "a", "record": {"x": ' + record + b"}}"
    assert records(read(line)) == [("a", 1, line)]
    turned = b'{"record": {"x": 1}, "stream": "a", "type": "RECORD"}'.replace(b"1", record)
    if not record.startswith(b"["):
        assert records(read(turned)) == [("a", 1, turned)]


def test_a_quiet_pipe_ticks():
    assert read() == [Tick()]


def pipe_with(data: bytes) -> int:
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "wb") as file:
            file.write(data)

    threading.Thread(target=write).start()
    return reading


@given(st.lists(st.binary(max_size=30).map(lambda data: data.replace(b"\n", b"")), max_size=20))
def test_batches_hold_the_lines_that_were_written(lines):
    data = b"".join(line + b"\n" for line in lines)
    batches = list(read_batches(pipe_with(data)))
    assert b"".join(batch.text for batch in batches) == data


def test_a_line_longer_than_a_chunk_is_one_line():
    line = b"x" * (15 << 20)
    batches = list(read_batches(pipe_with(line + b"\nshort\n")))
    assert b"".join(batch.text for batch in batches) == line + b"\nshort\n"


@pytest.mark.parametrize(
    ("end", "lines", "torn"), [(b"", 0, False), (b' {"a": 1}', 1, False), (b'{"a": 1', 0, True), (b"  ", 0, False)]
)
def test_a_last_line_without_newline_counts_only_if_it_is_whole(end, lines, torn):
    batches = list(read_batches(pipe_with(b"first\n" + end)))
    assert sum(batch.text.count(b"\n") for batch in batches) == 1 + lines
    assert any(batch.torn for batch in batches) == torn


def test_a_torn_line_is_remembered_by_its_number():
    reader = MessageReader(lambda: 7)
    list(reader.read([Batch(RECORD.encode() + b"\n"), Batch(torn=True)]))
    assert reader.torn_line == 2


def test_a_stop_ends_the_input_at_once():
    reading, _writing = os.pipe()
    stop, wake = os.pipe()
    os.write(wake, b"!")
    assert list(read_batches(reading, stop=[stop])) == []


def test_quiet_input_yields_empty_batches():
    reading, writing = os.pipe()
    batches = read_batches(reading, tick_seconds=0.01)
    assert next(batches) == Batch()
    os.close(writing)
    assert list(batches) == []
