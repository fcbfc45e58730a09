"""A value of a column becomes the text that stands in a cell."""

from __future__ import annotations

from typing import Any

import msgspec

from lake.text import shorten

MAX_CELL = 80
"""Characters of a value that are shown."""

_to_json = msgspec.json.Encoder(decimal_format="number").encode


def to_cell(value: Any) -> str:
    """Return a value in at most `MAX_CELL` characters: a text as it is, anything else as JSON writes it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return shorten(value, MAX_CELL)
    text = _to_json(value).decode()
    return shorten(text[1:-1] if text.startswith('"') else text, MAX_CELL)
