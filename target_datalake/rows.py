"""RECORD lines of one stream → an Arrow batch of the rows that are valid, and the records that are rejected.

Record by record: decode, validate, convert. Rows keep the order of their lines, and so do rejects;
lines = rows + rejects.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import pyarrow as pa

from target_datalake import timestamps
from target_datalake.arrow_schema import file_schema, stream_schema
from target_datalake.convert import Unplaced, object_converter
from target_datalake.decode import (
    DECODE_ERRORS,
    RecordMessage,
    decode_line,
    diagnose,
    read_origin,
    record_members,
    record_text,
)
from target_datalake.errors import MessageError
from target_datalake.json_schema import parse_schema
from target_datalake.lines import MAX_LINE_BYTES
from target_datalake.place import Notes, Place
from target_datalake.validate import RecordError, Validator

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from target_datalake.arrow_schema import StreamSchema
    from target_datalake.lines import Fingerprint
    from target_datalake.runs import Lines

SEQUENCE_BITS: Final = 32
"""A row's sequence is its commit's number, and its line's number in so many bits."""

_VERSIONS: Final = range(-(2**63), 2**63)

_Row: TypeAlias = tuple[RecordMessage, dict[str, Any], str | None]
"""A message, its record as the columns take it, and its `_sdc_extra`."""


@dataclass(frozen=True)
class Reject:
    """A record that does not land.

    Attributes:
        stream: Its stream.
        reason: "schema": it breaks a keyword of its schema, formats included. "value": the schema allows it, but no
            column can hold a value. "json": NaN, Infinity, nested too deeply, a number of thousands of digits.
            "encoding": not UTF-8, or a lone surrogate. "size": its message is too long to be kept.
        errors: What is wrong, without values.
        raw: The record's own text; empty where a fingerprint stands for it.
        line: Its line number in the input.
        fingerprint: Of the whole message, if it is too long to be kept.
        version: The table version that the message carries.
        time_extracted: When the tap says the record was extracted, as it writes it.
    """

    stream: str
    reason: str
    errors: list[RecordError]
    raw: bytes
    line: int
    fingerprint: Fingerprint | None = None
    version: int | None = None
    time_extracted: str | None = None


@dataclass(frozen=True)
class Parsed:
    """What a sequence of lines came to: `batch.num_rows + len(rejects)` is the number of lines."""

    batch: pa.RecordBatch
    rejects: list[Reject]


class RowParser:
    """Parses the records of one stream under one schema.

    Args:
        schema: The stream's schema, joined with what has landed.
        formats: "typed" or "all", see `Validator`.
        keep_raw: Whether rows carry their record's text in `_sdc_raw`.

    Raises:
        SchemaError: The schema cannot be used.

    Attributes:
        arrow_schema: The columns of every batch: the stream's own, then the metadata columns.
        stream: The stream's name.
        json_schema: The schema as received, checked.
        declared: The columns that this schema alone gives.
    """

    def __init__(self, schema: StreamSchema, *, formats: str = "typed", keep_raw: bool = False) -> None:
        self.json_schema = parse_schema(schema.stream, schema.json_schema)
        self.declared = stream_schema(schema.stream, schema.json_schema, schema.key_properties).arrow
        self.arrow_schema = file_schema(schema, keep_raw=keep_raw)
        self.stream = schema.stream
        self._keep_raw = keep_raw
        self._struct = pa.struct(list(schema.arrow))
        self._validator = Validator(self.json_schema, formats=formats)
        self._convert = object_converter(schema.arrow, self.declared)
        self._consults_source = False

    def parse(self, runs: Sequence[Lines], *, commit: int, batched_at_us: int) -> Parsed:
        """Return the rows and rejects of the lines.

        Args:
            runs: RECORD lines of this stream.
            commit: The number of the commit they will be part of; with the line number it makes `_sdc_sequence`.
            batched_at_us: Now, in microseconds since 1970, UTC.

        Raises:
            MessageError: A line is not JSON, has no object as its record, or a `time_extracted` or `version` that
                the Singer specification does not know.
        """
        columns, rejects = _Columns(commit, batched_at_us), []
        for run in runs:
            if run.fingerprint is not None:
                rejects.append(_too_long(self.stream, run.first_line, run.fingerprint))
                continue
            for line_number, line in zip(run.numbers.to_pylist(), run.texts.to_pylist(), strict=True):
                row = self._parse_line(line, line_number)
                if isinstance(row, Reject):
                    rejects.append(_with_origin(row, line))
                else:
                    columns.append(row, line_number, run.received_at_us)
                    if self._keep_raw:
                        columns.raw.append(record_text(line))
        return Parsed(columns.batch(self.arrow_schema, self._struct), rejects)

    def accepts(self, line: bytes) -> bool:
        """Say whether a line can be read, and its record follows the schema. A column may refuse it still."""
        try:
            return self._validator.is_valid(decode_line(line).record)
        except DECODE_ERRORS:
            return False

    def _parse_line(self, line: bytes, line_number: int) -> _Row | Reject:
        try:
            message = decode_line(line)
        except DECODE_ERRORS as error:
            refused = diagnose(line, line_number, error)
            return Reject(self.stream, refused.reason, [RecordError("", "", str(refused))], refused.raw, line_number)
        if not self._validator.is_valid(message.record):
            errors = self._validator.errors(message.record)
            return Reject(self.stream, "schema", errors, record_text(line), line_number)
        values, notes = self._to_values(message.record, line)
        if notes is not None and notes.errors:
            reason = "schema" if any(error.schema_path for error in notes.errors) else "value"
            return Reject(self.stream, reason, notes.errors, record_text(line), line_number)
        return message, values, notes.extra_text() if notes else None

    def _to_values(self, record: dict[str, Any], line: bytes) -> tuple[dict[str, Any], Notes | None]:
        """Convert a valid record, with its source at hand at once if the record before needed that."""
        if not self._consults_source:
            try:
                return self._convert(record, None), None
            except Unplaced:
                record = decode_line(line).record  # the first attempt has changed some of it
        notes = Notes()
        values = self._convert(record, Place(notes, record_members(line)))
        self._consults_source = notes.consulted
        return values, notes


def _with_origin(reject: Reject, line: bytes) -> Reject:
    """Add what the message says beside its record, as far as a row could hold it: a replay lands it with that."""
    version, time_extracted = read_origin(line)
    if version is not None and version not in _VERSIONS:
        version = None
    if time_extracted is not None:
        try:
            timestamps.parse_date_time(time_extracted)
        except ValueError:
            time_extracted = None
    return replace(reject, version=version, time_extracted=time_extracted)


def _too_long(stream: str, line_number: int, fingerprint: Fingerprint) -> Reject:
    message = f"its message has {fingerprint.bytes} bytes, more than {MAX_LINE_BYTES}"
    return Reject(stream, "size", [RecordError("", "", message)], b"", line_number, fingerprint)


class _Columns:
    """The rows of a batch while it is being filled."""

    def __init__(self, commit: int, batched_at_us: int) -> None:
        self._first_sequence = commit << SEQUENCE_BITS
        self._batched_at_us = batched_at_us
        self._last_time: tuple[str | None, datetime | None] = (None, None)
        self._values: list[dict[str, Any]] = []
        self._extracted_at: list[datetime | None] = []
        self._received_at_us: list[int] = []
        self._sequence: list[int] = []
        self._version: list[int | None] = []
        self._extra: list[str | None] = []
        self.raw: list[bytes] = []

    def append(self, row: _Row, line_number: int, received_at_us: int) -> None:
        message, values, extra = row
        if message.time_extracted != self._last_time[0]:  # often the same for a whole page
            self._last_time = message.time_extracted, _extracted_at(message, line_number)
        self._values.append(values)
        self._extracted_at.append(self._last_time[1])
        self._received_at_us.append(received_at_us)
        self._sequence.append(self._first_sequence + line_number)
        self._version.append(_version(message, line_number))
        self._extra.append(extra)

    def batch(self, schema: pa.Schema, struct: pa.DataType) -> pa.RecordBatch:
        """Return the batch: the fields of the struct, then the metadata columns that the schema has."""
        metadata = (
            self._extracted_at,
            self._received_at_us,
            [self._batched_at_us] * len(self._values),
            self._sequence,
            self._version,
            self._extra,
            self.raw,
        )
        fields = list(schema)[struct.num_fields :]
        data = pa.array(self._values, struct).flatten()
        arrays = [pa.array(values, field.type) for values, field in zip(metadata, fields, strict=False)]
        return pa.RecordBatch.from_arrays([*data, *arrays], schema=schema)


def _extracted_at(message: RecordMessage, line_number: int) -> datetime | None:
    if message.time_extracted is None:
        return None
    try:
        return timestamps.parse_date_time(message.time_extracted)
    except ValueError:
        raise MessageError(
            f"line {line_number}: time_extracted is not an RFC 3339 date-time",
            where=f"stdin line {line_number}",
            fix="mend the tap: it writes time_extracted as in 2026-01-31T23:59:59Z, or leaves it out",
        ) from None


def _version(message: RecordMessage, line_number: int) -> int | None:
    if message.version is None or message.version in _VERSIONS:
        return message.version
    raise MessageError(f"line {line_number}: version has more than 64 bits", where=f"stdin line {line_number}")
