"""Any stream of messages, however it is written and cut: received = landed + rejected, and the lake is the same.

FUZZED_LINES=1000000 garbles a million lines.
"""

import json
import os
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from target_datalake import input as message_input
from target_datalake.arrow_schema import stream_schema
from target_datalake.errors import TargetError
from target_datalake.input import Batch, read_batches
from target_datalake.message_reader import MessageReader
from target_datalake.messages import Records, Schema
from target_datalake.rows import RowParser
from tests.places import LakePlace
from tests.target.test_messages import pipe_with
from tests.target.world import SCHEMA, World

FUZZED_LINES = int(os.environ.get("FUZZED_LINES", "3000"))
EXAMPLES = int(os.environ.get("PROPERTY_EXAMPLES", "25"))

GOOD = ["1", "1.0", " 7 ", "-0"]
BAD = ['"x"', "1.5", "NaN", "9223372036854775808", '"\\ud800"', "[" * 300 + "]" * 300]


@st.composite
def record_lines(draw):
    """Draw a RECORD line in any producer's spelling: its stream, whether its record is good, and its text."""
    stream, good = draw(st.sampled_from(["a", "b", "ü"])), draw(st.booleans())
    number = draw(st.sampled_from(GOOD if good else BAD))
    name = draw(st.sampled_from(["null", '"x"', '"\\u0000 \\n"', '"é"']))
    text = draw(st.sampled_from(['{{"id":{0},"name":{1}}}', '{{ "name" : {1} , "id" : {0} }}', '{{"id":{0}}}']))
    record = text.format(number, name)
    members = {
        "type": json.dumps(draw(st.sampled_from(["RECORD", "record", "Record"]))),
        "stream": json.dumps(stream, ensure_ascii=draw(st.booleans())),
        "record": record,
    } | draw(st.sampled_from([{}, {"time_extracted": '"2026-01-31T00:00:00Z"'}, {"version": "3"}, {"more": "[1]"}]))
    keys = (
        draw(st.permutations(sorted(members)))
        if "[" not in record
        else sorted(members, key=lambda key: key == "record")
    )
    comma, colon = draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,\t", " :  ")]))
    return stream, good, "{" + comma.join(f'"{key}"{colon}{members[key]}' for key in keys) + "}"


OTHERS = st.sampled_from(
    [
        '{"type": "LOG", "stream": "a"}',
        "",
        "  ",
        '{"type":"STATE","value":{}}',
        '{"type": "Activate_Version", "stream": "a", "version": 3}',
    ]
)
LINES = st.lists(st.one_of(record_lines(), record_lines(), OTHERS.map(lambda text: ("", True, text))), max_size=25)


def land(folder, text: bytes, chunk_bytes: int) -> World:
    world = World(LakePlace("local", str(folder / "lake")), folder)
    target = world.start(max_rejected_fraction=1, keep_raw=True)
    message_input._CHUNK_BYTES, before = chunk_bytes, message_input._CHUNK_BYTES
    try:
        target.run(MessageReader(world.clock.clocks().now_us).read(read_batches(pipe_with(text))))
    finally:
        message_input._CHUNK_BYTES = before
    target.finish(tap_succeeded=True)
    return world


def contents(world: World, stream: str) -> tuple[list, list]:
    rows = world.glob(stream).to_pylist()
    rejected = [{key: value for key, value in line.items() if key != "schema"} for line in world.rejected(stream)]
    return rows, rejected


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(LINES, st.integers(1, 200))
def test_any_stream_of_messages_is_conserved_however_it_is_cut(tmp_path_factory, lines, chunk_bytes):
    schemas = [json.dumps({"type": "SCHEMA", "stream": name, "schema": SCHEMA}) for name in ("a", "b", "ü")]
    text = "\n".join([*schemas, *(line for _, _, line in lines)]).encode() + b"\n"
    worlds = [land(tmp_path_factory.mktemp("lake"), text, size) for size in (1 << 20, chunk_bytes)]
    for stream, encoded in (("a", "a"), ("b", "b"), ("ü", "%C3%BC")):
        whole, cut = (world.glob(stream).to_pylist() for world in worlds)
        assert whole == cut
        rejected = [line["line"] for line in worlds[0].rejected(encoded)]
        assert rejected == [line["line"] for line in worlds[1].rejected(encoded)]
        expected = [(good, number) for number, (name, good, _) in enumerate(lines, 4) if name == stream]
        assert rejected == [number for good, number in expected if not good]
        assert [row["_sdc_sequence"] & 0xFFFFFFFF for row in whole] == [number for good, number in expected if good]
        for row in whole:
            source = json.loads(row["_sdc_raw"])
            assert (row["id"], row["name"]) == (source["id"], source.get("name"))
    for world in worlds:
        counts = [count for commit in world.log.entries() for count in commit.streams.values()]
        assert all(count.received == count.landed + count.rejected for count in counts)
        assert world.staged() == 0


ODD_SCHEMA = {
    "type": "object",
    "properties": {
        "id": {"type": ["integer", "null"]},
        "d": {"type": "string", "format": "date-time"},
        "n": {"anyOf": [{"type": "number"}, {"$ref": "#/definitions/x"}]},
    },
    "definitions": {"x": {"type": "array", "items": {"allOf": [{"multipleOf": 0.01}]}}},
}
SEEDS = [
    b'{"type": "RECORD", "stream": "orders", "record": {"id": 1, "name": "x", "n": {"a": [1.5, null]}}}',
    b'{"type":"RECORD","stream":"orders","time_extracted":"2026-01-31T00:00:00Z","record":{"id":1}}',
    b'{"record": {"id": 12345678901234567890, "name": "\\u00e9"}, "stream": "orders", "type": "RECORD", "version": 7}',
    json.dumps({"type": "SCHEMA", "stream": "orders", "schema": ODD_SCHEMA, "key_properties": ["id"]}).encode(),
    b'{"type": "STATE", "value": {"bookmarks": {"orders": {"at": 1.50}}, "currently_syncing": "orders"}}',
    b'{"type": "ACTIVATE_VERSION", "stream": "orders", "version": 3}',
    b'{"type": "BATCH", "stream": "orders", "encoding": {"format": "jsonl"}, "manifest": ["file:///nowhere"]}',
]
PIECES = [
    *(b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b" ", b"\xff", b"\xc3", b"\0", b"null", b"true", b"NaN"),
    *(b"-Infinity", b"1e400", b"1E99999999999", b"9" * 40, b"\\ud800", b'"\\u0000"', b'"type"', b'"record"'),
    *(b'"stream"', b'"$ref":"#"', b"[" * 3000, b'{"a":' * 300),
]


def garbled(draw: random.Random) -> bytes:
    line = bytearray(draw.choice(SEEDS))
    for _ in range(draw.randint(1, 4)):
        start = draw.randrange(len(line) + 1)
        match draw.randrange(5):
            case 0:
                line[start:start] = draw.choice(PIECES)
            case 1:
                del line[start : start + draw.randint(1, 12)]
            case 2:
                line[start : start + 1] = bytes([draw.randrange(256)])
            case 3:
                end = min(len(line), start + draw.randint(1, 30))
                line[start:start] = line[start:end] * draw.randint(1, 3)
            case 4:
                line[start : start + draw.randint(1, 8)] = draw.choice(PIECES)
    return bytes(line).replace(b"\n", b" ")


def outcome_of(line: bytes, parser: RowParser) -> str:
    """Return what a line comes to; any other end than these is a failure that shows the line."""
    outcome = "message"
    try:
        for message in MessageReader(lambda: 7).read([Batch(line + b"\n")]):
            if isinstance(message, Records):
                parsed = parser.parse([message.run], commit=1, batched_at_us=0)
                outcome = {(1, 0): "row", (0, 1): "reject"}[parsed.batch.num_rows, len(parsed.rejects)]
            elif isinstance(message, Schema):
                RowParser(stream_schema(message.stream, message.schema, message.key_properties))
    except TargetError as error:
        outcome = {2: "mistake"}[error.exit_code]
    except Exception as error:
        raise AssertionError(line) from error
    return outcome


@pytest.mark.timeout(0 if FUZZED_LINES > 100_000 else 120)
def test_a_garbled_line_is_a_row_a_reject_or_a_mistake_of_the_tap():
    draw, parser = random.Random(7), RowParser(stream_schema("orders", SCHEMA, ("id",)))
    outcomes = dict.fromkeys(("row", "reject", "message", "mistake"), 0)
    for _ in range(FUZZED_LINES):
        line = garbled(draw)
        outcomes[outcome_of(line, parser)] += 1
    assert all(outcomes.values()), outcomes
