"""The tokens of a RECORD line → where its record stands, and whether an object in it is vast. Nothing is decoded.

Brackets are counted instead of parsed, so that neither depth nor encoding nor size can stop it.
"""

from __future__ import annotations

import json
import re
from typing import Final

MAX_MEMBERS: Final = 100_000
"""Members of one object: some 500 bytes each while a record is read."""

_TOKEN: Final = re.compile(rb'"[^"\\]*+(?:\\.?[^"\\]*+)*+(?:"|\Z)|[{}\[\]:,]', re.DOTALL)
"""A string, to the end of the line if it never ends, so that no byte is looked at twice; or a bracket, comma, colon."""


def record_span(line: bytes) -> tuple[int, int] | None:
    """Find where the value of the last top-level key "record" begins and ends."""
    depth, key, start, found = 0, b"", -1, None
    for token in _TOKEN.finditer(line):
        text = token[0]
        if text in {b"{", b"["}:
            depth += 1
        elif depth == 1 and text in {b",", b"}"}:
            if start >= 0 and _is_record_key(key):
                found = start, token.start()
            start = -1
        elif depth == 1 and text == b":":
            start = _after_space(line, token.end())
        elif depth == 1 and start < 0:
            key = text
        if text in {b"}", b"]"}:
            depth -= 1
    return found if depth == 0 else None


def _after_space(line: bytes, position: int) -> int:
    while line[position : position + 1].isspace():
        position += 1
    return position


def _is_record_key(key: bytes) -> bool:
    try:
        return bool(json.loads(key) == "record")
    except ValueError:
        return False


def has_vast_object(line: bytes) -> bool:
    """Say whether an object anywhere in a line has more than `MAX_MEMBERS` members."""
    if line.count(b":") <= MAX_MEMBERS:
        return False
    members: list[int] = [0]
    for token in _TOKEN.finditer(line):
        text = token[0]
        if text in {b"{", b"["}:
            members.append(0)
        elif text in {b"}", b"]"} and len(members) > 1:
            members.pop()
        elif text == b":":
            members[-1] += 1
            if members[-1] > MAX_MEMBERS:
                return True
    return False
