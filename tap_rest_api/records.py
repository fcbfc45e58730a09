"""Turns a record's own bytes into the bytes to send: with its parent's fields put in, or deselected ones left out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from tap_rest_api.json_body import encode_exact, open_object

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from tap_rest_api.json_body import Slice


def add_fields(records: Sequence[Slice], fields: Mapping[str, Any]) -> list[bytes]:
    """Put the same fields at the front of every record. The rest of its bytes stay as they are."""
    added = b", ".join(json.dumps(name).encode() + b": " + encode_exact(value) for name, value in fields.items())
    return [_add(bytes(record), added) for record in records]


def _add(record: bytes, added: bytes) -> bytes:
    rest = record[1:].lstrip()
    return b"{" + added + (b"" if rest == b"}" else b", ") + rest


def leave_out(records: Sequence[Slice], names: Collection[str]) -> list[bytes]:
    """Leave fields out of every record. What remains is put together again from its own bytes."""
    return [_leave_out(record, names) for record in records]


def _leave_out(record: Slice, names: Collection[str]) -> bytes:
    members = open_object(record).items()
    return msgspec.json.encode({name: msgspec.Raw(bytes(value)) for name, value in members if name not in names})
