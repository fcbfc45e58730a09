"""A seed becomes the records of synthetic streams: reviews, and streams that are narrower and wider than most."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

BLOCK_RECORDS = 100_000
"""So many records are drawn; the blocks after them differ in id and day, which is some text replaced."""

FIRST_ID = 1_000_000_000
FIRST_DAY = datetime(2024, 1, 1, tzinfo=UTC)
WIDE_FIELDS = 120

_WORDS = "soft dry night leak fits snug skin gentle price pack size day baby sleeps through small large again".split()
_MOMENT = {"type": "string", "format": "date-time"}


@dataclass(frozen=True, eq=False)
class Shape:
    """A kind of stream.

    Attributes:
        schema: Its JSON Schema; "id" is its primary key, and "updated_at", where there is one, rises with it.
        draw: Makes the values of the record with a number, but for its id.
    """

    name: str
    schema: Mapping[str, Any]
    draw: Callable[[int, random.Random], dict[str, Any]]
    block_records: int = BLOCK_RECORDS

    def text(self, first: int, count: int, glue: bytes = b",", separators: tuple[str, str] = (",", ":")) -> bytes:
        """Return the JSON texts of the records from `first` on, counted from 0; one block must hold them all."""
        block, at = divmod(first, self.block_records)
        texts = _block(self, separators)[at : at + count]
        return _moved(glue.join(texts), block, self.block_records, separators[1])


@lru_cache(maxsize=4)
def _block(shape: Shape, separators: tuple[str, str]) -> list[bytes]:
    random_of = random.Random(7)
    drawn = ({"id": FIRST_ID + number, **shape.draw(number, random_of)} for number in range(shape.block_records))
    return [json.dumps(record, separators=separators).encode() for record in drawn]


def _moved(text: bytes, block: int, block_records: int, colon: str) -> bytes:
    """Give drawn records the ids and days of a later block."""
    day, later = (f"{FIRST_DAY + timedelta(days=number):%Y-%m-%d}" for number in (0, block))
    for before, after in (
        (f'"id"{colon}{FIRST_ID // block_records}', f'"id"{colon}{FIRST_ID // block_records + block}'),
        (f'"updated_at"{colon}"{day}T', f'"updated_at"{colon}"{later}T'),
    ):
        text = text.replace(before.encode(), after.encode())
    return text


def _moment(number: int, random_of: random.Random) -> str:
    """Return a time of the first day, later for each number."""
    moment = FIRST_DAY + timedelta(seconds=number * 0.8, microseconds=random_of.randrange(500_000))
    return f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}"


def _review(number: int, random_of: random.Random) -> dict[str, Any]:
    return {
        "product_id": random_of.randrange(1, 5000),
        "brand": random_of.choice(("Tiny", "Cloud", "Bamboo", "Moon")),
        "model": f"Model {random_of.randrange(40)}",
        "rating": random_of.randrange(1, 6),
        "title": " ".join(random_of.choices(_WORDS, k=3)),
        "body": " ".join(random_of.choices(_WORDS, k=12)),
        "author": {"name": f"Author {random_of.randrange(10_000)}", "countrycode": "NL", "verified": number % 2 == 0},
        "tags": random_of.sample(_WORDS, 2),
        "price_paid": random_of.randrange(500, 9999) / 100,
        "created_at": f"2023-{number % 12 + 1:02d}-{number % 28 + 1:02d}T{number % 24:02d}:{number % 60:02d}:00Z",
        "updated_at": _moment(number, random_of),
    }


def _reading(number: int, random_of: random.Random) -> dict[str, Any]:
    return {"sensor": number % 50, "value": random_of.random() * 100, "updated_at": _moment(number, random_of)}


_WIDE_KINDS: tuple[tuple[Mapping[str, Any], Callable[[random.Random], Any]], ...] = (
    ({"type": ["integer", "null"]}, lambda random_of: random_of.randrange(1_000_000)),
    ({"type": ["number", "null"]}, lambda random_of: round(random_of.random() * 1000, 3)),
    ({"type": ["string", "null"]}, lambda random_of: random_of.choice(_WORDS)),
    ({"type": ["boolean", "null"]}, lambda random_of: random_of.random() < 0.5),  # noqa: PLR2004 - even odds
    ({"type": ["string", "null"]}, lambda _: None),
    ({**_MOMENT, "type": ["string", "null"]}, lambda random_of: f"2023-05-{random_of.randrange(1, 29):02d}T10:00:00Z"),
)


def _wide_fields() -> Iterator[tuple[str, Mapping[str, Any], Callable[[random.Random], Any]]]:
    for number in range(WIDE_FIELDS - 2):
        yield (f"field_{number:03d}", *_WIDE_KINDS[number % len(_WIDE_KINDS)])


def _wide(number: int, random_of: random.Random) -> dict[str, Any]:
    return {"updated_at": _moment(number, random_of), **{name: draw(random_of) for name, _, draw in _wide_fields()}}


def _schema(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["id", "updated_at"],
        "properties": {"id": {"type": "integer"}, **properties},
    }


REVIEWS = Shape(
    "reviews",
    _schema(
        {
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
            "created_at": _MOMENT,
            "updated_at": _MOMENT,
        }
    ),
    _review,
)
NARROW = Shape(
    "narrow",
    _schema({"sensor": {"type": "integer"}, "value": {"type": "number"}, "updated_at": _MOMENT}),
    _reading,
)
WIDE = Shape("wide", _schema({"updated_at": _MOMENT, **{name: kind for name, kind, _ in _wide_fields()}}), _wide)
SHAPES = {shape.name: shape for shape in (REVIEWS, NARROW, WIDE)}
