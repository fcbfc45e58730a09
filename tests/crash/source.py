"""A source whose every record is known: messages from any STATE on, and what a lake of them holds.

Record k goes to stream ``a`` or ``b``; every ninth breaks its schema. A STATE follows every third record, but for one
stretch that is longer than a commit may be, so that rows are staged which no STATE covers yet.
"""

from __future__ import annotations

import json
from collections import Counter

SIZE = 48
SILENT = range(20, 36)
"""Records without a STATE among them."""

SCHEMA = {"type": "object", "properties": {"id": {"type": "integer"}, "text": {"type": ["string", "null"]}}}


def stream_of(number: int) -> str:
    return "b" if number % 4 == 3 else "a"


def is_bad(number: int) -> bool:
    return number % 9 == 8


def messages(start: int, end: int = SIZE) -> list[str]:
    """Return the lines of a tap that was started from a STATE, up to a record."""
    lines = [
        json.dumps({"type": "SCHEMA", "stream": stream, "schema": SCHEMA, "key_properties": ["id"]}) for stream in "ab"
    ]
    for number in range(start, end):
        record = {"id": number, "text": number if is_bad(number) else f"record {number}"}
        lines.append(json.dumps({"type": "RECORD", "stream": stream_of(number), "record": record}))
        if number % 3 == 2 and number not in SILENT and number != end - 1:
            lines.append(json.dumps({"type": "STATE", "value": {"at": number + 1}}))
    return [*lines, json.dumps({"type": "STATE", "value": {"at": end}})]


def position(state: str | None) -> int:
    """Return the record that a STATE says is next."""
    return json.loads(state)["at"] if state else 0


def landed(start: int, end: int) -> Counter[tuple[str, int]]:
    """Return the records of a stretch that land, each once."""
    return Counter((stream_of(number), number) for number in range(start, end) if not is_bad(number))


def rejected(start: int, end: int) -> Counter[tuple[str, int]]:
    """Return the records of a stretch that are rejected, each once."""
    return Counter((stream_of(number), number) for number in range(start, end) if is_bad(number))
