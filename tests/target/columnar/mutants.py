"""RECORD lines, and what may be wrong with them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from random import Random

LITERALS = (
    *("null", "true", "0", "1", "-0", "1.0", "1e0", "1e400", "1e-400", "-1e-400", "NaN", "Infinity", "-Infinity", "01"),
    *("9007199254740993", "9223372036854775808", "0.1000000000000000055", "123456789012345678901234567890", "1e-07"),
    *('""', '"a"', '"12.50"', '"\\ud800"', '"\\ud83d\\ude00"', '"\x01"', '"null"', "[]", "{}", "[null]", '{"x": 1}'),
    *('"0000-01-01T00:00:00Z"', '"2026-02-30T00:00:00Z"', '"2026-01-31"', '"2026-01-31T10Z"', '"2026-01-31T10:00Z"'),
    *('"2026-01-31t10:00:00z"', '"2026-01-31T23:59:60Z"', '"2026-01-31T24:00:00Z"', '"9999-12-31T23:59:59-01:00"'),
    *('"24:00:00"', '"10:00"', '"10:00:00ZZ"', '"0000-01-01"', '"20260131"', '"2026-1-31"'),
)
VALUE = re.compile(r'(?<=: )(?:"(?:[^"\\]|\\.)*"|[^\s,{}\[\]":]+)')
KEY = re.compile(r'"([^"\\]*)"\s*:')


def mutated(draw: Random, record: str) -> str:
    """Return a record that differs in one thing from the one it was."""
    values, keys = list(VALUE.finditer(record)), list(KEY.finditer(record))
    kind = draw.randrange(9)
    if kind < 4 and values:
        one = draw.choice(values)
        return record[: one.start()] + draw.choice(LITERALS) + record[one.end() :]
    if kind == 4 and keys:  # a key twice, or one that nobody declared
        one = draw.choice(keys)
        names = [one[1], "zz", "Id", f'zz\\"{one[1]}']
        return record[: one.start()] + f'"{draw.choice(names)}": {draw.choice(LITERALS)}, ' + record[one.start() :]
    if kind == 5 and keys:  # a key less, and one more
        one = draw.choice(keys)
        return record[: one.start()] + '"zz":' + record[one.end() :]
    if kind == 6 and keys:  # a key in other letters
        one = draw.choice(keys)
        return record[: one.start() + 1] + "".join(f"\\u{ord(c):04x}" for c in one[1]) + record[one.end(1) :]
    if kind == 7 and keys:
        one = draw.choice(keys)
        return record[: one.end()] + draw.choice(["  ", "\r", "\t"]) + record[one.end() :]
    return record.replace(": ", ":").replace(", ", " ,")


def message(draw: Random, record: str) -> bytes:
    """Return a RECORD message of stream s."""
    before, after = '{"type": "RECORD", "stream": "s", "record": ', "}"
    kind = draw.randrange(40)
    rare: dict[int, tuple[str, str]] = {
        0: ('{"type":"RECORD","stream":"s","version":3,"record":', "}"),
        1: ('{"type":"RECORD","stream":"s","time_extracted":"2026-01-31T10:00:00.000000Z","record":', "}"),
        2: (before, ', "time_extracted": "2026-01-31T10:00:00+01"}'),
        3: ('{"record": ', ', "stream": "s", "type": "RECORD"}'),
        4: (before, ', "version": null, "time_extracted": null} \r'),
        5: (before, ', "more": 1}'),
    }
    before, after = rare.get(kind, (before, after))
    return f"{before}{record}{after}".encode()


def damaged(draw: Random, line: bytes) -> bytes:
    """Return a line of which a few bytes are not what they were."""
    damage: list[Any] = [b"\xff", b"}", b"{", b'"', b",", b"\\", b"\xed\xa0\x80", b"", b'{"a": 1}', b" "]
    at = draw.randrange(len(line) + 1)
    return line[:at] + draw.choice(damage) + line[at + draw.randrange(2) :]
