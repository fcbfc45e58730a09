"""A line that is no known RECORD → its Singer message.

The rules are those of the Singer specification: one JSON object a line, types in any case, unknown types permitted,
keys in any order. RECORD lines stay bytes.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from target_datalake.batch_files import BatchFiles, parse_batch
from target_datalake.envelope import parse_envelope
from target_datalake.errors import MessageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_datalake.envelope import Envelope
    from target_datalake.runs import Lines

logger = logging.getLogger(__name__)


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


def parse_message(line: bytes, number: int) -> Message | BatchFiles | str | None:
    """Return the message of a line, the stream's name if it is a RECORD, or None if it says nothing.

    Raises:
        MessageError: The line is no Singer message.
    """
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
