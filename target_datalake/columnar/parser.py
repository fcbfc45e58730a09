"""RECORD lines of one stream → an Arrow batch of the rows that are valid, and the records that are rejected.

Many lines at a time, where the stream's schema has a plan. Lines in doubt, and those that the JSON parser refuses, go
through the record-by-record path, which is the reference: both come to the same rows and rejects.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from target_datalake.columnar.check import Doubts, check
from target_datalake.columnar.chunk import Chunk, in_order, to_chunk
from target_datalake.columnar.extra import extra_text, rows_beside
from target_datalake.columnar.keywords import Uncompilable
from target_datalake.columnar.plan import Plan, compile_plan
from target_datalake.columnar.presence import Presence
from target_datalake.columnar.temporal import MOMENT, parse_texts
from target_datalake.columnar.undeclared import Undeclared, Unlearnable, merged
from target_datalake.decode import DECODE_ERRORS, record_text
from target_datalake.rows import SEQUENCE_BITS, Parsed, RowParser
from target_datalake.runs import count_from

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_datalake.arrow_schema import StreamSchema
    from target_datalake.runs import Lines

logger = logging.getLogger(__name__)

SWITCH: Final = "LAKE_COLUMNAR"
"""`off` in this variable of the environment sends every record through the record-by-record path."""

_MESSAGE: Final = {
    "type": pa.string(),
    "stream": pa.string(),
    "record": pa.null(),
    "time_extracted": pa.string(),
    "version": pa.int64(),
}
"""The parts of a RECORD message, but for the type of its record."""

_MOST_LESSONS: Final = 20
"""How often the undeclared keys of a stream are looked for; each time costs a look at some lines in Python."""

_FEW: Final = 4
"""Lines that are not halved any more."""

_MOST_REPAIRS: Final = 48
"""How often parts of a chunk are taken apart before the validator is asked."""

_MOST_SKIPPED: Final = 64
"""Chunks that go record by record after one that brought nothing as columns, at most."""


class ColumnarParser:
    """Parses the records of one stream under one schema, see `RowParser`.

    Args:
        plain: The record-by-record parser.
        plan: How records are read as columns.
        keep_raw: Whether rows carry their record's text in `_sdc_raw`.
    """

    def __init__(self, plain: RowParser, plan: Plan, *, keep_raw: bool) -> None:
        self.arrow_schema = plain.arrow_schema
        self._plain = plain
        self._plan = plan
        self._keep_raw = keep_raw
        self._undeclared = Undeclared()
        self._lessons = _MOST_LESSONS if plan.is_closed else 0
        self._to_skip = self._failures = 0

    def parse(self, runs: Sequence[Lines], *, commit: int, batched_at_us: int) -> Parsed:
        """Return the rows and rejects of the lines, as `RowParser.parse` does. Raises MessageError."""
        whole = [run for run in runs if run.fingerprint is None and len(run)]
        if not whole or self._to_skip:
            self._to_skip = max(0, self._to_skip - 1)
            return self._plain.parse(runs, commit=commit, batched_at_us=batched_at_us)
        batches, doubtful = self._land(to_chunk(whole), commit, batched_at_us)
        doubtful += [run for run in runs if run.fingerprint is not None]
        if not doubtful:
            return Parsed(batches[0] if len(batches) == 1 else _in_order(batches), [])
        others = self._plain.parse(doubtful, commit=commit, batched_at_us=batched_at_us)
        return Parsed(_in_order([*batches, others.batch]), sorted(others.rejects, key=lambda reject: reject.line))

    def _land(self, chunk: Chunk, commit: int, batched_at_us: int) -> tuple[list[pa.RecordBatch], list[Lines]]:
        """Return the rows that are read as columns, and the lines that are not.

        The JSON parser names the first line whose types it refuses, so the others are read without such lines. Where
        it does not say which it was, the chunk is halved; where those are many, the validator tells them apart.
        """
        batches: list[pa.RecordBatch] = []
        doubtful: list[Lines] = []
        parts, attempts = [chunk], 0
        while parts:
            part = parts.pop()
            if attempts > _MOST_REPAIRS:
                part, refused = self._without_refused(part)
                doubtful += refused
            read = self._read(part, commit, batched_at_us) if len(part) else None
            if read is not None:
                batch, in_doubt = read
                batches.append(batch)
                doubtful += in_doubt
                continue
            if len(part) <= _FEW or attempts > _MOST_REPAIRS:
                doubtful += part.to_runs()
                continue
            attempts += 1
            if rows := part.refused_rows(self._read_schema(self._undeclared)):
                named, others = part.split(rows)
                doubtful += named.to_runs()
                parts.append(others)
            else:
                half = len(part) // 2
                parts += [part.slice(half, len(part) - half), part.slice(0, half)]
        landed = sum(batch.num_rows for batch in batches)
        self._failures = 0 if 2 * landed >= len(chunk) else self._failures + 1
        self._to_skip = min(2**self._failures - 1, _MOST_SKIPPED)
        return batches, in_order(doubtful)

    def _without_refused(self, chunk: Chunk) -> tuple[Chunk, list[Lines]]:
        """Return the lines that the validator accepts as one chunk, and the others."""
        accepted = pa.array([self._plain.accepts(line) for line in chunk.texts.to_pylist()], pa.bool_())
        refused, others = chunk.split(pc.indices_nonzero(pc.invert(accepted)).to_pylist())
        return others, refused.to_runs()

    def _read(self, chunk: Chunk, commit: int, batched_at_us: int) -> tuple[pa.RecordBatch, list[Lines]] | None:
        """Return a row for each line that is surely valid, and the other lines; None if the JSON parser refuses."""
        found = self._parse_json(chunk) if chunk.is_plain() else None
        if found is None:
            return None
        rows, undeclared = found
        doubts = Doubts()
        records = check(
            self._plan.record, rows.column("record"), Presence(chunk.texts, chunk.text, rows.schema), doubts
        )
        if undeclared.message and chunk.has_strange_numbers():
            return None
        if doubts.has_tiny and chunk.has_small_numbers():
            return None
        if self._plan.has_floats:
            doubts.add(pa.array(chunk.inexact_rows(self._plan.integers), pa.int64()))
        doubts.add(pc.indices_nonzero(pc.is_null(rows.column("record"))))
        extracted_at, holds = parse_texts(rows.column("time_extracted"), MOMENT)
        if holds is not None:
            doubts.add(pc.indices_nonzero(pc.invert(pc.fill_null(holds, rows.column("time_extracted").is_null()))))
        columns = [
            *records.flatten(),
            extracted_at,
            chunk.received_at_us.cast(MOMENT),
            pa.repeat(pa.scalar(batched_at_us, MOMENT), len(chunk)),
            pc.add(chunk.numbers, pa.scalar(commit << SEQUENCE_BITS, pa.int64())),
            rows.column("version"),
            self._extra(chunk, rows.column("record"), undeclared, doubts),
        ]
        in_doubt = doubts.rows()
        if not len(in_doubt):
            return self._batch(columns, chunk.texts), []
        sure = pc.invert(pc.is_in(count_from(0, len(chunk)), in_doubt))
        batch = self._batch([column.filter(sure) for column in columns], chunk.texts.filter(sure))
        return batch, chunk.pick(in_doubt).to_runs()

    def _parse_json(self, chunk: Chunk) -> tuple[pa.RecordBatch, Undeclared] | None:
        """Return the lines as rows, and the undeclared keys that may be among their columns."""
        while True:
            undeclared = self._undeclared
            try:
                table = chunk.read(self._read_schema(undeclared))
            except pa.ArrowInvalid as error:  # its message may hold a value
                if (undeclared.is_known or "unexpected field" in str(error)) and self._learn(chunk, undeclared):
                    continue
                return None
            return None if table is None else (table.combine_chunks().to_batches()[0], undeclared)

    def _read_schema(self, undeclared: Undeclared) -> pa.Schema:
        record = merged(self._plan.record.read, undeclared.record)
        return pa.schema([*({**_MESSAGE, "record": record}).items(), *undeclared.message])

    def _learn(self, chunk: Chunk, before: Undeclared) -> bool:
        """Look at the keys of refused lines, and say whether there were new ones."""
        if self._lessons >= _MOST_LESSONS:
            return False
        self._lessons += 1
        message = pa.struct(list(_MESSAGE.items()))
        try:
            self._undeclared = before.learn(chunk.texts.to_pylist(), message, self._plan.record.read)
        except Unlearnable:
            self._lessons = _MOST_LESSONS
        return self._undeclared != before

    def _extra(self, chunk: Chunk, records: pa.StructArray, undeclared: Undeclared, doubts: Doubts) -> pa.StringArray:
        """Return the `_sdc_extra` of each row: what stands under its undeclared keys."""
        declared, beside = self._plan.record.read, undeclared.record
        there = list(rows_beside(records, declared, beside))
        if not any(map(len, there)):
            return pa.nulls(len(chunk), pa.string())
        rows = pc.unique(pa.concat_arrays([rows.cast(pa.int64()) for rows in there]))
        extra: list[str | None] = [None] * len(chunk)
        strange: list[int] = []
        for row, line in zip(rows.to_pylist(), chunk.texts.take(rows).to_pylist(), strict=True):
            try:
                extra[row] = extra_text(line, declared, beside)
            except DECODE_ERRORS:
                strange.append(row)
        doubts.add(pa.array(strange, pa.int64()))
        return pa.array(extra, pa.string())

    def _batch(self, columns: list[pa.Array], texts: pa.BinaryArray) -> pa.RecordBatch:
        if self._keep_raw:
            columns.append(pa.array([record_text(line) for line in texts.to_pylist()], pa.string()))
        return pa.RecordBatch.from_arrays(columns, schema=self.arrow_schema)


def make_parser(schema: StreamSchema, *, formats: str, keep_raw: bool) -> RowParser | ColumnarParser:
    """Return the parser of a stream's records: by columns where its schema allows it.

    Raises:
        SchemaError: The schema cannot be used.
    """
    plain = RowParser(schema, formats=formats, keep_raw=keep_raw)
    if os.environ.get(SWITCH) == "off":
        return plain
    try:
        plan = compile_plan(schema.arrow, plain.declared, plain.json_schema, formats=formats)
    except Uncompilable as reason:
        logger.debug("stream %r goes record by record: %s", schema.stream, reason)
        return plain
    return ColumnarParser(plain, plan, keep_raw=keep_raw)


def _in_order(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    """Return the rows of all batches in the order of their lines, which those of a batch need not have."""
    rows = pa.concat_batches([batch for batch in batches if batch.num_rows] or batches[:1])
    return rows.take(pc.sort_indices(rows.column("_sdc_sequence")))
