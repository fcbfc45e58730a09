"""The whole target, by columns and record by record: equal tables, equal rejects, equal counts and STATEs."""

import json
import random

import pytest

from target_datalake.columnar.parser import SWITCH
from tests.places import LakePlace
from tests.target.world import World, schema, state

DOCUMENT = {
    "type": "object",
    "required": ["id"],
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "country": {"type": ["string", "null"], "maxLength": 2},
        "price": {"type": "number"},
        "at": {"type": "string", "format": "date-time"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "who": {"type": "object", "properties": {"name": {"type": "string"}}},
    },
}


def record_of(draw: random.Random, number: int) -> dict:
    """Return a record, one in ten of them with something that is not everyday."""
    record = {
        "id": number,
        "country": draw.choice(["DE", "NL", None]),
        "price": draw.choice([0, 1.5, 19.9, 0.1234567890123]),
        "at": "2026-01-31T10:00:00Z",
        "tags": draw.sample(["a", "b", "é"], 2),
        "who": {"name": "x"},
    }
    odd = {"id": 0, "country": "DEU", "price": "1", "at": "2026-01-31", "new": {"a": 1}, "tags": [1], "who": {}}
    if draw.random() < 0.1:
        name = draw.choice(list(odd))
        record[name] = odd[name]
    return record


def line_of(draw: random.Random, stream: str, record: dict) -> str:
    """Return the message as one producer or another writes it."""
    text = json.dumps(record, ensure_ascii=draw.random() < 0.5)
    forms = (
        '{{"type": "RECORD", "stream": "{0}", "record": {1}}}',
        '{{"type":"RECORD","stream":"{0}","record":{1},"time_extracted":"2026-01-31T10:00:00.000000Z"}}',
        '{{"stream": "{0}", "time_extracted": "2026-01-31T10:00:00Z", "type": "RECORD", "record": {1}}}',
        '{{"record": {1}, "stream": "{0}", "version": 3, "type": "record"}}',
    )
    return draw.choice(forms).format(stream, text)


def messages(seed: int, streams: int, count: int, every: int) -> list[str]:
    draw = random.Random(seed)
    names = [f"s{number}" for number in range(streams)]
    lines = [schema(name, DOCUMENT) for name in names]
    for number in range(1, count + 1):
        lines.append(line_of(draw, draw.choice(names), record_of(draw, number)))
        if number % every == 0:
            lines.append(state(number))
    return [*lines, state(count + 1)]


def landed(folder, lines, streams, options):
    world = World(LakePlace("local", str(folder / "lake")), folder)
    target = world.run(*lines, max_rejected_fraction=1, **options)
    tables, rejected = [], []
    for number in range(streams):
        tables.append(world.glob(f"s{number}"))
        rejected.append([{**line, "schema": ""} for line in world.rejected(f"s{number}")])
    return tables, rejected, world.printed, target.totals


@pytest.mark.parametrize(
    ("streams", "every", "options"),
    [
        (1, 1000, {}),
        (1, 7, {"commit": {"max_rows": 100}}),
        (5, 40, {"commit": {"max_rows": 150}, "keep_raw": True}),
        (3, 500, {"commit": {"max_rows": 50}, "streams": {"s0": {"partition_by": ["country"]}}}),
    ],
    ids=["one stream", "small STATE intervals", "interleaved", "partitions, overflowing"],
)
def test_both_paths_land_the_same(streams, every, options, tmp_path, monkeypatch):
    lines = messages(streams + every, streams, 600, every)
    (tmp_path / "columns").mkdir()
    (tmp_path / "records").mkdir()
    by_columns = landed(tmp_path / "columns", lines, streams, options)
    monkeypatch.setenv(SWITCH, "off")
    by_records = landed(tmp_path / "records", lines, streams, options)
    assert all(one.equals(other) for one, other in zip(by_columns[0], by_records[0], strict=True))
    assert by_columns[1:] == by_records[1:]
    assert sum(table.num_rows for table in by_columns[0]) > 500
