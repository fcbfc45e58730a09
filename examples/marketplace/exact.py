"""Turns JSON text into values whose numbers are exact, and such values back into the same text."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any


def loads(text: bytes | str) -> Any:
    """Return the value of `text`; a number with a fraction or exponent is a Decimal, so 19.90 stays 19.90."""
    return json.loads(text, parse_float=Decimal)


def dumps(value: Any, *, sort_keys: bool = False, ascii_only: bool = False) -> str:
    """Return compact JSON. Decimals keep their digits, NaN is written bare (which is not JSON)."""
    if isinstance(value, dict):
        items = sorted(value.items()) if sort_keys else value.items()
        pairs = (
            f"{dumps(key, ascii_only=ascii_only)}:{dumps(item, sort_keys=sort_keys, ascii_only=ascii_only)}"
            for key, item in items
        )
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(dumps(item, sort_keys=sort_keys, ascii_only=ascii_only) for item in value) + "]"
    if isinstance(value, Decimal):
        return str(value)
    return json.dumps(value, ensure_ascii=ascii_only)


def canonical(text: bytes | str) -> bytes:
    """Return the one text that equal records share: keys sorted, compact, ASCII, number literals kept."""
    return dumps(loads(text), sort_keys=True, ascii_only=True).encode("ascii")
