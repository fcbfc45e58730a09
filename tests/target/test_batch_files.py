"""BATCH messages: the records of their files are validated, counted and committed like those of RECORD lines."""

import gzip
import json
import os
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from target_datalake import batch_files, lines
from target_datalake.errors import MessageError
from target_datalake.input import Batch
from target_datalake.message_reader import MessageReader
from target_datalake.messages import State
from tests.target.test_bounds import run as run_measured
from tests.target.world import record, schema, state

JSONL = {"format": "jsonl", "compression": "gzip"}


def batch(*files, encoding=JSONL, stream="orders") -> str:
    manifest = [file if isinstance(file, str) else file.as_uri() for file in files]
    return json.dumps({"type": "BATCH", "stream": stream, "encoding": encoding, "manifest": manifest})


@pytest.fixture
def file(tmp_path):
    return tmp_path / "a b%20c #1.jsonl.gz"


def write(path, *records: str):
    path.write_bytes(gzip.compress("".join(f"{text}\n" for text in records).encode()))
    return path


def test_records_of_files_land_like_those_of_lines(world, file, tmp_path):
    write(file, '{"id": 2, "name": "b"}', '{"id": "bad"}', "", '{"id": 3, "more": 1.50}')
    other = write(tmp_path / "other.gz", '{"id": 4}')
    world.run(schema(), record(1), batch(file, other), record(5), state(1), max_rejected_fraction=1)
    table = world.glob()
    assert table.column("id").to_pylist() == [1, 2, 3, 4, 5]
    assert table.column("_sdc_extra").to_pylist()[2] == '{"/more":1.50}'
    assert len(set(table.column("_sdc_sequence").to_pylist())) == 5
    (reject,) = world.rejected()
    assert reject["raw"] == '{"id": "bad"}'
    assert world.log.head().streams["orders"].received == 6
    assert world.printed == ['{"at": 1}']
    assert file.exists()
    assert other.exists()


def test_json_lines_may_be_plain_and_lack_their_last_newline(local_world, tmp_path):
    plain = tmp_path / "plain.jsonl"
    plain.write_bytes(b'{"id": 1}\r\n{"id": 2}')
    local_world.run(schema(), batch(plain, encoding={"format": "jsonl"}), state(1))
    assert local_world.ids() == [1, 2]


def test_records_wait_for_a_state_like_any(local_world, file):
    local_world.run(schema(), state(1), batch(write(file, '{"id": 1}')), tap_succeeded=False)
    assert local_world.ids() == []


def test_a_record_that_only_some_readers_take_is_rejected_with_its_text(local_world, file):
    odd = ['{"id": NaN}', '{"id": 1, "name": "\\ud800"}', '{"id": ' + "[" * 5000 + "]" * 5000 + "}"]
    local_world.run(schema(), batch(write(file, *odd, '{"id": 9}')), state(1))
    assert [reject["raw"] for reject in local_world.rejected()] == odd
    assert local_world.ids() == [9]


def test_a_record_too_long_to_keep_is_rejected_by_its_digest(local_world, file, monkeypatch):
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 1000)
    monkeypatch.setattr(batch_files, "_CHUNK_BYTES", 100)
    local_world.run(schema(), batch(write(file, '{"id": 1, "name": "' + "x" * 2000 + '"}', '{"id": 2}')), state(1))
    (reject,) = local_world.rejected()
    assert (reject["reason"], reject["bytes"]) == ("size", 2021)
    assert local_world.ids() == [2]


PARQUET_SCHEMA = {
    "type": "object",
    "properties": {
        "id": {"type": "integer"},
        "price": {"type": "number", "multipleOf": 0.01},
        "weight": {"type": ["number", "null"]},
        "at": {"type": "string", "format": "date-time"},
        "day": {"type": "string", "format": "date"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "map": {"type": "object"},
    },
}


def test_parquet_files_land_exactly(local_world, tmp_path):
    path = tmp_path / "batch.parquet"
    moment = datetime(2026, 1, 31, 12, tzinfo=UTC)
    table = pa.table(
        {
            "id": pa.array([1, 2], pa.uint32()),
            "price": pa.array([Decimal("19.90"), Decimal("0.05")], pa.decimal128(10, 2)),
            "weight": [0.1, float("nan")],
            "at": pa.array([1769860800000000001] * 2, pa.timestamp("ns", "UTC")),
            "day": [moment.date()] * 2,
            "tags": [["a"], []],
            "map": pa.array([[("k", 1)]] * 2, pa.map_(pa.string(), pa.int64())),
        }
    )
    pq.write_table(table, path)
    local_world.run(schema(document=PARQUET_SCHEMA), batch(path, encoding={"format": "parquet"}), state(1))
    (row,) = local_world.glob().to_pylist()
    assert (row["id"], row["price"], row["weight"]) == (1, Decimal("19.90"), 0.1)
    assert (row["at"], row["day"], row["tags"]) == (moment, moment.date(), ["a"])
    assert (row["map"], row["_sdc_extra"]) == ('{"k":1}', '{"/at":"2026-01-31 12:00:00.000000001Z"}')
    (reject,) = local_world.rejected()
    assert (reject["reason"], '"weight":NaN' in reject["raw"]) == ("json", True)


GOOD_GZIP = gzip.compress(b'{"id": 1}\n' * 1000)


@pytest.mark.parametrize(
    ("content", "encoding", "says"),
    [
        (None, JSONL, "No such file"),
        (b"not gzip", JSONL, "cannot be read"),
        (GOOD_GZIP[:-9], JSONL, "cut off"),
        (GOOD_GZIP[:20] + b"\0\0\0" + GOOD_GZIP[23:], JSONL, "cut off or damaged"),
        (gzip.compress(b'{"id": 1}\nhello\n'), JSONL, "line 2 of a BATCH file"),
        (gzip.compress(b"[1]\n"), JSONL, "line 1 of a BATCH file"),
        (gzip.compress(b'{"id": 1}, "version": 7, "x": {}\n'), JSONL, "line 1 of a BATCH file"),
        (gzip.compress(b'{"id": NaN}, "version": 7, "x": {}\n'), JSONL, "line 1 of a BATCH file"),
        (b"PAR1", {"format": "parquet"}, "cut off or damaged"),
    ],
    ids=[
        "missing",
        "no gzip",
        "cut",
        "garbled",
        "no JSON",
        "no object",
        "more than one",
        "more after NaN",
        "no Parquet",
    ],
)
def test_a_missing_or_broken_file_is_refused_and_nothing_of_it_lands(local_world, file, content, encoding, says):
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(MessageError, match=says) as caught:
        local_world.run(schema(), batch(file, encoding=encoding), state(1))
    assert (caught.value.exit_code, str(file) in caught.value.where) == (2, True)
    assert local_world.log.head() is None
    assert local_world.staged() == 0


@pytest.mark.parametrize(
    "name",
    ["relative", "file://relative", "http://127.0.0.1:9/x", "s3://bucket/x", "file://host/x", "file:///a%00b", "/x"],
)
def test_only_local_files_are_read(local_world, name):
    with pytest.raises(MessageError, match="something else than a local file"):
        local_world.run(schema(), batch(name), state(1))


def test_what_is_no_regular_file_is_not_waited_for(local_world, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(MessageError, match="no regular file"):
        local_world.run(schema(), batch(tmp_path / "pipe"), state(1))


@pytest.mark.parametrize(
    "encoding", [None, {}, "jsonl", {"format": "csv"}, {"format": "jsonl", "compression": "xz"}], ids=str
)
def test_an_encoding_that_is_not_read_is_refused(local_world, file, encoding):
    with pytest.raises(MessageError, match="an encoding that is not read here"):
        local_world.run(schema(), batch(file, encoding=encoding), state(1))


def test_a_stop_within_a_long_file_keeps_the_state_behind_it_from_covering_it(file, monkeypatch):
    monkeypatch.setattr(batch_files, "_CHUNK_BYTES", 100)
    write(file, *(f'{{"id": {number}}}' for number in range(1000)))
    told = iter([False, True])
    reader = MessageReader(lambda: 7, lambda: next(told))
    found = list(reader.read([Batch(f"{batch(file)}\n{state(1)}\n".encode()), Batch(f"{state(2)}\n".encode())]))
    assert len(found) == 1
    assert not isinstance(found[0], State)


def test_a_small_file_that_unpacks_to_much_takes_little_memory(local_world, file):
    with gzip.open(file, "wb") as packed:
        for _ in range(100):
            packed.write(b" " * (1 << 20))
        packed.write(b'\n{"id": 1}\n')
    text = f"{schema()}\n{batch(file)}\n{state(1)}\n".encode()
    idle = run_measured(local_world, [])[2]
    code, said, peak = run_measured(local_world, [text])
    assert (code, len(local_world.rejected())) == (0, 1), said
    assert peak < idle + 64
