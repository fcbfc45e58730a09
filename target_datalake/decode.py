"""The bytes of a RECORD line → its decoded message, or the reason why no reader agrees on what it says.

Numbers stay exact: an integer of any size is an int; a literal with a point or exponent is a float where the float's
shortest form has the same decimal value, else a Decimal. Of duplicate keys the last one counts, as everywhere.
"""

from __future__ import annotations

import itertools
import json
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from target_datalake.errors import MessageError
from target_datalake.json_schema import levels
from target_datalake.scan import MAX_MEMBERS, has_vast_object, record_span

_VAST_BYTES: Final = 4 * MAX_MEMBERS
"""No shorter line has so many members: each takes four bytes at least, as in `"":1`."""


class VastObjectError(Exception):
    """A record has an object with more members than memory should hold."""

    def __init__(self) -> None:
        super().__init__(f"has an object with more than {MAX_MEMBERS} members")


DECODE_ERRORS: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, VastObjectError)
"""What `decode_line` raises; ask `diagnose` what to make of it."""

MAX_DEPTH: Final = 250
"""Levels of objects and arrays in a record. The validator stops at 256, the decoder where its caller's stack says."""

_TOO_DEEP: Final = "is nested too deeply"

_TAME_LENGTH: Final = 16
"""A literal this short, without exponent, has at most 15 significant digits: every float64 gives those back."""


class RecordMessage(msgspec.Struct):
    """The parts of a RECORD message that are not known before it is decoded."""

    record: dict[str, Any]
    time_extracted: str | None = None
    version: int | None = None


class _Sliced(msgspec.Struct):
    record: msgspec.Raw


class _Origin(msgspec.Struct):
    version: int | None = None
    time_extracted: str | None = None


class _Split(msgspec.Struct):
    record: dict[str, msgspec.Raw]


class Unreadable(Exception):  # noqa: N818 (a verdict about one record, which becomes a reject)
    """A record that is JSON to some readers only.

    Attributes:
        reason: "encoding" or "json".
        raw: The record's own bytes.
    """

    def __init__(self, reason: str, message: str, raw: bytes) -> None:
        super().__init__(message)
        self.reason = reason
        self.raw = raw


def decode_number(literal: str) -> float | Decimal:
    """Return a literal's float, or its Decimal where the float's shortest form has another decimal value.

    Raises:
        ValueError: Its exponent is past what even a Decimal holds.
    """
    if len(literal) <= _TAME_LENGTH and "e" not in literal and "E" not in literal:
        return float(literal)
    try:
        exact = Decimal(literal)
    except InvalidOperation:
        raise ValueError("a number's exponent is too large") from None
    nearest = float(literal)
    return nearest if exact == Decimal(repr(nearest)) else exact


split_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
"""Return the text of each member of an object; of a key that stands twice, the last."""

split_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
"""Return the text of each item of an array."""

_decode_line = msgspec.json.Decoder(RecordMessage, float_hook=decode_number).decode
_slice_line = msgspec.json.Decoder(_Sliced).decode
_read_origin = msgspec.json.Decoder(_Origin).decode
_split_line = msgspec.json.Decoder(_Split).decode


def decode_line(line: bytes) -> RecordMessage:
    """Return the parts of a RECORD message.

    Raises:
        RecursionError: The record has more than `MAX_DEPTH` levels.
        msgspec.MsgspecError: It is no RECORD message, or JSON to some readers only.
        UnicodeDecodeError: It is not UTF-8.
        VastObjectError: It has an object with more members than memory should hold.
    """
    if len(line) > _VAST_BYTES and has_vast_object(line):
        raise VastObjectError
    message = _decode_line(line)
    if len(line) > 2 * MAX_DEPTH and line.count(b"{") + line.count(b"[") > MAX_DEPTH:
        deeper = itertools.islice(levels(message.record), MAX_DEPTH, None)
        if next(deeper, None):
            raise RecursionError
    return message


def read_origin(line: bytes) -> tuple[int | None, str | None]:
    """Return the `version` and `time_extracted` of a RECORD message; None where it has none, or is no JSON."""
    try:
        origin = _read_origin(line)
    except DECODE_ERRORS:
        return None, None
    return origin.version, origin.time_extracted


def record_text(line: bytes) -> bytes:
    """Return the record's own bytes, of a line that `decode_line` takes."""
    return bytes(_slice_line(line).record)


def record_members(line: bytes) -> dict[str, msgspec.Raw]:
    """Return the text of each member of the record, of a line that `decode_line` takes."""
    return _split_line(line).record


def diagnose(line: bytes, number: int, error: Exception) -> Unreadable:
    """Return what makes a record unreadable, of a line that `decode_line` refused.

    Args:
        line: The whole message.
        number: Its line number in the input.
        error: What `decode_line` raised.

    Raises:
        MessageError: The line is no JSON in any reading, or its parts are not those of a RECORD message.
    """
    span = record_span(line)
    if span is None or line[span[0] : span[0] + 1] != b"{":
        raise _message_error(number, error)
    raw = line[span[0] : span[1]].rstrip()
    if isinstance(error, VastObjectError | RecursionError):
        return Unreadable("json", str(error) if isinstance(error, VastObjectError) else _TOO_DEEP, raw)
    try:
        decode_line(line[: span[0]] + b"{}" + line[span[1] :])
        constants = _constants(raw)
    except RecursionError:
        return Unreadable("json", _TOO_DEEP, raw)
    except UnicodeDecodeError:
        return Unreadable("encoding", "is not UTF-8", raw)
    except (msgspec.MsgspecError, ValueError) as wrong:
        raise _message_error(number, wrong) from error
    if constants:
        return Unreadable("json", f"has a number that JSON does not know: {constants[0]}", raw)
    if isinstance(error, msgspec.ValidationError):
        return Unreadable("json", "has a number with too many digits", raw)
    return Unreadable("encoding", "has a lone surrogate", raw)


def _message_error(number: int, error: Exception) -> MessageError:
    known = isinstance(error, msgspec.ValidationError)
    return MessageError(
        f"line {number} is not a RECORD message: {error}" if known else f"line {number} is not JSON",
        where=f"stdin line {number}",
        fix="mend the tap: each of its lines is one JSON object, and a RECORD's record is an object",
    )


def _constants(raw: bytes) -> list[str]:
    """Return the NaN, Infinity and -Infinity of a record that is JSON otherwise."""
    found: list[str] = []
    json.loads(raw.decode("utf-8"), parse_constant=found.append, parse_int=len, parse_float=len)
    return found
