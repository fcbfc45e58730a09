"""A seed becomes the messages of a synthetic stream of reviews: 12 fields, ~350 bytes a record."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STATE_EVERY = 10_000
"""Records between two STATE messages."""

SCHEMA = {
    "type": "object",
    "required": ["id", "product_id", "rating", "updated_at"],
    "properties": {
        "id": {"type": "integer"},
        "product_id": {"type": "integer", "minimum": 1},
        "brand": {"type": "string"},
        "model": {"type": "string", "maxLength": 60},
        "rating": {"type": "integer", "minimum": 1, "maximum": 5},
        "title": {"type": ["string", "null"]},
        "body": {"type": ["string", "null"]},
        "author": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "countrycode": {"type": "string", "pattern": "^[A-Z]{2}$"},
                "verified": {"type": "boolean"},
            },
        },
        "tags": {"type": "array", "items": {"type": "string"}},
        "price_paid": {"type": ["number", "null"], "multipleOf": 0.01},
        "created_at": {"type": "string", "format": "date-time"},
        "updated_at": {"type": "string", "format": "date-time"},
    },
}

_WORDS = "soft dry night leak fits snug skin gentle price pack size day baby sleeps through small large again".split()


def messages(count: int, seed: int = 7, streams: int = 1) -> Iterator[str]:
    """Yield the SCHEMAs, the RECORDs of the streams in turn, and a STATE after every 10,000 of them and at the end."""
    draw = random.Random(seed)
    names = ["reviews", *(f"reviews_{number}" for number in range(2, streams + 1))]
    for name in names:
        yield json.dumps({"type": "SCHEMA", "stream": name, "schema": SCHEMA, "key_properties": ["id"]})
    for number in range(1, count + 1):
        message = {"type": "RECORD", "stream": names[number % streams], "record": _record(number, draw)}
        yield json.dumps({**message, "time_extracted": "2026-01-31T10:00:00.000000Z"})
        if number % STATE_EVERY == 0 or number == count:
            yield json.dumps({"type": "STATE", "value": {"bookmarks": {"reviews": {"id": number}}}})


def write_messages(path: Path, count: int, streams: int = 1) -> None:
    """Write the messages of `count` records to a file, unless it is there."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    with temporary.open("w", encoding="utf-8") as file:
        file.writelines(f"{message}\n" for message in messages(count, streams=streams))
    temporary.rename(path)


def _record(number: int, draw: random.Random) -> dict[str, object]:
    minute, second = divmod(number, 60)
    hour, minute = divmod(minute, 60)
    time = f"{hour % 24:02d}:{minute:02d}:{second:02d}"
    return {
        "id": number,
        "product_id": draw.randrange(1, 5000),
        "brand": draw.choice(("Tiny", "Cloud", "Bamboo", "Moon")),
        "model": f"Model {draw.randrange(40)}",
        "rating": draw.randrange(1, 6),
        "title": " ".join(draw.choices(_WORDS, k=3)),
        "body": " ".join(draw.choices(_WORDS, k=12)),
        "author": {"name": f"Author {draw.randrange(10_000)}", "countrycode": "NL", "verified": number % 2 == 0},
        "tags": draw.sample(_WORDS, 2),
        "price_paid": draw.randrange(500, 9999) / 100,
        "created_at": f"2026-01-{number // 86_400 % 28 + 1:02d}T{time}Z",
        "updated_at": f"2026-02-{number // 86_400 % 28 + 1:02d}T{time}.{draw.randrange(1_000_000):06d}Z",
    }
