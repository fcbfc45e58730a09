"""Turns schemas, records and bookmarks into the lines of Singer's specification, as bytes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import singer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from msgspec import Raw


def schema_line(stream: str, schema: Mapping[str, Any], key_properties: Sequence[str], bookmark: str | None) -> bytes:
    """Build a SCHEMA line; it must stand before the stream's first record."""
    properties = [bookmark] if bookmark else None
    return _line(singer.SchemaMessage(stream, schema, list(key_properties), properties))


def state_line(value: Mapping[str, Any]) -> bytes:
    """Build a STATE line; everything before it must have been written already."""
    return _line(singer.StateMessage(value))


def activate_version_line(stream: str, version: int) -> bytes:
    """Build an ACTIVATE_VERSION line, which closes a full table's snapshot."""
    return _line(singer.ActivateVersionMessage(stream, version))


def record_lines(stream: str, records: Sequence[bytes | Raw], time_extracted: str, version: int | None = None) -> bytes:
    """Build one page's RECORD lines around the records' own bytes, which are not encoded again.

    Args:
        stream: The stream's name.
        records: Each a JSON object on one line.
        time_extracted: RFC 3339 in UTC.
        version: Milliseconds since 1970 of a full table's start.
    """
    if not records:
        return b""
    head = f'{{"type": "RECORD", "stream": {json.dumps(stream)}, "record": '.encode()
    ending = "" if version is None else f', "version": {version}'
    tail = f', "time_extracted": "{time_extracted}"{ending}}}\n'.encode()
    return b"".join((head, (tail + head).join(records), tail))


def _line(message: singer.Message) -> bytes:
    return f"{singer.format_message(message)}\n".encode()
