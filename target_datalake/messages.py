"""Lines become Singer messages; RECORD lines stay bytes, gathered in runs of one stream.

The rules are those of the Singer specification: one JSON object a line, types in any case, unknown types permitted,
keys in any order.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from target_datalake.batch_files import BatchFiles, parse_batch, read_records
from target_datalake.envelope import edge_members, parse_envelope
from target_datalake.errors import MessageError
from target_datalake.lines import MAX_LINE_BYTES, LongLine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from target_datalake.envelope import Envelope
    from target_datalake.input import Batch
    from target_datalake.lines import Fingerprint

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Lines:
    """RECORD lines of one stream that followed each other in the input.

    Attributes:
        lines: Whole messages, without newlines.
        first_line: The input line number, from 1, of the first; the others count on from it.
        received_at_us: When they were read, in microseconds since 1970, UTC.
        fingerprint: Of one line that was too long to keep: `lines` then holds an empty one in its place.
    """

    lines: list[bytes]
    first_line: int
    received_at_us: int
    fingerprint: Fingerprint | None = None


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


_RECORD_PREFIX = re.compile(rb'\{\s*"type":\s*"RECORD",\s*"stream":\s*"[^"\\]*",\s*"record":')
"""How most producers begin a RECORD line. What begins as a known line began has that line's type and stream."""

_NO_PREFIX = b"\n"


class _Stopped(Exception):  # noqa: N818 (no error: the run was asked to stop)
    """What follows in the input is not to be read."""


class MessageReader:
    """Reads messages from batches of lines, counting lines from 1; a BATCH message's records count as lines too.

    Args:
        clock_us: Now, in microseconds since 1970, UTC.
        is_stopped: Says whether to stop in the middle of a BATCH message's files, which may be long.

    Attributes:
        torn_line: The number of the line in whose middle the input ended; 0 if it ended with a whole one.
    """

    def __init__(self, clock_us: Callable[[], int], is_stopped: Callable[[], bool] = lambda: False) -> None:
        self.torn_line = 0
        self._is_stopped = is_stopped
        self._clock_us = clock_us
        self._line = 0
        self._streams: dict[bytes, str] = {}

    def read(self, batches: Iterable[Batch]) -> Iterator[Message]:
        """Yield the messages of the batches.

        Raises:
            MessageError: A line is no Singer message.
        """
        for batch in batches:
            try:
                yield from self._read_lines(batch.lines, self._clock_us())
            except _Stopped:
                return
            if batch.long is not None:
                yield self._read_long(batch.long)
            elif batch.torn:
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
            elif isinstance(message, BatchFiles):
                yield from self._read_files(message, index + 1)
            elif message is not None:
                yield message
        if prefix is not _NO_PREFIX:
            yield Records(stream, Lines(lines[start:], self._line + start + 1, received_at_us))
        self._line += len(lines)

    def _read_files(self, files: BatchFiles, index: int) -> Iterator[Records]:
        """Yield the records of a BATCH message, `index` lines into the batch of lines that is being read."""
        for part in read_records(files):
            if self._is_stopped():
                raise _Stopped  # a STATE that follows does not cover what has not been read
            lines, fingerprint = ([b""], part.fingerprint) if isinstance(part, LongLine) else (part, None)
            if lines:
                yield Records(files.stream, Lines(lines, self._line + index + 1, self._clock_us(), fingerprint))
            self._line += len(lines)

    def _read_line(self, line: bytes, number: int) -> Message | BatchFiles | str | None:
        """Return the message of a line, the stream's name if it is a RECORD, or None if it says nothing."""
        match = _RECORD_PREFIX.match(line)
        if match and (known := self._streams.get(match[0])) is not None:
            return known
        if not line.strip():
            return None
        envelope = parse_envelope(line, number)
        kind = envelope.type.upper()
        if kind not in _READERS:
            logger.debug("line %d: a message of type %r is passed over", number, envelope.type[:40])
            return None
        try:
            return _READERS[kind](envelope, number)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise MessageError(
                f"line {number}: a {kind} message is not JSON, or nested too deeply",
                where=f"stdin line {number}",
                fix="mend the tap: JSON is UTF-8, and a lone surrogate is no character",
            ) from error

    def _read_long(self, line: LongLine) -> Records:
        """Return a record that is to be rejected unread; any other message of that length is refused."""
        self._line += 1
        members = edge_members(line.head, line.tail)
        if str(members.get("type")).upper() != "RECORD" or not members.get("stream"):
            raise MessageError(
                f"line {self._line} has {line.fingerprint.bytes} bytes, and no edge of a RECORD message",
                where=f"stdin line {self._line}",
                fix=f"only records may be longer than {MAX_LINE_BYTES} bytes: they are rejected, and the others land",
            )
        return Records(str(members["stream"]), Lines([b""], self._line, self._clock_us(), line.fingerprint))

    def _learn(self, line: bytes, stream: str) -> bytes:
        match = _RECORD_PREFIX.match(line)
        if not match:
            return _NO_PREFIX
        self._streams[match[0]] = stream
        return match[0]


def _read_record(envelope: Envelope, number: int) -> str:
    return _named(envelope, number)


def _read_schema(envelope: Envelope, number: int) -> Schema:
    schema = msgspec.json.decode(envelope.schema) if envelope.schema else None
    if not isinstance(schema, dict):
        raise _lacking("SCHEMA", "schema", number)
    return Schema(_named(envelope, number), schema, tuple(envelope.key_properties or ()), number)


def _read_state(envelope: Envelope, number: int) -> State | None:
    text = bytes(envelope.value).decode() if envelope.value else "null"
    value = msgspec.json.decode(text)
    if not value:  # an empty STATE would forget every bookmark: other targets lost them that way
        logger.warning("line %d: an empty STATE is passed over", number)
        return None
    if not isinstance(value, dict):
        raise _lacking("STATE", "value", number)
    return State(text, value.get("currently_syncing"))


def _read_activate_version(envelope: Envelope, number: int) -> ActivateVersion:
    if envelope.version is None:
        raise _lacking("ACTIVATE_VERSION", "version", number)
    return ActivateVersion(_named(envelope, number), envelope.version, number)


def _read_batch(envelope: Envelope, number: int) -> BatchFiles:
    encoding = msgspec.json.decode(envelope.encoding) if envelope.encoding else None
    return parse_batch(_named(envelope, number), encoding, envelope.manifest, number)


_READERS: dict[str, Callable[[Envelope, int], Message | BatchFiles | str | None]] = {
    "RECORD": _read_record,
    "SCHEMA": _read_schema,
    "STATE": _read_state,
    "ACTIVATE_VERSION": _read_activate_version,
    "BATCH": _read_batch,
}


def _named(envelope: Envelope, number: int) -> str:
    if not envelope.stream:
        raise _lacking(envelope.type, "stream", number)
    return envelope.stream


def _lacking(kind: str, key: str, number: int) -> MessageError:
    return MessageError(
        f'line {number}: a {kind} message lacks a usable "{key}"',
        where=f"stdin line {number}",
        fix="mend the tap: the Singer specification requires it",
    )
