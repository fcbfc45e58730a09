"""A shape becomes a file of Singer messages, as a tap that is written with singer-python sends them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bench.shapes import Shape

STATE_EVERY = 10_000
"""Records between two STATE messages."""

INVALID_EVERY = 100

_TAIL = b', "time_extracted": "2026-01-31T10:00:00.000000Z"}'


def message_lines(shape: Shape, records: int, streams: int = 1, *, is_flawed: bool = False) -> Iterator[bytes]:
    """Yield the SCHEMAs, the RECORDs of the streams in turn, and a STATE after every 10,000 of them and at the end.

    Args:
        shape: What the records are like.
        records: How many, over all streams.
        streams: How many streams take turns.
        is_flawed: One in a hundred records breaks the schema: its id is a text.
    """
    names = [shape.name, *(f"{shape.name}_{number}" for number in range(2, streams + 1))]
    for name in names:
        yield json.dumps({"type": "SCHEMA", "stream": name, "schema": shape.schema, "key_properties": ["id"]}).encode()
    heads = [f'{{"type": "RECORD", "stream": "{name}", "record": '.encode() for name in names]
    for number, record in enumerate(_records(shape, records), 1):
        text = record.replace(b'"id": ', b'"id": "is not a number", "was": ', 1) if is_flawed_at(number) else record
        yield heads[number % streams] + (text if is_flawed else record) + _TAIL
        if number % STATE_EVERY == 0 or number == records:
            yield json.dumps({"type": "STATE", "value": {"bookmarks": {shape.name: {"id": number}}}}).encode()


def is_flawed_at(number: int) -> bool:
    """Tell which records of a flawed stream break the schema, counted from 1."""
    return number % INVALID_EVERY == 0


def _records(shape: Shape, records: int) -> Iterator[bytes]:
    for first in range(0, records, shape.block_records):
        count = min(shape.block_records, records - first)
        yield from shape.text(first, count, b"\n", (", ", ": ")).split(b"\n")


def write_messages(folder: Path, shape: Shape, records: int, streams: int = 1, *, is_flawed: bool = False) -> Path:
    """Write messages to a file that is named for what is in it, unless it is there."""
    path = folder / f"{shape.name}-{records}-{streams}{'-flawed' if is_flawed else ''}.jsonl"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        with temporary.open("wb") as file:
            file.writelines(line + b"\n" for line in message_lines(shape, records, streams, is_flawed=is_flawed))
        temporary.rename(path)
    return path
