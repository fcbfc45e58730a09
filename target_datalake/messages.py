"""Lines become Singer messages; RECORD lines stay bytes, gathered in runs of one stream.

The rules are those of the Singer specification: one JSON object a line, types in any case, unknown types permitted,
keys in any order.
"""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from target_datalake.errors import MessageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from target_datalake.input import Batch

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Lines:
    """RECORD lines of one stream that followed each other in the input.

    Attributes:
        lines: Whole messages, without newlines.
        first_line: The input line number, from 1, of the first; the others count on from it.
        received_at_us: When they were read, in microseconds since 1970, UTC.
    """

    lines: list[bytes]
    first_line: int
    received_at_us: int


@dataclass(frozen=True)
class Records:
    """A run of RECORD messages of one stream."""

    stream: str
    run: Lines


@dataclass(frozen=True)
class Schema:
    """A SCHEMA message."""

    stream: str
    schema: dict[str, Any]
    key_properties: tuple[str, ...]
    line: int


@dataclass(frozen=True)
class State:
    """A STATE message: its value as the tap wrote it, and the stream it says is being read, if any."""

    text: str
    currently_syncing: str | None


@dataclass(frozen=True)
class ActivateVersion:
    """An ACTIVATE_VERSION message: readers are to see only this version of the stream."""

    stream: str
    version: int
    line: int


@dataclass(frozen=True)
class Tick:
    """Nothing arrived for a while."""


Message = Records | Schema | State | ActivateVersion | Tick


class _Envelope(msgspec.Struct):
    type: str
    stream: str = ""
    schema: msgspec.Raw = msgspec.Raw()
    value: msgspec.Raw = msgspec.Raw()
    key_properties: list[str] | None = None
    version: int | None = None


_decode_envelope = msgspec.json.Decoder(_Envelope).decode

_RECORD_PREFIX = re.compile(rb'\{\s*"type":\s*"RECORD",\s*"stream":\s*"[^"\\]*",\s*"record":')
"""How most producers begin a RECORD line. What begins as a known line began has that line's type and stream."""

_NO_PREFIX = b"\n"


class MessageReader:
    """Reads messages from batches of lines, counting lines from 1.

    Attributes:
        torn_line: The number of the line in whose middle the input ended; 0 if it ended with a whole one.
    """

    def __init__(self, clock_us: Callable[[], int]) -> None:
        self.torn_line = 0
        self._clock_us = clock_us
        self._line = 0
        self._streams: dict[bytes, str] = {}

    def read(self, batches: Iterable[Batch]) -> Iterator[Message]:
        """Yield the messages of the batches.

        Raises:
            MessageError: A line is no Singer message.
        """
        for batch in batches:
            yield from self._read_lines(batch.lines, self._clock_us())
            if batch.torn:
                self.torn_line = self._line + 1
            elif not batch.lines:
                yield Tick()

    def _read_lines(self, lines: list[bytes], received_at_us: int) -> Iterator[Message]:
        prefix, stream, start = _NO_PREFIX, "", 0
        for index, line in enumerate(lines):
            if line.startswith(prefix):
                continue
            if prefix is not _NO_PREFIX:
                yield Records(stream, Lines(lines[start:index], self._line + start + 1, received_at_us))
                prefix = _NO_PREFIX
            message = self._read_line(line, self._line + index + 1)
            if isinstance(message, str):
                stream, start = message, index
                prefix = self._learn(line, stream)
                if prefix is _NO_PREFIX:
                    yield Records(stream, Lines([line], self._line + index + 1, received_at_us))
            elif message is not None:
                yield message
        if prefix is not _NO_PREFIX:
            yield Records(stream, Lines(lines[start:], self._line + start + 1, received_at_us))
        self._line += len(lines)

    def _read_line(self, line: bytes, number: int) -> Message | str | None:
        """Return the message of a line, the stream's name if it is a RECORD, or None if it says nothing."""
        match = _RECORD_PREFIX.match(line)
        if match and (known := self._streams.get(match[0])) is not None:
            return known
        if not line.strip():
            return None
        envelope = _parse_envelope(line, number)
        kind = envelope.type.upper()
        if kind not in _READERS:
            logger.debug("line %d: a message of type %r is passed over", number, envelope.type[:40])
            return None
        return _READERS[kind](envelope, number)

    def _learn(self, line: bytes, stream: str) -> bytes:
        match = _RECORD_PREFIX.match(line)
        if not match:
            return _NO_PREFIX
        self._streams[match[0]] = stream
        return match[0]


def _parse_envelope(line: bytes, number: int) -> _Envelope:
    try:
        return _decode_envelope(line)
    except msgspec.ValidationError as error:
        raise MessageError(
            f"line {number} is no Singer message: {error}",
            where=f"stdin line {number}",
            fix='each line is an object with "type", and what that type needs',
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _tolerant_envelope(line, number)


def _tolerant_envelope(line: bytes, number: int) -> _Envelope:
    """Find the type and stream of a line that is JSON but for a NaN, a lone surrogate, bad UTF-8 or its depth.

    Only RECORD lines are let through: their record is then rejected with its own text, and the others land.
    """
    try:
        loose = json.loads(line.decode("utf-8", "surrogateescape"), parse_int=float)
    except RecursionError:
        match = _RECORD_PREFIX.match(line)
        if match:
            return _decode_envelope(match[0] + b"0}")
        loose = None
    except ValueError:
        loose = None
    if not isinstance(loose, dict) or str(loose.get("type")).upper() != "RECORD" or not loose.get("stream"):
        raise MessageError(
            f"line {number} is not JSON",
            where=f"stdin line {number}",
            fix="the tap must write one JSON object a line to stdout, and its log to stderr",
        )
    return _Envelope("RECORD", str(loose["stream"]))


def _read_record(envelope: _Envelope, number: int) -> str:
    return _named(envelope, number)


def _read_schema(envelope: _Envelope, number: int) -> Schema:
    schema = msgspec.json.decode(envelope.schema) if envelope.schema else None
    if not isinstance(schema, dict):
        raise _lacking("SCHEMA", "schema", number)
    return Schema(_named(envelope, number), schema, tuple(envelope.key_properties or ()), number)


def _read_state(envelope: _Envelope, number: int) -> State | None:
    text = bytes(envelope.value).decode() if envelope.value else "null"
    value = msgspec.json.decode(text)
    if not value:  # an empty STATE would forget every bookmark: other targets lost them that way
        logger.warning("line %d: an empty STATE is passed over", number)
        return None
    if not isinstance(value, dict):
        raise _lacking("STATE", "value", number)
    return State(text, value.get("currently_syncing"))


def _read_activate_version(envelope: _Envelope, number: int) -> ActivateVersion:
    if envelope.version is None:
        raise _lacking("ACTIVATE_VERSION", "version", number)
    return ActivateVersion(_named(envelope, number), envelope.version, number)


def _refuse_batch(envelope: _Envelope, number: int) -> Message:
    raise MessageError(
        f"line {number}: BATCH messages are not read by this version",
        where=f"stdin line {number}, stream {envelope.stream!r}",
        fix="switch batches off in the tap's configuration",
    )


_READERS: dict[str, Callable[[_Envelope, int], Message | str | None]] = {
    "RECORD": _read_record,
    "SCHEMA": _read_schema,
    "STATE": _read_state,
    "ACTIVATE_VERSION": _read_activate_version,
    "BATCH": _refuse_batch,
}


def _named(envelope: _Envelope, number: int) -> str:
    if not envelope.stream:
        raise _lacking(envelope.type, "stream", number)
    return envelope.stream


def _lacking(kind: str, key: str, number: int) -> MessageError:
    return MessageError(
        f'line {number}: a {kind} message lacks a usable "{key}"',
        where=f"stdin line {number}",
        fix="mend the tap: the Singer specification requires it",
    )
