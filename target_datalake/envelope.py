"""A line becomes its envelope: a message's type and stream, and its other parts still as text.

A RECORD line need not be JSON throughout: one NaN, lone surrogate or thousand brackets in its record must reject that
record, with its own text, and not stop its neighbours. So its envelope is found by other means then.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

import msgspec

from target_datalake.errors import MessageError


class Envelope(msgspec.Struct):
    """The parts of a message."""

    type: str
    stream: str = ""
    schema: msgspec.Raw = msgspec.Raw()
    value: msgspec.Raw = msgspec.Raw()
    key_properties: list[str] | None = None
    version: int | None = None
    encoding: msgspec.Raw = msgspec.Raw()
    manifest: list[str] | None = None


_decode = msgspec.json.Decoder(Envelope).decode

_STRING: Final = rb'"(?:[^"\\]|\\.)*+"'
_MEMBER: Final = rb"\s*" + _STRING + rb"\s*:\s*(?:" + _STRING + rb'|[^\s",:{}\[\]]++)\s*'
_match_head: Final = re.compile(rb"\s*\{((?:" + _MEMBER + rb',)*+)\s*"record"\s*:', re.DOTALL).match
_search_tail: Final = re.compile(rb",(" + _MEMBER + rb"(?:," + _MEMBER + rb")*+)\}\s*\Z", re.DOTALL).search
_EDGE_BYTES: Final = 4096


def parse_envelope(line: bytes, number: int) -> Envelope:
    """Return a line's envelope.

    Raises:
        MessageError: It is no Singer message; a RECORD whose envelope can be found is one, whatever its record holds.
    """
    try:
        return _decode(line)
    except msgspec.ValidationError as error:
        raise MessageError(
            f"line {number} is no Singer message: {error}",
            where=f"stdin line {number}",
            fix='each line is an object with "type", and what that type needs',
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError):
        found = _parse_loosely(line)
    except RecursionError:
        found = None
    found = found or edge_members(line[:_EDGE_BYTES], line[-_EDGE_BYTES:])
    if str(found.get("type")).upper() != "RECORD" or not found.get("stream"):
        raise MessageError(
            f"line {number} is not JSON",
            where=f"stdin line {number}",
            fix="the tap must write one JSON object a line to stdout, and its log to stderr",
        )
    return Envelope("RECORD", str(found["stream"]))


def edge_members(head: bytes, tail: bytes) -> dict[str, Any]:
    """Return the members before and after the record of a RECORD message, as far as they are no objects or arrays.

    Args:
        head: The message's first bytes.
        tail: Its last bytes.
    """
    before, after = _match_head(head), _search_tail(tail)
    members = (before[1].rstrip().removesuffix(b",") if before else b""), (after[1] if after else b"")
    try:
        return dict(json.loads(b"{" + b",".join(filter(None, members)) + b"}"))
    except ValueError:
        return {}


def _parse_loosely(line: bytes) -> dict[str, Any] | None:
    """Return a message that is JSON but for a NaN, a lone surrogate, bad UTF-8 or a vast number; else None."""
    try:
        loose = json.loads(line.decode("utf-8", "surrogateescape"), parse_int=float)
    except (RecursionError, ValueError):
        return None
    return loose if isinstance(loose, dict) else {}
